"""Rows by which runs are found: one per run, and one per search attribute or keyword."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aion_core.spi import AttributeValue, RunId, Summary, WorkflowId, instant
from aion_store_sql import schema
from aion_store_sql.conditions import start_of, stored
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect, Put, Row
from aion_store_sql.rows import summary_text


class VisibleRows:
    """The statements that keep these rows. All methods work within a transaction of the caller's."""

    def __init__(self, dialect: Dialect) -> None:
        """Compile them."""
        self._visible = dialect.upsert(
            schema.visible,
            "workflow_id",
            "run_id",
            "type",
            "status",
            "started",
            "closed",
            "version",
            "parent",
            "schedule",
            "blocked_reason",
            "summary",
        )
        self._attributes = dialect.insert(
            schema.attribute, "workflow_id", "run_id", "name", "number", "text_start", "as_text", "as_int", "as_float"
        )

    def record(self, session: Session, summaries: Sequence[Summary]) -> None:
        """Keep these, instead of older ones of the same run."""
        last = {(summary.id, summary.run_id): summary for summary in summaries}
        self.forget_attributes(session, list(last))
        session.write(*self.puts(list(last.values())))

    def puts(self, summaries: Sequence[Summary]) -> list[tuple[Put, Sequence[Row]]]:
        """The rows of these, each of another run. Older attributes are to be forgotten before."""
        return [
            (self._visible, [self._row(summary) for summary in summaries]),
            (self._attributes, [row for summary in summaries for row in self._attribute_rows(summary)]),
        ]

    def delete(self, session: Session, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """Forget these runs."""
        self.forget_attributes(session, runs)
        for run in runs:
            session.run("DELETE FROM aion_visible WHERE workflow_id = ? AND run_id = ?", *run)

    @staticmethod
    def forget_attributes(session: Session, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """Of these runs; most of them have none."""
        if not runs:
            return
        array = session.dialect.array
        found = session.rows(
            "SELECT DISTINCT workflow_id, run_id FROM aion_attribute WHERE workflow_id {among} AND run_id {among}",
            array([workflow_id for workflow_id, _ in runs]),
            array([run_id for _, run_id in runs]),
        )
        for run in {*runs}.intersection(found):
            session.run("DELETE FROM aion_attribute WHERE workflow_id = ? AND run_id = ?", *run)

    def _row(self, summary: Summary) -> Row:
        reason, parent, schedule = summary.blocked_reason, summary.parent, summary.schedule
        return (
            summary.id,
            summary.run_id,
            stored(summary.type),
            summary.status.value,
            instant(summary.started),
            None if summary.closed is None else instant(summary.closed),
            stored(summary.version),
            None if parent is None else stored(parent),
            None if schedule is None else stored(schedule),
            None if reason is None else stored(reason),
            summary_text(summary),
        )

    def _attribute_rows(self, summary: Summary) -> list[Row]:
        rows: list[Row] = []
        for name, value in summary.attributes.items():
            parts = dict.fromkeys(value) if isinstance(value, tuple) else (value,)
            rows += [
                (summary.id, summary.run_id, name, number, *self._columns(part)) for number, part in enumerate(parts)
            ]
        return rows

    def _columns(self, value: AttributeValue) -> tuple[str | None, str | None, int | None, float | None]:
        if isinstance(value, str):
            text = stored(value)
            return start_of(text), text, None, None
        if isinstance(value, datetime):
            return None, None, instant(value), None
        if isinstance(value, float):
            return None, None, None, value
        return None, None, int(value) if isinstance(value, int) else None, None
