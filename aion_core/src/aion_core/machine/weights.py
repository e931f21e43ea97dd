"""How much history a run has: figures that are the same when it first runs, in every replay, and however it is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.payloads import Payload

_EVENT: Final = 100
"""Bytes of an event without its payloads, about."""


def weight(thing: e.Event | c.Command) -> int:
    """Bytes that an event takes, about; of a command, those of the event that records it."""
    payloads = _PAYLOADS.get(type(thing))
    return _EVENT if payloads is None else _EVENT + payloads(thing)


def _sizes(payloads: Iterable[Payload | None]) -> int:
    return sum(len(payload) for payload in payloads if payload is not None)


_PAYLOADS: Final[dict[type[e.Event | c.Command], Callable[[Any], int]]] = {
    e.WorkflowStarted: lambda it: len(it.input) + _sizes(it.memo.values()),
    e.ActivityScheduled: lambda it: len(it.input),
    c.ScheduleActivity: lambda it: len(it.input),
    e.ActivityCompleted: lambda it: len(it.result) + (0 if it.input is None else len(it.input)),
    e.ChildWorkflowStarted: lambda it: len(it.input),
    c.StartChild: lambda it: len(it.input),
    e.ChildWorkflowCompleted: lambda it: len(it.result),
    e.SignalReceived: lambda it: len(it.payload),
    e.SignalSent: lambda it: len(it.payload),
    c.SendSignal: lambda it: len(it.payload),
    e.UpdateAccepted: lambda it: len(it.input),
    e.MarkerRecorded: lambda it: len(it.value),
    c.RecordMarker: lambda it: len(it.value),
    e.MemoUpdated: lambda it: _sizes(it.memo.values()),
    c.SetMemo: lambda it: _sizes(it.memo.values()),
}
