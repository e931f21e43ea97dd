"""What reading verbs return: `Summary`, `Description`, `FeedEntry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from aion_core.client.events import Event, plain_value
from aion_core.model import events as e
from aion_core.model import summaries
from aion_core.model.failed import Failed


@frozen(kw_only=True)
class Summary(summaries.Summary):
    """One run, as `list` shows it."""

    memo: Mapping[str, Any] = field(factory=dict[str, Any])
    """What the start and `set_memo` noted, as JSON's own types."""
    cursor: str = ""
    """`list(…, after=summary.cursor)` goes on behind this run."""


@frozen(kw_only=True)
class Description(Summary):
    """One run, with what a summary leaves out."""

    history_length: int = 0
    """Events of this run so far."""
    pending: Sequence[Any] = ()
    """Open activities: attempt, last error, next attempt, heartbeat details."""
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


def pending_of(events: Sequence[e.Event], open_record: bytes) -> Sequence[Any]:
    """What a run is waiting for."""
    del events, open_record
    return ()


def _plain(found: summaries.Summary) -> dict[str, Any]:
    shared = {name: getattr(found, name) for name in _SHARED}
    return {**shared, "memo": {name: plain_value(value) for name, value in found.memo.items()}}


_SHARED = [attribute.name for attribute in attrs.fields(summaries.Summary) if attribute.name != "memo"]
