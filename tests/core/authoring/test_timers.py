import asyncio
import math
from datetime import UTC, datetime, timedelta

import pytest

import aion_core as aion
from aion_core.model import events as e

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("duration", "micros"), [(2, 2 * SECOND), (0.5, SECOND // 2), (timedelta(days=1), 86400 * SECOND)]
)
def test_sleep_is_a_durable_timer(start, duration, micros):
    @aion.workflow
    async def sleeper():
        await aion.sleep(duration)

    run = start(sleeper)
    [timer] = run.events(e.TimerStarted)
    assert timer.fire_at == timer.at + micros
    run.fire()
    assert run.closed


def test_sleeping_for_no_time_lets_others_run_and_records_nothing(start):
    @aion.workflow
    async def sleeper() -> list[str]:
        order = []
        task = asyncio.create_task(note(order))
        await aion.sleep(0)
        order.append("main")
        await task
        return order

    async def note(order):
        order.append("task")

    run = start(sleeper)
    assert run.result == ["task", "main"]
    assert run.events(e.TimerStarted) == []


@pytest.mark.parametrize("duration", [-1, math.nan, math.inf, "1d", True])
def test_a_duration_that_can_not_be_meant_is_refused(start, duration):
    @aion.workflow
    async def sleeper():
        await aion.sleep(duration)

    assert start(sleeper).failure.type == "InvalidTime"


def test_sleep_until_wakes_at_that_time(start):
    until = datetime(2030, 1, 1, tzinfo=UTC)

    @aion.workflow
    async def sleeper() -> datetime:
        await aion.sleep_until(until)
        return aion.now()

    run = start(sleeper)
    run.fire()
    assert run.result == "2030-01-01T00:00:00+00:00"


def test_sleeping_until_a_time_that_has_passed_records_nothing(start):
    @aion.workflow
    async def sleeper():
        await aion.sleep_until(datetime(2001, 1, 1, tzinfo=UTC))

    run = start(sleeper)
    assert run.closed
    assert run.events(e.TimerStarted) == []


def test_sleep_until_refuses_a_time_without_a_zone(start):
    @aion.workflow
    async def sleeper():
        await aion.sleep_until(datetime(2030, 1, 1))

    assert start(sleeper).failure.type == "InvalidTime"


def test_a_plain_workflow_sleeps_without_await(start):
    @aion.workflow
    def sleeper() -> str:
        aion.sleep(1)
        aion.sleep_until(aion.now() + timedelta(seconds=1))
        return "awake"

    run = start(sleeper)
    run.fire()
    run.fire()
    assert run.result == "awake"


def test_a_named_timer_begins_at_once_and_is_recorded_by_its_name(start):
    @aion.workflow
    async def sla() -> str:
        timer = aion.timer("sla", 60)
        await aion.receive("go")
        await timer
        await timer
        return timer.name

    run = start(sla)
    assert [timer.name for timer in run.events(e.TimerStarted)] == ["sla"]
    run.signal("go")
    run.fire()
    assert run.result == "sla"


def test_a_named_timer_that_fired_before_it_was_awaited_is_done(start):
    @aion.workflow
    async def sla() -> bool:
        timer = aion.timer("sla", 60)
        await aion.receive("go")
        done = timer.done()
        await timer
        return done

    run = start(sla)
    run.fire()
    run.signal("go")
    assert run.result is True


def test_a_named_timer_can_be_cancelled(start):
    @aion.workflow
    async def sla() -> str:
        timer = aion.timer("sla", 60)
        await aion.receive("go")
        timer.cancel()
        try:
            await timer
        except asyncio.CancelledError:
            return "cancelled"
        return "fired"

    run = start(sla)
    run.signal("go")
    assert run.result == "cancelled"
    assert len(run.events(e.TimerCancelled)) == 1


def test_a_timer_that_is_cancelled_in_the_turn_that_starts_it_was_never_there(start):
    @aion.workflow
    async def sla():
        aion.timer("sla", 60).cancel()
        await aion.receive("go")

    assert start(sla).events(e.TimerStarted, e.TimerCancelled) == []


def test_cancelling_what_awaits_a_timer_cancels_the_timer(start):
    @aion.workflow
    async def sla():
        try:
            async with asyncio.timeout(1):
                await aion.timer("sla", 60)
        except TimeoutError:
            await aion.receive("go")

    run = start(sla)
    run.fire()
    assert len(run.events(e.TimerCancelled)) == 1


@pytest.mark.parametrize("name", ["aion:mine", "", 7, "a\x00b"])
def test_a_timer_of_such_a_name_is_refused(start, name):
    @aion.workflow
    async def sla():
        aion.timer(name, 1)

    assert start(sla).failure.is_("InvalidId", "ValueError")


def test_a_plain_workflow_waits_for_a_timer_with_await_(start):
    @aion.workflow
    def sla() -> str:
        timer = aion.timer("sla", 1)
        aion.await_(timer)
        return "over"

    run = start(sla)
    run.fire()
    assert run.result == "over"


def test_clean_up_that_sleeps_does_nothing_when_the_run_leaves_memory(start):
    done = []

    @aion.workflow
    async def sleeper():
        try:
            await aion.receive("go")
        finally:
            await aion.sleep(1)
            done.append("slept")

    run = start(sleeper)
    run.run.evict()
    assert done == []
