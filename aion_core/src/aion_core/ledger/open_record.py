"""Activities that are open, and the part of them that stands in the state row because no event says it."""

from __future__ import annotations

from typing import Final

import msgspec

from aion_core.model import events as e
from aion_core.model.events import Headers
from aion_core.model.failures import Failure
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import ActivityOptions
from aion_core.model.times import Instant

FAILURES_IN_HISTORY: Final = 10
"""Failed attempts that are events; the later ones only stand in the record, so that an outage fills no history."""


class OpenActivity(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """An activity without an outcome. The only mutable one of these: it changes with every attempt."""

    ordinal: int
    activity_type: str
    input: Payload = EMPTY
    queue: str = "default"
    options: ActivityOptions = ActivityOptions()
    headers: Headers = {}  # msgspec copies an empty default for every instance
    local: bool = False
    scheduled_at: Instant = Instant(0)
    attempt: int = 1
    """The one that runs, or that comes next."""
    dispatched: bool = False
    """Whether that attempt may have run already."""
    again_at: Instant | None = None
    """When the next attempt begins, if there was one before."""
    failure: Failure | None = None
    """Of the attempt before."""
    details: Payload | None = None
    """The last heartbeat's."""
    later: bool = False
    """The body left it open: it is completed by its task token, also after a restart."""
    ends_at: Instant | None = None
    """With `later`: when the attempt ends at the latest."""

    @classmethod
    def scheduled(cls, event: e.ActivityScheduled) -> OpenActivity:
        """As its first event has it."""
        return cls(
            ordinal=event.ordinal,
            activity_type=event.activity_type,
            input=event.input,
            queue=event.queue,
            options=event.options,
            headers=event.headers,
            scheduled_at=event.at,
            dispatched=event.dispatched,
        )

    def failed(self, failure: Failure, *, attempt: int, again_at: Instant) -> None:
        """An attempt failed, and another one follows."""
        self.failure = failure
        self.attempt = attempt + 1
        self.again_at = again_at
        self.dispatched = False
        self.later = False
        self.ends_at = None

    def catch_up(self, kept: OpenActivity) -> None:
        """Take over what the record says beyond the history. An older record says nothing new."""
        if kept.attempt < self.attempt:
            return
        self.attempt = kept.attempt
        self.dispatched = self.dispatched or kept.dispatched
        self.again_at = kept.again_at
        self.failure = kept.failure or self.failure
        self.details = kept.details
        self.later = kept.later
        self.ends_at = kept.ends_at

    @property
    def in_record(self) -> bool:
        """Whether the state row must say something of it."""
        return self.local or self.later or self.details is not None or self.attempt > FAILURES_IN_HISTORY


class OpenRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the state row keeps beside the history. Opaque to stores; a newer version adds fields with defaults."""

    activities: tuple[OpenActivity, ...] = ()
    blocked_by: str | None = None
    """The version of the code that blocked the run: only another one is worth a try."""


_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(OpenRecord).decode


def record_bytes(record: OpenRecord) -> bytes:
    """As it stands in the state row; nothing when there is nothing to say."""
    return _ENCODE(record) if record.activities or record.blocked_by else b""


def record_of(row: bytes) -> OpenRecord:
    """What the state row says."""
    return _DECODE(row) if row else OpenRecord()
