import pytest

from aion_core.engine.queues import QueueLimits, QueueLoad
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.policies import RetryPolicy
from aion_core.model.settings import Rate
from aion_core.model.tokens import TaskToken
from aion_core.spi import ActivityDone, json_payload

SECOND = 1_000_000
EVENLY = RetryPolicy(initial=10 * SECOND, factor=1.0, jitter=0.0)
BUG = Failure(type="TypeError", message="a bug")
ONE = {"charge": QueueLimits(concurrency=1)}


# ---- dispatch and outcome


def test_an_activity_is_run_after_the_commit_that_schedules_it(world):
    engine = world()
    engine.start()
    (task,) = engine.tasks
    assert engine.history == ["WorkflowStarted", "ActivityScheduled"]
    assert (task.workflow_id, task.run_id, task.workflow_type) == ("order-42", engine.events()[0].run_id, "t")
    assert (task.version, task.ordinal, task.attempt, task.activity_type) == ("env:1", 0, 1, "charge")
    assert TaskToken.parse(task.task_token) == TaskToken(
        workflow_id="order-42", run_id=task.run_id, ordinal=0, attempt=1
    )


def test_what_a_turn_dispatches_is_handed_over_as_one_list(world):
    engine = world("charge", "ship").start()
    assert [len(batch) for batch in engine.batches] == [2]


def test_a_result_is_recorded_once(world):
    engine = world().start()
    engine.done()
    assert (engine.history[2:], engine.last.result) == (["ActivityCompleted"], json_payload(b"7"))
    engine.done()
    assert len(engine.history) == 3
    assert (engine.activities.late, len(engine.activities), engine.activities.running) == (1, 0, 0)


def test_an_activity_that_returns_nothing_has_an_empty_result(world):
    engine = world().start()
    engine.activities.finished([ActivityDone(task_id=engine.task.task_id)])
    engine.pump()
    assert isinstance(engine.last, e.ActivityCompleted)


def test_a_local_activity_is_recorded_with_its_name_and_input(world):
    engine = world(local=True).start()
    assert engine.history == ["WorkflowStarted"]
    engine.done()
    assert (engine.history[1:], engine.last.activity_type) == (["ActivityCompleted"], "charge")
    assert engine.last.input is not None


def test_an_outcome_of_a_run_that_was_replaced_is_not_taken_for_one_of_the_next(world):
    engine = world().start()
    first = engine.task
    engine.start(policy="restart")
    assert engine.cancelled == [first.task_id]
    engine.done(first)
    assert engine.history.count("ActivityCompleted") == 0
    assert engine.activities.late == 1


def test_bodies_of_a_run_that_ended_are_told_to_stop_and_forgotten(world):
    engine = world("charge", "ship").start()
    engine.signal("end")
    assert engine.cancelled == [task.task_id for task in engine.tasks]
    assert (len(engine.activities), engine.activities.queues()) == (0, {})


def test_the_idempotency_key_is_the_same_for_every_attempt_and_after_a_restart(world):
    engine = world(retry=EVENLY).start()
    engine.fail()
    engine.after(10)
    again = engine.restart().after(10)
    assert {task.idempotency_key for task in (*engine.tasks, *again.tasks)} == {f"{engine.task.run_id}/0"}
    assert [task.attempt for task in (*engine.tasks, *again.tasks)] == [1, 2, 3]


def test_an_idempotency_key_that_the_user_gave_is_kept(world):
    assert world(idempotency_key="mine").start().task.idempotency_key == "mine"


def test_the_deadline_is_the_first_of_the_limits_that_end_the_attempt(world):
    engine = world(start_to_close=10 * SECOND, schedule_to_close=15 * SECOND, retry=EVENLY).start()
    began = engine.platform.now()
    assert engine.task.deadline == began + 10 * SECOND
    engine.fail(failure=Failure(type="OSError", message="", retry_after=8 * SECOND))
    engine.after(8)
    assert (engine.task.attempt, engine.task.deadline) == (2, began + 15 * SECOND)
    assert world().start().task.deadline is None


# ---- retries


def test_a_failed_attempt_is_tried_again_when_its_time_has_come(world, caplog):
    engine = world(retry=EVENLY).start()
    engine.fail()
    assert engine.history[2:] == ["ActivityFailed"]
    assert "attempt 1 of activity charge #0 failed (OSError: no route); the next one in 10.0 s" in caplog.text
    engine.after(9.9)
    assert len(engine.tasks) == 1
    engine.after(0.2)
    assert engine.history[3:] == ["ActivityStarted"]
    assert engine.task.attempt == 2
    engine.done()
    assert engine.last.attempt == 2


def test_the_engine_asks_to_be_called_when_the_next_attempt_begins(world):
    engine = world(retry=EVENLY).start()
    engine.after(1)
    assert engine.due_at is None
    engine.fail()
    engine.after(0)
    assert engine.due_at == pytest.approx(11)


def test_an_error_that_no_attempt_mends_is_final(world):
    engine = world().start()
    engine.fail(failure=BUG)
    assert (engine.history[2:], engine.last.next_attempt_at) == (["ActivityFailed"], None)
    assert len(engine.activities) == 0


def test_attempts_beyond_those_in_the_history_go_on_from_the_row_and_need_no_event(world):
    engine = world(retry=EVENLY).start()
    for _ in range(12):
        engine.fail()
        engine.after(10)
    assert engine.task.attempt == 13
    assert engine.history.count("ActivityFailed") == 10
    again = engine.restart()
    assert again.after(10).task.attempt == 14


def test_a_local_activity_is_tried_again_too(world):
    engine = world(local=True, retry=EVENLY).start()
    engine.fail()
    engine.after(10)
    assert (engine.history, engine.task.attempt) == (["WorkflowStarted"], 2)
    engine.done()
    assert (engine.last.attempt, engine.last.activity_type) == (2, "charge")


def test_a_wall_clock_that_is_set_back_does_not_put_off_the_next_attempt(world, monkeypatch):
    engine = world(retry=EVENLY).start()
    real = engine.platform.now
    monkeypatch.setattr(engine.platform, "now", lambda: real() - 3600 * SECOND)
    engine.fail()
    assert engine.after(10).task.attempt == 2


# ---- queues


def test_what_has_no_slot_waits_and_begins_in_its_order(world):
    engine = world("charge", "charge", "charge", queues=ONE).start()
    assert [task.ordinal for task in engine.tasks] == [0]
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=2)}
    engine.done()
    assert [task.ordinal for task in engine.tasks] == [0, 1]
    assert engine.history[-1] == "ActivityStarted"
    engine.fail()
    assert [task.ordinal for task in engine.tasks] == [0, 1, 2]
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=0)}


def test_an_attempt_that_is_tried_again_waits_behind_those_that_came_before_its_time(world):
    engine = world("charge", "charge", "charge", queues=ONE, retry=EVENLY).start()
    engine.fail()
    engine.after(10)
    engine.done()
    engine.done()
    assert [(task.ordinal, task.attempt) for task in engine.tasks] == [(0, 1), (1, 1), (2, 1), (0, 2)]


def test_activities_of_other_queues_do_not_wait(world):
    engine = world("charge", "charge", "ship", queues=ONE).start()
    assert [task.ordinal for task in engine.tasks] == [0, 2]


def test_a_rate_lets_attempts_begin_in_the_course_of_time(world):
    engine = world("charge", "charge", "charge", queues={"charge": QueueLimits(rate=Rate(1, 10.0))}).start()
    engine.after(0)
    assert (len(engine.tasks), engine.due_at) == (1, 10.0)
    assert len(engine.after(10).tasks) == 2
    assert len(engine.after(9).tasks) == 2
    assert len(engine.after(1).tasks) == 3
    engine.after(0)
    assert engine.due_at is None


def test_the_end_of_a_run_gives_its_slots_to_others(world):
    engine = world(queues=ONE).start().start("another")
    assert [task.workflow_id for task in engine.tasks] == ["order-42"]
    engine.signal("end")
    assert [task.workflow_id for task in engine.tasks] == ["order-42", "another"]


def test_slots_of_a_turn_that_was_not_written_are_free(world):
    engine = world(queues=ONE).start()
    engine.done()
    other = engine.restart()
    engine.signal("call", pump=False)
    other.signal("go")
    engine.pump()
    assert engine.history[3:] == ["SignalReceived", "SignalReceived", "ActivityScheduled"]
    assert engine.last.dispatched
    assert [task.ordinal for task in engine.tasks] == [0, 1]
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=0)}


def test_an_attempt_that_begins_in_a_turn_that_was_not_written_keeps_its_slot_and_begins_once(world):
    engine = world("charge", "charge", queues=ONE).start()
    engine.done(pump=False)
    engine.pump_to_the_store()
    engine.pump_to_the_store(forestalled=False)
    engine.pump_to_the_store(forestalled=True)
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=0)}
    engine.pump()
    assert [task.ordinal for task in engine.tasks] == [0, 1]
    assert engine.history.count("ActivityStarted") == 1
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=0)}


def test_a_slot_of_an_activity_that_was_cancelled_in_the_turn_that_scheduled_it_is_free(world):
    def script(event, number):
        match event:
            case e.SignalReceived(name="call"):
                return [c.ScheduleActivity(ordinal=0, activity_type="charge")]
            case e.SignalReceived(name="cancel"):
                return [c.CancelActivity(ordinal=0)]
        return []

    engine = world(queues=ONE, script=script).start()
    engine.signal("go", pump=False)
    engine.signal("call", pump=False)
    engine.signal("cancel", pump=False)
    engine.pump()
    assert engine.history[2:] == ["SignalReceived", "ActivityScheduled", "SignalReceived", "ActivityCancelled"]
    assert (engine.tasks, engine.activities.queues()) == ([], {})
