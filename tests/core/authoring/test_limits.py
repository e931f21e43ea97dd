import asyncio

import pytest

import aion_core as aion
from aion_core.model import events as e
from aion_core.model.limits import Limits

FEW = Limits(history_events=10)


@aion.workflow
async def starts(many: int) -> None:
    await asyncio.gather(*[aion.sleep(60) for _ in range(many)])


@aion.workflow
async def notes(many: int) -> None:
    for number in range(many):
        aion.set_memo(number=number)
    await aion.sleep(1)


@aion.workflow
async def hides(many: int) -> None:
    try:
        await asyncio.gather(*[aion.sleep(60) for _ in range(many)])
    except BaseException:  # whatever it catches, the turn is void
        await aion.sleep(1)


@pytest.mark.parametrize("flood", [starts, notes, hides])
def test_a_turn_with_more_than_a_history_can_hold_blocks_its_run_at_once(start, flood):
    run = start(flood, 11, limits=FEW)
    (blocked,) = run.history[1:]
    assert isinstance(blocked, e.WorkflowBlocked)
    assert "[limits] history_events allows 10" in blocked.failure.message


@pytest.mark.parametrize("flood", [starts, notes])
def test_what_a_history_can_hold_goes_on(start, flood):
    run = start(flood, 9, limits=FEW)
    assert len(run.history) == 10 + (flood is notes)
