"""Which events of a history came from outside, and what an issued command looks like once it is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.ids import WorkflowId
from aion_core.model.payloads import Payload

_ISSUED: Final = (
    e.ActivityScheduled,
    e.ActivityCancelRequested,
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
)
_NOTES: Final = (e.ActivityStarted, e.WithTimeoutCompleted)


class Sorter:
    """Tells arrivals, issued commands and notes apart, going through a run's events in order.

    Two events can be either: `ActivityCancelled` is the outcome of an activity that was asked to stop, or the command
    of an await that ended; `WorkflowCancelled` after a request is how the code ended, without one the request too.
    """

    def __init__(self) -> None:
        """At the beginning of a run."""
        self._asked_to_stop: set[int] = set()
        self._cancel_requested = False

    def is_arrival(self, event: e.Event) -> bool:
        """Whether it came from outside: it is applied, and what follows is what its drain issued."""
        if isinstance(event, e.ActivityCancelRequested):
            self._asked_to_stop.add(event.ordinal)
        if isinstance(event, e.WorkflowCancelRequested):
            self._cancel_requested = True
        if isinstance(event, e.ActivityCancelled):
            return event.ordinal in self._asked_to_stop
        if isinstance(event, e.WorkflowCancelled):
            return not self._cancel_requested
        if isinstance(event, e.ActivityFailed) and event.next_attempt_at is not None:
            return False
        return not isinstance(event, _ISSUED + _NOTES)

    @staticmethod
    def is_note(event: e.Event) -> bool:
        """Whether it is neither: it says something about an attempt, and the code never sees it."""
        retried = isinstance(event, e.ActivityFailed) and event.next_attempt_at is not None
        return retried or isinstance(event, _NOTES)


def markers_in(issued: Sequence[e.Event]) -> dict[int, Payload]:
    """The recorded values of markers among these events."""
    return {event.ordinal: event.value for event in issued if isinstance(event, e.MarkerRecorded)}


Identity = tuple[str, int | str | WorkflowId | None, str | None]
"""Kind, ordinal, and name where there is one: what a command must have in common with its event."""


def identity_of_event(event: e.Event) -> Identity:
    """What the history has."""
    match event:
        case e.ActivityScheduled():
            return ("activity", event.ordinal, event.activity_type)
        case e.ActivityCompleted() | e.ActivityFailed():
            return ("local activity", event.ordinal, event.activity_type)
        case e.ActivityCancelled() | e.ActivityCancelRequested():
            return ("cancellation of activity", event.ordinal, None)
        case e.TimerStarted():
            return ("timer", event.ordinal, event.name)
        case e.TimerCancelled():
            return ("cancellation of timer", event.ordinal, None)
        case e.ChildWorkflowStarted():
            return ("child workflow", event.ordinal, event.workflow_type)
        case e.SignalSent():
            return ("signal", event.ordinal, f"{event.name} to {event.target}")
        case e.CancelSent():
            return ("cancel request", event.ordinal, str(event.target))
        case e.MarkerRecorded():
            return (event.kind.replace("_", " "), event.ordinal, event.name)
        case _:
            return (_PLAIN.get(type(event), type(event).__name__), None, None)


def identity_of_command(command: c.Command) -> Identity:
    """What the code does."""
    match command:
        case c.ScheduleActivity():
            return ("activity", command.ordinal, command.activity_type)
        case c.CancelActivity():
            return ("cancellation of activity", command.ordinal, None)
        case c.StartTimer():
            return ("timer", command.ordinal, command.name)
        case c.CancelTimer():
            return ("cancellation of timer", command.ordinal, None)
        case c.StartChild():
            return ("child workflow", command.ordinal, command.workflow_type)
        case c.SendSignal():
            return ("signal", command.ordinal, f"{command.name} to {command.target}")
        case c.SendCancel():
            return ("cancel request", command.ordinal, str(command.target))
        case c.RecordMarker():
            return (command.marker.replace("_", " "), command.ordinal, command.name)
        case _:
            return (_ENDS.get(type(command), type(command).__name__), None, None)


_PLAIN: Final[dict[type[e.Event], str]] = {
    e.SearchAttributesUpdated: "search attributes",
    e.MemoUpdated: "memo",
    e.UpdateCompleted: "end of an update",
    e.WorkflowCompleted: "result",
    e.WorkflowFailed: "failure",
    e.WorkflowCancelled: "end by cancellation",
    e.WorkflowContinuedAsNew: "continuation as new",
}
_ENDS: Final[dict[type[c.Command], str]] = {
    c.SetAttributes: "search attributes",
    c.SetMemo: "memo",
    c.CompleteUpdate: "end of an update",
    c.CompleteWorkflow: "result",
    c.FailWorkflow: "failure",
    c.CancelWorkflow: "end by cancellation",
    c.ContinueAsNew: "continuation as new",
}
