"""A table of summaries in memory: what a visibility store is, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from itertools import islice

import msgspec
from attrs import define, field

from aion_core.model.attributes import AttributeType, AttributeValue
from aion_core.model.conditions import Condition, Query
from aion_core.model.errors import StoreRefused
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.summaries import Summary
from aion_core.model.times import Instant, as_datetime, instant
from aion_core.spi.checks import check_count, check_limit
from aion_core.spi.records import Cursor, Page, PageToken
from aion_core.visibility import Position, matches, ordered, position_of


@define
class SummaryTable:
    """One row per run."""

    cursor: Cursor | None = None
    _rows: dict[tuple[WorkflowId, RunId], Summary] = field(factory=dict[tuple[WorkflowId, RunId], Summary])

    def record(self, summaries: Iterable[Summary], cursor: Cursor | None = None) -> None:
        """Add or replace rows."""
        for summary in summaries:
            self._rows[summary.id, summary.run_id] = summary
        if cursor is not None:
            self.cursor = cursor

    def delete(self, runs: Iterable[tuple[WorkflowId, RunId]]) -> None:
        """Remove rows."""
        for run in runs:
            self._rows.pop(run, None)

    def list(self, query: Query, after: PageToken | None, limit: int) -> Page[Summary, PageToken]:
        """Rows that match, in order, behind the token's place."""
        check_limit(limit)
        start = None if after is None else _place(after, query)
        found = ordered(self._matching(query.where), query.order)
        behind = [row for row in found if start is None or position_of(row, query.order) > start]
        rows = tuple(behind[:limit])
        return Page(rows, _token(rows[-1], query) if rows and len(rows) < len(behind) else None)

    def count(self, where: Condition | None, limit: int | None) -> int:
        """How many match."""
        check_count(limit)
        return sum(1 for _ in islice(self._matching(where), limit))

    def _matching(self, where: Condition | None) -> Iterable[Summary]:
        return (row for row in self._rows.values() if where is None or matches(where, row))


class _Token(msgspec.Struct, array_like=True):
    query: str
    value: str | int | float | bool | None
    """Of a datetime: its instant."""
    run_id: RunId
    id: WorkflowId


def _token(row: Summary, query: Query) -> PageToken:
    place = position_of(row, query.order)
    if isinstance(place.value, tuple):
        raise StoreRefused("runs can not be ordered by keywords.")
    value = instant(place.value) if isinstance(place.value, datetime) else place.value
    return msgspec.json.encode(_Token(_digest(query), value, place.run_id, place.id)).decode()


def _place(token: PageToken, query: Query) -> Position:
    try:
        found = msgspec.json.decode(token, type=_Token)
    except msgspec.MsgspecError:
        raise StoreRefused(f"{token!r} is not a page token of this store.") from None
    if found.query != _digest(query):
        raise StoreRefused("the page token is of another query: begin again without it.")
    value: AttributeValue | None = found.value
    if query.order.field.type is AttributeType.DATETIME and isinstance(value, int):
        value = as_datetime(Instant(value))
    return Position(value, found.run_id, found.id, query.order.descending)


def _digest(query: Query) -> str:
    return sha256(repr(query).encode()).hexdigest()[:16]
