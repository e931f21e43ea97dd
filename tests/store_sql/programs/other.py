"""Another process: does what each line of its input says, and answers each with a line."""

import ctypes
import os
import sys
from functools import partial
from pathlib import Path

from tests.store_sql.programs.work import CODE, collects, parcel

import aion_core as aion
from aion_core.platform import SYSTEM
from aion_store_sql import SqlEventStore, SqlSettings
from aion_store_sql.files.lock import FileLock


def in_child(call):
    """What the call gives or raises in a forked child, which then ends as a program does."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as answers:
            answer = answers.read()
        os.waitpid(child, 0)
        return answer
    with os.fdopen(writing, "w") as answers:
        answers.write(answer_to(call))
    sys.exit()


def obey():
    """From now on the modes of files hold for this process, also when it is root's."""
    nothing = (ctypes.c_uint32 * 6)()
    return ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), nothing)


def answer_to(call):
    try:
        return repr(call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main(url):
    settings = SqlSettings(url=url)
    known = {
        "aion": aion,
        "config": {"event_store": {"use": "sql", "url": url}},
        "store": SqlEventStore(settings),
        "lock": FileLock(Path(settings.address().database), SYSTEM),
        "CODE": CODE,
        "parcel": parcel,
        "collects": collects,
        "in_child": in_child,
        "obey": obey,
    }
    for line in sys.stdin:
        answer = answer_to(partial(eval, f"({line})", known))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
