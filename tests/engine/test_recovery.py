"""An engine dies in the middle, and another one goes on: nothing that was acknowledged is lost or done again."""

import pytest
from tests.engine.programs.surviving import (
    CODE,
    backs_off,
    charges,
    charges_once,
    hurried,
    rests,
    steps,
    waits_for_a_hand,
)

import aion_core as aion
from aion_core.ledger import record_of

__all__ = ["CODE"]


@pytest.fixture
def follow(house):
    """`follow(engine)` lets it crash, and opens the next one."""

    def follow(engine):
        house.crash(engine)
        return house.open(*CODE)

    return follow


def kinds(run):
    return [event.type for event in run.history()]


def test_an_attempt_under_way_is_lost_and_tried_again(engine, follow, gate):
    run = engine.start(charges, "42", id="c")
    gate("charge").reached()
    after = follow(engine).handle("c")
    assert after.result(timeout=20) == 2
    (failed,) = [event for event in after.history() if event.type == "ActivityFailed"]
    assert (failed.data["attempt"], failed.data["failure"]["lost"]) == (1, True)
    assert run.run_id == after.describe().run_id


def test_the_idempotency_key_survives_the_owner(engine, follow, gate):
    engine.start(charges, "42", id="c")
    gate("charge").reached()
    follow(engine).handle("c").result(timeout=20)
    first, second = gate("keys").reached(2)
    assert first == second


def test_an_activity_of_one_attempt_is_lost_and_not_run_twice(engine, follow, gate):
    engine.start(charges_once, "42", id="c")
    gate("once").reached()
    assert follow(engine).handle("c").result(timeout=20) == "lost after 1"
    assert len(gate("once").notes) == 1


def test_what_a_dead_engines_bodies_do_later_changes_nothing(engine, follow, gate):
    engine.start(charges, "42", id="c")
    gate("charge").reached()
    following = follow(engine)
    gate("charge").open()
    assert following.handle("c").result(timeout=20) == 2
    assert kinds(following.handle("c"))[-1] == "WorkflowCompleted"


def test_recorded_results_are_not_made_again(engine, follow, gate, until):
    run = engine.start(steps, 3, id="s")
    run.signal("next")
    until(run, "ActivityCompleted", 2)
    following = follow(engine)
    after = following.handle("s")
    after.signal("next")
    after.signal("next")
    assert after.result(timeout=20) == [0, 1, 2]
    assert gate("quick").notes == [0, 1, 2]


def test_signals_that_were_acknowledged_are_there(engine, follow):
    run = engine.start(steps, 2, id="s")
    run.signal("next", message_id="one")
    run.signal("next", message_id="two")
    after = follow(engine).handle("s")
    after.signal("next", message_id="one")
    assert after.result(timeout=20) == [0, 1]
    assert kinds(after).count("SignalReceived") == 2


def test_a_start_that_was_acknowledged_is_found_by_its_request_id(engine, follow):
    run = engine.start(steps, 1, id="s", request_id="r-1", policy="restart")
    again = follow(engine).start(steps, 1, id="s", request_id="r-1", policy="restart")
    assert again.run_id == run.run_id


def test_a_timer_that_was_due_meanwhile_fires(engine, follow):
    engine.start(rests, 0.05, id="r")
    following = follow(engine)
    assert following.handle("r").result(timeout=20) == "rested"


def test_a_timer_that_is_due_later_is_kept(engine, follow):
    run = engine.start(rests, 3600.0, id="r")
    before = run.history()
    following = follow(engine)
    after = following.handle("r")
    assert after.history() == before
    assert "rests" in after.stack()


def test_a_deadline_survives_its_engine(engine, follow):
    engine.start(hurried, id="h")
    with pytest.raises(aion.WorkflowTimedOut):
        follow(engine).handle("h").result(timeout=20)


def test_a_delayed_start_begins_on_the_next_engine(engine, follow):
    engine.start(steps, 0, id="s", delay=0.2)
    assert follow(engine).handle("s").result(timeout=20) == []


def test_a_task_token_is_good_on_the_next_engine(engine, house, follow, gate, within):
    engine.start(waits_for_a_hand, id="w")
    (token,) = gate("hand").reached()
    engine.heartbeat_activity(token, {"page": 1})

    def left_open():
        with house.store() as store:
            while not any(each.later for each in record_of(store.state(["w"])[0].open).activities):
                store.wait(0.1)

    within(left_open)  # an attempt whose engine dies before that is lost
    following = follow(engine)
    following.complete_activity(token, "done")
    assert following.handle("w").result(timeout=20) == "done"


def test_a_backing_off_activity_goes_on_with_its_count(engine, follow, gate, until):
    run = engine.start(backs_off, id="b")
    until(run, "ActivityFailed")
    assert follow(engine).handle("b").result(timeout=20) == 2
    assert gate("flaky").notes == [1, 2]


def test_a_cancellation_that_was_acknowledged_stands(engine, follow):
    run = engine.start(rests, 3600.0, id="r")
    run.cancel("enough")
    with pytest.raises(aion.WorkflowCancelled, match="enough"):
        follow(engine).handle("r").result(timeout=20)


def test_an_end_is_told_by_the_next_engine(engine, follow):
    run = engine.start(steps, 0, id="s")
    run.result(timeout=20)
    assert follow(engine).handle("s", run.run_id).result(timeout=20) == []


def test_three_deaths_in_a_row_lose_nothing(engine, follow, gate, until):
    engine.start(steps, 3, id="s")
    for number in range(3):
        until(engine.handle("s"), "ActivityCompleted", number + 1)
        engine = follow(engine)
        engine.handle("s").signal("next", message_id=str(number))
    assert engine.handle("s").result(timeout=20) == [0, 1, 2]
    assert gate("quick").notes == [0, 1, 2]


def test_many_open_runs_go_on(engine, follow):
    for number in range(100):
        engine.start(steps, 1, id=f"s{number}").signal("next")
    following = follow(engine)
    assert [following.handle(f"s{number}").result(timeout=60) for number in range(100)] == [[0]] * 100
