"""Timers, deadlines, and what goes on beside each other. Nobody here waits for longer than some milliseconds."""

import pytest
from tests.engine.programs.times import (
    CODE,
    asyncio_nap,
    given_up,
    hurried,
    in_order,
    mapping,
    mapping_fails,
    mapping_returns,
    named,
    nap,
    never_works,
    racing,
    settling,
    tried_again,
    until_then,
)

import aion_core as aion

__all__ = ["CODE"]


def events(run, kind):
    return [event for event in run.history() if event.type == kind]


def kinds(run):
    return [event.type for event in run.history()]


def test_a_timer_fires_at_or_after_its_time(engine):
    run = engine.start(nap, 0.02, id="t")
    assert run.result(timeout=20) is True
    (started,), (fired,) = events(run, "TimerStarted"), events(run, "TimerFired")
    assert fired.at >= started.data["fire_at"]


def test_asyncio_sleep_is_a_durable_timer(engine):
    run = engine.start(asyncio_nap, id="t")
    assert run.result(timeout=20) == "rested"
    assert kinds(run) == ["WorkflowStarted", "TimerStarted", "TimerFired", "WorkflowCompleted"]


def test_sleeping_until_a_time_that_has_passed_records_nothing(engine):
    run = engine.start(until_then, id="t")
    assert run.result(timeout=20) is True
    assert len(events(run, "TimerStarted")) == 1


def test_a_named_timer_is_cancelled(engine):
    run = engine.start(named, id="t")
    run.signal("stop")
    assert run.result(timeout=20) == "cancelled"
    (started,) = events(run, "TimerStarted")
    assert started.data["name"] == "reminder"
    assert len(events(run, "TimerCancelled")) == 1


def test_timers_that_are_due_together_fire_in_the_order_of_their_start(engine):
    assert engine.run(in_order, 50, id="t") == list(range(50))


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("timeout", "TimeoutError"),
        ("wait_for", "TimeoutError"),
        ("receive", "WaitTimeout"),
        ("condition", "WaitTimeout"),
    ],
)
def test_every_wait_can_be_limited(engine, way, error):
    assert engine.run(given_up, way, id="t") == error


def test_the_losers_of_a_race_are_cancelled(engine):
    run = engine.start(racing, id="t")
    run.signal("word", "one")
    run.signal("word", "two")
    assert run.result(timeout=20) == ["one", "word", "two"]
    assert len(events(run, "TimerCancelled")) == 2


def test_settle_waits_for_all_and_tells_of_each(engine, gate):
    run = engine.start(settling, id="t")
    for name in ("bad", "good"):
        gate(name).open()
    run.signal("word", "heard")
    assert run.result(timeout=20) == ["good", "ActivityFailed", "heard"]


def test_map_gives_results_in_the_order_of_the_items(engine, gate):
    run = engine.start(mapping, None, id="t")
    gate("b").reached()
    gate("c").reached()
    for name in ("c", "b", "a"):
        gate(name).open()
    assert run.result(timeout=20) == ["a", "b", "c"]


def test_map_runs_no_more_at_once_than_it_may(engine, gate):
    run = engine.start(mapping, 1, id="t")
    gate("a").reached()
    assert len(events(run, "ActivityScheduled")) == 1
    for name in ("a", "b", "c"):
        gate(name).open()
    assert run.result(timeout=20) == ["a", "b", "c"]


def test_the_first_failure_of_a_map_cancels_the_rest(engine, gate):
    run = engine.start(mapping_fails, id="t")
    gate("slow").reached()
    gate("bad").open()
    assert run.result(timeout=20) == "TypeError"
    assert len(events(run, "ActivityCancelled")) == 1


def test_a_map_may_return_failures(engine, gate):
    run = engine.start(mapping_returns, id="t")
    for name in ("good", "bad"):
        gate(name).open()
    assert run.result(timeout=20) == [True, False]


# ---- deadlines


def test_a_deadline_of_the_workflow_ends_its_run(engine):
    run = engine.start(hurried, id="t")
    with pytest.raises(aion.WorkflowTimedOut, match="'t'"):
        run.result(timeout=20)
    assert run.status() is aion.Status.TIMED_OUT


def test_a_deadline_of_the_start_ends_its_run(engine):
    run = engine.start(nap, 3600.0, id="t", timeout=0.05)
    with pytest.raises(aion.WorkflowTimedOut):
        run.result(timeout=20)
    assert kinds(run)[-1] == "WorkflowTimedOut"


def test_a_deadline_of_the_start_is_over_that_of_the_workflow(engine):
    run = engine.start(hurried, id="t", timeout=3600)
    (started,) = events(run, "WorkflowStarted")
    assert started.data["timeout"].total_seconds() == 3600
    run.terminate()


def test_the_deadline_of_a_delayed_start_begins_when_it_does(engine):
    run = engine.start(nap, 3600.0, id="t", timeout=0.05, delay=0.05)
    with pytest.raises(aion.WorkflowTimedOut):
        run.result(timeout=20)
    assert "WorkflowResumed" in kinds(run)


# ---- waiting for results


def test_a_wait_for_a_result_that_ends_first_leaves_the_run_alone(engine):
    run = engine.start(nap, 3600.0, id="t")
    with pytest.raises(aion.WaitTimeout, match="it goes on"):
        run.result(timeout=0.05)
    assert run.status() is aion.Status.RUNNING


# ---- retries of workflows


def test_a_workflow_is_tried_again_and_its_result_is_the_last_runs(engine):
    run = engine.start(tried_again, id="t")
    assert run.result(timeout=20) == 3
    assert engine.handle("t").describe().run_id != run.run_id


def test_a_workflow_that_never_works_fails_with_its_last_error(engine):
    run = engine.start(never_works, id="t")
    with pytest.raises(aion.WorkflowFailed, match="attempt 2"):
        run.result(timeout=20)


def test_one_attempt_of_a_workflow_may_be_waited_for(engine):
    run = engine.start(never_works, id="t")
    with pytest.raises(aion.WorkflowFailed, match="attempt 1"):
        run.result(timeout=20, follow=False)
