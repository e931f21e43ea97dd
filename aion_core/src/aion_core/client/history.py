"""`History`: all that happened in one run, to look at, to keep in a file, and to replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final, Self, cast

import msgspec

from aion_core.client.events import Event, event_view
from aion_core.client.telling import told
from aion_core.codec import read_strict_json
from aion_core.model import events as e
from aion_core.model.errors import HistoryCorrupt, HistoryTooNew, RunChainBroken
from aion_core.model.ids import WorkflowId
from aion_core.model.summaries import Summary, fold_runs

_FORMAT: Final = "aion-history/1"


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """A history in a file. Compatible for ever: a field may be added with a default, anything else is a new number."""

    format: str
    id: WorkflowId
    events: list[msgspec.Raw]


class History:
    """The events of one run, oldest first. `print(history)` tells what happened."""

    def __init__(self, workflow_id: WorkflowId, recorded: Sequence[e.Event]) -> None:
        """`recorded` begins with the run's `WorkflowStarted`."""
        self.id = str(workflow_id)
        self.recorded = tuple(recorded)
        """The events as the engine knows them, for replay."""

    @cached_property
    def events(self) -> Sequence[Event]:
        """The events."""
        return tuple(event_view(event) for event in self.recorded)

    @cached_property
    def summary(self) -> Summary:
        """The run as it is after the last of these events."""
        runs = fold_runs(WorkflowId(self.id), self.recorded)
        if len(runs) != 1:
            raise RunChainBroken(f"a history holds the events of one run, and this one has those of {len(runs)}.")
        return runs[0].summary

    def to_json(self) -> str:
        """The text of a file that loses nothing: `from_json` reads it, in this version and later ones."""
        # One event a line: so a golden history in a repository shows its changes.
        lines = b",\n".join(msgspec.json.encode(event) for event in self.recorded).decode()
        head = msgspec.json.encode({"format": _FORMAT, "id": self.id}).decode()[:-1]
        return f'{head},"events":[\n{lines}\n]}}\n'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The history of `to_json`. Raises `HistoryCorrupt`, or `HistoryTooNew` for one of a newer version."""
        read_strict_json(text)  # a file may have been edited: a key twice would be lost without a word
        try:
            file = msgspec.json.decode(text, type=_File)
        except msgspec.DecodeError as error:
            raise HistoryCorrupt(f"is not the text of one ({error})") from error
        if file.format != _FORMAT:
            raise HistoryTooNew(file.format, workflow_id=file.id)
        events = [_event(raw, file.id) for raw in file.events]
        first = events[0].seq if events else 1
        if not events or [event.seq for event in events] != list(range(first, first + len(events))):
            raise HistoryCorrupt("has events whose numbers do not follow each other", workflow_id=file.id)
        return cls(file.id, events)

    def __str__(self) -> str:
        """What happened, line by line."""
        return told(self.summary, self.recorded)

    def __repr__(self) -> str:
        return f"<History of {self.id!r}: {len(self.recorded)} events>"

    def __len__(self) -> int:
        return len(self.recorded)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self.id == other.id and self.recorded == other.recorded

    def __hash__(self) -> int:
        return hash((self.id, len(self.recorded)))


class _Head(msgspec.Struct):
    type: str
    seq: int


_DECODE: Final = msgspec.json.Decoder(cast("type[e.Event]", e.AnyEvent)).decode
_TAGS: Final = {e.event_tag(kind) for kind in e.EVENT_TYPES}


def _event(raw: msgspec.Raw, workflow_id: WorkflowId) -> e.Event:
    try:
        return _DECODE(raw)
    except msgspec.DecodeError as error:
        head = _head(raw)
        if head is not None and head.type not in _TAGS:
            raise HistoryTooNew(head.type, workflow_id=workflow_id, seq=head.seq) from error
        raise HistoryCorrupt(f"has an event that can not be read ({error})", workflow_id=workflow_id) from error


def _head(raw: Any) -> _Head | None:
    try:
        return msgspec.json.decode(raw, type=_Head)
    except msgspec.DecodeError:
        return None
