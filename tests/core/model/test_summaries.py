from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from aion_core.model import events as e
from aion_core.model.attributes import Attribute, AttributeType
from aion_core.model.errors import RunChainBroken
from aion_core.model.failures import Failure
from aion_core.model.payloads import json_payload
from aion_core.model.status import Status
from aion_core.model.summaries import RunEntry, Summary, fold_runs, run_chain

SECOND = 1_000_000


def started(seq, run="r1", *, previous=None, **fields):
    return e.WorkflowStarted(
        seq=seq,
        at=seq * SECOND,
        run_id=run,
        workflow_type="checkout",
        version="env:1",
        python="3.11",
        machine=1,
        previous_run=previous,
        **fields,
    )


def at(seq):
    return datetime.fromtimestamp(seq, UTC)


def statuses(*events):
    return [run.summary.status for run in fold_runs("order-42", events)]


BOOM = Failure(type="Boom", message="it broke")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (e.WorkflowCompleted(seq=2, at=2), Status.COMPLETED),
        (e.WorkflowFailed(seq=2, at=2, failure=BOOM), Status.FAILED),
        (e.WorkflowCancelled(seq=2, at=2), Status.CANCELLED),
        (e.WorkflowTerminated(seq=2, at=2), Status.TERMINATED),
        (e.WorkflowTimedOut(seq=2, at=2), Status.TIMED_OUT),
        (e.WorkflowContinuedAsNew(seq=2, at=2, next_run="r2", workflow_type="t"), Status.CONTINUED_AS_NEW),
        (e.WorkflowPaused(seq=2, at=2), Status.PAUSED),
        (e.WorkflowBlocked(seq=2, at=2, failure=BOOM), Status.BLOCKED),
        (e.WorkflowCancelRequested(seq=2, at=2), Status.RUNNING),
        (e.TimerStarted(seq=2, at=2, ordinal=0, fire_at=9), Status.RUNNING),
    ],
)
def test_the_last_lifecycle_event_decides_the_status(event, status):
    assert statuses(started(1), event) == [status]


@pytest.mark.parametrize(
    ("event", "back"),
    [
        (e.WorkflowPaused(seq=2, at=2), e.WorkflowResumed(seq=3, at=3)),
        (e.WorkflowBlocked(seq=2, at=2, failure=BOOM), e.WorkflowUnblocked(seq=3, at=3)),
        (e.WorkflowFailed(seq=2, at=2, failure=BOOM), e.WorkflowReopened(seq=3, at=3, resume_after=1)),
    ],
)
def test_a_run_that_goes_on_is_running_again(event, back):
    (run,) = fold_runs("order-42", [started(1), event, back])
    assert (run.summary.status, run.summary.closed, run.last_seq) == (Status.RUNNING, None, None)


def test_a_closed_run_knows_when_it_closed_and_where_its_history_ends():
    (run,) = fold_runs("order-42", [started(1), e.WorkflowCompleted(seq=2, at=2 * SECOND)])
    assert (run.summary.started, run.summary.closed, run.first_seq, run.last_seq) == (at(1), at(2), 1, 2)


def test_what_is_recorded_after_the_end_does_not_move_it():
    closed = e.WorkflowCompleted(seq=2, at=2 * SECOND)
    (run,) = fold_runs("order-42", [started(1), closed, e.MemoUpdated(seq=3, at=3 * SECOND, memo={})])
    assert (run.last_seq, run.summary.closed) == (2, at(2))


def test_a_blocked_run_says_why_and_a_running_one_does_not():
    blocked = e.WorkflowBlocked(seq=2, at=2, failure=BOOM)
    (run,) = fold_runs("order-42", [started(1), blocked])
    assert run.summary.blocked_reason == "it broke"
    (run,) = fold_runs("order-42", [started(1), blocked, e.WorkflowUnblocked(seq=3, at=3)])
    assert run.summary.blocked_reason is None


def test_a_run_begins_with_the_attributes_and_the_memo_of_its_start():
    given = started(1, attributes={"items": Attribute(AttributeType.INT, 1)}, memo={"step": json_payload(b"1")})
    (run,) = fold_runs("order-42", [given])
    assert (run.summary.attributes, run.summary.memo) == ({"items": 1}, {"step": json_payload(b"1")})
    changed = e.SearchAttributesUpdated(seq=2, at=2, attributes={"items": Attribute(AttributeType.INT, 2)})
    (run,) = fold_runs("order-42", [given, changed])
    assert run.summary.attributes == {"items": 2}


def test_attributes_are_folded_name_by_name_and_none_unsets():
    acme, one = Attribute(AttributeType.STR, "acme"), Attribute(AttributeType.INT, 1)
    first = e.SearchAttributesUpdated(seq=2, at=2, attributes={"customer": acme, "items": one})
    second = e.SearchAttributesUpdated(seq=3, at=3, attributes={"items": None})
    (run,) = fold_runs("order-42", [started(1), first, second])
    assert run.summary.attributes == {"customer": "acme"}


def test_a_memo_is_folded_likewise():
    first = e.MemoUpdated(seq=2, at=2, memo={"done": json_payload(b"1"), "step": json_payload(b'"a"')})
    second = e.MemoUpdated(seq=3, at=3, memo={"done": json_payload(b"2"), "step": None})
    (run,) = fold_runs("order-42", [started(1), first, second])
    assert run.summary.memo == {"done": json_payload(b"2")}


def test_every_start_begins_a_run_of_its_own():
    history = [
        started(1),
        e.WorkflowContinuedAsNew(seq=2, at=2, next_run="r2", workflow_type="checkout"),
        started(3, "r2", previous="r1"),
    ]
    first, second = fold_runs("order-42", history)
    assert (first.run_id, first.summary.status, first.last_seq) == ("r1", Status.CONTINUED_AS_NEW, 2)
    assert (second.run_id, second.previous_run, second.first_seq) == ("r2", "r1", 3)


def test_a_child_and_a_scheduled_run_name_where_they_come_from():
    (run,) = fold_runs("c", [started(1, parent=e.ParentRef("p", "pr", 3), schedule="nightly")])
    assert (run.summary.parent, run.summary.schedule) == ("p", "nightly")


def test_a_history_that_does_not_begin_with_a_start_is_refused():
    with pytest.raises(RunChainBroken, match=r"begins with 'timer.fired/1', not with a start"):
        fold_runs("order-42", [e.TimerFired(seq=1, at=1, ordinal=0)])


SUMMARY = Summary(id="w", run_id="r1", type="t", status=Status.RUNNING, started=at(0))


def entry(run, previous=None):
    return RunEntry(summary=replace(SUMMARY, run_id=run), first_seq=1, previous_run=previous)


def test_runs_are_put_in_the_order_in_which_they_follow_each_other():
    chain = run_chain([entry("r3", "r2"), entry("r1"), entry("r2", "r1")])
    assert [run.run_id for run in chain] == ["r1", "r2", "r3"]


def test_no_runs_are_a_chain():
    assert run_chain([]) == []


def test_after_retention_the_first_run_kept_may_name_one_that_is_gone():
    assert [run.run_id for run in run_chain([entry("r3", "r2"), entry("r2", "r1")])] == ["r2", "r3"]


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([entry("r1"), entry("r2")], "has exactly one first run; this one has 2"),
        ([entry("r1", "r2"), entry("r2", "r1")], "has exactly one first run; this one has 0"),
        ([entry("r1"), entry("r2", "r1"), entry("r3", "r1")], "two runs follow run r1"),
        ([entry("r1"), entry("r2", "r3"), entry("r3", "r2")], "follow each other in a circle"),
        ([entry("r1"), entry("r1")], "two runs have the same run id"),
    ],
)
def test_a_malformed_chain_is_refused(entries, problem):
    with pytest.raises(RunChainBroken, match=problem) as caught:
        run_chain(entries)
    assert caught.value.code == "run-chain-broken"


def test_only_three_states_are_open():
    assert [status for status in Status if status.open] == [Status.RUNNING, Status.PAUSED, Status.BLOCKED]
