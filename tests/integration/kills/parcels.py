"""The code that runs while its process is killed, and what it leaves for those who look afterwards."""

import asyncio
import os
from pathlib import Path

import aion_core as aion

SEQUENCE = 5
STEPS = SEQUENCE + 2


class Journal:
    """Lines that outlive the process that wrote them.

    Each is one write to the end of a file. The kernel may cut a write short when it kills: lines end with a dot.
    """

    def __init__(self, path: Path, life: int) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        self._life = life

    def note(self, what: str, *facts: object) -> None:
        os.write(self._file, f"\n{self._life} {what} {' '.join(map(str, facts))} .".encode())


journal: Journal | None = None
"""Of the process that lives here."""


@aion.activity(retry=aion.Retry(initial=0.01))
def work(step: int) -> int:
    if journal is not None:
        journal.note("ran", aion.activity_info().workflow_id, step)
    return step


@aion.workflow
async def parcel() -> int:
    total = 0
    for step in range(SEQUENCE):
        total += await work(step)
        if step == 1:
            assert await aion.receive("go", bool)
        if step == 3:
            await aion.sleep(0.003)
    return total + sum(await asyncio.gather(work(SEQUENCE), work(SEQUENCE + 1)))


def live(config: dict, number: int, path: Path, parcels: int) -> None:
    """One life: new parcels, and the end of those that earlier lives have left."""
    global journal  # noqa: PLW0603 # the bodies of a process have one journal
    journal = Journal(path, number)
    with aion.Engine.open(config, workflows=[parcel]) as engine:
        journal.note("opened")
        for n in range(parcels):
            run = engine.start(parcel, id=f"parcel-{number}-{n}")
            if run.run_id:  # else it is posted, and waits for its shard's engine
                journal.note("started", run.id, run.run_id)
        while left := [each.id for each in engine.list("type = 'parcel' and status = 'running'")]:
            for workflow_id in left:
                engine.handle(workflow_id).signal("go", True, message_id=f"{workflow_id}-go")
                journal.note("signalled", workflow_id, f"{workflow_id}-go")
            for workflow_id in left:
                engine.handle(workflow_id).result(timeout=60)
                journal.note("ended", workflow_id)
