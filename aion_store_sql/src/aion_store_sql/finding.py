"""Queries for runs, as the database's own."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeGuard

from aion_core.spi import And, Condition, IsNull, Not, Or, Page, PageToken, Query, Summary
from aion_store_sql.conditions import Sql, ValueTest, all_of, rows_of, sql_of
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Row
from aion_store_sql.ordering import Ordering, Stretch, place_of
from aion_store_sql.paging import page_of
from aion_store_sql.rows import summary_of

_FEW: Final = 1000
"""So many runs are looked up and sorted as fast as twenty are found among half of all."""


def runs(session: Session, query: Query, after: PageToken | None, limit: int) -> Page[Summary, PageToken]:
    """See `VisibilityStore.list`."""
    ordering = Ordering(query.order)
    where = sql_of(query.where)
    digest = sha256(repr((where.text, where.values, query.order)).encode()).hexdigest()[:16]
    place = None if after is None else place_of(after, digest)
    few = _few(session, query.where)
    rows: list[Row] = []
    for stretch in ordering.stretches(place):
        rows += _read(session, stretch, where, few, limit + 1 - len(rows))
        if len(rows) > limit:
            break
    return page_of(rows, limit, lambda row: summary_of(row[0]), lambda row: (digest, *row[1:]))


def count(session: Session, where: Condition | None, limit: int | None) -> int:
    """See `VisibilityStore.count`."""
    if _asks_attribute(where):
        return _counted(session, _having(where), limit)
    few = _few(session, where)
    test = sql_of(where)
    tables = "aion_visible v"
    if few is not None:
        tables = f"aion_attribute f CROSS JOIN {tables}"
        test = all_of(few, Sql("v.workflow_id = f.workflow_id AND v.run_id = f.run_id"), test)
    return _counted(session, Sql(f"{tables} WHERE {test.text}", test.values), limit)


def _few(session: Session, where: Condition | None) -> Sql | None:
    """What rows `f` of one attribute say of every run that matches, if it is said of few; of the fewest.

    The planners know little of values that stand in rows, and SQLite's nothing at all: so the database is asked.
    """
    least = _FEW
    few: Sql | None = None
    for operand in where.operands if isinstance(where, And) else (where,):
        if not _asks_attribute(operand):
            continue
        found = _counted(session, _having(operand), least)
        if found < least:
            least, few = found, rows_of(operand, "f")
    return few


def _having(test: ValueTest) -> Sql:
    """The rows of an attribute's values that pass the test: one of each run that does."""
    rows = rows_of(test, "f")
    return Sql(f"aion_attribute f WHERE {rows.text}", rows.values)


def _read(session: Session, stretch: Stretch, where: Sql, few: Sql | None, limit: int) -> Sequence[Row]:
    if few is None and stretch.leading and not session.dialect.sorts_groups:
        leads = stretch.leads(where)
        last = session.row(f"{leads.text} LIMIT 1 OFFSET ?", *leads.values, limit - 1)
        if last is not None:
            rows = _selected(session, stretch.until(last[0]), where, few, limit)
            if len(rows) == limit:  # else some of them have gone meanwhile
                return rows
    return _selected(session, stretch, where, few, limit)


def _selected(session: Session, stretch: Stretch, where: Sql, few: Sql | None, limit: int) -> Sequence[Row]:
    found = stretch.select(where, few)
    return session.rows(f"{found.text} LIMIT ?", *found.values, limit)


def _asks_attribute(condition: Condition | None) -> TypeGuard[ValueTest]:
    if condition is None or isinstance(condition, Not | And | Or | IsNull):
        return False
    return condition.field.attribute


def _counted(session: Session, rows: Sql, limit: int | None) -> int:
    """How many rows there are, but counting stops at the limit."""
    if limit is None:
        return int(session.rows(f"SELECT count(*) FROM {rows.text}", *rows.values)[0][0])
    counted = f"SELECT count(*) FROM (SELECT 1 FROM {rows.text} LIMIT ?) AS counted"
    return int(session.rows(counted, *rows.values, limit)[0][0])
