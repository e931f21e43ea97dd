"""`Event`: what stands in a history, as users see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, cast, get_args

import msgspec
from attrs import field, frozen

from aion_core.codec import Values
from aion_core.model import events as e
from aion_core.model.payloads import JSON, Payload
from aion_core.model.times import Instant, Micros, as_datetime

_VALUES: Final = Values()


@frozen(kw_only=True)
class Event:
    """One event of a history."""

    seq: int
    """Its number in the workflow's history, from 1, over all runs."""
    type: str
    """`WorkflowStarted`, `ActivityCompleted` …"""
    at: datetime
    """When it was recorded, in UTC. Never earlier than the event before."""
    data: Mapping[str, Any] = field(factory=dict[str, Any])
    """What it says. Values are JSON's own types, points in time datetimes, durations timedeltas."""


def event_view(event: e.Event) -> Event:
    """An event as users see it. Payloads must not be in blobs any more."""
    kind = type(event)
    data = {name: seen(getattr(event, name)) for name, seen in _FIELDS[kind]}
    return Event(seq=event.seq, type=kind.__name__, at=as_datetime(event.at), data=data)


def plain_value(payload: Payload) -> Any:
    """What a payload holds, as JSON's own types; bytes that are not JSON, or that a codec has encoded, as they are."""
    if payload.type == JSON and not payload.encodings:
        return _VALUES.decode(payload)
    return payload.content


def _seen(value: object) -> object:
    """A value inside an event, without classes of ours."""
    if isinstance(value, Payload):
        return plain_value(value)
    if isinstance(value, msgspec.Struct):
        fields = _fields(type(value), ())
        return {name: seen(getattr(value, name)) for name, seen in fields}
    if isinstance(value, dict):
        return {name: _seen(item) for name, item in cast("dict[str, object]", value).items()}
    if isinstance(value, tuple):
        return [_seen(item) for item in cast("tuple[object, ...]", value)]
    return cast("object", value.value) if isinstance(value, Enum) else value


def _moment(value: Instant | None) -> datetime | None:
    return None if value is None else as_datetime(value)


def _length(value: Micros | None) -> timedelta | None:
    return None if value is None else timedelta(microseconds=value)


_KNOWN: Final[dict[type, list[tuple[str, Callable[[Any], object]]]]] = {}


def _fields(kind: type[msgspec.Struct], without: Iterable[str]) -> list[tuple[str, Callable[[Any], object]]]:
    """Names of the fields, each with what turns its value into a user's."""
    if kind not in _KNOWN:
        _KNOWN[kind] = [
            (info.name, _view_of(info.type)) for info in msgspec.structs.fields(kind) if info.name not in without
        ]
    return _KNOWN[kind]


def _view_of(annotation: object) -> Callable[[Any], object]:
    parts = (annotation, *get_args(annotation))
    return _moment if Instant in parts else _length if Micros in parts else _seen


_FIELDS: Final = {kind: _fields(kind, ("seq", "at")) for kind in e.EVENT_TYPES}
