"""Replays histories over the code they came from, and compares all that the code does with what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import msgspec

from aion_core.authoring.context import Surroundings
from aion_core.authoring.workflows import Workflow
from aion_core.codec import Values
from aion_core.machine import WorkflowLoop, WorkflowRun, replay
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.spi import CodeSource, Event, WorkerSettings, WorkflowId
from aion_core.worker.main import main_of


class Mismatch(AssertionError):
    """The code does something else than its history says."""


class Replays:
    """A `Replayer` for `check_invariants`: other commands are `NonDeterminism`, other contents a `Mismatch`."""

    def __init__(self, source: CodeSource, settings: WorkerSettings | None = None) -> None:
        """The settings are those that the histories were made with."""
        settings = settings or WorkerSettings()
        self._source = source
        self._surroundings = Surroundings(
            values=Values(settings.limits),
            limits=settings.limits,
            attributes=settings.search_attributes,
            interceptors=settings.interceptors,
            noted_activity=source.note,
        )
        self._loop = WorkflowLoop.for_this_thread()

    def __call__(self, workflow_id: WorkflowId, events: Sequence[Event]) -> None:
        """Replay the events of one run."""
        started = events[0]
        if not isinstance(started, e.WorkflowStarted):
            raise Mismatch(f"it begins with {type(started).__name__}")
        code = cast("Workflow[..., Any]", self._source.workflow(started.workflow_type, started.version))
        main = main_of(code, self._surroundings.values, self._surroundings.interceptors)
        with self._loop:
            run = _Watched(self._loop, main, workflow_id=workflow_id, surroundings=self._surroundings)
            try:
                replay(run, events)
            finally:
                run.evict()
        for difference in run.differences:
            raise Mismatch(difference)


class _Watched(WorkflowRun):
    """A run that compares each drain with what is recorded of it, as it is replayed."""

    __slots__ = ("_expected", "differences")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.differences: list[str] = []
        self._expected: Sequence[e.Event] = ()

    def recorded(self, issued: Sequence[e.Event]) -> None:
        super().recorded(issued)
        self._expected = [*issued]

    def apply(self, event: e.Event) -> list[c.Command]:
        commands = super().apply(event)
        if not isinstance(event, e.WorkflowCancelled):  # it stands for its own drain, which `replay` checks
            self.differences += _differences(event, commands, self._expected)
        return commands


def _differences(arrival: e.Event, commands: Sequence[c.Command], issued: Sequence[e.Event]) -> Iterator[str]:
    """What is not the same in the commands of a drain and in the events that record it."""
    recordable = [command for command in commands if not (isinstance(command, c.ScheduleActivity) and command.local)]
    if len(recordable) != len(issued):
        yield f"after event {arrival.seq} there are {len(issued)} events, and the code issues {len(recordable)}"
        return
    for command, event in zip(recordable, issued, strict=True):
        for name in _common(type(command), type(event)):
            does, has = _plain(getattr(command, name)), _plain(getattr(event, name))
            if does != has:
                yield f"event {event.seq} has the {name} {has!r}, and the code now gives {does!r}"


_NOT_COMPARED: Final = frozenset({"source", "kind"})
"""What says where a command comes from, and a word that means one thing in commands and another in markers."""


def _common(command: type[c.Command], event: type[e.Event]) -> Sequence[str]:
    theirs = set(event.__struct_fields__)
    return [name for name in command.__struct_fields__ if name in theirs and name not in _NOT_COMPARED]


def _plain(value: object) -> object:
    """A failure without its traceback, which leads through the code that replays; the rest as it is encoded."""
    if isinstance(value, Failure):
        return (value.type, value.message, None if value.details is None else msgspec.json.encode(value.details))
    return msgspec.json.encode(value)
