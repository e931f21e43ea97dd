import pytest

from aion_core.engine.timers import HORIZON, Timers
from aion_core.ledger import RunLedger
from aion_core.model import events as e
from aion_core.model.times import SECOND
from aion_core.spi import Wake
from aion_testkit.clock import SteppedPlatform


@pytest.fixture
def clock():
    return SteppedPlatform()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def timers(clock, woken):
    return Timers(clock, wake=woken.append)


def ledger(clock, *seconds, id="order-42"):
    run = RunLedger(id)
    run.fold(
        e.WorkflowStarted(seq=1, at=clock.now(), run_id="r", workflow_type="t", version="v", python="3", machine=1)
    )
    for ordinal, after in enumerate(seconds):
        fire_at = clock.now() + round(after * SECOND)
        run.fold(e.TimerStarted(seq=2 + ordinal, at=clock.now(), ordinal=ordinal, fire_at=fire_at))
    return run


def test_a_workflow_is_woken_when_its_earliest_time_has_come_and_not_before(timers, clock, woken):
    timers.note(ledger(clock, 9, 3))
    clock.advance(2.9)
    timers.due()
    assert woken == []
    clock.advance(0.1)
    timers.due()
    assert woken == ["order-42"]


def test_it_asks_to_be_called_when_the_next_time_comes(timers, clock):
    timers.note(ledger(clock, 3))
    assert timers.due() == pytest.approx(clock.monotonic() + 3)


def test_the_clock_is_looked_at_every_few_seconds_since_it_may_be_set(timers, clock):
    timers.note(ledger(clock, 60))
    assert timers.due() <= clock.monotonic() + 5


def test_an_empty_heap_asks_for_nothing(timers):
    assert timers.due() is None


def test_a_later_noting_replaces_the_time(timers, clock, woken):
    run = ledger(clock, 3, 8)
    timers.note(run)
    run.fold(e.TimerCancelled(seq=4, at=clock.now(), ordinal=0))
    timers.note(run)
    clock.advance(5)
    timers.due()
    assert woken == []
    clock.advance(3)
    timers.due()
    assert woken == ["order-42"]


def test_a_closed_run_is_not_woken(timers, clock, woken):
    run = ledger(clock, 3)
    timers.note(run)
    run.fold(e.WorkflowCompleted(seq=3, at=clock.now()))
    timers.note(run)
    clock.advance(10)
    timers.due()
    assert (woken, len(timers)) == ([], 0)


def test_what_is_far_away_is_left_to_the_store(timers, clock):
    timers.note(ledger(clock, HORIZON / SECOND + 1))
    assert len(timers) == 0


def test_a_far_time_of_a_run_with_activities_is_kept_since_its_row_hides_it(timers, clock):
    run = ledger(clock, HORIZON / SECOND + 1)
    run.fold(e.ActivityScheduled(seq=3, at=clock.now(), ordinal=0, activity_type="charge", dispatched=True))
    timers.note(run)
    assert len(timers) == 1


def test_what_the_store_has_wakes_likewise_unless_the_engine_knows_better(timers, clock, woken):
    timers.note(ledger(clock, 3, id="known"))
    timers.read_ahead([Wake(clock.now(), "known"), Wake(clock.now(), "other")])
    timers.due()
    assert woken == ["other"]


def test_what_another_engine_owns_is_forgotten(timers, clock, woken):
    timers.note(ledger(clock, 1, id="a"))
    timers.note(ledger(clock, 1, id="b"))
    timers.forget(lambda workflow_id: workflow_id == "a")
    clock.advance(2)
    timers.due()
    assert woken == ["b"]
