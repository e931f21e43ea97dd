"""What workflow authors call, called where no workflow is; and the two kinds of workflow."""

import asyncio
from datetime import UTC, datetime

import pytest

import aion_core as aion

CALLS = {
    "await_": lambda: aion.await_(asyncio.sleep(0)),
    "sleep": lambda: aion.sleep(1),
    "sleep_until": lambda: aion.sleep_until(datetime.now(UTC)),
    "timer": lambda: aion.timer("sla", 1),
    "receive": lambda: aion.receive("go"),
    "Signal.receive": lambda: aion.Signal("go", int).receive(),
    "Signal.handler": lambda: aion.Signal("go", int).handler(print),
    "Query.handler": lambda: aion.Query("go").handler(print),
    "signal": lambda: aion.signal(print),
    "query": lambda: aion.query(print),
    "wait_until": lambda: aion.wait_until(bool),
    "now": aion.now,
    "random": aion.random,
    "rng": aion.rng,
    "uuid4": aion.uuid4,
    "side_effect": lambda: aion.side_effect(dict),
    "patched": lambda: aion.patched("x"),
    "set_attributes": aion.set_attributes,
    "set_memo": aion.set_memo,
    "info": aion.info,
    "race": aion.race,
    "settle": aion.settle,
    "map": lambda: aion.map(print, []),
}


@pytest.mark.parametrize("name", CALLS)
def test_outside_of_a_workflow_the_call_says_what_to_do(name):
    with pytest.raises(aion.NotInWorkflow, match=r"works in workflow code only: (\w+ ?){2}"):
        CALLS[name]()


def test_in_an_ordinary_event_loop_is_outside_too():
    async def main():
        with pytest.raises(aion.NotInWorkflow):
            aion.now()

    asyncio.run(main())


def test_await_returns_a_value_as_it_is_so_that_plain_functions_can_be_tested_alone():
    @aion.activity
    def charge(n: int) -> int:
        return n + 1

    @aion.workflow
    def shop(n: int) -> int:
        return aion.await_(charge(n))

    assert shop.fn(1) == 2


def test_await_in_async_code_says_to_write_await(start):
    @aion.workflow
    async def shop():
        aion.await_(aion.receive("go"))

    run = start(shop)
    assert run.failure.type == "NotInWorkflow"
    assert "write `await`" in run.failure.message


def test_a_plain_workflow_awaits_activities_and_handles(start):
    @aion.activity
    def charge(n: int) -> int:
        return n

    @aion.workflow
    def shop() -> list[int]:
        handle = charge.start(2)
        return [aion.await_(charge(1)), aion.await_(handle)]

    run = start(shop)
    run.complete(1, 11)
    run.complete(2, 22)
    assert run.result == [22, 11]


@pytest.mark.parametrize(
    "call",
    [
        lambda: aion.sleep(0),
        lambda: aion.receive("x", timeout=0, default=None),
        lambda: aion.wait_until(lambda: True),
        lambda: aion.race(aion.sleep(0)),
        aion.settle,
        lambda: aion.map(aion.sleep, [0]),
    ],
)
def test_what_waits_is_a_coroutine_in_async_code(start, call):
    @aion.workflow
    async def shop() -> bool:
        steps = call()
        is_coroutine = asyncio.iscoroutine(steps)
        await asyncio.create_task(steps)
        return is_coroutine

    assert start(shop).result is True
