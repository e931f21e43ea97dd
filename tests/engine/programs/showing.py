"""Workflows that show what they do, and use what must be the same in every replay."""

import logging
from typing import Any

from tests.engine.programs.gates import gate
from tests.engine.programs.orders import WEEK

import aion_core as aion


@aion.activity
def step(name: str) -> str:
    gate(name).pass_through()
    return name


@aion.activity(retry=aion.Retry(initial=3600), heartbeat=60)
def stuck(name: str) -> None:
    if aion.activity_info().attempt == 1:
        raise OSError("the printer is on fire")


@aion.activity(heartbeat=60)
def progressing(name: str) -> None:
    aion.heartbeat({"page": 3})
    gate(name).pass_through()


@aion.workflow
async def customer(name: str) -> None:
    aion.set_attributes(customer=name)
    aion.set_memo(progress=1, note="begun")
    await aion.receive("pay", int)
    aion.set_attributes(customer=None, total=7)
    aion.set_memo(progress=2, note=None)
    await aion.receive("end")


@aion.workflow
async def wrong_attribute() -> str:
    try:
        aion.set_attributes(custumer="x")
    except aion.UnknownAttribute as error:
        return error.code
    return "went on"


@aion.workflow
async def introduces() -> dict[str, Any]:
    info = aion.info()
    return {
        "workflow_id": info.workflow_id,
        "run_id": info.run_id,
        "workflow_type": info.workflow_type,
        "attempt": info.attempt,
        "parent": info.parent,
        "history_length": info.history_length,
        "continue_as_new_suggested": info.continue_as_new_suggested,
    }


@aion.workflow
async def busy() -> None:
    """Waits for three activities at once: one runs, one failed, one says how far it is."""
    step.start("step")
    stuck.start("stuck")
    progressing.start("progressing")
    await aion.receive("end")


@aion.workflow
async def draws() -> list[Any]:
    """Draws before and after a wait, so that a replay would be noticed."""
    first = [aion.random(), str(aion.uuid4()), aion.rng().randint(0, 10**9), aion.now().isoformat()]
    await aion.receive("next")
    return [*first, aion.random(), str(aion.uuid4())]


@aion.workflow
async def effects() -> list[int]:
    """Each effect is called once, however often the code is replayed."""

    def count() -> int:
        gate("effects").note("called")
        return len(gate("effects").notes)

    first = aion.side_effect(count)
    await aion.receive("next")
    return [first, aion.side_effect(count)]


@aion.workflow
async def patched() -> list[bool]:
    first = aion.patched("new-way")
    await aion.receive("next")
    return [first, aion.patched("new-way"), aion.patched("newer-way")]


@aion.workflow
async def talkative() -> str:
    aion.log.info("one")
    await aion.receive("next")
    aion.log.info("two")
    await aion.receive("next")
    aion.log.info("three")
    return "said"


@aion.workflow
async def keeps(note: str) -> None:
    await aion.sleep(WEEK)


LOGGER = logging.getLogger("aion")

CODE = (customer, wrong_attribute, introduces, busy, draws, effects, patched, talkative, keeps)
