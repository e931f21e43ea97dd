"""Starting: what is recorded, what a policy does with an id that is known, and starts that are sent twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.engine.programs.orders import CODE, WEEK, Order, parcel, total

import aion_core as aion

__all__ = ["CODE"]


def kinds(run):
    return [event.type for event in run.history()]


def closed(engine, end):
    """A workflow `p` that has ended."""
    run = engine.start(parcel, "a", id="p")
    if end == "completed":
        run.signal("end", "there")
        run.result(timeout=20)
    elif end == "failed":
        run.signal("end", "fail")
        with pytest.raises(aion.WorkflowFailed):
            run.result(timeout=20)
    else:
        run.terminate()
    assert run.status() == end
    return run


# ---- what a start is


def test_a_workflow_without_awaits_is_recorded_in_one_commit(engine):
    run = engine.start(total, Order("1", 100), id="t")
    assert run.result(timeout=20) == 100
    assert kinds(run) == ["WorkflowStarted", "WorkflowCompleted"]
    assert run.created


def test_a_start_without_an_id_has_one_of_its_own(engine):
    one, other = engine.start(total, Order("1")), engine.start(total, Order("1"))
    assert one.id != other.id
    assert one.run_id != other.run_id


def test_run_starts_and_waits(engine):
    assert engine.run(total, Order("1", 5), id="t") == 5


def test_a_workflow_is_started_by_its_name(engine):
    assert engine.run("total", {"id": "1", "cents": 7}) == 7


def test_bound_arguments_may_be_keywords(engine):
    assert engine.run(total.bind(Order("1", 100), express=True), id="t") == 600


def test_an_argument_with_a_default_may_be_left_out(engine):
    assert engine.run(total.bind(order=Order("1", 100)), id="t") == 100


def test_what_code_gets_is_what_was_recorded_and_not_the_callers_object(engine):
    order = Order("1", 100)
    run = engine.start(parcel, order.id, id="t")
    order.id = "changed"
    run.signal("end", "there")
    assert run.result(timeout=20) == "1: there"


# ---- policies


def test_the_same_start_again_finds_its_run_open_or_closed(engine):
    first = engine.start(parcel, "a", id="p")
    assert engine.start(parcel, "a", id="p").run_id == first.run_id
    first.signal("end", "there")
    first.result(timeout=20)
    again = engine.start(parcel, "a", id="p")
    assert (again.run_id, again.created, again.result(timeout=20)) == (first.run_id, False, "a: there")


def test_an_idempotent_start_leaves_out_fields_that_equal_their_default(engine):
    first = engine.start(total, Order("1"), id="t")
    assert engine.start(total.bind(Order("1", 0), express=False), id="t").run_id == first.run_id


@pytest.mark.parametrize(("workflow", "argument"), [(parcel, "b"), (total, Order("1"))])
def test_an_idempotent_start_refuses_other_content(engine, workflow, argument):
    first = engine.start(parcel, "a", id="p")
    with pytest.raises(aion.WorkflowIdConflict, match="another type or other arguments") as refused:
        engine.start(workflow, argument, id="p")
    assert (refused.value.id, refused.value.run_id) == ("p", first.run_id)
    assert len(first.history()) == 1


def test_attributes_memo_timeout_and_delay_do_not_make_another_start(engine):
    first = engine.start(parcel, "a", id="p")
    again = engine.start(parcel, "a", id="p", memo={"x": 1}, timeout=60, delay=WEEK)
    assert (again.run_id, again.created) == (first.run_id, False)


def test_existing_shares_an_open_run_whatever_its_input(engine):
    first = engine.start(parcel, "a", id="p")
    assert engine.start(parcel, "b", id="p", policy="existing").run_id == first.run_id


def test_existing_starts_anew_when_the_run_has_ended(engine):
    first = closed(engine, "completed")
    again = engine.start(parcel, "b", id="p", policy="existing")
    assert (again.created, again.run_id == first.run_id) == (True, False)


@pytest.mark.parametrize("end", [None, "completed", "failed"])
def test_reject_shares_its_id_with_none(engine, end):
    if end is None:
        engine.start(parcel, "a", id="p")
    else:
        closed(engine, end)
    with pytest.raises(aion.WorkflowIdConflict, match="'reject'"):
        engine.start(parcel, "a", id="p", policy="reject")


@pytest.mark.parametrize("policy", ["allow_closed", "allow_failed"])
def test_policies_that_need_a_closed_run_refuse_an_open_one(engine, policy):
    engine.start(parcel, "a", id="p")
    with pytest.raises(aion.WorkflowIdConflict, match="needs it closed"):
        engine.start(parcel, "a", id="p", policy=policy)


@pytest.mark.parametrize("end", ["completed", "failed", "terminated"])
def test_allow_closed_starts_after_any_end(engine, end):
    closed(engine, end)
    assert engine.start(parcel, "b", id="p", policy="allow_closed").created


@pytest.mark.parametrize("end", ["failed", "terminated"])
def test_allow_failed_starts_after_a_failure(engine, end):
    closed(engine, end)
    assert engine.start(parcel, "b", id="p", policy="allow_failed").created


def test_allow_failed_returns_a_run_that_completed(engine):
    first = closed(engine, "completed")
    again = engine.start(parcel, "b", id="p", policy="allow_failed")
    assert (again.run_id, again.created, again.result(timeout=20)) == (first.run_id, False, "a: there")


def test_restart_terminates_the_open_run_and_starts_in_one_step(engine):
    first = engine.start(parcel, "a", id="p")
    second = engine.start(parcel, "b", id="p", policy="restart")
    assert second.created
    assert engine.handle("p", first.run_id).status() is aion.Status.TERMINATED
    assert engine.handle("p").describe().run_id == second.run_id
    with pytest.raises(aion.WorkflowTerminated):
        engine.handle("p", first.run_id).result(timeout=20)


def test_who_waits_for_a_run_hears_that_it_was_restarted(engine):
    first = engine.start(parcel, "a", id="p")
    with ThreadPoolExecutor() as others:
        waiting = others.submit(engine.handle("p", first.run_id).result, timeout=20)
        assert engine.run(total, Order("1", 3), id="p", policy="restart") == 3
        with pytest.raises(aion.WorkflowTerminated):
            waiting.result()


def test_restart_after_an_end_starts(engine):
    closed(engine, "completed")
    assert engine.start(parcel, "b", id="p", policy="restart").created


def test_an_unknown_policy_names_those_there_are(engine):
    with pytest.raises(aion.InvalidInput, match="idempotent"):
        engine.start(parcel, "a", policy="twice")
    assert engine.count() == 0


# ---- request ids


def test_a_start_sent_twice_with_a_request_id_starts_once(engine):
    first = engine.start(parcel, "a", request_id="r-1")
    again = engine.start(parcel, "a", request_id="r-1")
    assert (first.run_id, first.id) == (again.run_id, again.id)
    assert engine.count() == 1


def test_a_request_id_decides_before_the_policy(engine):
    first = engine.start(parcel, "a", id="p", request_id="r-1", policy="restart")
    assert engine.start(parcel, "a", id="p", request_id="r-1", policy="restart").run_id == first.run_id
    assert engine.start(parcel, "a", id="p", request_id="r-2", policy="restart").run_id != first.run_id


def test_a_request_id_is_remembered_when_the_run_has_ended(engine):
    run = engine.start(total, Order("1", 3), id="t", request_id="r-1", policy="restart")
    run.result(timeout=20)
    assert engine.start(total, Order("1", 3), id="t", request_id="r-1", policy="restart").run_id == run.run_id


# ---- with a signal


def test_signal_with_start_starts_with_the_signal(engine):
    run = engine.signal_with_start(parcel, "a", signal="end", value="there", id="p")
    assert run.result(timeout=20) == "a: there"
    assert kinds(run)[:2] == ["WorkflowStarted", "SignalReceived"]


def test_signal_with_start_signals_an_open_run_whatever_its_input(engine):
    first = engine.start(parcel, "a", id="p")
    run = engine.signal_with_start(parcel, "b", signal="end", value="there", id="p")
    assert (run.run_id, run.created, run.result(timeout=20)) == (first.run_id, False, "a: there")


def test_signal_with_start_after_an_end_starts_anew(engine):
    first = closed(engine, "completed")
    run = engine.signal_with_start(parcel, "b", signal="end", value="there", id="p")
    assert run.run_id != first.run_id
    assert run.result(timeout=20) == "b: there"


def test_signal_with_start_sent_twice_signals_once(engine):
    one = engine.signal_with_start(parcel, "a", signal="x", id="p", request_id="r-1")
    engine.signal_with_start(parcel, "a", signal="x", id="p", request_id="r-1")
    assert kinds(one).count("SignalReceived") == 1


# ---- later


def test_a_delayed_start_runs_no_code_before_its_time(engine):
    run = engine.start(parcel, "a", id="p", delay=WEEK)
    run.signal("end", "there")
    assert kinds(run) == ["WorkflowStarted", "SignalReceived"]
    assert run.status() is aion.Status.RUNNING


def test_a_delayed_start_runs_when_its_time_has_come(engine):
    run = engine.start(total, Order("1", 2), id="t", delay=timedelta(milliseconds=20))
    assert run.result(timeout=20) == 2
    assert kinds(run) == ["WorkflowStarted", "WorkflowResumed", "WorkflowCompleted"]


def test_signals_that_come_before_a_delayed_start_are_there_when_it_runs(engine):
    run = engine.start(parcel, "a", id="p", delay=timedelta(milliseconds=50))
    run.signal("end", "early")
    assert run.result(timeout=20) == "a: early"
