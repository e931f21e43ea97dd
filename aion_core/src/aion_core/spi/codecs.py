"""The contract of payload codecs: what stands between a user's values and the store, such as compression or encryption.

Codecs work at the border of the store. Inside an engine, and in the code that runs, payloads are plain: a payload that
moves (from a message into an event, from one run into the next) is decoded where it was and encoded where it comes to,
each time with the context of that place.

A payload names the codecs that were applied to it in `Payload.encodings`, in the order of application; the core writes
these names. Reading takes them off again from the last to the first. So a codec whose plugin is taken out of
`[plugins] enabled` leaves what it wrote unreadable until it is back, and an error says so; nothing is lost meanwhile.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

import msgspec
from attrs import frozen

from aion_core.model.errors import PayloadError
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.payloads import JSON, Payload


class PayloadKind(StrEnum):
    """What a payload is in its place."""

    INPUT = "input"
    """Arguments of a workflow, an activity, an update or a query."""
    RESULT = "result"
    """What a workflow, an activity, a child, an update or a query returned."""
    SIGNAL = "signal"
    DETAILS = "details"
    """Of an error or a heartbeat."""
    SIDE_EFFECT = "side_effect"
    MEMO = "memo"
    HEADER = "header"


@frozen(kw_only=True)
class CodecContext:
    """Where a payload stands. The same when it is encoded and when it is decoded, so a codec may bind bytes to it."""

    store: str
    workflow_id: WorkflowId
    run_id: RunId | None
    """None in a message that is for whatever run is current."""
    seq: int
    """Of the event that holds it; 0 in a message or an answer, and for heartbeat details."""
    kind: PayloadKind


class PayloadCodec(ABC):
    """Turns payloads into other bytes and back.

    Both methods are pure functions of their arguments and the codec's own settings; they are called from any number of
    threads at the same time (engine, readers, clients) and must not wait for a network: fetch keys when the extension
    is set up. An exception becomes a `PayloadError` that names the codec; where it was to be written nothing is
    recorded, where it was to be read the one workflow is left alone.
    """

    name: str
    """Stands in histories for ever. A codec that writes another format takes another name (`zstd`, `zstd-2`)."""

    @abstractmethod
    def encode(self, payload: Payload, context: CodecContext) -> Payload:
        """The payload in other bytes: `Payload(data=…)`. Its `content` is there to read, never only a blob's number.

        Return the payload itself to leave it as it is (too small to compress, say); then the codec is not named in it.
        The core sets `type` and `encodings` of what is returned.
        """

    @abstractmethod
    def decode(self, payload: Payload, context: CodecContext) -> Payload:
        """What `encode` was given, from what it returned. The core sets `type` and `encodings` of what is returned."""


def encoded(codecs: Sequence[PayloadCodec], payload: Payload, context: CodecContext) -> Payload:
    """The payload after all codecs, the first one first."""
    for codec in codecs:
        changed = _applied(codec, codec.encode, payload, context)
        if changed is not payload:
            names = (*payload.encodings, codec.name)
            payload = Payload(data=changed.content, type=payload.type, encodings=names)
    return payload


def decoded(codecs: Sequence[PayloadCodec], payload: Payload, context: CodecContext) -> Payload:
    """The plain payload, from the last codec it names to the first. A name that is not among `codecs` is an error."""
    if not payload.encodings:
        return payload
    known = {codec.name: codec for codec in codecs}
    for applied in range(len(payload.encodings) - 1, -1, -1):
        name = payload.encodings[applied]
        codec = known.get(name)
        if codec is None:
            have = ", ".join(sorted(known)) or "none"
            problem = f"was encoded by the codec {name!r}, which is not here (enabled: {have}): enable its plugin again"
            raise PayloadError(problem)
        content = _applied(codec, codec.decode, payload, context).content
        payload = Payload(data=content, type=payload.type, encodings=payload.encodings[:applied])
    return Payload(json=msgspec.Raw(payload.content)) if payload.type == JSON else payload


_Step: TypeAlias = Callable[[Payload, CodecContext], Payload]


def _applied(codec: PayloadCodec, step: _Step, payload: Payload, context: CodecContext) -> Payload:
    try:
        return step(payload, context)
    except PayloadError:
        raise
    except Exception as exc:
        # The context names the place; the payload itself never stands in an error.
        place = f"the {context.kind} of {context.workflow_id!r}"
        problem = f"could not be taken through the codec {codec.name!r} ({place}): {type(exc).__name__}"
        raise PayloadError(problem) from exc
