import asyncio
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.machine import WorkflowLoop, history
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import HistoryCorrupt, NonDeterminism
from aion_core.model.failures import Failure


async def activity(run, name):
    ordinal, outcome = run.activity(name)
    try:
        return await outcome
    except asyncio.CancelledError:
        run.cancel_activity(ordinal)
        raise


async def checkout(run):
    await activity(run, "charge")
    await asyncio.sleep(5)
    await activity(run, "ship")


@pytest.fixture
def story(record):
    story = record(checkout)
    story.completed(0)
    story.fired(0)
    return story


def test_a_changed_activity_names_what_history_has_and_what_the_code_does(story):
    async def changed(run):
        await activity(run, "charge")
        await asyncio.sleep(5)
        await activity(run, "deliver")

    with pytest.raises(NonDeterminism) as caught:
        story.replayed(changed, traced=True)
    assert str(caught.value).startswith(
        "history has activity `ship` (#1, event 6); the code now calls activity `deliver` at test_replay.py:"
    )
    assert (caught.value.code, caught.value.seq) == ("non-determinism", 6)


def test_another_kind_of_command_is_a_mismatch(story):
    async def changed(run):
        await activity(run, "charge")
        await activity(run, "ship")

    with pytest.raises(NonDeterminism, match=r"history has timer \(#0, event 4\); the code now calls activity `ship`"):
        story.replayed(changed)


def test_a_command_that_is_not_issued_any_more_is_a_mismatch(story):
    async def changed(run):
        await activity(run, "charge")
        await run.signals.get("never")

    with pytest.raises(NonDeterminism, match="the code now does nothing there"):
        story.replayed(changed)


def test_a_new_command_is_a_mismatch(story):
    async def changed(run):
        await asyncio.gather(activity(run, "charge"), activity(run, "audit"))

    with pytest.raises(NonDeterminism, match="history has nothing there after event 2; the code now calls"):
        story.replayed(changed)


def test_every_prefix_that_ends_with_a_drain_can_be_replayed(story):
    for length in (2, 4, 6):
        story.replayed(events=story.history[:length])


def test_notes_about_attempts_are_not_seen_by_the_code(record):
    story = record(checkout)
    story.history.append(e.ActivityStarted(seq=3, at=story.clock, ordinal=0))
    story.completed(0)
    assert type(story.history[-1]) is e.TimerStarted


def test_a_blocked_run_that_was_cancelled_replays_though_it_had_refused_a_cancellation_before(record):
    async def stubborn(run):
        while True:
            try:
                await activity(run, "charge")
            except asyncio.CancelledError:
                continue

    run = record(stubborn)
    run.issued(e.WorkflowCancelRequested, reason="no")
    seq = len(run.history)
    blocked = e.WorkflowBlocked(seq=seq + 1, at=9, failure=Failure(type="NonDeterminism", message="changed"))
    cancelled = e.WorkflowCancelled(seq=seq + 2, at=9, reason="enough")
    run.replayed(events=[*run.history, blocked, cancelled])


def test_a_history_that_begins_in_the_middle_is_corrupt(story):
    with pytest.raises(HistoryCorrupt, match=r"begins with 'activity.scheduled/1'"):
        story.replayed(events=story.history[1:])


def test_every_command_has_an_event_that_records_it_and_a_word_for_people():
    assert set(history._FITS) == set(get_args(c.AnyCommand))
    recorded_as = {kind for kinds, _ in history._FITS.values() for kind in kinds}
    assert recorded_as - {e.MarkerRecorded} == set(history._KINDS)


async def racing(run):
    """Signals race timers, cancellations and conditions; what it does depends on every order of arrival."""
    seen = []

    async def listener(name):
        while len(seen) < 6:
            try:
                async with asyncio.timeout(3):
                    event = await run.signals.get(name)
                seen.append(event.name)
                await activity(run, f"handle-{name}")
            except TimeoutError:
                await activity(run, f"late-{name}")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(listener(name)) for name in ("a", "b")]
        await run.condition(lambda: len(seen) >= 4)
        tasks[0].cancel()


@given(choices=st.lists(st.integers(0, 5), max_size=25))
def test_any_order_of_arrivals_gives_the_same_commands_in_replay(recording, choices):
    with WorkflowLoop() as loop:
        story = recording(loop, racing)
        for choice in choices:
            if story.run.closed:
                break
            arrival = _arrival(story, choice)
            if arrival is not None:
                story.issued(arrival[0], **arrival[1])
        story.replayed()
        story.close()


def _arrival(story, choice):
    """Something that may arrive now: a signal, a due timer, the result of an open activity, a cancel request."""
    open_timers, open_activities = [], []
    for event in story.history:
        match event:
            case e.TimerStarted():
                open_timers.append(event.ordinal)
            case e.TimerFired() | e.TimerCancelled():
                open_timers.remove(event.ordinal)
            case e.ActivityScheduled():
                open_activities.append(event.ordinal)
            case e.ActivityCompleted() | e.ActivityCancelled():
                open_activities.remove(event.ordinal)
            case _:
                pass
    if choice < 2:
        return e.SignalReceived, {"name": "ab"[choice]}
    if choice == 2 and open_timers:
        return e.TimerFired, {"ordinal": open_timers[0], "after": 3}
    if choice in {3, 4} and open_activities:
        return e.ActivityCompleted, {"ordinal": open_activities[0 if choice == 3 else -1]}
    if choice == 5:
        return e.WorkflowCancelRequested, {}
    return None
