import pytest

from aion_core.engine.queues import QueueLimits, QueueLoad
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import StoreRefused
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.policies import Cancellation, RetryPolicy
from aion_core.spi import json_payload

SECOND = 1_000_000
EVENLY = RetryPolicy(initial=10 * SECOND, factor=1.0, jitter=0.0)
ONE = {"charge": QueueLimits(concurrency=1)}
CANCELLED = Failure(type="CancelledError", message="")


# ---- cancellation


def test_a_cancelled_activity_is_told_and_its_slot_is_free(world):
    engine = world("charge", "charge", queues=ONE).start()
    engine.signal("cancel")
    assert engine.cancelled == [engine.tasks[0].task_id]
    assert [task.ordinal for task in engine.tasks] == [0, 1]
    engine.done(engine.tasks[0])
    assert engine.history.count("ActivityCompleted") == 0
    assert engine.activities.late == 1


def test_an_abandoned_activity_is_not_told(world):
    engine = world(cancellation=Cancellation.ABANDON).start()
    engine.signal("cancel")
    assert (engine.cancelled, engine.last.__class__, len(engine.activities)) == ([], e.ActivityCancelled, 0)


def test_a_cancelled_activity_leaves_its_queue(world):
    engine = world("charge", queues=ONE).start("another")
    engine.start()
    engine.signal("cancel")
    assert engine.activities.queues() == {"charge": QueueLoad(running=1, waiting=0)}
    engine.done()
    assert len(engine.tasks) == 1


def test_a_cancelled_activity_is_not_tried_again(world):
    engine = world(retry=EVENLY).start()
    engine.fail()
    engine.signal("cancel")
    assert len(engine.after(10).tasks) == 1


@pytest.mark.parametrize(
    ("outcome", "recorded"),
    [
        (dict(result=json_payload(b"7")), "ActivityCompleted"),
        (dict(failure=CANCELLED), "ActivityCancelled"),
        (dict(failure=Failure(type="OSError", message="")), "ActivityFailed"),
        (dict(lost=True), "ActivityFailed"),
    ],
)
def test_an_activity_that_is_asked_to_stop_has_the_outcome_of_its_body(world, outcome, recorded):
    engine = world(cancellation=Cancellation.WAIT, retry=EVENLY).start()
    engine.signal("stop")
    assert engine.cancelled == [engine.task.task_id]
    engine.done(**outcome)
    assert engine.history[3:] == ["ActivityCancelRequested", recorded]
    engine.after(10)
    assert (len(engine.tasks), len(engine.activities)) == (1, 0)


def test_a_body_that_is_cancelled_without_being_asked_to_has_failed(world):
    engine = world(retry=EVENLY).start()
    engine.fail(failure=CANCELLED)
    assert engine.after(10).task.attempt == 2


def test_an_activity_that_is_asked_to_stop_keeps_its_limits(world):
    engine = world(cancellation=Cancellation.WAIT, start_to_close=5 * SECOND, retry=EVENLY).start()
    engine.signal("stop")
    engine.after(5)
    assert (engine.last.failure.timeout, engine.last.next_attempt_at) == (TimeoutKind.START_TO_CLOSE, None)


def test_an_activity_that_waits_for_its_next_attempt_and_is_asked_to_stop_ends_at_once(world):
    engine = world(retry=EVENLY).start()
    engine.fail()
    engine.signal("stop")
    assert engine.history[4:] == ["ActivityCancelRequested", "ActivityCancelled"]
    assert len(engine.after(10).tasks) == 1


def test_an_activity_that_waits_for_a_slot_and_is_asked_to_stop_ends_at_once(world):
    engine = world(queues=ONE).start("another")
    engine.start()
    engine.signal("stop")
    assert engine.history[3:] == ["ActivityCancelRequested", "ActivityCancelled"]
    engine.done()
    assert (len(engine.tasks), engine.activities.queues()) == (1, {})


def test_an_activity_that_is_asked_to_stop_while_it_is_about_to_begin_is_not_run(world):
    engine = world(queues=ONE).start("another")
    engine.start()
    engine.signal("stop", pump=False)
    engine.turns.flush()
    engine.done(pump=False)
    engine.pump()
    assert engine.history[3:] == ["ActivityCancelRequested", "ActivityStarted", "ActivityCancelled"]
    assert ([task.workflow_id for task in engine.tasks], engine.activities.queues()) == (["another"], {})


def test_an_activity_whose_attempt_failed_in_the_turn_that_asks_it_to_stop_has_failed(world):
    engine = world(retry=EVENLY).start()
    engine.signal("go", pump=False)
    engine.signal("stop", pump=False)
    engine.fail()
    assert engine.history[4:] == ["ActivityCancelRequested", "ActivityFailed"]
    assert (engine.last.next_attempt_at, len(engine.activities)) == (None, 0)


# ---- pause and block


def test_nothing_is_dispatched_while_a_run_is_paused(world):
    engine = world("charge", "charge", queues=ONE).start()
    engine.pause()
    engine.done()
    assert engine.history[-1] == "ActivityCompleted"
    assert (len(engine.tasks), engine.activities.queues()) == (1, {})
    engine.resume()
    assert [task.ordinal for task in engine.tasks] == [0, 1]


def test_nothing_is_tried_again_while_a_run_is_paused(world):
    engine = world(retry=EVENLY).start()
    engine.pause()
    engine.fail()
    engine.after(100)
    assert len(engine.tasks) == 1
    engine.resume()
    assert engine.task.attempt == 2


def test_the_time_for_all_attempts_goes_on_while_a_run_is_paused(world):
    engine = world("charge", "charge", queues=ONE, schedule_to_close=5 * SECOND, schedule_to_start=SECOND).start()
    engine.pause()
    engine.after(2)
    assert engine.history[-1] == "WorkflowPaused"
    engine.after(3)
    assert {event.failure.timeout for event in engine.events()[4:]} == {TimeoutKind.SCHEDULE_TO_CLOSE}


@pytest.mark.parametrize("local", [False, True])
def test_what_the_turn_that_pauses_dispatches_is_run_when_the_run_goes_on(world, local):
    def script(event, number):
        if isinstance(event, e.SignalReceived) and event.name == "call":
            return [c.ScheduleActivity(ordinal=0, activity_type="charge", local=local)]
        return []

    engine = world(script=script, queues=ONE).start()
    engine.signal("go", pump=False)
    engine.signal("call", pump=False)
    engine.arrive(e.WorkflowPaused(seq=0, at=0))
    assert (engine.tasks, engine.activities.queues()) == ([], {})
    engine.resume()
    assert [(task.ordinal, task.attempt) for task in engine.tasks] == [(0, 1)]
    assert engine.history.count("ActivityStarted") == 0


@pytest.mark.parametrize("first", ["begins", "pauses"])
def test_an_attempt_that_was_to_begin_when_its_run_was_paused_gives_its_slot_to_others(world, first):
    engine = world(queues=ONE).start("another")
    engine.start()
    engine.signal(pump=False)
    if first == "begins":
        engine.done(pump=False)
        engine.activities.flush()
        engine.pause()
        assert engine.history[2:] == ["SignalReceived", "ActivityStarted", "WorkflowPaused"]
    else:
        engine.arrive(e.WorkflowPaused(seq=0, at=0), pump=False)
        engine.done()
        assert engine.history[2:] == ["SignalReceived", "WorkflowPaused"]
    assert engine.activities.queues() == {}
    engine.resume()
    assert [task.workflow_id for task in engine.tasks] == ["another", "order-42"]
    assert engine.history.count("ActivityStarted") == 1


def test_nothing_is_tried_again_while_a_run_is_blocked(world):
    engine = world(retry=EVENLY).start()
    engine.signal("misbehave")
    engine.fail()
    engine.after(100)
    assert len(engine.tasks) == 1
    engine.script = lambda *_: []
    engine.arrive(e.WorkflowUnblocked(seq=0, at=0))
    assert engine.task.attempt == 2


def test_a_result_that_the_store_refused_is_recorded_when_the_run_goes_on(world, monkeypatch):
    engine = world().start()
    append = engine.store.append

    def refusing(commits):
        for commit in commits:
            if commit.batch and b"poison" in commit.batch.body:
                raise StoreRefused("a value that no database takes.")
        return append(commits)

    with monkeypatch.context() as patch:
        patch.setattr(engine.store, "append", refusing)
        engine.done(result=json_payload(b'"poison"'))
    assert engine.history[2:] == ["WorkflowBlocked"]
    engine.arrive(e.WorkflowUnblocked(seq=0, at=0))
    assert engine.history[3:] == ["WorkflowUnblocked", "ActivityCompleted"]
    assert len(engine.activities) == 0


def test_an_attempt_that_ended_in_the_turn_that_blocked_the_run_is_not_lost(world):
    engine = world(retry=EVENLY).start()
    engine.signal("go", pump=False)
    engine.signal("misbehave", pump=False)
    engine.fail()
    assert engine.history[2:] == ["SignalReceived", "WorkflowBlocked", "SignalReceived", "ActivityFailed"]
