"""What is special to threads about async activities: one loop, and a task only for those that wait."""

import asyncio
from contextvars import ContextVar

from aion_core.authoring.activity_context import heartbeat
from aion_core.authoring.resources import resource
from aion_testkit.runtimes.stage import failure, result

MARK = ContextVar("mark", default="unmarked")


def test_bodies_that_never_wait_share_a_task_and_no_context(open_stage, code):
    async def marks(name: str) -> list:
        before = MARK.get()
        MARK.set(name)
        return [before, id(asyncio.current_task())]

    stage = open_stage()
    tasks = [stage.task(code(marks), str(n)) for n in range(10)]
    stage.execute(*tasks)
    found = [result(done) for done in stage.outcomes(*tasks)]
    assert {before for before, _ in found} == {"unmarked"}
    assert len({task for _, task in found}) == 1


def test_a_body_that_waits_has_a_task_of_its_own_and_keeps_its_context(open_stage, code):
    async def marks(name: str) -> list:
        MARK.set(name)
        task = asyncio.current_task()
        await asyncio.sleep(0)
        return [MARK.get(), id(task), task is asyncio.current_task()]

    stage = open_stage()
    tasks = [stage.task(code(marks), str(n)) for n in range(10)]
    stage.execute(*tasks)
    found = [result(done) for done in stage.outcomes(*tasks)]
    assert [(mark, same) for mark, _, same in found] == [(str(n), True) for n in range(10)]


def test_the_whole_of_asyncio_works_from_the_first_step(open_stage, code):
    async def child(queue):
        return await queue.get()

    async def busy() -> list:
        queue = asyncio.Queue()
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            waiting = group.create_task(child(queue))
            await queue.put(1)
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(60)
        except TimeoutError:
            return [waiting.result(), "timed out"]

    stage = open_stage()
    assert result(stage.run(code(busy))) == [1, "timed out"]


def test_a_body_that_cancels_itself_reaches_no_other(open_stage, code):
    async def cancels_itself() -> str:
        asyncio.current_task().cancel()
        return "done"

    stage = open_stage()
    tasks = [stage.task(code(cancels_itself)), *(stage.task("echo_slowly", n) for n in range(5))]
    stage.execute(*tasks)
    assert [result(done) for done in stage.outcomes(*tasks)] == ["done", 0, 1, 2, 3, 4]


def test_a_task_of_a_body_that_ends_the_interpreter_ends_nothing(open_stage, code, caplog):
    async def exits():
        raise SystemExit(3)

    async def leaves_a_task() -> None:
        asyncio.create_task(exits())  # noqa: RUF006  # that nobody keeps it is the point
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    stage = open_stage()
    stage.run(code(leaves_a_task))
    stage.still_works()
    assert "the others go on" in caplog.text


def test_a_body_that_stops_the_loop_stops_nothing(open_stage, code):
    async def stops() -> None:
        asyncio.get_running_loop().stop()

    stage = open_stage()
    stage.run(code(stops))
    stage.still_works()


def test_a_body_that_swallows_its_cancellation_is_lost_after_the_grace(open_stage, code, until):
    async def deaf(name: str) -> None:
        heartbeat(name)
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if closing:
                    raise

    closing = []
    stage = open_stage(grace=5.0)
    task = stage.task(code(deaf), "deaf")
    stage.begun(task)
    stage.runtime.cancel_activity(task.task_id)
    until(lambda: task.task_id in stage.host.done)
    assert stage.host.done[task.task_id].lost
    stage.still_works()
    closing.append(True)


def test_a_thousand_bodies_are_told_in_lists(open_stage):
    stage = open_stage()
    lists = []
    told = stage.host.activity_finished
    stage.host.activity_finished = lambda results: (lists.append(len(results)), told(results))
    tasks = [stage.task("echo_async", n) for n in range(1000)]
    stage.execute(*tasks)
    stage.outcomes(*tasks)
    assert len(lists) <= 1000 / 64 + 2


def test_resources_are_shared_and_closed_with_the_runtime(open_stage, code):
    events = []

    @resource
    async def pool():
        events.append("pool opened")
        yield asyncio.get_running_loop()
        events.append("pool closed")

    @resource
    def client():
        events.append("client opened")
        yield object()
        events.append("client closed")

    async def uses_the_pool() -> bool:
        return pool() is asyncio.get_running_loop()

    def uses_both() -> bool:
        return client() is client() and pool() is pool()

    stage = open_stage()
    tasks = [stage.task(code(body)) for body in (uses_the_pool, uses_both, uses_the_pool)]
    stage.execute(*tasks)
    assert [result(done) for done in stage.outcomes(*tasks)] == [True] * 3
    stage.close()
    assert sorted(events) == ["client closed", "client opened", "pool closed", "pool opened"]


def test_there_is_no_asyncio_thread_before_the_first_async_body(open_stage):
    stage = open_stage()
    assert stage.runtime.health().workers == 1
    stage.run("echo_async", 1)
    assert stage.runtime.health().workers == 2


def test_a_cancelled_body_fails_and_its_loop_goes_on(open_stage):
    stage = open_stage()
    task = stage.task("waits", "x")
    stage.begun(task)
    stage.runtime.cancel_activity(task.task_id)
    assert failure(stage.outcomes(task)[0]) == "CancelledError"
    stage.still_works()
