"""Replaying a history: every arrival is applied again, and must issue the commands that it issued then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from aion_core.machine.history import (
    ROLES,
    Identity,
    Role,
    Sorter,
    fits,
    identity_of_command,
    identity_of_event,
)
from aion_core.machine.ordinals import Hold
from aion_core.machine.run import WorkflowRun
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import HistoryCorrupt, NonDeterminism


def replay(run: WorkflowRun, events: Iterable[e.Event]) -> None:
    """Bring a new run to where its history ends.

    `events` are those of this run, up to the last that was drained. Raises `NonDeterminism` at the first command that
    is not the recorded one: then the run must be evicted.
    """
    sorter = Sorter()
    arrival: e.Event | None = None
    issued: list[e.Event] = []
    run.replaying = True
    for event in events:
        role = ROLES.get(type(event)) or sorter.role(event)
        if role is Role.ARRIVAL:
            if arrival is not None:
                if type(event) is e.WorkflowBlocked and type(arrival) is e.WorkflowStarted and not issued:
                    run.hold(Hold.BLOCKED)  # its drain was void, and waits for other code
                _apply(run, arrival, issued)
            arrival, issued = event, []
        elif arrival is None:
            raise HistoryCorrupt(f"begins with {e.event_tag(type(event))!r}")
        elif role is Role.ISSUED:
            issued.append(event)
    if arrival is not None:
        _apply(run, arrival, issued)
    run.replaying = False


def _apply(run: WorkflowRun, arrival: e.Event, issued: Sequence[e.Event]) -> None:
    run.recorded(issued)
    commands = run.apply(arrival)
    if run.violation is not None:
        raise run.violation
    if isinstance(arrival, e.WorkflowCancelled):
        # One event stands for the request and for the end, which settles everything open.
        commands = [command for command in commands if not isinstance(command, _SETTLED_BY_THE_END)]
    match(commands, issued, run.compare)


_SETTLED_BY_THE_END: Final = (c.CancelWorkflow, c.CancelActivity, c.CancelTimer)


Differs = Callable[[c.ScheduleActivity, e.ActivityScheduled], None]
"""Told of a call whose input is not the recorded one."""


def match(commands: Sequence[c.Command], issued: Sequence[e.Event], differs: Differs) -> None:
    """Compare kind, ordinal and name of each, in order. A local activity is recorded by its result, not here."""
    position = 0
    for command in commands:
        if type(command) is c.ScheduleActivity:
            if command.local:
                continue
            event = issued[position] if position < len(issued) else None
            if type(event) is e.ActivityScheduled and fits(command, event):
                if event.input.json != command.input.json:
                    differs(command, event)
                position += 1
                continue
        while position < len(issued) and not fits(command, issued[position]) and _given_up(issued[position]):
            position += 1
        if position == len(issued):
            raise NonDeterminism(f"nothing there{_after(issued)}", _does(command))
        event = issued[position]
        if not fits(command, event):
            raise NonDeterminism(_recorded(event), _does(command), seq=event.seq)
        position += 1
    while position < len(issued) and _given_up(issued[position]):
        position += 1
    if position < len(issued):
        raise NonDeterminism(_recorded(issued[position]), "does nothing there", seq=issued[position].seq)


def _given_up(event: e.Event) -> bool:
    """Whether it is the marker of a patch: the code may have stopped asking for it."""
    return type(event) is e.MarkerRecorded and event.kind is e.MarkerKind.PATCH


def _recorded(event: e.Event) -> str:
    """*activity `charge` (#3, event 17)*."""
    what = identity_of_event(event)
    number = f"#{what.ordinal}, " if what.ordinal is not None else ""
    return f"{_named(what)} ({number}event {event.seq})"


def _does(command: c.Command) -> str:
    """*starts timer `sla` at shop.py:41*."""
    what = identity_of_command(command)
    verb = {"activity": "calls", "timer": "starts", "child workflow": "starts"}.get(what.kind, "records")
    return f"{verb} {_named(what)}{f' at {command.source}' if command.source else ''}"


def _named(what: Identity) -> str:
    return f"{what.kind} `{what.name}`" if what.name else what.kind


def _after(issued: Sequence[e.Event]) -> str:
    return f" after event {issued[-1].seq}" if issued else ""
