"""What reading verbs return: `Summary`, `Description`, `FeedEntry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from attrs import frozen

from aion_core.client.events import Event, plain_value
from aion_core.ledger import OpenActivity, fold, record_of
from aion_core.model import events as e
from aion_core.model import summaries
from aion_core.model.failed import Failed
from aion_core.model.ids import WorkflowId
from aion_core.model.times import as_datetime


class Summary(summaries.Summary, frozen=True, kw_only=True):
    """One run, as `list` shows it."""

    memo: Mapping[str, Any] = {}  # msgspec copies an empty default for every instance
    """What the start and `set_memo` noted, as JSON's own types."""
    cursor: str = ""
    """`list(…, after=summary.cursor)` goes on behind this run."""


@frozen(kw_only=True)
class PendingActivity:
    """An activity that has no outcome yet."""

    activity: str
    """Its name."""
    ordinal: int
    queue: str
    attempt: int
    """The one that runs, or that comes next."""
    scheduled: datetime
    dispatched: bool
    """Whether that attempt may be running: it is not waiting for its time or for a place in its queue."""
    next_attempt: datetime | None = None
    """When this attempt begins or began, if another one failed before it."""
    last_error: Failed | None = None
    """Of the attempt before."""
    details: Any = None
    """Of the last heartbeat."""


class Description(Summary, frozen=True, kw_only=True):
    """One run, with what a summary leaves out."""

    history_length: int = 0
    """Events of this run so far."""
    pending: Sequence[PendingActivity] = ()
    """Its open activities."""
    failure: Failed | None = None
    """Why it failed, or why it is blocked."""


@frozen(kw_only=True)
class FeedEntry:
    """One committed event of one run, as `subscribe` yields it."""

    cursor: str
    """`subscribe(…, after=entry.cursor)` goes on behind this event."""
    id: str
    run_id: str
    event: Event


def described(found: summaries.Summary, **more: Any) -> Description:
    """The description of a run."""
    return Description(**_plain(found), **more)


def listed(found: summaries.Summary, cursor: str) -> Summary:
    """The summary of a run at a place in a list."""
    return Summary(**_plain(found), cursor=cursor)


def pending_of(workflow_id: WorkflowId, events: Sequence[e.Event], open_record: bytes) -> Sequence[PendingActivity]:
    """The open activities of a run, of its events and of what the state row keeps beside them."""
    ledger = fold(workflow_id, events, record=record_of(open_record))
    return tuple(_pending(ledger.activities[ordinal]) for ordinal in sorted(ledger.activities))


def _pending(activity: OpenActivity) -> PendingActivity:
    return PendingActivity(
        activity=activity.activity_type,
        ordinal=activity.ordinal,
        queue=activity.queue,
        attempt=activity.attempt,
        scheduled=as_datetime(activity.scheduled_at),
        dispatched=activity.dispatched,
        next_attempt=None if activity.again_at is None else as_datetime(activity.again_at),
        last_error=None if activity.failure is None else Failed(activity.failure),
        details=None if activity.details is None else plain_value(activity.details),
    )


def _plain(found: summaries.Summary) -> dict[str, Any]:
    shared = {name: getattr(found, name) for name in _SHARED}
    return {**shared, "memo": {name: plain_value(value) for name, value in found.memo.items()}}


_SHARED = [attribute.name for attribute in msgspec.structs.fields(summaries.Summary) if attribute.name != "memo"]
