"""Which events of a history came from outside, and what an issued command looks like once it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from attrs import frozen

from aion_core.model import commands as c
from aion_core.model import events as e


class Role(Enum):
    """What an event is to a replay."""

    ARRIVAL = "arrival"
    """It came from outside: it is applied, and what follows is what its drain issued."""
    ISSUED = "issued"
    """A command that the code issued then, and must issue again."""
    NOTE = "note"
    """It says something about an attempt, and the code never sees it."""


_DEPENDS: Final = frozenset(
    {
        e.ActivityFailed,
        e.ActivityCancelRequested,
        e.ActivityCancelled,
        e.WorkflowCancelRequested,
        e.WorkflowCancelled,
        e.WorkflowBlocked,
        e.WorkflowUnblocked,
    }
)
ROLES: Final[dict[type[e.Event], Role]] = {
    **dict.fromkeys((kind for kind in e.EVENT_TYPES if kind not in _DEPENDS), Role.ARRIVAL),
    **dict.fromkeys(
        (
            e.ActivityScheduled,
            e.TimerStarted,
            e.TimerCancelled,
            e.ChildWorkflowStarted,
            e.SignalSent,
            e.CancelSent,
            e.MarkerRecorded,
            e.SearchAttributesUpdated,
            e.MemoUpdated,
            e.UpdateCompleted,
            e.WorkflowCompleted,
            e.WorkflowFailed,
            e.WorkflowContinuedAsNew,
        ),
        Role.ISSUED,
    ),
    **dict.fromkeys((e.ActivityStarted, e.WithTimeoutCompleted), Role.NOTE),
}
"""Of events whose role is always the same. The `Sorter` knows the others."""


class Sorter:
    """Tells the roles of a run's events, going through them in order.

    Two events can be either: `ActivityCancelled` is the outcome of an activity that was asked to stop, or the command
    of an await that ended; `WorkflowCancelled` after a request is how the code ended, without one the request too.
    """

    def __init__(self) -> None:
        """At the beginning of a run."""
        self._asked_to_stop: set[int] = set()
        self._cancel_requested = False
        self._blocked = False

    def role(self, event: e.Event) -> Role:
        """The role of the next event."""
        return ROLES.get(type(event)) or self._role_here(event)

    def _role_here(self, event: e.Event) -> Role:
        """Of an event whose role depends on those before it, or on what is in it."""
        match event:
            case e.ActivityCancelRequested():
                self._asked_to_stop.add(event.ordinal)
                return Role.ISSUED
            case e.ActivityCancelled():
                return Role.ARRIVAL if event.ordinal in self._asked_to_stop else Role.ISSUED
            case e.WorkflowCancelRequested():
                self._cancel_requested = True
                return Role.ARRIVAL
            case e.WorkflowCancelled():  # of a blocked run it came without its code
                return Role.ISSUED if self._cancel_requested and not self._blocked else Role.ARRIVAL
            case e.WorkflowBlocked() | e.WorkflowUnblocked():
                self._blocked = isinstance(event, e.WorkflowBlocked)
                return Role.ARRIVAL
            case e.ActivityFailed():
                return Role.ARRIVAL if event.next_attempt_at is None else Role.NOTE
            case _:
                raise AssertionError(event)


def fits(command: c.Command, event: e.Event) -> bool:
    """Whether a command is the one that the event records: of its kind, with its ordinal and name."""
    recorded_as, same = _FITS[type(command)]
    return type(event) in recorded_as and same(command, event)


_Same = Callable[[Any, Any], bool]


def _ordinal(command: Any, event: Any) -> bool:
    return bool(command.ordinal == event.ordinal)


def _anything(_: Any, __: Any) -> bool:
    return True


_FITS: Final[dict[type[c.Command], tuple[tuple[type[e.Event], ...], _Same]]] = {
    c.ScheduleActivity: (
        (e.ActivityScheduled,),
        lambda x, y: x.ordinal == y.ordinal and x.activity_type == y.activity_type,
    ),
    c.CancelActivity: ((e.ActivityCancelled, e.ActivityCancelRequested), _ordinal),
    c.StartTimer: ((e.TimerStarted,), lambda x, y: x.ordinal == y.ordinal and x.name == y.name),
    c.CancelTimer: ((e.TimerCancelled,), _ordinal),
    c.StartChild: (
        (e.ChildWorkflowStarted,),
        lambda x, y: x.ordinal == y.ordinal and x.workflow_type == y.workflow_type,
    ),
    c.SendSignal: (
        (e.SignalSent,),
        lambda x, y: x.ordinal == y.ordinal and x.name == y.name and x.target == y.target,
    ),
    c.SendCancel: ((e.CancelSent,), lambda x, y: x.ordinal == y.ordinal and x.target == y.target),
    c.RecordMarker: (
        (e.MarkerRecorded,),
        lambda x, y: x.ordinal == y.ordinal and x.marker == y.kind and x.name == y.name,
    ),
    c.SetAttributes: ((e.SearchAttributesUpdated,), _anything),
    c.SetMemo: ((e.MemoUpdated,), _anything),
    c.CompleteUpdate: ((e.UpdateCompleted,), lambda x, y: x.update_id == y.update_id),
    c.CompleteWorkflow: ((e.WorkflowCompleted,), _anything),
    c.FailWorkflow: ((e.WorkflowFailed,), _anything),
    c.CancelWorkflow: ((e.WorkflowCancelled,), _anything),
    c.ContinueAsNew: ((e.WorkflowContinuedAsNew,), _anything),
    c.BlockWorkflow: ((), _anything),
}
"""What each command is recorded as, and what the two must have in common."""


# ---- for messages to people


@frozen
class Identity:
    """What is said of a command, or of the event that it once became."""

    kind: str
    ordinal: int | None = None
    name: str | None = None


_KINDS: Final[dict[type[e.Event], str]] = {
    e.ActivityScheduled: "activity",
    e.ActivityCancelled: "cancellation of activity",
    e.ActivityCancelRequested: "cancellation of activity",
    e.TimerStarted: "timer",
    e.TimerCancelled: "cancellation of timer",
    e.ChildWorkflowStarted: "child workflow",
    e.SignalSent: "signal",
    e.CancelSent: "cancel request",
    e.SearchAttributesUpdated: "search attributes",
    e.MemoUpdated: "memo",
    e.UpdateCompleted: "end of an update",
    e.WorkflowCompleted: "result",
    e.WorkflowFailed: "failure",
    e.WorkflowCancelled: "end by cancellation",
    e.WorkflowContinuedAsNew: "continuation as new",
}


def identity_of_event(event: e.Event) -> Identity:
    """What the history has."""
    if isinstance(event, e.MarkerRecorded):
        return Identity(event.kind.replace("_", " "), event.ordinal, event.name)
    return _identity(_KINDS.get(type(event), type(event).__name__), event)


def identity_of_command(command: c.Command) -> Identity:
    """What the code does, in the words for what it is recorded as."""
    if isinstance(command, c.RecordMarker):
        return Identity(command.marker.replace("_", " "), command.ordinal, command.name)
    recorded_as = _FITS[type(command)][0]
    return _identity(_KINDS[recorded_as[0]] if recorded_as else type(command).__name__, command)


def _identity(kind: str, thing: c.Command | e.Event) -> Identity:
    name: str | None
    match thing:
        case c.ScheduleActivity() | e.ActivityScheduled():
            name = thing.activity_type
        case c.StartChild() | e.ChildWorkflowStarted():
            name = thing.workflow_type
        case c.SendSignal() | e.SignalSent():
            name = f"{thing.name} to {thing.target}"
        case c.SendCancel() | e.CancelSent():
            name = str(thing.target)
        case c.StartTimer() | e.TimerStarted():
            name = thing.name
        case _:
            name = None
    return Identity(kind, getattr(thing, "ordinal", None), name)
