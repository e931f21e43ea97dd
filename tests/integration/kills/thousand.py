"""`python -m tests.integration.kills.thousand CONFIG PARCELS`: many parcels at once, all of them in the same step.

Without an argument `go` a body of that step never ends, and the process says so when all are there, to be killed; with
it they end, and it says when the last parcel has done its next step.
"""

import asyncio
import json
import sys
import time
from queue import SimpleQueue

import aion_core as aion

held, arrived = SimpleQueue(), SimpleQueue()
go = "go" in sys.argv


@aion.activity(retry=aion.Retry(initial=0.01))
async def hold(number: int) -> int:
    held.put(number)
    if not go:
        await asyncio.Event().wait()
    return number


@aion.activity
def arrive(number: int) -> int:
    arrived.put(number)
    return number


@aion.workflow
async def delivery(number: int) -> int:
    return await arrive(await hold(number))


def main() -> None:
    config, count = json.loads(sys.argv[1]), int(sys.argv[2])
    with aion.Engine.open(config, workflows=[delivery]) as engine:
        if go:
            for _ in range(count):
                arrived.get()
            print(json.dumps({"at": time.monotonic()}), flush=True)
            for number in range(count):
                assert engine.handle(f"delivery-{number}").result(timeout=60) == number
            return
        for number in range(count):
            engine.start(delivery, number, id=f"delivery-{number}")
        for _ in range(count):
            held.get()
        print(json.dumps({"at": time.monotonic()}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
