import pytest

import aion_core as aion
from aion_core.model import events as e


def test_wait_until_wakes_when_the_predicate_is_true(start):
    @aion.workflow
    async def counter() -> int:
        seen = []
        aion.signal(seen.append, name="n")
        await aion.wait_until(lambda: len(seen) == 2)
        return len(seen)

    run = start(counter)
    run.signal("n", 1)
    assert not run.closed
    run.signal("n", 2)
    assert run.result == 2


def test_what_is_true_already_needs_no_timer(start):
    @aion.workflow
    async def counter():
        await aion.wait_until(lambda: True, timeout=5)

    run = start(counter)
    assert run.closed
    assert run.events(e.TimerStarted) == []


def test_a_timeout_that_passes_raises(start):
    @aion.workflow
    async def counter() -> str:
        try:
            await aion.wait_until(lambda: False, timeout=5)
        except aion.WaitTimeout:
            return "timeout"
        return ""

    run = start(counter)
    run.fire()
    assert run.result == "timeout"


@pytest.mark.parametrize(("true", "became"), [(True, "true"), (False, "timeout")])
def test_no_time_asks_once(start, true, became):
    @aion.workflow
    async def counter() -> str:
        try:
            await aion.wait_until(lambda: true, timeout=0)
        except aion.WaitTimeout:
            return "timeout"
        return "true"

    assert start(counter).result == became


@pytest.mark.parametrize("timeout", [None, 0, 5])
def test_what_the_predicate_raises_is_raised_where_it_is_awaited(start, timeout):
    def broken():
        raise TimeoutError("mine")

    @aion.workflow
    async def counter() -> str:
        try:
            await aion.wait_until(broken, timeout=timeout)
        except TimeoutError as error:
            return str(error)
        return ""

    assert start(counter).result == "mine"


@pytest.mark.parametrize("timeout", [None, 0])
def test_a_predicate_that_records_blocks_the_run(start, timeout):
    @aion.workflow
    async def counter():
        await aion.wait_until(lambda: aion.set_memo(x=1), timeout=timeout)

    assert start(counter).failure.type == "ReadOnlyViolation"


async def coroutine():
    return True


@pytest.mark.parametrize("predicate", [True, None, coroutine])
def test_what_is_no_plain_function_is_a_type_error(start, predicate):
    @aion.workflow
    async def counter():
        await aion.wait_until(predicate)

    assert start(counter).failure.type == "TypeError"


def test_a_plain_workflow_waits_without_await(start):
    @aion.workflow
    def counter() -> str:
        seen = []
        aion.signal(seen.append, name="n")
        aion.wait_until(lambda: seen)
        return "seen"

    run = start(counter)
    run.signal("n")
    assert run.result == "seen"
