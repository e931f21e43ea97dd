"""How much history a run has: figures that are the same when it first runs, in every replay, and however it is cut."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.payloads import Payload

_EVENT: Final = 100
"""Bytes of an event without its payloads, about."""


def weight(thing: e.Event | c.Command) -> int:
    """Bytes that an event takes, about; of a command, those of the event that records it."""
    size = _EVENT
    for name in _PAYLOADS.get(type(thing), ()):
        value = getattr(thing, name)
        if type(value) is Payload:
            text = value.json  # almost always there, and asked for here because every event of a replay is weighed
            size += len(value) if text is UNSET else len(text)
        elif value:
            size += sum(len(payload) for payload in value.values() if payload is not None)
    return size


_PAYLOADS: Final[dict[type[e.Event | c.Command], tuple[str, ...]]] = {
    e.WorkflowStarted: ("input", "memo"),
    e.ActivityScheduled: ("input",),
    c.ScheduleActivity: ("input",),
    e.ActivityCompleted: ("result", "input"),
    e.ChildWorkflowStarted: ("input",),
    c.StartChild: ("input",),
    e.ChildWorkflowCompleted: ("result",),
    e.SignalReceived: ("payload",),
    e.SignalSent: ("payload",),
    c.SendSignal: ("payload",),
    e.UpdateAccepted: ("input",),
    e.MarkerRecorded: ("value",),
    c.RecordMarker: ("value",),
    e.MemoUpdated: ("memo",),
    c.SetMemo: ("memo",),
}
"""The fields with users' values: a payload, none, or a memo of several."""
