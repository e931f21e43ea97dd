"""Archives: closed runs in files of their own, so that retention may remove them from the store.

A file is JSON, line by line: a head that says whose events these are, the events as they were recorded, and a last line
with their number and the SHA-256 of everything before it. `read_archive` gives the run's `History` back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from aion_core.client.history import History
from aion_core.client.stored import events_of
from aion_core.codec import encode_batch, stored_events
from aion_core.model.errors import HistoryCorrupt, HistoryTooNew, StoreUnavailable
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.summaries import RunEntry
from aion_core.spi.records import Batch
from aion_core.spi.stores import EventStore

T = TypeVar("T")

_FORMAT: Final = "aion-archive/1"
_READABLE: Final = 80
"""Characters of a workflow id that a file's name shows; the run id tells files apart."""
_PARTIAL: Final = ".partial"


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. Compatible for ever: a field may be added with a default, anything else is a new number."""

    format: str
    id: WorkflowId
    run_id: RunId
    type: str
    status: str
    started: datetime
    closed: datetime | None
    store_id: str
    """Where it was, for payload codecs that bind what they encrypt to its place."""


class _Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The last line."""

    events: int
    sha256: str


class _Place(msgspec.Struct):
    seq: int


class Archive:
    """A folder of archived runs: one for every day, in which runs were closed."""

    def __init__(self, folder: Path) -> None:
        """Made when the first run is kept."""
        self._folder = folder

    def keep(self, store: EventStore, entry: RunEntry) -> Path:
        """Write a closed run; when this returns, the file is whole, read back, and survives a power failure.

        Keeping a run again writes the same file. Raises `HistoryError` for a history that can not be read, and
        StoreUnavailable where the folder can not be written.
        """
        path = self.path_of(entry)
        content = _content(store, entry)
        _verify(content)
        try:
            _write(path, content)
        except OSError as error:
            raise StoreUnavailable(f"the archive {path} can not be written: {error.strerror}.") from error
        return path

    def path_of(self, entry: RunEntry) -> Path:
        """Where a closed run is."""
        summary = entry.summary
        day = (summary.closed or summary.started).date().isoformat()
        name = quote(summary.id, safe="")[:_READABLE]
        return self._folder / day / f"{name}.{summary.run_id}.jsonl"


def read_archive(path: Path) -> History:
    """The run of an archived file. Raises `HistoryCorrupt` where a byte is another one, or `HistoryTooNew`."""
    return _verify(path.read_bytes())


def _content(store: EventStore, entry: RunEntry) -> bytes:
    summary = entry.summary
    head = _Head(
        format=_FORMAT,
        id=summary.id,
        run_id=summary.run_id,
        type=summary.type,
        status=summary.status.value,
        started=summary.started,
        closed=summary.closed,
        store_id=store.store_id,
    )
    lines = [msgspec.json.encode(head), *_lines(store, entry)]
    body = b"".join(line + b"\n" for line in lines)
    tail = _Tail(events=len(lines) - 1, sha256=sha256(body).hexdigest())
    return body + msgspec.json.encode(tail) + b"\n"


def _lines(store: EventStore, entry: RunEntry) -> Iterator[bytes]:
    """The events of a run as they were recorded, with the payloads that the store keeps beside them."""
    after, last = entry.first_seq - 1, entry.last_seq or 0
    while after < last:
        page = store.read(entry.summary.id, after=after)
        for batch in page.items:
            for seq, line in _texts(store, entry.summary.id, batch):
                if entry.first_seq <= seq <= last:
                    yield line
            after = batch.last_seq
        if page.next is None:
            return


def _texts(store: EventStore, workflow_id: WorkflowId, batch: Batch) -> Sequence[tuple[int, bytes]]:
    if batch.blobs:
        events = events_of(store, workflow_id, batch)
        return [(event.seq, encode_batch([event]).body[1:-1]) for event in events]
    return [(stored.event.seq, stored.text) for stored in stored_events(batch, workflow_id=workflow_id)]


def _verify(content: bytes) -> History:
    lines = content.split(b"\n")
    if len(lines) < 3 or lines[-1]:  # noqa: PLR2004 # head, last line, and nothing behind it
        raise HistoryCorrupt("is in an archive that ends early")
    head, tail = _decoded(lines[0], _Head), _decoded(lines[-2], _Tail)
    if head.format != _FORMAT:
        raise HistoryTooNew(head.format, workflow_id=head.id)
    body = content[: -len(lines[-2]) - 1]
    if sha256(body).hexdigest() != tail.sha256 or len(lines) - 3 != tail.events:
        raise HistoryCorrupt("is in an archive whose bytes are not what was written", workflow_id=head.id)
    events = b",".join(lines[1:-2])
    if not tail.events:
        raise HistoryCorrupt("is in an archive without events", workflow_id=head.id)
    first = _decoded(lines[1], _Place).seq
    batch = Batch.of(first, first + tail.events - 1, b"[" + events + b"]")
    return History(head.id, [stored.event for stored in stored_events(batch, workflow_id=head.id)])


def _decoded(line: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        raise HistoryCorrupt(f"is in no archive: {error}") from error


def _write(path: Path, content: bytes) -> None:
    folder = path.parent
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)
    partial = path.with_name(path.name + _PARTIAL)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Names survive a power failure, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
