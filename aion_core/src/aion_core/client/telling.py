"""A history in words: what happened, when, and how long it took, one line per event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from msgspec import UNSET

from aion_core.client.events import plain_value
from aion_core.codec import write_json
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.status import Status
from aion_core.model.summaries import Summary
from aion_core.model.times import SECOND, as_datetime

_LONGEST: Final = 60
_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def told(summary: Summary, events: Iterable[e.Event]) -> str:
    """The whole history: a line about the run, then one for each event."""
    past = Past()
    known = list(events)
    lines = [(str(event.seq), _clock(event), past.words(event)) for event in known]
    width = max((len(seq) for seq, _, _ in lines), default=1)
    return "\n".join([headline(summary, known), *(f"  {seq:>{width}}  {at}  {what}" for seq, at, what in lines)])


class Past:
    """What the events so far were about, so that a later one can name it."""

    def __init__(self) -> None:
        """Before the first event."""
        self._begun: dict[tuple[str, int], tuple[str, int]] = {}

    def words(self, event: e.Event) -> str:
        """What happened, as people say it. Called once for every event, in order."""
        say = _WORDS.get(type(event))
        return say(event, self) if say else type(event).__name__

    def begin(self, kind: str, event: Any, name: str) -> str:
        """Remember what this ordinal is; its name with the ordinal."""
        self._begun[kind, event.ordinal] = (name, event.at)
        return self.name(kind, event)

    def name(self, kind: str, event: Any) -> str:
        """What this ordinal is called."""
        name, _ = self._begun.get((kind, event.ordinal), ("", 0))
        return f"{name} #{event.ordinal}" if name else f"#{event.ordinal}"

    def took(self, kind: str, event: Any) -> str:
        """How long it took, as the end of a sentence."""
        begun = self._begun.get((kind, event.ordinal))
        return f" after {length(event.at - begun[1])}" if begun else ""


def length(micros: int) -> str:
    """A duration with the precision that people want."""
    if micros < SECOND:
        return f"{micros / 1000:.3g} ms" if micros < SECOND // 10 else f"{micros // 1000} ms"
    if micros < _MINUTE:
        return f"{micros / SECOND:.1f} s"
    if micros < _HOUR:
        return f"{micros // _MINUTE} min {micros % _MINUTE // SECOND} s"
    if micros < _DAY:
        return f"{micros // _HOUR} h {micros % _HOUR // _MINUTE} min"
    return f"{micros // _DAY} d {micros % _DAY // _HOUR} h"


def headline(summary: Summary, events: Sequence[e.Event]) -> str:
    """A line about the run, as it is after these events."""
    status = summary.status.replace("_", " ")
    lasted = f" after {length(events[-1].at - events[0].at)}" if events and not summary.status.open else ""
    reason = f" ({summary.blocked_reason})" if summary.status is Status.BLOCKED else ""
    return f"{summary.id}  {summary.type}  {status}{lasted}{reason}  (run {summary.run_id})"


def _clock(event: e.Event) -> str:
    return f"{as_datetime(event.at):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _shown(payload: Payload) -> str:
    if payload.blob is not UNSET:
        return f"{len(payload):,} bytes"
    plain: object = plain_value(payload)
    return f"{len(plain):,} bytes" if isinstance(plain, bytes) else _cut(write_json(plain).decode())


def _arguments(payload: Payload) -> str:
    plain: object = plain_value(payload) if payload.blob is UNSET else None
    if not isinstance(plain, list):
        return _shown(payload)
    return _cut(", ".join(write_json(item).decode() for item in cast("list[object]", plain)))


def _given(payload: Payload | None) -> str:
    return "" if payload is None or payload == EMPTY else f" → {_shown(payload)}"


def _why(reason: str) -> str:
    return f": {_cut(reason)}" if reason else ""


def _failed(failure: Failure) -> str:
    return _cut(f"{failure.type}: {failure.message}" if failure.message else failure.type)


def _started(event: e.WorkflowStarted, _: Past) -> str:
    attempt = f", attempt {event.attempt}" if event.attempt > 1 else ""
    wait = f", not before {as_datetime(event.not_before):%Y-%m-%d %H:%M:%S}" if event.not_before else ""
    return f"started {event.workflow_type}({_arguments(event.input)}){attempt}{wait}"


def _attempt(event: Any) -> str:
    return f" on attempt {event.attempt}" if event.attempt > 1 else ""


def _activity_failed(event: e.ActivityFailed, past: Past) -> str:
    name = past.name("activity", event) if event.activity_type is None else f"{event.activity_type} #{event.ordinal}"
    again = "" if event.next_attempt_at is None else f"; again in {length(event.next_attempt_at - event.at)}"
    return f"activity {name} failed{_attempt(event)}: {_failed(event.failure)}{again}"


def _activity_completed(event: e.ActivityCompleted, past: Past) -> str:
    if event.activity_type is not None:
        return f"local activity {event.activity_type} #{event.ordinal} completed{_given(event.result)}"
    took = past.took("activity", event)
    return f"activity {past.name('activity', event)} completed{took}{_attempt(event)}{_given(event.result)}"


def _timer_started(event: e.TimerStarted, past: Past) -> str:
    return f"timer {past.begin('timer', event, event.name or '')} set for {length(event.fire_at - event.at)}"


def _update_completed(event: e.UpdateCompleted, _: Past) -> str:
    if event.failure is not None:
        return f"update {event.update_id} failed: {_failed(event.failure)}"
    return f"update {event.update_id} completed{_given(event.result)}"


_Say: TypeAlias = Callable[[Any, Past], str]

_WORDS: Final[Mapping[type[e.Event], _Say]] = {
    e.WorkflowStarted: _started,
    e.WorkflowCompleted: lambda this, _: f"completed{_given(this.result)}",
    e.WorkflowFailed: lambda this, _: f"failed: {_failed(this.failure)}",
    e.WorkflowCancelRequested: lambda this, _: f"cancel requested{_why(this.reason)}",
    e.WorkflowCancelled: lambda this, _: f"cancelled{_why(this.reason)}",
    e.WorkflowTerminated: lambda this, _: f"terminated{_why(this.reason)}",
    e.WorkflowTimedOut: lambda _this, _: "timed out",
    e.WorkflowContinuedAsNew: lambda this, _: f"continued as new: {this.workflow_type}({_arguments(this.input)})",
    e.WorkflowReopened: lambda this, _: f"reopened after event {this.resume_after}{_why(this.reason)}",
    e.WorkflowPaused: lambda this, _: f"paused{_why(this.reason)}",
    e.WorkflowResumed: lambda _this, _: "resumed",
    e.WorkflowBlocked: lambda this, _: f"blocked: {_failed(this.failure)}",
    e.WorkflowUnblocked: lambda _this, _: "unblocked",
    e.SearchAttributesUpdated: lambda this, _: (
        "attributes set: "
        + _cut(", ".join(f"{name} = {value.plain if value else None}" for name, value in this.attributes.items()))
    ),
    e.MemoUpdated: lambda this, _: (
        "memo set: "
        + _cut(", ".join(f"{name} = {_shown(value) if value else None}" for name, value in this.memo.items()))
    ),
    e.MarkerRecorded: lambda this, _: f"{this.kind.replace('_', ' ')} {this.name or this.ordinal}{_given(this.value)}",
    e.ActivityScheduled: lambda this, past: (
        f"activity {past.begin('activity', this, this.activity_type)} scheduled: ({_arguments(this.input)})"
    ),
    e.ActivityStarted: lambda this, past: f"activity {past.name('activity', this)} dispatched{_attempt(this)}",
    e.ActivityCompleted: _activity_completed,
    e.ActivityFailed: _activity_failed,
    e.ActivityCancelRequested: lambda this, past: f"activity {past.name('activity', this)} told to stop",
    e.ActivityCancelled: lambda this, past: (
        f"activity {past.name('activity', this)} cancelled{past.took('activity', this)}"
    ),
    e.TimerStarted: _timer_started,
    e.TimerFired: lambda this, past: f"timer {past.name('timer', this)} fired{past.took('timer', this)}",
    e.TimerCancelled: lambda this, past: f"timer {past.name('timer', this)} cancelled",
    e.WithTimeoutCompleted: lambda this, _: f"timed scope #{this.ordinal}: {this.outcome.replace('_', ' ')}",
    e.SignalReceived: lambda this, _: f"signal {this.name} received: {_shown(this.payload)}",
    e.SignalSent: lambda this, _: f"signal {this.name} sent to {this.target}: {_shown(this.payload)}",
    e.CancelSent: lambda this, _: f"cancel sent to {this.target}{_why(this.reason)}",
    e.UpdateAccepted: lambda this, _: f"update {this.name} {this.update_id} accepted: ({_arguments(this.input)})",
    e.UpdateCompleted: _update_completed,
    e.ChildWorkflowStarted: lambda this, past: (
        f"child {past.begin('child', this, this.workflow_id)} started: {this.workflow_type}({_arguments(this.input)})"
    ),
    e.ChildWorkflowCompleted: lambda this, past: (
        f"child {past.name('child', this)} completed{past.took('child', this)}{_given(this.result)}"
    ),
    e.ChildWorkflowFailed: lambda this, past: (
        f"child {past.name('child', this)} {this.status.replace('_', ' ')}: {_failed(this.failure)}"
    ),
    e.ChildWorkflowCancelled: lambda this, past: f"child {past.name('child', this)} cancelled{_why(this.reason)}",
    e.ScheduleCreated: lambda this, _: f"schedule {this.schedule_id} created",
    e.ScheduleUpdated: lambda _this, _: "schedule updated",
    e.SchedulePaused: lambda this, _: f"schedule paused{_why(this.note)}",
    e.ScheduleResumed: lambda this, _: f"schedule resumed{_why(this.note)}",
    e.ScheduleDeleted: lambda _this, _: "schedule deleted",
    e.ScheduleTriggered: lambda this, _: (
        f"nominal time {as_datetime(this.nominal):%Y-%m-%d %H:%M:%S}: {this.decision}"
        + (f" {this.workflow_id}" if this.workflow_id else "")
    ),
}
