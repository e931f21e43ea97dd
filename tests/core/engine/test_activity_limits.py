import pytest

from aion_core.engine.queues import QueueLimits
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.policies import RetryPolicy
from aion_core.spi import json_payload

SECOND = 1_000_000
EVENLY = RetryPolicy(initial=10 * SECOND, factor=1.0, jitter=0.0)
ONE = {"charge": QueueLimits(concurrency=1)}
OUTAGE = Failure(type="OSError", message="no route")


def failure(engine):
    return engine.last.failure


# ---- start_to_close


def test_an_attempt_that_does_not_end_in_its_time_is_stopped_and_tried_again(world):
    engine = world(start_to_close=5 * SECOND, retry=EVENLY).start()
    engine.after(4.9)
    assert engine.history[2:] == []
    engine.after(0.1)
    assert (failure(engine).type, failure(engine).timeout) == ("ActivityTimedOut", TimeoutKind.START_TO_CLOSE)
    assert failure(engine).code == "activity-timed-out"
    assert engine.last.next_attempt_at is not None
    assert engine.cancelled == [engine.task.task_id]
    assert engine.activities.timed_out == {TimeoutKind.START_TO_CLOSE: 1}
    engine.after(10)
    assert engine.task.attempt == 2


def test_a_timeout_says_which_limit_passed_and_where_it_is_from(world):
    engine = world(start_to_close=5 * SECOND).start()
    engine.after(5)
    assert failure(engine).message == (
        "the start_to_close of 'charge' (5 s, [activities] in aion.toml) passed: attempt 1 did not end in that time"
    )


def test_what_a_body_returns_after_its_time_is_ignored(world):
    engine = world(start_to_close=5 * SECOND).start()
    engine.after(5)
    engine.done()
    assert engine.history[2:] == ["ActivityFailed"]
    assert engine.activities.late == 1


def test_every_attempt_has_the_time_of_one(world):
    engine = world(start_to_close=15 * SECOND, retry=EVENLY).start()
    engine.after(10)
    engine.fail()
    engine.after(10)
    engine.after(14)
    assert engine.history.count("ActivityFailed") == 1
    engine.after(1)
    assert engine.history.count("ActivityFailed") == 2


def test_a_limit_does_not_follow_the_wall_clock(world, monkeypatch):
    engine = world(start_to_close=5 * SECOND, schedule_to_close=6 * SECOND).start()
    real = engine.platform.now
    monkeypatch.setattr(engine.platform, "now", lambda: real() + 3600 * SECOND)
    engine.after(4.9)
    assert engine.history[2:] == []


def test_without_limits_nothing_is_waited_for(world):
    engine = world("charge", "ship").start()
    engine.after(0)
    assert engine.due_at is None


def test_a_slot_of_an_attempt_that_timed_out_is_free(world):
    engine = world("charge", "charge", queues=ONE, start_to_close=5 * SECOND, retry=EVENLY).start()
    assert [task.ordinal for task in engine.after(5).tasks] == [0, 1]


# ---- schedule_to_close


def test_the_time_for_all_attempts_ends_the_one_that_runs_for_good(world):
    engine = world(schedule_to_close=15 * SECOND, retry=EVENLY).start()
    engine.fail()
    engine.after(10)
    engine.after(5)
    assert (failure(engine).timeout, engine.last.next_attempt_at) == (TimeoutKind.SCHEDULE_TO_CLOSE, None)
    assert failure(engine).cause == OUTAGE
    assert engine.cancelled == [engine.task.task_id]


def test_no_attempt_is_waited_for_beyond_the_time_for_all_of_them(world):
    engine = world(schedule_to_close=15 * SECOND, retry=EVENLY, start_to_close=1 * SECOND).start()
    engine.after(1)
    engine.after(10)
    engine.after(1)
    assert (failure(engine).timeout, engine.last.next_attempt_at) == (TimeoutKind.START_TO_CLOSE, None)


def test_the_time_for_all_attempts_passes_in_the_queue(world):
    engine = world("charge", "charge", queues=ONE, schedule_to_close=5 * SECOND).start()
    engine.after(5)
    assert [event.failure.timeout for event in engine.events()[3:]] == [TimeoutKind.SCHEDULE_TO_CLOSE] * 2
    assert (len(engine.tasks), engine.activities.queues()) == (1, {})


def test_the_time_for_all_attempts_passes_while_the_next_one_is_waited_for(world):
    engine = world(schedule_to_close=30 * SECOND, retry=EVENLY).start()
    engine.fail()
    engine = engine.restart()
    engine.platform.advance(60)
    engine.after(0)
    assert (failure(engine).timeout, engine.last.attempt) == (TimeoutKind.SCHEDULE_TO_CLOSE, 2)
    assert engine.tasks == []


# ---- schedule_to_start


def test_an_attempt_that_has_no_slot_in_its_time_fails_for_good(world):
    engine = world("charge", "charge", queues=ONE, schedule_to_start=5 * SECOND).start()
    engine.after(5)
    assert (engine.last.ordinal, failure(engine).timeout) == (1, TimeoutKind.SCHEDULE_TO_START)
    assert engine.last.next_attempt_at is None
    assert "attempt 1 had no slot of its queue in that time" in failure(engine).message
    engine.done()
    assert len(engine.tasks) == 1


def test_the_time_in_the_queue_is_over_when_the_attempt_begins(world):
    engine = world("charge", "charge", queues=ONE, schedule_to_start=5 * SECOND).start()
    engine.after(4)
    engine.done()
    engine.after(4)
    assert engine.history.count("ActivityFailed") == 0


def test_the_time_in_the_queue_begins_anew_with_every_attempt(world):
    engine = world(queues=ONE, schedule_to_start=5 * SECOND, retry=EVENLY).start()
    engine.after(4)
    engine.fail()
    assert engine.after(10).task.attempt == 2


# ---- heartbeats


def test_a_body_that_is_silent_for_too_long_is_stopped(world):
    engine = world(heartbeat=5 * SECOND).start()
    engine.after(5)
    assert failure(engine).timeout is TimeoutKind.HEARTBEAT
    assert engine.cancelled == [engine.task.task_id]


def test_a_body_that_beats_goes_on(world):
    engine = world(heartbeat=5 * SECOND).start()
    for _ in range(5):
        engine.after(4)
        engine.beat()
    assert engine.history[2:] == []
    engine.after(4.9)
    assert engine.history[2:] == []
    engine.after(0.1)
    assert failure(engine).timeout is TimeoutKind.HEARTBEAT


def test_the_next_attempt_finds_how_far_the_last_one_had_come(world):
    engine = world(retry=EVENLY).start()
    engine.beat(b"1")
    engine.beat(b"2")
    engine.fail()
    assert engine.after(10).task.heartbeat_details == json_payload(b"2")
    engine.fail()
    assert engine.after(10).task.heartbeat_details == json_payload(b"2")


def test_how_far_a_body_has_come_survives_a_crash(world):
    engine = world(retry=EVENLY).start()
    engine.beat(b"1")
    again = engine.restart().after(10)
    assert again.task.heartbeat_details == json_payload(b"1")


def commits_of(engine, monkeypatch):
    seen = []
    append = engine.store.append
    monkeypatch.setattr(engine.store, "append", lambda commits: seen.extend(commits) or append(commits))
    return seen


@pytest.mark.parametrize(("limit", "pause"), [(None, 30), (10 * SECOND, 8), (1000 * SECOND, 30)])
def test_heartbeats_are_noted_in_the_store_now_and_then(world, monkeypatch, limit, pause):
    engine = world(heartbeat=limit).start()
    commits = commits_of(engine, monkeypatch)
    for beat in range(10):
        engine.beat(b"%d" % beat)
    assert [kept.details for kept in engine.kept] == [json_payload(b"0")]
    engine.after(pause - 1)
    assert len(commits) == 1
    engine.after(1)
    assert [kept.details for kept in engine.kept] == [json_payload(b"9")]
    engine.after(1)
    engine.beat(b"10")
    assert (len(commits), engine.history[2:]) == (2, [])


def test_a_heartbeat_that_says_nothing_is_not_noted(world, monkeypatch):
    engine = world(heartbeat=10 * SECOND).start()
    commits = commits_of(engine, monkeypatch)
    engine.beat()
    engine.after(9)
    assert commits == []


def test_a_heartbeat_of_an_attempt_that_is_over_is_nobodys(world):
    engine = world(retry=EVENLY).start()
    engine.fail()
    engine.beat(b"1")
    assert engine.kept == ()
