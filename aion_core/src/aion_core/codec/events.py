"""Events to the bytes of a batch, and back.

A batch's body is one JSON array, whose payloads stand in it as JSON; `msgpack` is smaller and not readable. Events of a
known type keep their meaning for ever; fields that a newer version added are ignored here and kept by `stored_events`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast, get_args

import msgspec
from attrs import frozen
from msgspec import UNSET, Raw

from aion_core.model.errors import HistoryCorrupt, HistoryTooNew
from aion_core.model.events import EVENT_TYPES, AnyEvent, Event, event_tag
from aion_core.model.ids import WorkflowId
from aion_core.model.payloads import JSON, Payload
from aion_core.spi.records import Batch

_TAGS: Final = {event_tag(kind) for kind in EVENT_TYPES}
_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = cast("Callable[[bytes], list[Event]]", msgspec.json.Decoder(list[AnyEvent]).decode)
_PACK: Final = msgspec.msgpack.Encoder().encode
_UNPACK: Final = msgspec.msgpack.Decoder(list[AnyEvent]).decode


class _Head(msgspec.Struct):
    """The part of an event that every version has."""

    type: str
    seq: int


@frozen
class StoredEvent:
    """An event with the text that a history holds for it, in which fields of newer versions are kept."""

    event: Event
    text: bytes


def encode_batch(events: Sequence[Event], *, codec: str = "json") -> Batch:
    """The batch of these events, which follow each other."""
    if codec == "json":
        body = _ENCODE(events)
    elif codec == "msgpack":
        body = _PACK([map_payloads(event, _json_as_data) for event in events])
    else:
        raise ValueError(f"there is no event codec {codec!r}; there are json and msgpack.")
    return Batch.of(events[0].seq, events[-1].seq, body, codec=codec)


def decode_batch(batch: Batch, *, workflow_id: WorkflowId | None = None) -> list[Event]:
    """The events of a batch.

    Raises `HistoryCorrupt` when the bytes are not those that were written, `HistoryTooNew` for an event type that
    this version does not know. Either concerns this workflow alone.
    """
    if zlib.crc32(batch.body) != batch.crc:
        raise HistoryCorrupt(f"{_span(batch)} whose checksum is wrong", workflow_id=workflow_id)
    try:
        if batch.codec == "json":
            events = _DECODE(batch.body)
        elif batch.codec == "msgpack":
            packed = cast("list[Event]", _UNPACK(batch.body))
            events = [map_payloads(event, _data_as_json) for event in packed]
        else:
            raise HistoryTooNew(f"codec {batch.codec}", workflow_id=workflow_id, seq=batch.first_seq)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refusal(batch, workflow_id, error) from error
    seq = batch.first_seq
    for event in events:
        if event.seq != seq:
            break
        seq += 1
    if not events or len(events) != seq - batch.first_seq or seq != batch.last_seq + 1:
        raise HistoryCorrupt(f"{_span(batch)} that holds other events than it says", workflow_id=workflow_id)
    return events


def stored_events(batch: Batch, *, workflow_id: WorkflowId | None = None) -> list[StoredEvent]:
    """The events of a JSON batch with their own text, for exports that must lose nothing."""
    events = decode_batch(batch, workflow_id=workflow_id)
    if batch.codec != "json":
        return [StoredEvent(event, _ENCODE(event)) for event in events]
    texts = msgspec.json.decode(batch.body, type=list[Raw])
    return [StoredEvent(event, bytes(text)) for event, text in zip(events, texts, strict=True)]


def encode_stored(events: Sequence[StoredEvent]) -> Batch:
    """The batch of events as they were stored: what this version does not understand is written as it was read."""
    body = b"[" + b",".join(stored.text for stored in events) + b"]"
    return Batch.of(events[0].event.seq, events[-1].event.seq, body)


def _refusal(batch: Batch, workflow_id: WorkflowId | None, error: Exception) -> HistoryCorrupt | HistoryTooNew:
    """Why a batch with a right checksum can not be decoded."""
    decode = msgspec.json.decode if batch.codec == "json" else msgspec.msgpack.decode
    try:
        heads = decode(batch.body, type=list[_Head])
    except (msgspec.DecodeError, RecursionError):
        heads = []
    for head in heads:
        if head.type not in _TAGS:
            return HistoryTooNew(head.type, workflow_id=workflow_id, seq=head.seq)
    return HistoryCorrupt(f"{_span(batch)} that can not be read ({error})", workflow_id=workflow_id)


def _span(batch: Batch) -> str:
    return f"has a batch of events {batch.first_seq} to {batch.last_seq}"


# ---- payloads inside events


def map_payloads(event: Event, change: Callable[[Payload], Payload]) -> Event:
    """The event with every payload in it replaced: for payload codecs, and for payloads that become blobs."""
    rewrite = _REWRITES.get(type(event))
    return rewrite(event, change) if rewrite else event


_Rewrite: TypeAlias = Callable[[Any, Callable[[Payload], Payload]], Any]


def _changed(value: object, change: Callable[[Payload], Payload]) -> object:
    """A field's value with its payloads replaced; the same object when it has none."""
    if isinstance(value, Payload):
        return change(value)
    if isinstance(value, dict):
        return {name: _changed(item, change) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, tuple):
        return tuple(_changed(item, change) for item in cast("tuple[object, ...]", value))
    kind: type[object] = type(value)
    rewrite = _REWRITES.get(kind)
    return rewrite(value, change) if rewrite else value


def _rewriter(names: Sequence[str]) -> _Rewrite:
    def rewrite(struct: Any, change: Callable[[Payload], Payload]) -> Any:
        return msgspec.structs.replace(struct, **{name: _changed(getattr(struct, name), change) for name in names})

    return rewrite


def _fields_with_payloads(kind: type[msgspec.Struct], known: dict[type, list[str]]) -> list[str]:
    """Names of the fields in which a payload may be, however deep."""
    if kind in known:
        return known[kind]
    known[kind] = []  # a failure's cause is a failure
    for field in msgspec.structs.fields(kind):
        structs = _structs_in(field.type)
        if Payload in structs or kind in structs or any(_fields_with_payloads(inner, known) for inner in structs):
            known[kind].append(field.name)
    return known[kind]


def _structs_in(annotation: Any) -> set[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return {annotation}
    return {struct for arg in get_args(annotation) for struct in _structs_in(arg)}


def _all_rewrites() -> dict[type, _Rewrite]:
    known: dict[type, list[str]] = {Payload: []}
    for kind in EVENT_TYPES:
        _fields_with_payloads(kind, known)
    return {kind: _rewriter(names) for kind, names in known.items() if names}


_REWRITES: Final = _all_rewrites()


def _json_as_data(payload: Payload) -> Payload:
    """JSON text has no place in msgpack: there it is bytes like any other."""
    return payload if payload.json is UNSET else msgspec.structs.replace(payload, json=UNSET, data=bytes(payload.json))


def _data_as_json(payload: Payload) -> Payload:
    if payload.data is UNSET or payload.type != JSON or payload.encodings:
        return payload
    return msgspec.structs.replace(payload, json=Raw(payload.data), data=UNSET)


__all__ = [
    "StoredEvent",
    "decode_batch",
    "encode_batch",
    "encode_stored",
    "map_payloads",
    "stored_events",
]
