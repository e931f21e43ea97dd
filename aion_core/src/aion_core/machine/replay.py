"""Replaying a history: every arrival is applied again, and must issue the commands that it issued then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aion_core.machine.history import Identity, Sorter, identity_of_command, identity_of_event, markers_in
from aion_core.machine.run import WorkflowRun
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import HistoryCorrupt, NonDeterminism


def replay(run: WorkflowRun, events: Iterable[e.Event]) -> None:
    """Bring a new run to where its history ends.

    `events` are those of this run, up to the last that was drained. Raises `NonDeterminism` at the first command that
    is not the recorded one: then the run must be evicted.
    """
    for arrival, issued in _turns(events):
        run.recorded(markers_in(issued))
        commands = run.apply(arrival)
        if (
            isinstance(arrival, e.WorkflowCancelled)
            and len(commands) == 1
            and isinstance(commands[0], c.CancelWorkflow)
        ):
            continue  # one event stands for the request and for the end
        match(commands, [event for event in issued if not _is_local_result(event)])


def match(commands: Sequence[c.Command], issued: Sequence[e.Event]) -> None:
    """Compare kind, ordinal and name of each, in order."""
    commands = [command for command in commands if not (isinstance(command, c.ScheduleActivity) and command.local)]
    for command, event in zip(commands, issued, strict=False):
        if identity_of_command(command) != identity_of_event(event):
            raise NonDeterminism(_recorded(event), _does(command), seq=event.seq)
    if len(commands) > len(issued):
        extra = commands[len(issued)]
        raise NonDeterminism(f"nothing there{_after(issued)}", _does(extra))
    if len(issued) > len(commands):
        missing = issued[len(commands)]
        raise NonDeterminism(_recorded(missing), "does nothing there", seq=missing.seq)


def _turns(events: Iterable[e.Event]) -> Iterable[tuple[e.Event, list[e.Event]]]:
    """Each arrival with the events of the commands that its drain issued."""
    sorter = Sorter()
    arrival: e.Event | None = None
    issued: list[e.Event] = []
    for event in events:
        if sorter.is_arrival(event):
            if arrival is not None:
                yield arrival, issued
            arrival, issued = event, []
        elif arrival is None:
            raise HistoryCorrupt(f"begins with {e.event_tag(type(event))!r}")
        elif not sorter.is_note(event):
            issued.append(event)
    if arrival is not None:
        yield arrival, issued


def _is_local_result(event: e.Event) -> bool:
    return isinstance(event, e.ActivityCompleted)


def _recorded(event: e.Event) -> str:
    """*activity `charge` (#3, event 17)*."""
    return _shown(identity_of_event(event), f"event {event.seq}")


def _does(command: c.Command) -> str:
    """*starts timer `sla` at shop.py:41*."""
    where = f" at {command.source}" if command.source else ""
    kind, _, name = identity_of_command(command)
    verb = {"activity": "calls", "timer": "starts", "child workflow": "starts"}.get(kind, "records")
    return f"{verb} {kind}{f' `{name}`' if name else ''}{where}"


def _shown(identity: Identity, where: str) -> str:
    kind, ordinal, name = identity
    number = f"#{ordinal}, " if ordinal is not None else ""
    return f"{kind}{f' `{name}`' if name else ''} ({number}{where})"


def _after(issued: Sequence[e.Event]) -> str:
    return f" after event {issued[-1].seq}" if issued else ""
