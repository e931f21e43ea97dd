"""`list`, `count` and the cursors of lists: a place behind any run of a list, wherever the store's pages end."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from attrs import frozen

from aion_core.client.backend import Backend
from aion_core.client.views import Summary, listed
from aion_core.model.attributes import AttributeType, AttributeValue
from aion_core.model.conditions import Order, Query
from aion_core.model.errors import InvalidInput
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.times import Instant, as_datetime, instant
from aion_core.spi.records import PageToken
from aion_core.spi.stores import VisibilityStore
from aion_core.visibility import Position, parse, position_of

_PAGE: Final = 200


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    """The text of a cursor. What `now` meant is a part of it: the query has to stay the same one."""

    now: Instant
    page: PageToken | None
    """Where the store's page begins that holds the run."""
    value: str | int | float | bool | None
    """Of the run in the query's order; of a datetime, its instant."""
    run_id: RunId
    id: WorkflowId


@frozen
class Listing:
    """A query whose relative times are resolved, and where to go on."""

    query: Query
    now: Instant
    page: PageToken | None = None
    behind: Position | None = None


def listing(
    backend: Backend, text: str, *, params: Mapping[str, object] | None, order: str | None, after: str | None
) -> Listing:
    """What to list. Raises `InvalidQuery`, or `InvalidInput` for a cursor that is none."""
    resumed = None if after is None else _parsed(after)
    now = resumed.now if resumed else backend.platform.now()
    whole = text if order is None else f"{text} order by {order}"
    query = parse(whole, schema=backend.attributes, now=now, params=params, limits=backend.limits)
    if resumed is None:
        return Listing(query, now)
    return Listing(query, now, resumed.page, _place(resumed, query.order))


def next_page(store: VisibilityStore, where: Listing, limit: int | None) -> tuple[list[Summary], Listing | None]:
    """Some more runs, and where it goes on from there; None at the end. A job for `Backend.reading`."""
    size = _PAGE if limit is None else max(1, min(limit + (where.behind is not None), _PAGE))
    page = store.list(where.query, after=where.page, limit=size)
    order = where.query.order
    found: list[Summary] = []
    for summary in page.items:
        place = position_of(summary, order)
        if where.behind is None or place > where.behind:
            found.append(listed(summary, _text(_Cursor(where.now, where.page, _kept(place), place.run_id, place.id))))
    rest = None if page.next is None else Listing(where.query, where.now, page.next, where.behind)
    return found, rest


def _text(cursor: _Cursor) -> str:
    return urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _parsed(text: str) -> _Cursor:
    try:
        content = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        return msgspec.json.decode(content, type=_Cursor)
    except (AttributeError, binascii.Error, ValueError):  # of msgspec, too
        raise InvalidInput(
            f"{str(text)[:80]!r} is not a cursor of a list: hand on `summary.cursor` as it is."
        ) from None


def _kept(place: Position) -> str | int | float | bool | None:
    if isinstance(place.value, tuple):
        raise InvalidInput("runs can not be ordered by keywords.")
    return instant(place.value) if isinstance(place.value, datetime) else place.value


def _place(cursor: _Cursor, order: Order) -> Position:
    value: AttributeValue | None = cursor.value
    if order.field.type is AttributeType.DATETIME and isinstance(value, int):
        value = as_datetime(Instant(value))
    return Position(value, cursor.run_id, cursor.id, order.descending)
