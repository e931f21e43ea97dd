import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from aion_core.authoring.activity_context import running
from aion_core.authoring.resources import Resource, Resources, resource
from aion_core.authoring.waiting import waiting
from aion_core.model.errors import NonDeterministicCall, NotInActivity


class Loop:
    """A loop on a thread of its own, as runtimes have one."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def run(self, body):
        """A body on the loop, as `Bodies` runs one."""
        return asyncio.run_coroutine_threadsafe(waiting(body), self.loop).result(10)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def loop():
    found = Loop()
    yield found
    found.stop()


@pytest.fixture
def resources(loop):
    found = Resources(lambda: loop.loop)
    running.set(SimpleNamespace(resources=found))
    yield found
    running.set(None)
    found.close(seconds=10)


def in_body(call):
    async def body():
        return call()

    return body()


@pytest.fixture
def log():
    return []


@pytest.fixture
def plain(log):
    @resource
    def client():
        log.append("made")
        yield object()
        log.append("closed")

    return client


@pytest.fixture
def waited(log):
    @resource
    async def pool():
        await asyncio.sleep(0)
        log.append(asyncio.get_running_loop())
        yield object()
        await asyncio.sleep(0)
        log.append("closed")

    return pool


def test_a_resource_is_made_on_first_use_and_is_one_object(resources, plain, log):
    assert log == []
    assert plain() is plain()
    assert log == ["made"]


def test_a_resource_is_closed_once(resources, plain, log):
    plain()
    resources.close(seconds=10)
    resources.close(seconds=10)
    assert log == ["made", "closed"]


def test_resources_are_closed_in_the_reverse_order_of_their_making(resources, plain, waited, log):
    @resource
    def repository():
        plain()
        waited()
        yield "repository"
        log.append("repository closed")

    assert repository() == "repository"
    resources.close(seconds=10)
    assert log[2:] == ["repository closed", "closed", "closed"]


def test_a_plain_function_is_a_resource_that_needs_no_closing(resources):
    made = resource(object)
    assert made() is made()
    resources.close(seconds=10)


def test_an_async_resource_lives_on_the_loop_and_is_called_without_await(resources, waited, log, loop):
    found = loop.run(in_body(waited))
    assert found is waited()  # from a plain function, too
    assert log == [loop.loop]
    resources.close(seconds=10)
    assert log == [loop.loop, "closed"]


def test_a_coroutine_function_is_a_resource(resources, loop):
    @resource
    async def session():
        await asyncio.sleep(0)
        return "session"

    assert session() == "session"
    assert loop.run(in_body(session)) == "session"


def test_bodies_that_ask_at_the_same_moment_get_one_object(resources, waited, loop, log):
    async def several():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(waiting(in_body(waited))) for _ in range(3)]
        return {task.result() for task in tasks}

    assert len(asyncio.run_coroutine_threadsafe(several(), loop.loop).result(10)) == 1
    assert len(log) == 1


def test_threads_that_ask_at_the_same_moment_get_one_object(resources, plain, log):
    gate = threading.Barrier(4)

    def ask():
        gate.wait(10)
        return resources.get(plain)

    with ThreadPoolExecutor(4) as pool:
        assert len({id(future.result(10)) for future in [pool.submit(ask) for _ in range(4)]}) == 1
    assert log == ["made"]


def test_a_caller_that_is_cancelled_takes_the_resource_from_nobody(resources, loop):
    async def story():
        go_on = asyncio.Event()

        @resource
        async def slow():
            await go_on.wait()
            return "made"

        first = asyncio.create_task(waiting(in_body(slow)))
        await asyncio.sleep(0)
        second = asyncio.create_task(waiting(in_body(slow)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await second == "made"
        assert first.cancelled()

    asyncio.run_coroutine_threadsafe(story(), loop.loop).result(10)


@pytest.mark.parametrize("is_async", [False, True])
def test_what_making_it_raises_is_raised_to_the_caller_and_tried_again_next_time(resources, loop, is_async):
    answers = [ValueError("no database"), None]

    def make():
        if error := answers.pop(0):
            raise error
        return "made"

    async def make_async():
        return make()

    made = resource(make_async if is_async else make)
    with pytest.raises(ValueError, match="no database"):
        made()
    assert made() == "made"


@pytest.mark.parametrize("is_async", [False, True])
def test_a_generator_that_yields_nothing_is_an_error(resources, is_async):
    def nothing():
        yield from ()

    async def nothing_async():
        for never in ():
            yield never

    with pytest.raises(RuntimeError, match="yielded nothing"):
        resource(nothing_async if is_async else nothing)()


def test_a_resource_that_needs_itself_is_an_error(resources):
    @resource
    def circle():
        return circle()

    with pytest.raises(RecursionError, match="circle"):
        circle()


def test_what_holds_a_task_group_is_closed_by_the_task_that_made_it(resources, loop, log):
    @resource
    async def group():
        async with asyncio.TaskGroup() as tasks:
            yield tasks
            log.append("left")

    group()
    resources.close(seconds=10)
    assert log == ["left"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_resource_that_can_not_be_closed_keeps_no_other_from_it(resources, plain, log, caplog, is_async):
    def stubborn():
        yield
        raise ValueError("will not close")

    async def stubborn_async():
        yield
        raise ValueError("will not close")

    plain()
    resource(stubborn_async if is_async else stubborn)()
    resources.close(seconds=10)
    assert log == ["made", "closed"]
    assert "will not close" in caplog.text


def test_an_overridden_resource_is_neither_made_nor_closed(resources, plain, log):
    resources.override(plain, "fake")
    assert plain() == "fake"
    resources.close(seconds=10)
    assert log == []


def test_outside_of_an_activity_a_resource_says_so(plain):
    with pytest.raises(NotInActivity, match="client"):
        plain()


def test_in_workflow_code_a_resource_is_refused_whatever_the_code_catches(plain):
    violations = []
    loop = SimpleNamespace(current=SimpleNamespace(violated=violations.append))
    asyncio._set_running_loop(loop)
    try:
        with pytest.raises(NonDeterministicCall, match="an activity that uses it"):
            plain()
    finally:
        asyncio._set_running_loop(None)
    assert len(violations) == 1


def test_a_resource_says_its_name(plain):
    assert isinstance(plain, Resource)
    assert "client" in repr(plain)
