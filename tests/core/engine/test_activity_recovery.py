import pytest

from aion_core.client.requests import Recorded, StartRequest
from aion_core.engine.queues import QueueLimits, QueueLoad
from aion_core.model import events as e
from aion_core.model.errors import StoreRefused
from aion_core.model.failed import WorkflowClosed
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.policies import Cancellation, RetryPolicy
from aion_core.spi import json_payload

SECOND = 1_000_000
EVENLY = RetryPolicy(initial=10 * SECOND, factor=1.0, jitter=0.0)
ONE = {"charge": QueueLimits(concurrency=1)}
OUTAGE = Failure(type="OSError", message="no route")


# ---- recovery


def test_an_attempt_that_a_dead_process_ran_is_lost_and_tried_again(world):
    again = world(retry=EVENLY).start().restart()
    assert (again.last.failure.type, again.last.failure.lost) == ("ActivityLost", True)
    assert (again.last.failure.code, again.activities.lost) == ("activity-lost", 1)
    again.after(10)
    assert [task.attempt for task in again.tasks] == [2]


def test_an_activity_of_one_attempt_fails_instead_of_running_twice(world):
    again = world(retry=RetryPolicy(max_attempts=1)).start().restart()
    assert (again.last.failure.lost, again.last.next_attempt_at) == (True, None)
    assert (again.tasks, len(again.activities)) == ([], 0)


def test_a_body_whose_worker_is_gone_is_lost(world):
    engine = world(retry=EVENLY).start()
    engine.done(lost=True)
    assert (engine.last.failure.lost, engine.activities.lost) == (True, 1)
    assert engine.after(10).task.attempt == 2


def test_a_local_activity_is_lost_with_its_process_and_tried_again(world):
    again = world(local=True, retry=EVENLY).start().restart()
    again.after(10)
    assert (again.task.attempt, again.history) == (2, ["WorkflowStarted"])
    again.done()
    assert again.last.activity_type == "charge"


def test_a_run_that_merely_left_memory_goes_on_as_it_was(world):
    engine = world("charge", "charge", queues=ONE, resident=0, retry=EVENLY).start()
    engine.signal()
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=1)}
    engine.fail()
    engine.signal()
    engine.done()
    engine.after(10)
    assert [(task.ordinal, task.attempt) for task in engine.tasks] == [(0, 1), (1, 1), (0, 2)]
    assert engine.activities.lost == 0


def test_the_time_until_the_next_attempt_goes_on_over_a_restart(world):
    engine = world(retry=EVENLY).start()
    engine.fail()
    engine.platform.advance(6)
    again = engine.restart()
    assert again.after(3).tasks == []
    assert again.after(1).task.attempt == 2


def test_a_next_attempt_whose_time_has_come_meanwhile_begins_at_once(world):
    engine = world(retry=EVENLY).start()
    engine.fail()
    engine.platform.advance(60)
    assert engine.restart().task.attempt == 2


def test_what_waited_for_a_slot_waits_again(world):
    engine = world("charge", "charge", queues=ONE, retry=EVENLY).start()
    again = engine.restart()
    assert [task.ordinal for task in again.tasks] == [1]
    again.after(10)
    again.done()
    assert [(task.ordinal, task.attempt) for task in again.tasks] == [(1, 1), (0, 2)]


def test_limits_of_queues_may_have_changed_with_a_restart(world):
    engine = world("charge", "charge", "charge", queues=ONE).start()
    engine.queues = {}
    assert [task.ordinal for task in engine.restart().tasks] == [1, 2]


def test_the_time_in_the_queue_goes_on_over_a_restart(world):
    engine = world(queues=ONE, schedule_to_start=5 * SECOND).start("another")
    engine.start()
    engine.platform.advance(4)
    engine.queues = {"charge": QueueLimits(concurrency=0)}
    again = engine.restart()
    again.after(0.9)
    assert again.history[2:] == []
    again.after(0.1)
    assert again.last.failure.timeout is TimeoutKind.SCHEDULE_TO_START


def test_a_paused_run_is_recovered_paused(world):
    engine = world("charge", "charge", queues=ONE).start()
    engine.pause()
    again = engine.restart()
    again.after(60)
    assert again.tasks == []
    again.resume()
    again.done()
    assert [(task.ordinal, task.attempt) for task in again.tasks] == [(0, 2), (1, 1)]


def test_an_activity_that_was_asked_to_stop_and_lost_is_not_tried_again(world):
    engine = world(cancellation=Cancellation.WAIT, retry=EVENLY).start()
    engine.signal("stop")
    again = engine.restart()
    assert (again.last.failure.lost, again.last.next_attempt_at) == (True, None)


# ---- another engine takes over


def test_what_comes_of_bodies_whose_shard_was_lost_is_dropped(world):
    engine = world().start("another").start()
    engine.activities.forget(lambda workflow_id: workflow_id == "order-42")
    assert ("order-42" in engine.activities, "another" in engine.activities) == (False, True)
    engine.done()
    assert (engine.cancelled, engine.history[2:], engine.activities.late) == ([], [], 1)
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=0)}


def test_a_body_whose_shard_was_lost_before_it_was_handed_over_is_not_run(world):
    engine = world()
    engine.arrive(StartRequest(workflow_type="t", input_hash="same"), pump=False)
    engine.pump_to_the_store()
    engine.writer.handle([*engine.writes])
    engine.writes.clear()
    assert engine.activities.running == 1
    engine.activities.forget(lambda _: True)
    engine.pump()
    assert engine.tasks == []


def test_a_run_that_comes_back_is_taken_from_its_history(world):
    engine = world(retry=EVENLY).start()
    engine.activities.forget(lambda _: True)
    engine.turns.drop(lambda _: True)
    other = engine.restart()
    other.after(10)
    other.fail()
    engine.wake()
    engine.after(10)
    assert engine.task.attempt == 3


def test_an_attempt_that_another_engine_has_gone_beyond_is_stopped(world):
    engine = world(retry=EVENLY).start()
    other = engine.restart()
    other.after(10)
    engine.signal()
    assert engine.cancelled == [engine.tasks[0].task_id]


# ---- activities that complete later


def left_open(world, **options):
    engine = world(queues=ONE, **options).start()
    engine.done(later=True)
    return engine


def test_an_activity_that_is_left_open_frees_its_slot_and_is_completed_by_its_token(world):
    engine = left_open(world)
    assert (engine.activities.queues(), engine.activities.running, engine.history[2:]) == ({}, 0, [])
    reply = engine.by_token("complete", value=json_payload(b"7"))
    assert reply.result() == Recorded(run_id=engine.task.run_id)
    assert (engine.history[2:], engine.last.result) == (["ActivityCompleted"], json_payload(b"7"))


@pytest.mark.parametrize("resident", [0, 100])
def test_a_task_token_works_after_a_restart(world, resident):
    engine = left_open(world, resident=resident)
    again = engine.restart()
    assert again.history[2:] == []
    reply = again.by_token("complete", engine.task.task_token, value=json_payload(b"7"))
    assert reply.result() == Recorded(run_id=engine.task.run_id)
    assert again.history[2:] == ["ActivityCompleted"]


def test_a_task_token_works_before_anything_else_is_known_of_the_run(world):
    engine = left_open(world)
    token = engine.task.task_token
    again = world(store=engine.store, platform=engine.platform)
    assert again.by_token("complete", token, value=json_payload(b"7")).result()
    assert (again.history[2:], len(again.activities)) == (["ActivityCompleted"], 0)


def test_a_failure_by_token_is_tried_again_whether_or_not_the_run_is_known(world):
    engine = left_open(world, retry=EVENLY)
    again = world(store=engine.store, platform=engine.platform, retry=EVENLY)
    reply = again.by_token("fail", engine.task.task_token, failure=OUTAGE)
    assert reply.result() == Recorded(run_id=engine.task.run_id)
    again.after(10)
    assert (again.last.__class__, again.task.attempt) == (e.ActivityStarted, 2)
    again.done(later=True)
    assert again.by_token("fail", failure=OUTAGE).result()
    assert again.after(10).task.attempt == 3


def test_a_token_of_an_attempt_that_is_over_is_refused(world):
    engine = left_open(world, retry=EVENLY)
    first = engine.task.task_token
    engine.by_token("fail", failure=OUTAGE)
    for verb in ("complete", "fail", "heartbeat"):
        with pytest.raises(WorkflowClosed):
            engine.by_token(verb, first).result()
    engine.after(10)
    for verb in ("complete", "fail", "heartbeat"):
        with pytest.raises(WorkflowClosed):
            engine.by_token(verb, first).result()
    engine.done()
    with pytest.raises(WorkflowClosed):
        engine.by_token("complete").result()
    assert engine.history.count("ActivityCompleted") == 1


def test_a_token_of_a_run_that_was_replaced_is_refused(world):
    engine = left_open(world)
    first = engine.task.task_token
    engine.start(policy="restart")
    with pytest.raises(WorkflowClosed, match="another run"):
        engine.by_token("complete", first).result()
    assert engine.history.count("ActivityCompleted") == 0


def test_a_paused_run_takes_only_one_result_for_an_activity(world):
    engine = left_open(world)
    engine.pause()
    assert engine.by_token("complete").result()
    with pytest.raises(WorkflowClosed):
        engine.by_token("complete").result()
    assert engine.history.count("ActivityCompleted") == 1


def test_two_results_in_one_turn_of_a_paused_run_are_one(world):
    engine = left_open(world)
    engine.pause()
    engine.signal(pump=False)
    replies = [engine.by_token("complete", pump=False) for _ in range(2)]
    engine.pump()
    assert isinstance(replies[0].result(), Recorded)
    with pytest.raises(WorkflowClosed):
        replies[1].result()
    assert engine.history.count("ActivityCompleted") == 1


def test_whoever_completes_an_activity_may_be_quicker_than_its_body(world):
    engine = world(queues=ONE).start()
    assert engine.by_token("complete").result()
    engine.done(later=True)
    assert engine.history[2:] == ["ActivityCompleted"]
    assert (engine.activities.late, engine.activities.queues(), engine.cancelled) == (0, {}, [])


def test_the_limits_of_an_activity_that_is_left_open_go_on(world):
    engine = left_open(world, start_to_close=20 * SECOND, retry=EVENLY)
    engine.after(20)
    assert engine.last.failure.timeout is TimeoutKind.START_TO_CLOSE


def test_the_limits_of_an_activity_that_is_left_open_go_on_over_a_restart(world):
    engine = world(start_to_close=20 * SECOND, retry=EVENLY).start()
    engine.after(5)
    engine.done(later=True)
    engine.platform.advance(10)
    again = engine.restart()
    again.after(4.9)
    assert again.history[2:] == []
    again.after(0.1)
    assert again.last.failure.timeout is TimeoutKind.START_TO_CLOSE


def test_heartbeats_by_token_keep_an_activity_alive_and_are_answered_at_once(world):
    engine = left_open(world, heartbeat=10 * SECOND)
    engine.after(8)
    assert engine.by_token("heartbeat", value=json_payload(b"1")).result() == Recorded(run_id=engine.task.run_id)
    assert engine.told[-1][1] is False
    engine.after(8)
    assert [kept.details for kept in engine.kept] == [json_payload(b"1")]
    assert engine.history[2:] == []
    engine.after(2)
    assert engine.last.failure.timeout is TimeoutKind.HEARTBEAT


def test_a_local_activity_that_is_completed_by_token_after_a_restart_is_recorded_in_full(world):
    engine = world(local=True).start()
    engine.done(later=True)
    again = engine.restart()
    assert again.by_token("complete", engine.task.task_token).result()
    assert again.last.activity_type == "charge"


def test_what_is_told_by_token_and_refused_by_the_store_may_be_told_again(world, monkeypatch):
    engine = left_open(world)
    append = engine.store.append

    def refusing(commits):
        for commit in commits:
            if commit.batch and b"poison" in commit.batch.body:
                raise StoreRefused("a value that no database takes.")
        return append(commits)

    monkeypatch.setattr(engine.store, "append", refusing)
    with pytest.raises(StoreRefused):
        engine.by_token("complete", value=json_payload(b'"poison"')).result()
    engine.arrive(e.WorkflowUnblocked(seq=0, at=0))
    assert engine.history[2:] == ["WorkflowBlocked", "WorkflowUnblocked"]
    assert engine.by_token("complete", value=json_payload(b"7")).result()
    assert engine.last.result == json_payload(b"7")
