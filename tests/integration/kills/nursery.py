"""`python -m tests.integration.kills.nursery`: a process that has imported everything, and forks lives to be killed.

It reads one JSON object per line (config, number, journal, parcels, seconds) and answers with one: how the life ended.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from tests.integration.kills import parcels

import aion_core as aion
import aion_store_sql  # noqa: F401 # likewise


def main() -> None:
    with aion.Engine.open({"event_store": {"use": "memory"}}, workflows=[parcels.parcel]):
        pass  # loads what a life would have to
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(_life(order)), flush=True)


def _life(order: dict) -> dict:
    """Fork a life, and end it after so many seconds, unless it has ended by itself."""
    begun = time.monotonic()
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        status = 1
        try:
            parcels.live(order["config"], order["number"], Path(order["journal"]), order["parcels"])
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    killed = False
    if signal.sigtimedwait({signal.SIGCHLD}, order["seconds"]) is None:
        os.kill(pid, signal.SIGKILL)
        signal.sigwait({signal.SIGCHLD})
        killed = True
    _, status = os.waitpid(pid, 0)
    return {
        "killed": killed and os.WIFSIGNALED(status),
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - begun,
    }


if __name__ == "__main__":
    main()
