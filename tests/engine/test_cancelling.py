"""Cancelling and terminating: cooperative where code runs, at once where it does not."""

import pytest
from tests.engine.programs.orders import WEEK
from tests.engine.programs.stopping import (
    CODE,
    angry,
    in_order,
    meets_result,
    one_by_one,
    plain_rest,
    resting,
    stubborn,
    tidy,
    twice_stubborn,
)

import aion_core as aion

__all__ = ["CODE"]

WAITS = ("activity", "timer", "signal", "condition", "group", "race", "shield", "plain")


def kinds(run):
    return [event.type for event in run.history()]


def cancelled(run, reason=""):
    with pytest.raises(aion.WorkflowCancelled) as ended:
        run.result(timeout=20)
    assert ended.value.reason == reason
    assert run.status() is aion.Status.CANCELLED
    return True


@pytest.mark.parametrize("on", WAITS)
def test_a_run_that_does_nothing_about_it_ends_by_one_event(engine, gate, on):
    run = engine.start(resting, on, id="c")
    if on == "activity":
        gate("resting").reached()
    run.cancel("enough")
    assert cancelled(run, "enough")
    assert kinds(run)[-1] == "WorkflowCancelled"
    assert "WorkflowCancelRequested" not in kinds(run)


def test_a_plain_workflow_is_cancelled_where_it_waits(engine):
    run = engine.start(plain_rest, id="c")
    run.cancel()
    assert cancelled(run)


def test_start_and_cancel_are_two_events_of_a_run_that_waits_for_nothing(engine):
    run = engine.start(resting, "plain", id="c")
    run.cancel("because")
    assert cancelled(run, "because")
    assert kinds(run) == ["WorkflowStarted", "WorkflowCancelled"]


def test_a_run_cleans_up_before_it_ends(engine, gate):
    run = engine.start(tidy, id="c")
    run.cancel("enough")
    assert cancelled(run, "enough")
    assert gate("tidy").reached() == ["cleaned"]
    assert "WorkflowCancelRequested" in kinds(run)
    assert kinds(run)[-2:] == ["ActivityCompleted", "WorkflowCancelled"]


def test_code_may_refuse_and_go_on(engine):
    run = engine.start(stubborn, id="c")
    run.cancel()
    run.signal("word", "no")
    assert run.result(timeout=20) == "no"
    assert run.status() is aion.Status.COMPLETED


def test_every_cancellation_is_told(engine, until):
    run = engine.start(twice_stubborn, id="c")
    run.cancel("one")
    until(run, "WorkflowCancelRequested")
    run.cancel("two")
    assert run.result(timeout=20) == 2


def test_another_exception_than_the_cancellation_fails_the_run(engine):
    run = engine.start(angry, id="c")
    run.cancel()
    with pytest.raises(aion.WorkflowFailed, match="not now"):
        run.result(timeout=20)


def test_a_result_that_is_recorded_before_the_cancellation_counts(engine, gate):
    gate("result").open()
    run = engine.start(meets_result, id="c")
    assert run.result(timeout=20) == "result"
    with pytest.raises(aion.WorkflowClosed, match="completed"):
        run.cancel()


@pytest.mark.parametrize("number", range(5))
def test_a_cancellation_that_meets_a_result_leaves_one_end(engine, gate, number):
    run = engine.start(meets_result, id="c")
    gate("result").reached()
    gate("result").open()
    try:
        run.cancel()
    except aion.WorkflowClosed:
        assert run.result(timeout=20) == "result"
    else:
        assert cancelled(run)
    ends = [kind for kind in kinds(run) if kind in {"WorkflowCompleted", "WorkflowCancelled"}]
    assert len(ends) == 1


def test_a_result_that_comes_after_the_end_is_discarded_and_counted(engine, gate, within):
    run = engine.start(meets_result, id="c")
    gate("result").reached()
    run.cancel()
    assert cancelled(run)
    gate("result").open()

    def discarded():
        while not engine.health().late:
            pass
        return True

    assert within(discarded)
    assert kinds(run)[-1] == "WorkflowCancelled"


def test_a_delayed_start_is_cancelled_at_its_first_await(engine):
    run = engine.start(resting, "plain", id="c", delay=WEEK)
    run.cancel("changed my mind")
    assert cancelled(run, "changed my mind")


def test_a_delayed_start_cleans_up_what_it_begins(engine):
    run = engine.start(stubborn, id="c", delay=WEEK)
    run.signal("word", "kept")
    run.cancel()
    assert run.result(timeout=20) == "kept"


@pytest.mark.parametrize("delay", [None, WEEK])
def test_terminating_runs_no_code(engine, gate, delay):
    run = engine.start(tidy, id="c", delay=delay)
    run.terminate("at once")
    with pytest.raises(aion.WorkflowTerminated, match="at once") as ended:
        run.result(timeout=20)
    assert ended.value.reason == "at once"
    assert gate("tidy").notes == []
    assert kinds(run)[-1] == "WorkflowTerminated"


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_a_closed_run_and_nobody_are_not_stopped(engine, verb):
    run = engine.start(resting, "plain", id="c")
    run.terminate()
    with pytest.raises(aion.WorkflowClosed, match="terminated"):
        getattr(run, verb)()
    with pytest.raises(aion.WorkflowNotFound):
        getattr(engine.handle("nobody"), verb)()


def test_the_body_of_a_cancelled_run_is_told(engine, gate):
    run = engine.start(one_by_one, "try", id="c")
    gate("one").reached()
    run.cancel()
    assert cancelled(run)
    assert gate("one").reached(2) == ["begun", "told"]


def test_a_try_ends_the_await_at_once_and_tells_the_body(engine, gate):
    run = engine.start(one_by_one, "try", id="c")
    gate("one").reached()
    run.signal("stop")
    assert run.result(timeout=20) == "cancelled"
    assert gate("one").reached(2) == ["begun", "told"]
    assert "ActivityCancelled" in kinds(run)


def test_an_abandoned_body_is_not_told(engine, gate):
    run = engine.start(one_by_one, "abandon", id="c")
    gate("one").reached()
    run.signal("stop")
    assert run.result(timeout=20) == "cancelled"
    assert gate("one").notes == ["begun"]
    assert "ActivityCancelled" in kinds(run)


def test_wait_goes_on_to_the_end_of_the_body(engine, gate):
    run = engine.start(one_by_one, "wait", id="c")
    gate("one").reached()
    run.signal("stop")
    assert run.result(timeout=20) == "cancelled"
    assert gate("one").reached(2) == ["begun", "told"]
    assert kinds(run).count("ActivityCancelRequested") == 1


@pytest.mark.parametrize("way", ["try", "wait"])
def test_a_sync_body_hears_of_it_at_its_heartbeat(engine, gate, way):
    run = engine.start(in_order, way, id="c")
    gate("one").reached()
    run.signal("stop")
    assert run.result(timeout=20) == "cancelled"
    assert gate("one").reached(2) == ["begun", "told"]
    if way == "wait":
        assert "ActivityCompleted" in kinds(run)
