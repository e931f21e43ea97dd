"""Queries for runs, as the database's own."""

from __future__ import annotations

from aion_core.spi import Condition, Page, PageToken, Query, Summary
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect
from aion_store_sql.paging import key_of, page_of
from aion_store_sql.rows import summary_of


class Finding:
    """Translates conditions and orders for one database."""

    def __init__(self, dialect: Dialect) -> None:
        """For this one."""
        self._dialect = dialect

    def list(self, session: Session, query: Query, after: PageToken | None, limit: int) -> Page[Summary, PageToken]:
        """See `VisibilityStore.list`."""
        key = key_of(after, int, str)
        behind = " WHERE (started, run_id) < (?, ?)" if key else ""
        rows = session.rows(
            f"SELECT summary, started, run_id FROM aion_visible{behind} ORDER BY started DESC, run_id DESC LIMIT ?",
            *key,
            limit + 1,
        )
        return page_of(rows, limit, lambda row: summary_of(row[0]), lambda row: row[1:])

    def count(self, session: Session, where: Condition | None, limit: int | None) -> int:
        """See `VisibilityStore.count`."""
        return int(session.rows("SELECT count(*) FROM aion_visible")[0][0])
