"""What is wrong with the rows of a store, as only the database and the rows themselves can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from attrs import frozen

from aion_core.spi import Damage, StoreRefused, WorkflowId, shard_of
from aion_store_sql.database import Session
from aion_store_sql.places import Place
from aion_store_sql.rows import summary_of
from aion_store_sql.schema import PREFIX

_PAGE: Final = 500
_TOLD: Final = 100
"""The most rows that are named of each kind of damage."""


@frozen
class _Rule:
    """A query that finds the keys of rows that should not be."""

    table: str
    sql: str
    problem: str


_RULES: Final = (
    _Rule(
        "aion_history",
        "SELECT h.workflow_id, h.last_seq FROM aion_history h LEFT JOIN aion_workflow w"
        " ON w.workflow_id = h.workflow_id WHERE w.workflow_id IS NULL",
        "events of a workflow that has no row in aion_workflow",
    ),
    _Rule(
        "aion_history",
        "SELECT h.workflow_id, h.last_seq FROM aion_history h JOIN aion_workflow w"
        " ON w.workflow_id = h.workflow_id WHERE h.last_seq > w.head",
        "events behind the head that aion_workflow says",
    ),
    _Rule(
        "aion_history",
        "SELECT h.workflow_id, h.last_seq FROM aion_history h JOIN aion_workflow w"
        " ON w.workflow_id = h.workflow_id WHERE h.shard <> w.shard",
        "another shard than aion_workflow says",
    ),
    _Rule(
        "aion_history",
        "SELECT h.workflow_id, h.last_seq FROM aion_history h WHERE (h.body IS NULL) = (h.bytes IS NULL)",
        "a batch has its text in body or its bytes in bytes, and not both",
    ),
    _Rule(
        "aion_workflow",
        "SELECT w.workflow_id FROM aion_workflow w WHERE w.head > w.floor AND NOT EXISTS"
        " (SELECT 1 FROM aion_history h WHERE h.workflow_id = w.workflow_id AND h.last_seq = w.head)",
        "aion_history has no batch that ends at its head",
    ),
    _Rule(
        "aion_run",
        "SELECT r.workflow_id, r.run_id FROM aion_run r LEFT JOIN aion_workflow w"
        " ON w.workflow_id = r.workflow_id WHERE w.workflow_id IS NULL",
        "a run of a workflow that has no row in aion_workflow",
    ),
    _Rule(
        "aion_blob",
        "SELECT b.workflow_id, b.op_id, b.number FROM aion_blob b WHERE NOT EXISTS"
        " (SELECT 1 FROM aion_history h WHERE h.workflow_id = b.workflow_id AND h.op_id = b.op_id)",
        "no batch refers to it",
    ),
    _Rule(
        "aion_attribute",
        "SELECT a.workflow_id, a.run_id, a.name, a.number FROM aion_attribute a WHERE NOT EXISTS"
        " (SELECT 1 FROM aion_visible v WHERE v.workflow_id = a.workflow_id AND v.run_id = a.run_id)",
        "a search attribute of a run that is not in aion_visible",
    ),
)
_SUMMARIES: Final = (
    ("aion_workflow", "workflow_id"),
    ("aion_run", "workflow_id, run_id"),
    ("aion_visible", "workflow_id, run_id"),
)


def damage(place: Place) -> Iterator[Damage]:
    """All of it."""
    yield from place.read(lambda session: place.dialect.integrity(session.cursor))
    for rule in _RULES:
        yield from _broken(place, rule)
    for table, key in _SUMMARIES:
        yield from _unreadable(place, table, key)
    yield from _strays(place)


def _broken(place: Place, rule: _Rule) -> Iterator[Damage]:
    # One statement sees one moment, so what an engine is about to write is never seen in halves.
    found = place.read(lambda session: session.rows(f"{rule.sql} LIMIT {_TOLD + 1}"))
    for row in found[:_TOLD]:
        yield Damage(place=_row(place, rule.table, row), problem=_named(place, rule.problem))
    if len(found) > _TOLD:
        yield Damage(
            place=_named(place, rule.table), problem=f"and more rows like these: {_named(place, rule.problem)}"
        )


def _unreadable(place: Place, table: str, key: str) -> Iterator[Damage]:
    for *row, text in _pages(place, table, key, "summary"):
        try:
            summary_of(text)
        except StoreRefused as error:
            yield Damage(place=_row(place, table, tuple(row)), problem=str(error))


def _strays(place: Place) -> Iterator[Damage]:
    for workflow_id, shard in _pages(place, "aion_workflow", "workflow_id", "shard"):
        home = shard_of(WorkflowId(workflow_id), place.shards)
        if int(shard) != home:
            problem = f"says shard {shard}, and its id belongs to shard {home}: no engine finds it"
            yield Damage(place=_row(place, "aion_workflow", (workflow_id,)), problem=problem)


def _pages(place: Place, table: str, key: str, column: str) -> Iterator[tuple[str, ...]]:
    """Every row, in the order of its key, a page at a time: whoever looks for long holds nothing."""
    names = key.split(", ")
    behind: tuple[str, ...] = ()
    while True:
        rows = place.read(_page(table, names, column, behind))
        yield from rows
        if len(rows) < _PAGE:
            return
        behind = rows[-1][: len(names)]


def _page(
    table: str, names: list[str], column: str, behind: tuple[str, ...]
) -> Callable[[Session], list[tuple[str, ...]]]:
    key = ", ".join(names)
    where = f" WHERE ({key}) > ({', '.join('?' * len(names))})" if behind else ""
    sql = f"SELECT {key}, {column} FROM {table}{where} ORDER BY {key} LIMIT {_PAGE}"
    return lambda session: list(session.rows(sql, *behind))


def _row(place: Place, table: str, key: tuple[object, ...]) -> str:
    return f"{_named(place, table)} ({', '.join(map(repr, key))})"


def _named(place: Place, text: str) -> str:
    """With the tables as they are called in the database."""
    return text.replace(PREFIX, place.settings.prefix)
