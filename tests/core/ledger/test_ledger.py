import pytest

from aion_core.ledger import DEADLINE, DELAY, OpenActivity, OpenRecord, fold, record_bytes, record_of
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.payloads import json_payload

SECOND = 1_000_000
FAILURE = Failure(type="OSError", message="no route")


def history(*events, **started):
    start = dict(run_id="r1", workflow_type="t", version="env:1", python="3.11", machine=1)
    made = [e.WorkflowStarted(seq=1, at=SECOND, **start | started)]
    for kind, fields in events:
        made.append(kind(seq=len(made) + 1, at=(len(made) + 1) * SECOND, **fields))
    return made


SCHEDULED = (e.ActivityScheduled, dict(ordinal=0, activity_type="charge", dispatched=True))


def test_a_record_without_anything_to_say_takes_no_room():
    assert record_bytes(OpenRecord()) == b""
    assert record_of(b"") == OpenRecord()


def test_heartbeats_and_late_attempts_come_back_from_the_record():
    kept = OpenActivity(ordinal=0, activity_type="charge", attempt=12, details=json_payload(b"7"), failure=FAILURE)
    row = record_bytes(OpenRecord(activities=(kept,)))
    activity = fold("w", history(SCHEDULED), record=record_of(row)).activities[0]
    assert (activity.attempt, activity.details, activity.failure) == (12, json_payload(b"7"), FAILURE)


def test_a_local_activity_is_known_from_the_record_alone():
    kept = OpenActivity(ordinal=3, activity_type="tax", local=True)
    assert fold("w", history(), record=OpenRecord(activities=(kept,))).activities == {3: kept}


def test_a_record_older_than_the_history_says_nothing_new():
    failed = (e.ActivityFailed, dict(ordinal=0, failure=FAILURE, attempt=1, next_attempt_at=9 * SECOND))
    kept = OpenActivity(ordinal=0, activity_type="charge", attempt=1, dispatched=True)
    activity = fold("w", history(SCHEDULED, failed), record=OpenRecord(activities=(kept,))).activities[0]
    assert (activity.attempt, activity.dispatched, activity.again_at) == (2, False, 9 * SECOND)


def test_the_end_of_a_run_settles_what_was_open():
    timer = (e.TimerStarted, dict(ordinal=0, fire_at=9 * SECOND))
    ledger = fold("w", history(SCHEDULED, timer, (e.WorkflowCompleted, {}), deadline=99 * SECOND))
    assert (ledger.activities, ledger.timers, ledger.next_timer()) == ({}, {}, None)


@pytest.mark.parametrize(
    ("field", "ordinal"), [("deadline", DEADLINE), ("not_before", DELAY)], ids=["deadline", "delay"]
)
def test_a_runs_own_times_are_waited_for_like_its_timers(field, ordinal):
    assert fold("w", history(**{field: 50 * SECOND})).next_timer() == (50 * SECOND, ordinal)


def test_a_delayed_run_waits_no_longer_once_it_has_begun():
    ledger = fold("w", history((e.WorkflowResumed, {}), not_before=50 * SECOND))
    assert ledger.next_timer() is None
    assert not ledger.held


def test_a_block_directly_after_the_start_voids_the_first_drain():
    blocked = (e.WorkflowBlocked, dict(failure=FAILURE))
    assert fold("w", history(blocked)).undrained_start
    assert not fold("w", history(SCHEDULED, blocked)).undrained_start
