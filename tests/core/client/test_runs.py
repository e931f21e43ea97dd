"""Handles: results, messages and questions, on both faces."""

import asyncio
import math

import pytest

from aion_core import (
    ActivityError,
    EngineClosed,
    InvalidId,
    InvalidInput,
    InvalidTime,
    PayloadError,
    QueryTimeout,
    UnknownHandler,
    WaitTimeout,
    WorkflowCancelled,
    WorkflowClosed,
    WorkflowContinuedAsNew,
    WorkflowFailed,
    WorkflowNotFound,
    WorkflowOpen,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from aion_core.authoring.workflows import workflow
from aion_core.client.aio import AsyncVerbs
from aion_core.client.requests import ActivityVerb
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.tokens import TaskToken

FAILURE = Failure(type="CardDeclined", message="no cover", bases=("PaymentError",))


@workflow
async def total(n: int) -> set[int]:
    return {n}


# ---- results


def test_a_result_is_decoded_as_the_function_is_annotated(verbs, backend):
    run = verbs.start(total, 3, id="t")
    backend.complete("t", [3, 3])
    assert run.result(timeout=1) == {3}
    assert verbs.handle("t", workflow=total).result() == {3}
    assert verbs.handle("t").result() == [3, 3]


def test_a_result_of_another_type_fails_the_one_call_that_wants_it(verbs, backend):
    run = verbs.start(total, 3, id="t")
    backend.complete("t", "three")
    with pytest.raises(PayloadError):
        run.result()
    assert verbs.handle("t").result() == "three"


def test_run_starts_and_waits(verbs, backend):
    verbs.start(total, 3, id="t")
    backend.complete("t", [3])
    assert verbs.run(total, 3, id="t") == {3}


def test_a_failed_run_raises_what_its_history_holds(verbs, backend):
    run = verbs.start("total", id="t")
    backend.record("t", dict(kind=e.WorkflowFailed, failure=FAILURE))
    with pytest.raises(WorkflowFailed, match="'t' failed: CardDeclined: no cover") as caught:
        run.result()
    assert (caught.value.id, caught.value.run_id, caught.value.is_("PaymentError")) == ("t", run.run_id, True)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (e.WorkflowCancelled, WorkflowCancelled),
        (e.WorkflowTerminated, WorkflowTerminated),
        (e.WorkflowTimedOut, WorkflowTimedOut),
    ],
)
def test_a_run_that_ended_otherwise_has_no_result(verbs, backend, kind, error):
    run = verbs.start("total", id="t")
    backend.record("t", dict(kind=kind))
    with pytest.raises(error) as caught:
        run.result()
    assert (caught.value.id, caught.value.run_id) == ("t", run.run_id)


def test_a_result_follows_continue_as_new(verbs, backend):
    run = verbs.start(total, 1, id="t")
    following = backend.continue_as_new("t", 2)
    backend.complete("t", [2])
    assert run.result() == {2}
    with pytest.raises(WorkflowContinuedAsNew) as caught:
        run.result(follow=False)
    assert caught.value.next_run == following


def test_a_result_follows_the_next_attempt_of_a_failed_run(verbs, backend):
    run = verbs.start(total, 1, id="t")
    backend.retry("t", FAILURE)
    backend.complete("t", [1])
    assert run.result() == {1}
    with pytest.raises(WorkflowFailed):
        run.result(follow=False)


def test_a_wait_that_ends_first_leaves_the_run_alone(verbs, backend):
    run = verbs.start("total", id="t")
    with pytest.raises(WaitTimeout, match="'t' did not end within 0 s; it goes on"):
        run.result(timeout=0)
    backend.complete("t", 1)
    assert run.result(timeout=math.inf) == 1


def test_a_timeout_that_is_none_is_refused(verbs):
    run = verbs.start("total", id="t")
    with pytest.raises(InvalidTime):
        run.result(timeout=-1)
    with pytest.raises(InvalidTime):
        run.query("status", timeout="1d")


def test_cancelling_an_awaited_result_cancels_the_wait_only(backend):
    async def program():
        run = await AsyncVerbs(backend).start("total", id="t")
        waiting = asyncio.ensure_future(run.result())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await run.status()).open
        backend.complete("t", 7)
        return await run.result()

    assert asyncio.run(program()) == 7


def test_an_answer_from_another_thread_wakes_the_coroutine(backend):
    async def program():
        run = await AsyncVerbs(backend).start("total", id="t")
        waiting = asyncio.ensure_future(run.result(timeout=5))
        await asyncio.sleep(0)
        await asyncio.to_thread(backend.complete, "t", 7)
        return await waiting

    assert asyncio.run(program()) == 7


# ---- messages


def test_a_signal_is_recorded(verbs, backend):
    run = verbs.start("total", id="t")
    run.signal("approve", {"by": "ada"}, message_id="m-1")
    run.signal("approve", {"by": "ada"}, message_id="m-1")
    signals = [event for event in run.history() if event.type == "SignalReceived"]
    assert [(event.data["name"], event.data["payload"]) for event in signals] == [("approve", {"by": "ada"})]
    assert not run.pending


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [("", {}, InvalidInput), ("a\x00", {}, InvalidInput), (5, {}, TypeError), ("a", {"message_id": ""}, InvalidId)],
)
def test_a_signal_that_can_not_be_meant_is_not_sent(verbs, backend, name, options, error):
    run = verbs.start("total", id="t")
    with pytest.raises(error):
        run.signal(name, True, **options)
    assert len(backend.seen) == 1


def test_a_handle_of_a_start_reaches_the_run_that_is_current(verbs, backend):
    run = verbs.start("total", id="t")
    backend.continue_as_new("t")
    run.signal("approve")
    with pytest.raises(WorkflowClosed):
        verbs.handle("t", run.run_id).signal("approve")


def test_cancel_and_terminate_carry_their_reasons(verbs):
    verbs.start("total", id="a").cancel("too late")
    verbs.start("total", id="b").terminate("operator")
    with pytest.raises(WorkflowCancelled, match="too late"):
        verbs.handle("a").result()
    with pytest.raises(WorkflowTerminated, match="operator"):
        verbs.handle("b").result()


def test_a_handle_is_made_without_looking(verbs):
    run = verbs.handle("nobody")
    for verb in (run.result, run.status, run.describe, run.history, run.cancel, lambda: run.signal("x")):
        with pytest.raises(WorkflowNotFound, match="nobody"):
            verb()
    with pytest.raises(WorkflowNotFound):
        list(run.events())


def test_a_run_id_that_the_workflow_does_not_have_is_named(verbs):
    verbs.start("total", id="t")
    with pytest.raises(WorkflowNotFound, match="has no run 018b"):
        verbs.handle("t", "018b").status()


def test_a_handle_takes_a_workflow_and_nothing_else(verbs):
    with pytest.raises(TypeError, match="takes a workflow"):
        verbs.handle("t", workflow=total.fn)


# ---- questions


def test_a_query_is_answered_from_the_code(verbs, backend):
    run = verbs.start("total", id="t")
    backend.known["sum"] = lambda a, b: [a, b, a + b]
    assert run.query("sum", 1, 2) == [1, 2, 3]
    assert run.query("sum", 1, 2, type=set[int]) == {1, 2, 3}


def test_an_unknown_query_lists_the_known_ones(verbs, backend):
    run = verbs.start("total", id="t")
    backend.known["status"] = str
    with pytest.raises(UnknownHandler, match="It has: status"):
        run.query("statsu")


def test_a_question_that_nobody_answers_times_out(verbs, backend):
    run = verbs.start("total", id="t")
    backend.silent = True
    with pytest.raises(QueryTimeout, match="'status' of workflow 't' was not answered within 0 s"):
        run.query("status", timeout=0)
    with pytest.raises(QueryTimeout):
        run.stack(timeout=0)


def test_a_query_says_until_when_its_answer_is_wanted(verbs, backend):
    run = verbs.start("total", id="t")
    backend.known["status"] = lambda: None
    before = backend.platform.now()
    run.query("status", timeout=60)
    assert before + 60_000_000 <= backend.seen[-1][1].expires_at <= backend.platform.now() + 60_000_000


def test_the_stack_is_text(verbs):
    assert verbs.start("total", id="t").stack() == "shop.py:41 in checkout"


# ---- activities that complete later


def test_an_activity_is_completed_by_its_token(verbs, backend):
    run = verbs.start("total", id="t")
    token = str(TaskToken(workflow_id="t", run_id=run.run_id, ordinal=3, attempt=2))
    verbs.complete_activity(token, {"ok": True})
    workflow_id, request, run_id, _ = backend.seen[-1]
    assert (workflow_id, run_id) == ("t", run.run_id)
    assert (request.verb, request.ordinal, request.attempt) == (ActivityVerb.COMPLETE, 3, 2)
    assert request.value.content == b'{"ok":true}'


def test_an_activity_fails_by_its_token_with_what_the_error_says(verbs, backend):
    run = verbs.start("total", id="t")
    token = str(TaskToken(workflow_id="t", run_id=run.run_id, ordinal=3, attempt=2))
    verbs.fail_activity(token, ActivityError("no cover", type="CardDeclined", details=[1], retryable=False))
    failure = backend.seen[-1][1].failure
    assert (failure.type, failure.message, failure.retryable) == ("CardDeclined", "no cover", False)
    assert failure.details.content == b"[1]"
    verbs.heartbeat_activity(token, 0.5)
    assert backend.seen[-1][1].verb is ActivityVerb.HEARTBEAT
    with pytest.raises(PayloadError):
        verbs.fail_activity(token, ActivityError("no cover", details=object()))
    with pytest.raises(TypeError, match="an exception"):
        verbs.fail_activity(token, "no cover")


@pytest.mark.parametrize("token", ["", "order-42", "e30", 5, "☃"])
def test_what_is_no_task_token_is_refused(verbs, token):
    with pytest.raises(InvalidId, match="task token"):
        verbs.complete_activity(token)


# ---- removing, closing


def test_a_closed_workflow_is_deleted_and_an_open_one_is_not(verbs, backend):
    run = verbs.start("total", id="t")
    with pytest.raises(WorkflowOpen):
        verbs.delete("t")
    backend.complete("t")
    verbs.delete("t")
    with pytest.raises(WorkflowNotFound):
        run.status()


def test_a_closed_engine_serves_no_verb(verbs, backend):
    run = verbs.start("total", id="t")
    backend.closed = EngineClosed()
    for verb in (
        lambda: verbs.start("total"),
        lambda: run.signal("x"),
        lambda: run.query("x"),
        run.result,
        run.status,
        run.stack,
        run.cancel,
        verbs.count,
        lambda: list(verbs.list()),
        lambda: next(iter(verbs.subscribe())),
        lambda: next(iter(run.events())),
    ):
        with pytest.raises(EngineClosed):
            verb()


def test_a_handle_shows_whom_it_stands_for(verbs):
    run = verbs.start("total", id="t")
    assert repr(run._target).endswith(f"('t', run_id={run.run_id!r})")
