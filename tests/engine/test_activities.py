"""Activities: recorded once, tried again as their policy says, and limited in time."""

import pytest
from tests.engine.programs.working import (
    CODE,
    call,
    call_within,
    catches,
    does_not_catch,
    in_line,
    in_time,
    introduces,
    locally,
    pays,
    plainly,
    starts_and_looks,
    waits_in_line,
)

import aion_core as aion

__all__ = ["CODE"]

SETTINGS = {"queues": {"narrow": {"concurrency": 2}, "slow": {"rate": "20/s"}}}


def events(run, kind):
    return [event for event in run.history() if event.type == kind]


def test_an_activity_is_scheduled_once_and_completed_once(engine, gate):
    run = engine.start(call, "flaky", 0, id="a")
    assert run.result(timeout=20) == 1
    assert [event.type for event in run.history()] == [
        "WorkflowStarted",
        "ActivityScheduled",
        "ActivityCompleted",
        "WorkflowCompleted",
    ]
    assert len(gate("flaky").notes) == 1


def test_a_failed_attempt_is_tried_again(engine):
    run = engine.start(call, "flaky", 3, id="a")
    assert run.result(timeout=20) == 4
    failed = events(run, "ActivityFailed")
    assert [event.data["attempt"] for event in failed] == [1, 2, 3]
    assert all(event.data["next_attempt_at"] for event in failed)


def test_the_idempotency_key_is_the_same_for_every_attempt_and_another_for_every_call(engine, gate):
    engine.run(call, "flaky", 2, id="a")
    engine.run(call, "flaky", 0, id="b")
    keys = [key for _, key in gate("flaky").reached(4)]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_failure_of_many_attempts_keeps_the_history_short(engine):
    run = engine.start(call, "flaky", 25, id="a")
    assert run.result(timeout=20) == 26
    assert len(events(run, "ActivityFailed")) == 10


def test_a_programming_error_is_not_tried_again(engine, gate):
    failed = engine.run(call, "declined", "bug", id="a")
    assert (failed["type"], failed["attempts"], gate("declined").notes) == ("TypeError", 1, ["bug"])


@pytest.mark.parametrize("kind", ["stolen", "declined"])
def test_a_class_that_is_not_retryable_matches_its_subclasses(engine, gate, kind):
    assert engine.run(catches, kind, id="a") == [kind == "stolen", True, True, True, False]
    assert gate("declined").notes == [kind]


def test_a_failure_says_what_was_raised(engine):
    failed = engine.run(call, "final", id="a")
    assert failed == {
        "class": "ActivityFailed",
        "type": "NoCard",
        "message": "no such card",
        "details": [1, 2],
        "attempts": 1,
        "activity": "final",
        "cause": None,
        "timeout": None,
    }


def test_a_failure_keeps_its_causes(engine):
    failed = engine.run(call, "chained", id="a")
    assert failed["type"] == "CardDeclined"
    assert failed["cause"] == "KeyError: 'the drawer'"


def test_retry_after_replaces_the_policys_delay(engine):
    assert engine.run(call, "later_please", id="a") == 2


def test_a_failure_that_nobody_catches_fails_the_run(engine):
    run = engine.start(does_not_catch, id="a")
    with pytest.raises(aion.WorkflowFailed, match="no such card") as failed:
        run.result(timeout=20)
    assert failed.value.type == "ActivityFailed"
    assert failed.value.__cause__.type == "NoCard"
    assert run.status() is aion.Status.FAILED


# ---- limits


@pytest.mark.parametrize("limit", ["start_to_close", "schedule_to_close", "heartbeat"])
def test_a_limit_that_passes_ends_the_attempt(engine, gate, limit):
    failed = engine.run(call_within, limit, 0.05, "limited", id="a")
    assert (failed["class"], failed["timeout"], failed["attempts"]) == ("ActivityTimedOut", limit, 1)


def test_an_async_body_that_hangs_is_ended(engine):
    failed = engine.run(call, "hanging_async", id="a")
    assert failed["timeout"] == "start_to_close"


def test_a_body_that_outlives_its_limit_gives_nothing(engine, gate):
    run = engine.start(call_within, "start_to_close", 0.05, "limited", id="a")
    assert run.result(timeout=20)["timeout"] == "start_to_close"
    gate("limited").open()
    assert [event.type for event in run.history()][-1] == "WorkflowCompleted"
    assert engine.run(call, "flaky", 0, id="b") == 1


def test_an_activity_waits_in_its_queue_no_longer_than_it_may(engine, gate):
    first = engine.start(in_line, 2, id="first")
    gate("narrow").reached(2)
    run = engine.start(waits_in_line, id="a")
    failed = run.result(timeout=20)
    assert failed["timeout"] == "schedule_to_start"
    gate("narrow").open()
    assert first.result(timeout=20) == ["0", "1"]


def test_schedule_to_close_holds_for_all_attempts_together(engine):
    run = engine.start(call_within, "schedule_to_close", 0.05, "limited", id="a")
    assert run.result(timeout=20)["timeout"] == "schedule_to_close"


# ---- heartbeats


def test_the_next_attempt_finds_what_the_last_one_said(engine):
    assert engine.run(call, "silent", "beats", id="a") == {"step": 2}


# ---- somebody else completes it


def token(gate, times=1):
    return gate("hand").reached(times)[-1][1]


def test_an_activity_is_completed_by_its_task_token(engine, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    engine.complete_activity(token(gate), "done by hand")
    assert run.result(timeout=20) == "done by hand"


def test_a_task_token_fails_an_attempt_and_the_policy_goes_on(engine, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    first = token(gate)
    engine.fail_activity(first, OSError("not yet"))
    second = token(gate, 2)
    assert first != second
    engine.complete_activity(second, "done")
    assert run.result(timeout=20) == "done"


def test_a_task_token_fails_an_activity_for_good(engine, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    engine.fail_activity(token(gate), aion.ActivityError("never", type="Never", details=7, retryable=False))
    failed = run.result(timeout=20)
    assert (failed["type"], failed["details"]) == ("Never", 7)


def test_a_heartbeat_by_task_token_is_found_by_the_next_attempt(engine, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    first = token(gate)
    engine.heartbeat_activity(first, {"step": 3})
    engine.fail_activity(first, OSError("not yet"))
    assert gate("hand").reached(2)[-1][2] == {"step": 3}
    engine.complete_activity(token(gate, 2), "done")
    assert run.result(timeout=20) == "done"


def test_a_client_completes_an_activity(engine, house, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    client = house.client()
    client.heartbeat_activity(token(gate), 1)
    client.complete_activity(token(gate), "from afar")
    assert run.result(timeout=20) == "from afar"


def test_a_client_fails_an_activity(engine, house, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    house.client().fail_activity(token(gate), aion.ActivityError("never", retryable=False))
    assert run.result(timeout=20)["message"] == "never"


def test_a_task_token_of_an_activity_that_has_ended_is_refused(engine, gate):
    run = engine.start(call, "by_hand", "hand", id="a")
    engine.complete_activity(token(gate), "done")
    run.result(timeout=20)
    for verb in (engine.complete_activity, engine.heartbeat_activity):
        with pytest.raises(aion.WorkflowClosed):
            verb(token(gate), "again")


@pytest.mark.parametrize("bad", ["", "nonsense", "a/b/c"])
def test_what_is_no_task_token_is_refused(engine, bad):
    with pytest.raises(aion.InvalidInput):
        engine.complete_activity(bad, 1)


# ---- queues


def test_a_queue_runs_no_more_at_once_than_it_may(engine, gate):
    run = engine.start(in_line, 5, id="a")
    gate("narrow").reached(2)
    health = engine.health()
    assert (health.running, health.queued) == ({"narrow": 2}, {"narrow": 3})
    assert gate("narrow").notes == ["0", "1"]
    gate("narrow").open()
    assert run.result(timeout=20) == ["0", "1", "2", "3", "4"]


def test_the_limit_of_a_queue_holds_for_all_workflows_together(engine, gate):
    runs = [engine.start(in_line, 2, id=str(number)) for number in range(3)]
    gate("narrow").reached(2)
    assert engine.health().running == {"narrow": 2}
    gate("narrow").open()
    assert [run.result(timeout=20) for run in runs] == [["0", "1"]] * 3


def test_a_queue_with_a_rate_runs_everything_in_the_end(engine, gate):
    assert engine.run(in_time, 25, id="a") == list(range(25))
    assert gate("slow").notes == list(range(25))


# ---- kinds of activities


def test_a_local_activity_is_one_event(engine, gate):
    run = engine.start(locally, id="a")
    assert run.result(timeout=20) == [2, 4, 3]
    assert events(run, "ActivityScheduled") == []
    assert gate("cheap").notes == [1, 2]


def test_activities_that_nobody_registered_are_found_through_the_code(engine):
    assert engine.run(call, "flaky", 0, id="a") == 1


def test_a_method_is_an_activity_of_its_instance(engine):
    assert engine.run(pays, 5, id="a") == "corner shop: 5"


def test_a_body_knows_its_workflow(engine):
    run = engine.start(introduces, id="a")
    assert run.result(timeout=20) == {
        "workflow_id": "a",
        "run_id": run.run_id,
        "type": "introduces",
        "activity": "whoami",
        "attempt": 1,
        "limited": True,
    }


def test_a_plain_workflow_waits_without_await(engine):
    run = engine.start(plainly, 1, id="a")
    run.signal("word", 5)
    assert run.result(timeout=20) == 7


def test_a_handle_knows_whether_its_activity_is_done(engine):
    assert engine.run(starts_and_looks, id="a") == [False, True]
