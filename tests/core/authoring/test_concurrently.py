import asyncio

import pytest

import aion_core as aion
from aion_core.model import events as e

Plan = aion.Signal[str]("plan")
Stop = aion.Signal[str]("stop")


@aion.activity
def charge(n: int) -> int:
    return n


@aion.activity
async def ship(n: int) -> int:
    return n


# ---- race


def test_a_race_gives_the_value_of_the_first_and_cancels_the_others(start):
    @aion.workflow
    async def racing() -> int:
        first = await aion.race(charge(1), ship(2))
        await aion.receive("go")
        return first

    run = start(racing)
    run.complete(2, 22)
    assert run.given_up == [1]
    run.signal("go")
    assert run.result == 22


def test_a_race_between_named_ones_gives_a_winner(start):
    @aion.workflow
    async def racing() -> list[str]:
        winner = await aion.race(plan=Plan.receive(), stop=Stop.receive(), due=aion.sleep(5))
        return [winner.name, winner.value]

    run = start(racing)
    run.signal("stop", "now")
    assert run.result == ["stop", "now"]


def test_a_receive_that_lost_has_consumed_nothing_also_when_both_signals_were_there(start):
    @aion.workflow
    async def racing() -> list[str]:
        await aion.receive("go")
        winner = await aion.race(plan=Plan.receive(), stop=Stop.receive())
        return [winner.name, winner.value, await Stop.receive(timeout=0)]

    run = start(racing)
    run.signal("plan", "a")
    run.signal("stop", "b")
    run.signal("go")
    assert run.result == ["plan", "a", "b"]


def test_of_two_that_are_resumed_in_one_turn_only_the_first_consumes(start):
    @aion.workflow
    async def racing() -> list[str]:
        opened = asyncio.Event()

        async def after_opening():
            await opened.wait()
            return await Stop.receive(timeout=0)

        racing = asyncio.create_task(aion.race(first=opened.wait(), second=after_opening()))
        await aion.receive("go")
        opened.set()
        return [(await racing).name, await Stop.receive(timeout=0)]

    run = start(racing)
    run.signal("stop", "b")
    run.signal("go")
    assert run.result == ["first", "b"]


def test_a_race_raises_what_the_first_to_finish_raised(start):
    @aion.workflow
    async def racing() -> str:
        try:
            await aion.race(charge(1), ship(2))
        except aion.ActivityFailed as failure:
            return failure.activity
        return ""

    run = start(racing)
    run.fail(1)
    assert run.result == "charge"


def test_a_race_waits_for_what_the_losers_clean_up(start):
    @aion.workflow
    async def racing() -> list[str]:
        order = []

        async def loser():
            try:
                await aion.receive("never")
            finally:
                await ship(1)
                order.append("cleaned")

        await aion.race(aion.receive("go"), loser())
        return [*order, "over"]

    run = start(racing)
    run.signal("go")
    assert not run.closed
    run.complete(1, 1)
    assert run.result == ["cleaned", "over"]


def test_what_a_loser_raises_while_it_cleans_up_fails_the_workflow(start):
    @aion.workflow
    async def racing() -> str:
        async def loser():
            try:
                await aion.receive("never")
            finally:
                raise KeyError("cleaning")

        return await aion.race(aion.receive("go"), loser())

    run = start(racing)
    run.signal("go", "won")
    assert run.failure.type == "KeyError"


def test_cancelling_a_race_cancels_each_of_it_once(start):
    @aion.workflow
    async def racing() -> str:
        async def careful(n):
            try:
                await aion.receive("never")
            finally:
                await ship(n)

        try:
            async with asyncio.timeout(5):
                await aion.race(careful(1), careful(2))
        except TimeoutError:
            return "timeout"
        return ""

    run = start(racing)
    run.fire()
    run.complete(1, 1)
    assert not run.closed
    run.complete(2, 2)
    assert run.result == "timeout"
    assert run.given_up == []


def test_a_race_takes_handles_timers_and_tasks(start):
    @aion.workflow
    async def racing() -> str:
        task = asyncio.create_task(aion.receive("never"))
        got = await aion.race(a=charge.start(1), b=aion.timer("sla", 5), c=task)
        await aion.receive("go")
        return f"{got.name} {task.cancelled()}"

    run = start(racing)
    run.fire()
    assert run.given_up == [1]
    run.signal("go")
    assert run.result == "b True"


def test_what_lost_before_it_began_leaves_nothing(start):
    @aion.workflow
    async def racing() -> int:
        async def at_once():
            return 7

        return await aion.race(at_once(), charge(1), ship.start(2))

    run = start(racing)
    assert run.result == 7
    assert run.events(e.ActivityScheduled) == []


def test_a_race_without_runners_is_refused(start):
    @aion.workflow
    async def racing():
        await aion.race()

    assert start(racing).failure.type == "ValueError"


def test_a_race_of_named_and_nameless_ones_is_refused(start):
    @aion.workflow
    async def racing():
        await aion.race(charge.start(1), b=charge.start(2))

    assert start(racing).failure.type == "TypeError"


def test_a_plain_workflow_races_handles(start):
    @aion.workflow
    def racing() -> int:
        return aion.race(charge.start(1), aion.timer("sla", 5))

    run = start(racing)
    run.complete(1, 11)
    assert run.result == 11


def test_a_plain_workflow_that_races_what_has_waited_is_told_what_to_write(start):
    @aion.workflow
    def racing():
        aion.race(charge(1))

    run = start(racing)
    run.complete(1, 11)
    assert "start(" in run.failure.message


# ---- settle


def test_settle_gives_the_outcome_of_each_in_order(start):
    @aion.workflow
    async def settling() -> list[object]:
        good, bad = await aion.settle(charge(1), ship(2))
        with pytest.raises(aion.ActivityFailed):
            _ = bad.value
        return [good.ok, good.value, good.error, bad.ok, type(bad.error).__name__]

    run = start(settling)
    run.fail(2)
    run.complete(1, 11)
    assert run.result == [True, 11, None, False, "ActivityFailed"]


def test_settle_tells_of_one_that_was_cancelled(start):
    @aion.workflow
    async def settling() -> list[bool]:
        handle = charge.start(1)
        settling = asyncio.create_task(aion.settle(handle, ship(2)))
        await aion.receive("go")
        handle.cancel()
        first, second = await settling
        return [isinstance(first.error, asyncio.CancelledError), second.ok]

    run = start(settling)
    run.signal("go")
    run.complete(2, 2)
    assert run.result == [True, True]


def test_cancelling_settle_cancels_all_of_it(start):
    @aion.workflow
    async def settling():
        await aion.settle(charge(1), ship(2))

    run = start(settling)
    run.cancel()
    assert isinstance(run.end, e.WorkflowCancelled)
    assert run.given_up == [1, 2]


def test_settling_nothing_gives_nothing(start):
    @aion.workflow
    async def settling() -> int:
        return len(await aion.settle())

    assert start(settling).result == 0


# ---- map


def test_map_gives_results_in_the_order_of_the_items(start):
    @aion.workflow
    async def mapping() -> list[int]:
        return await aion.map(charge, (n for n in range(3)))

    run = start(mapping)
    for ordinal in (3, 1, 2):
        run.complete(ordinal, ordinal * 10)
    assert run.result == [10, 20, 30]


def test_map_runs_no_more_at_once_than_it_may(start):
    @aion.workflow
    async def mapping() -> list[int]:
        return await aion.map(charge, [1, 2, 3], concurrency=2)

    run = start(mapping)
    assert len(run.events(e.ActivityScheduled)) == 2
    run.complete(2, 2)
    assert len(run.events(e.ActivityScheduled)) == 3
    run.complete(3, 3)
    run.complete(1, 1)
    assert run.result == [1, 2, 3]


def test_the_first_failure_of_map_cancels_the_rest_and_is_raised(start):
    @aion.workflow
    async def mapping() -> str:
        try:
            await aion.map(charge, [1, 2, 3], concurrency=2)
        except aion.ActivityFailed as failure:
            return failure.message
        return ""

    run = start(mapping)
    run.fail(2, ValueError("second"))
    assert run.result == "second"
    assert run.given_up == [1]
    assert len(run.events(e.ActivityScheduled)) == 2


def test_map_can_give_outcomes_and_go_on(start):
    @aion.workflow
    async def mapping() -> list[object]:
        return [each.value if each.ok else None for each in await aion.map(charge, [1, 2], errors="return")]

    run = start(mapping)
    run.fail(1)
    run.complete(2, 22)
    assert run.result == [None, 22]


def test_map_calls_async_functions(start):
    @aion.workflow
    async def mapping() -> list[int]:
        async def twice(n):
            await aion.sleep(0)
            return 2 * n

        return await aion.map(twice, [1, 2])

    assert start(mapping).result == [2, 4]


@pytest.mark.parametrize("errors", ["raise", "return"])
def test_cancelling_map_cancels_all_of_it(start, errors):
    @aion.workflow
    async def mapping():
        await aion.map(charge, [1, 2, 3], concurrency=2, errors=errors)

    run = start(mapping)
    run.cancel()
    assert isinstance(run.end, e.WorkflowCancelled)
    assert len(run.events(e.ActivityScheduled)) == 2


def test_a_plain_workflow_maps_without_await(start):
    @aion.workflow
    def mapping() -> list[int]:
        return aion.map(charge, [1, 2])

    run = start(mapping)
    run.complete(1, 1)
    run.complete(2, 2)
    assert run.result == [1, 2]


def test_mapping_nothing_gives_nothing(start):
    @aion.workflow
    async def mapping() -> list[int]:
        return await aion.map(charge, [])

    assert start(mapping).result == []


@pytest.mark.parametrize(
    ("options", "error"), [({"concurrency": 0}, "ValueError"), ({"errors": "ignore"}, "ValueError")]
)
def test_options_of_map_that_can_not_be_meant_are_refused(start, options, error):
    @aion.workflow
    async def mapping():
        await aion.map(charge, [1], **options)

    assert start(mapping).failure.type == error


def test_a_plain_function_can_not_be_mapped(start):
    @aion.workflow
    async def mapping():
        await aion.map(str, [1])

    assert start(mapping).failure.type == "TypeError"
