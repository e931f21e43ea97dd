"""What must be true of one workflow's events, whatever happened while they were written. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

from attrs import frozen

from aion_core.model import events as e
from aion_core.model.events import Event
from aion_core.model.ids import WorkflowId
from aion_core.model.times import Instant


class Invariant(StrEnum):
    """What holds of every store after every run."""

    CONTIGUOUS = "I1"
    """The seqs of a workflow are 1 to its head; after retention, floor + 1 to its head."""
    ACKNOWLEDGED = "I2"
    """What was acknowledged is readable until it is trimmed."""
    FENCED = "I3"
    """No commit of an older epoch lands after one of a newer."""
    FOLDED = "I4"
    """State rows, run entries and visibility equal the fold of the history; inboxes hold nothing that was settled."""
    ONE_OPEN = "I5"
    """At most one run of a workflow is open."""
    ONCE = "I6"
    """A commit stands in its history once."""
    ONE_END = "I7"
    """A run ends once, and nothing follows its end, unless it is reopened."""
    ACTIVITIES = "I8"
    """An activity is scheduled once and ends once; its attempts rise."""
    TIMERS = "I9"
    """A timer ends once, and never fires before its time."""
    MESSAGES = "I10"
    """A message is recorded once."""
    REPLAYS = "I11"
    """Every history replays."""
    QUERIES = "I12"
    """A query leaves no trace."""
    PACKAGES = "I13"
    """A package's bytes hash to its version."""
    LIVE = "I14"
    """When the faults are over, every run comes to its end."""
    TIMES = "times"
    """Recorded times never decrease, and none lies ahead of the clock."""


@frozen
class Violation:
    """One invariant does not hold, and where."""

    invariant: Invariant
    workflow_id: WorkflowId | None
    problem: str

    def __str__(self) -> str:
        where = "" if self.workflow_id is None else f" {self.workflow_id!r}:"
        return f"{self.invariant.value}{where} {self.problem}"


Finding = tuple[Invariant, str]


def findings(history: Sequence[Event]) -> Iterator[Finding]:
    """What is wrong with a history, from its first kept event on."""
    yield from _times(history)
    yield from _messages(history)
    runs = split_runs(history)
    yield from _one_open(runs)
    for number, run in enumerate(runs, 1):
        for rule in (_one_end, _activities, _timers):
            for invariant, problem in rule(run):
                yield invariant, f"in run {number}: {problem}"


def split_runs(history: Iterable[Event]) -> list[list[Event]]:
    """The events of each run."""
    runs: list[list[Event]] = []
    for event in history:
        if isinstance(event, e.WorkflowStarted) or not runs:
            runs.append([])
        runs[-1].append(event)
    return runs


def effective(run: Sequence[Event]) -> list[Event]:
    """A run's events without those that a reopen took back."""
    kept: list[Event] = []
    for event in run:
        if isinstance(event, e.WorkflowReopened):
            after = event.resume_after
            kept = [before for before in kept if before.seq <= after or isinstance(before, _DELIVERED_AGAIN)]
        kept.append(event)
    return kept


_DELIVERED_AGAIN: Final = (e.SignalReceived, e.UpdateAccepted, e.WorkflowReopened)


def open_timers(run: Sequence[Event]) -> list[Instant]:
    """When the timers fire that a run still has."""
    times: dict[int, Instant] = {}
    for event in effective(run):
        if isinstance(event, e.TimerStarted):
            times[event.ordinal] = event.fire_at
        elif isinstance(event, e.TimerFired | e.TimerCancelled):
            times.pop(event.ordinal, None)
    return sorted(times.values())


# ---- the rules


def _times(history: Sequence[Event]) -> Iterator[Finding]:
    for before, event in pairwise(history):
        if event.at < before.at:
            yield Invariant.TIMES, f"{_name(event)} was recorded {before.at - event.at} µs before {_name(before)}"


def message_id_of(event: Event) -> str | None:
    """The id of the message that an event records, if it had one."""
    match event:
        case e.WorkflowStarted():
            return event.request_id
        case e.UpdateAccepted():
            return event.update_id
        case (
            e.SignalReceived()
            | e.WorkflowCancelRequested()
            | e.WorkflowCancelled()
            | e.WorkflowTerminated()
            | e.WorkflowPaused()
            | e.WorkflowResumed()
        ):
            return event.message_id
        case _:
            return None


def _messages(history: Sequence[Event]) -> Iterator[Finding]:
    seen: dict[tuple[type[Event], str], Event] = {}  # a start and the signal that came with it share an id
    for event in history:
        if (message_id := message_id_of(event)) is None:
            continue
        first = seen.setdefault((type(event), message_id), event)
        if first is not event:
            yield Invariant.MESSAGES, f"the message {message_id!r} is {_name(first)} and {_name(event)}"


def _one_open(runs: Sequence[Sequence[Event]]) -> Iterator[Finding]:
    for number, run in enumerate(runs[:-1], 1):
        if _ending(run) is None:
            yield Invariant.ONE_OPEN, f"run {number} is open and run {number + 1} was started"


def _ending(run: Sequence[Event]) -> Event | None:
    return next((event for event in effective(run) if isinstance(event, e.TERMINAL_TYPES)), None)


def _one_end(run: Sequence[Event]) -> Iterator[Finding]:
    end: Event | None = None
    for event in run:
        if isinstance(event, e.WorkflowReopened):
            if end is None:
                yield Invariant.ONE_END, f"{_name(event)} reopens what is open"
            end = None
        elif end is not None:
            yield Invariant.ONE_END, f"{_name(event)} follows the end, {_name(end)}"
        elif isinstance(event, e.TERMINAL_TYPES):
            end = event


def _activities(run: Sequence[Event]) -> Iterator[Finding]:
    scheduled: dict[int, Event] = {}
    ended: dict[int, Event] = {}
    attempts: defaultdict[int, int] = defaultdict(int)
    for event in effective(run):
        if isinstance(event, e.ActivityScheduled):
            if event.ordinal in scheduled:
                yield Invariant.ACTIVITIES, f"{_name(event)} schedules activity #{event.ordinal} again"
            scheduled[event.ordinal] = event
            continue
        if not isinstance(event, _OF_ACTIVITIES):
            continue
        if event.ordinal in ended:
            yield Invariant.ACTIVITIES, f"{_name(event)} follows {_name(ended[event.ordinal])} of #{event.ordinal}"
        if event.ordinal not in scheduled and not _may_be_local(event):
            yield Invariant.ACTIVITIES, f"{_name(event)} is of activity #{event.ordinal}, which was never scheduled"
        if isinstance(event, e.ActivityCompleted | e.ActivityFailed | e.ActivityStarted):
            if event.attempt <= attempts[event.ordinal]:
                last = attempts[event.ordinal]
                yield Invariant.ACTIVITIES, f"{_name(event)} is attempt {event.attempt}, after attempt {last}"
            if not isinstance(event, e.ActivityStarted):
                attempts[event.ordinal] = event.attempt
        if _ends_activity(event):
            ended[event.ordinal] = event


_OF_ACTIVITIES: Final = (
    e.ActivityStarted,
    e.ActivityCompleted,
    e.ActivityFailed,
    e.ActivityCancelRequested,
    e.ActivityCancelled,
)


def _may_be_local(event: Event) -> bool:
    """A local activity has no schedule. Its outcome says what it was; that its await was cancelled does not."""
    match event:
        case e.ActivityCompleted() | e.ActivityFailed():
            return event.activity_type is not None
        case e.ActivityCancelled() | e.ActivityCancelRequested():
            return True
        case _:
            return False


def _ends_activity(event: Event) -> bool:
    if isinstance(event, e.ActivityFailed):
        return event.next_attempt_at is None
    return isinstance(event, e.ActivityCompleted | e.ActivityCancelled)


def _timers(run: Sequence[Event]) -> Iterator[Finding]:
    started: dict[int, e.TimerStarted] = {}
    ended: dict[int, Event] = {}
    for event in effective(run):
        if isinstance(event, e.TimerStarted):
            if event.ordinal in started:
                yield Invariant.TIMERS, f"{_name(event)} starts timer #{event.ordinal} again"
            started[event.ordinal] = event
        elif isinstance(event, e.TimerFired | e.TimerCancelled):
            if event.ordinal in ended:
                yield Invariant.TIMERS, f"{_name(event)} follows {_name(ended[event.ordinal])} of #{event.ordinal}"
            ended.setdefault(event.ordinal, event)
            timer = started.get(event.ordinal)
            if timer is None:
                yield Invariant.TIMERS, f"{_name(event)} is of timer #{event.ordinal}, which was never started"
            elif isinstance(event, e.TimerFired) and event.at < timer.fire_at:
                yield Invariant.TIMERS, f"{_name(event)} comes {timer.fire_at - event.at} µs before its time"


def _name(event: Event) -> str:
    return f"{type(event).__name__} ({event.seq})"
