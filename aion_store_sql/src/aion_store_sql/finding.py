"""Queries for runs, as the database's own."""

from __future__ import annotations

from hashlib import sha256

from aion_core.spi import Condition, Page, PageToken, Query, Summary
from aion_store_sql.conditions import Conditions
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect, Row
from aion_store_sql.ordering import Ordering, place_of
from aion_store_sql.paging import page_of
from aion_store_sql.rows import summary_of


class Finding:
    """Finds runs in one database."""

    def __init__(self, dialect: Dialect) -> None:
        """In this one."""
        self._conditions = Conditions(dialect.stored)

    def list(self, session: Session, query: Query, after: PageToken | None, limit: int) -> Page[Summary, PageToken]:
        """See `VisibilityStore.list`."""
        ordering = Ordering(query.order)
        where = self._conditions.sql(query.where)
        digest = sha256(repr((where.text, where.values, query.order)).encode()).hexdigest()[:16]
        rows: list[Row] = []
        for stretch in ordering.stretches(None if after is None else place_of(after, digest)):
            rows += session.rows(
                f"SELECT v.summary, {stretch.key}, v.run_id, v.workflow_id FROM {stretch.tables}"
                f" WHERE {stretch.where.text} AND ({where.text}) ORDER BY {stretch.order} LIMIT ?",
                *stretch.where.values,
                *where.values,
                limit + 1 - len(rows),
            )
            if len(rows) > limit:
                break
        return page_of(rows, limit, lambda row: summary_of(row[0]), lambda row: (digest, *row[1:]))

    def count(self, session: Session, where: Condition | None, limit: int | None) -> int:
        """See `VisibilityStore.count`."""
        test = self._conditions.sql(where)
        matching = f"FROM aion_visible v WHERE {test.text}"
        if limit is None:
            rows = session.rows(f"SELECT count(*) {matching}", *test.values)
        else:
            rows = session.rows(f"SELECT count(*) FROM (SELECT 1 {matching} LIMIT ?) AS matched", *test.values, limit)
        return int(rows[0][0])
