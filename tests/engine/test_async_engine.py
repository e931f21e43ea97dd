"""The awaited verbs: the same engine behind another face."""

import asyncio

import pytest
from tests.engine.programs.orders import Order, parcel, sleeper, total
from tests.engine.programs.stopping import guarded, resting
from tests.engine.programs.talking import waiting
from tests.engine.programs.working import call

import aion_core as aion

CODE = (parcel, sleeper, total, resting, waiting, call)


@pytest.fixture
def program(house):
    """`program(main)` runs `main(engine)` on a loop of its own."""
    house.uses(*CODE)

    def program(main):
        async def whole():
            async with aion.AsyncEngine.open(house.config(), workflows=CODE, activities=[guarded]) as engine:
                return await asyncio.wait_for(main(engine), 60)

        return asyncio.run(whole())

    return program


def test_a_workflow_is_started_and_its_result_awaited(program):
    async def main(engine):
        run = await engine.start(total, Order("1", 100), id="t")
        assert run.created
        return await run.result(timeout=20)

    assert program(main) == 100


def test_run_starts_and_waits(program):
    assert program(lambda engine: engine.run(total.bind(Order("1", 1), express=True))) == 501


def test_a_conflict_is_raised_where_it_is_awaited(program):
    async def main(engine):
        await engine.start(parcel, "a", id="p")
        with pytest.raises(aion.WorkflowIdConflict):
            await engine.start(parcel, "b", id="p")
        return await engine.count()

    assert program(main) == 1


def test_signals_and_queries(program):
    async def main(engine):
        run = await engine.start(waiting, "timer", id="w")
        asked = await run.query("status")
        await run.signal("end", message_id="m")
        await run.signal("end", message_id="m")
        return asked, await run.result(timeout=20), await run.query("status")

    assert program(main) == ("waits for timer", "timer", "has ended")


def test_signal_with_start(program):
    async def main(engine):
        run = await engine.signal_with_start(parcel, "a", signal="end", value="there", id="p")
        return await run.result(timeout=20)

    assert program(main) == "a: there"


def test_cancel_and_terminate(program):
    async def main(engine):
        one, other = await engine.start(sleeper, id="a"), await engine.start(sleeper, id="b")
        await one.cancel("enough")
        await other.terminate("at once")
        with pytest.raises(aion.WorkflowCancelled, match="enough"):
            await one.result(timeout=20)
        with pytest.raises(aion.WorkflowTerminated, match="at once"):
            await other.result(timeout=20)
        return await one.status(), await other.status()

    assert program(main) == ("cancelled", "terminated")


def test_what_is_read_is_awaited_or_iterated(program):
    async def main(engine):
        run = await engine.start(total, Order("1"), id="t")
        await run.result(timeout=20)
        described = await run.describe()
        history = await run.history()
        events = [event.type async for event in run.events()]
        listed = [summary.id async for summary in engine.list("status = 'completed'")]
        return described.status, len(history), events, listed, (await engine.health()).ok

    status, length, events, listed, ok = program(main)
    assert (status, length, listed, ok) == ("completed", 2, ["t"], True)
    assert events == ["WorkflowStarted", "WorkflowCompleted"]


def test_a_feed_is_iterated(program):
    async def main(engine):
        await engine.run(total, Order("1"), id="t")
        feed = engine.subscribe()
        return [(await anext(feed)).event.type for _ in range(2)]

    assert program(main) == ["WorkflowStarted", "WorkflowCompleted"]


def test_cancelling_an_awaited_result_cancels_the_wait_and_not_the_run(program):
    async def main(engine):
        run = await engine.start(parcel, "a", id="p")
        wait = asyncio.ensure_future(run.result())
        await asyncio.sleep(0)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await run.signal("end", "there")
        return await run.result(timeout=20)

    assert program(main) == "a: there"


def test_many_results_are_awaited_at_once(program):
    async def main(engine):
        runs = await asyncio.gather(*(engine.start(total, Order(str(n), n), id=f"t{n}") for n in range(50)))
        return await asyncio.gather(*(run.result(timeout=20) for run in runs))

    assert program(main) == list(range(50))


def test_an_activity_is_completed_by_its_token(program, gate):
    async def main(engine):
        run = await engine.start(call, "by_hand", "hand", id="a")
        (note,) = await asyncio.to_thread(gate("hand").reached)
        await engine.complete_activity(note[1], "by hand")
        return await run.result(timeout=20)

    assert program(main) == "by hand"


def test_a_handle_is_not_awaited(program):
    async def main(engine):
        with pytest.raises(aion.WorkflowNotFound):
            await engine.handle("nobody").status()
        with pytest.raises(aion.UnknownWorkflow):
            await engine.start("unheard-of")
        return True

    assert program(main)


def test_an_engine_that_was_left_serves_nobody(house):
    house.uses(*CODE)

    async def main():
        async with aion.AsyncEngine.open(house.config(), workflows=CODE) as engine:
            run = await engine.start(sleeper, id="s")
        with pytest.raises(aion.EngineClosed):
            await run.status()

    asyncio.run(main())
