"""Records of the engine as rows, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

import msgspec

from aion_core.spi import (
    AttributeValue,
    Batch,
    BlobKey,
    Instant,
    OpId,
    Payload,
    RunEntry,
    RunId,
    Status,
    StoreRefused,
    Summary,
    Version,
    WorkflowId,
    WorkflowState,
    as_datetime,
    instant,
)
from aion_store_sql.dialects.dialect import Row


class _Stored(msgspec.Struct, omit_defaults=True):
    """A summary as it stands in a column: JSON that people can read."""

    id: str
    run_id: str
    type: str
    status: Status
    started: int
    closed: int | None = None
    version: str = ""
    parent: str | None = None
    schedule: str | None = None
    blocked_reason: str | None = None
    attributes: dict[str, Any] = {}
    """Natural JSON; an instant is `{"at": …}`."""
    memo: dict[str, Payload] = {}


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Stored).decode


def summary_text(summary: Summary) -> str:
    """A summary as JSON."""
    attributes = summary.attributes
    stored = _Stored(
        id=summary.id,
        run_id=summary.run_id,
        type=summary.type,
        status=summary.status,
        started=instant(summary.started),
        closed=None if summary.closed is None else instant(summary.closed),
        version=summary.version,
        parent=summary.parent,
        schedule=summary.schedule,
        blocked_reason=summary.blocked_reason,
        attributes={name: _plain(value) for name, value in attributes.items()} if attributes else {},
        memo={**summary.memo},
    )
    return _encode(stored).decode()


def summary_of(text: str, whose: str = "a run") -> Summary:
    """The summary of this JSON. StoreRefused for a text that is none, naming whose it is."""
    try:
        stored = _decode(text)
    except msgspec.DecodeError as error:
        raise StoreRefused(f"the summary of {whose} can not be read ({error}). See:  aion store check") from error
    return Summary(
        id=WorkflowId(stored.id),
        run_id=RunId(stored.run_id),
        type=stored.type,
        status=stored.status,
        started=as_datetime(Instant(stored.started)),
        closed=None if stored.closed is None else as_datetime(Instant(stored.closed)),
        version=Version(stored.version),
        parent=None if stored.parent is None else WorkflowId(stored.parent),
        schedule=stored.schedule,
        blocked_reason=stored.blocked_reason,
        attributes={name: _value(plain) for name, plain in stored.attributes.items()},
        memo=stored.memo,
    )


def _plain(value: AttributeValue) -> Any:
    return {"at": instant(value)} if isinstance(value, datetime) else value


def _value(plain: Any) -> AttributeValue:
    if isinstance(plain, dict):
        return as_datetime(Instant(cast("dict[str, int]", plain)["at"]))
    value: AttributeValue = tuple(cast("list[str]", plain)) if isinstance(plain, list) else plain
    return value


STATE: Final = "workflow_id, head, floor, run_start, drained_seq, start_hash, next_wake, open, op_id, summary"


def state_of(row: Row) -> WorkflowState:
    """The state of a row of `STATE`."""
    workflow_id, head, floor, run_start, drained_seq, start_hash, next_wake, opened, op_id, summary = row
    return WorkflowState(
        workflow_id=WorkflowId(workflow_id),
        summary=summary_of(summary, f"workflow {workflow_id!r}"),
        head=head,
        floor=floor,
        run_start=run_start,
        drained_seq=drained_seq,
        start_hash=start_hash,
        next_wake=None if next_wake is None else Instant(next_wake),
        open=opened or b"",
        op_id=OpId(op_id),
    )


BATCH: Final = "workflow_id, first_seq, last_seq, op_id, codec, crc, blobs, body, bytes"


def batch_of(row: Row) -> Batch:
    """The batch of a row of `BATCH`."""
    workflow_id, first_seq, last_seq, op_id, codec, crc, blobs, text, data = row
    return Batch(
        first_seq=first_seq,
        last_seq=last_seq,
        body=data if text is None else text.encode(),
        codec=codec,
        crc=crc,
        op_id=OpId(op_id),
        blobs=blob_keys(workflow_id, op_id, blobs),
    )


def body_columns(body: bytes) -> tuple[str | None, bytes | None]:
    """What a batch's bytes are in the columns `body` and `bytes`: a text where they are one, for people to read."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None, body
    return (None, body) if "\0" in text else (text, None)


def blob_keys(workflow_id: str, op_id: str, count: int) -> tuple[BlobKey, ...]:
    """The keys of the blobs of a commit."""
    return tuple(BlobKey(f"{workflow_id}/{op_id}/{number}") for number in range(count))


def blob_place(key: BlobKey) -> tuple[str, str, int] | None:
    """Workflow, op id and number of a key, if it is one of ours. Workflow ids may hold slashes."""
    parts = key.rsplit("/", 2)
    return (parts[0], parts[1], int(parts[2])) if len(parts) == _KEY_PARTS and parts[2].isdecimal() else None


_KEY_PARTS: Final = 3

RUN: Final = "first_seq, last_seq, previous_run, summary"


def entry_of(row: Row) -> RunEntry:
    """The run entry of a row of `RUN`."""
    first_seq, last_seq, previous_run, summary = row
    return RunEntry(
        summary=summary_of(summary),
        first_seq=first_seq,
        last_seq=last_seq,
        previous_run=None if previous_run is None else RunId(previous_run),
    )
