import asyncio
from contextvars import ContextVar
from dataclasses import dataclass

import pytest

from aion_core.authoring.activities import activity
from aion_core.authoring.activity_context import CompleteLater, running
from aion_core.model.failed import ActivityError
from aion_core.model.times import SECOND
from aion_core.spi import ActivityDone, Interceptor


@dataclass
class Order:
    id: str
    cents: int


@activity
def charge(order: Order) -> str:
    return f"receipt-{order.id}"


@activity
async def ship(order: Order) -> str:
    await asyncio.sleep(0)
    return f"parcel-{order.id}"


def raising(error, *, is_async=False):
    def body():
        raise error

    async def async_body():
        raise error

    return activity(async_body if is_async else body)


@pytest.mark.parametrize(("body", "result"), [(charge, b'"receipt-42"'), (ship, b'"parcel-42"')])
def test_a_body_gets_its_arguments_by_their_types_and_its_result_is_encoded(worker, body, result):
    done = worker.run(body, Order("42", 1999))
    assert (done.task_id, done.result.content, done.failure) == ("task-1", result, None)


def test_a_body_that_returns_nothing_completes_with_null(worker):
    assert worker.run(activity(lambda: None)).result.content == b"null"


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "error",
    [ValueError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), BaseException()],
    ids=repr,
)
def test_whatever_a_body_raises_is_a_failure_of_the_attempt(worker, error, is_async):
    done = worker.run(raising(error, is_async=is_async))
    assert (done.failure.type, done.failure.retryable) == (type(error).__name__, True)


def test_a_plain_body_may_raise_stop_iteration(worker):
    assert worker.run(raising(StopIteration(1))).failure.type == "StopIteration"


def test_an_exception_that_can_not_be_read_is_a_failure_nevertheless(worker):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no message")

    assert worker.run(raising(Odd())).failure.type == "Odd"


@pytest.mark.parametrize("is_async", [False, True])
def test_the_traceback_begins_in_the_body(worker, is_async):
    first = worker.run(raising(ValueError("no"), is_async=is_async)).failure.traceback.splitlines()[0]
    assert __file__ in first


def test_an_activity_error_says_when_to_try_again(worker):
    done = worker.run(raising(ActivityError("busy", retry_after=7)))
    assert done.failure.retry_after == 7 * SECOND


@pytest.mark.parametrize("is_async", [False, True])
def test_complete_later_leaves_the_attempt_open(worker, is_async):
    done = worker.run(raising(CompleteLater(), is_async=is_async))
    assert done == ActivityDone(task_id="task-1", later=True)


# ---- what no other attempt would change


@pytest.mark.parametrize("input_", [b'["not an order"]', b"{}", b"[]", b'[{"id": "42", "cents": "many"}]'])
def test_input_that_does_not_fit_fails_for_good(worker, payload, input_):
    done = worker.run(charge, input=payload(input_))
    assert (done.failure.type, done.failure.retryable) == ("PayloadError", False)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_result_that_can_not_be_encoded_fails_for_good(worker, is_async):
    def body():
        return object()

    async def async_body():
        return body()

    done = worker.run(activity(async_body if is_async else body))
    assert (done.failure.type, done.failure.retryable) == ("PayloadError", False)


def test_a_result_over_the_limit_fails_for_good(worker):
    done = worker.run(activity(lambda: "x" * 2_000))
    assert (done.failure.type, done.failure.retryable) == ("PayloadTooLarge", False)
    assert done.failure.is_("PayloadError")


def test_an_unknown_activity_is_a_failure_that_names_it_and_may_be_tried_again(worker):
    task = worker.task(charge)
    worker.source.activities.clear()
    done = worker.bodies.take(task)
    assert (done.task_id, done.failure.type, done.failure.retryable) == ("task-1", "UnknownActivity", True)
    assert "'charge'" in done.failure.message


def test_code_that_can_not_be_loaded_is_a_failure(worker, monkeypatch):
    def broken(name, version):
        raise ImportError("no module named stripe")

    task = worker.task(charge)
    monkeypatch.setattr(worker.source, "activity", broken)
    assert worker.bodies.take(task).failure.type == "ImportError"


# ---- surroundings


def test_a_plain_body_sees_nothing_of_the_variables_around_it_and_leaves_none(worker):
    variable = ContextVar("variable", default="unset")
    seen = []

    def body():
        seen.append(variable.get())
        variable.set("set in the body")

    variable.set("set outside")
    worker.run(activity(body))
    assert (seen, variable.get()) == (["unset"], "set outside")
    assert running.get() is None


class Noting(Interceptor):
    def __init__(self, name, log):
        self.name, self.log = name, log

    async def run_activity(self, call, proceed):
        self.log.append((self.name, call.activity_type, call.attempt, dict(call.headers)))
        try:
            return await proceed(call)
        except ValueError:
            self.log.append((self.name, "failed"))
            raise


@pytest.mark.parametrize("body", [charge, ship])
def test_interceptors_stand_around_the_body_and_see_its_headers(worker_with, payload, body):
    log = []
    worker = worker_with(interceptors=[Noting("outer", log), Interceptor(), Noting("inner", log)])
    headers = {"trace": payload(b'"t-1"')}
    done = worker.run(body, Order("42", 1), attempt=3, headers=headers)
    assert done.result is not None
    assert log == [("outer", body.name, 3, headers), ("inner", body.name, 3, headers)]


@pytest.mark.parametrize("is_async", [False, True])
def test_what_an_interceptor_raises_is_the_failure_of_the_attempt(worker_with, is_async):
    log = []
    worker = worker_with(interceptors=[Noting("outer", log)])
    assert worker.run(raising(ValueError("no"), is_async=is_async)).failure.type == "ValueError"
    assert log[-1] == ("outer", "failed")


# ---- cancellation


def test_an_attempt_that_was_cancelled_before_it_began_does_not_run(worker):
    ran = []
    attempt = worker.take(activity(lambda: ran.append(1)))
    attempt.cancel(1.0)
    assert worker.bodies.run(attempt).failure.type == "CancelledError"
    assert ran == []
