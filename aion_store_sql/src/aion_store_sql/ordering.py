"""The order of a list of runs as SQL, and places in it that a later page begins after.

A list is read in stretches, each of one statement that an index can answer in order: the runs that share the value
where the last page ended, those with a later value, and those without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from attrs import evolve, frozen

from aion_core.spi import AttributeType, Order, PageToken, StoreRefused
from aion_store_sql.conditions import FENCE, NULLABLE, TRUE, Sql, all_of, column_of, lacking, opaque, start_of

_Int64: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended, as its token says it."""

    query: str
    value: str | _Int64 | float | None
    """As the column has it."""
    run_id: str
    workflow_id: str


def place_of(token: PageToken, query: str) -> Place:
    """The place that a token of this query holds. StoreRefused for any other token."""
    try:
        place = msgspec.json.decode(token, type=Place)
    except msgspec.MsgspecError:
        raise StoreRefused(f"{token!r} is not a page token of this store.") from None
    if place.query != query:
        raise StoreRefused("the page token is of another query: begin again without it.")
    return place


@frozen
class Stretch:
    """Runs that stand together in a list, as rows of `row`: of `v`, or of `o`, the attribute they are ordered by."""

    row: str
    key: str
    """What they are ordered by, before their ids."""
    where: Sql
    order: str
    leading: str | None = None
    """The first column of the order, if no index has all of it."""
    direction: str = "DESC"
    """Of the values; ids always fall."""

    def select(self, where: Sql, few: Sql | None) -> Sql:
        """Summary, key, run id and workflow id of those that match, in order; a LIMIT is to follow.

        `few` is what the rows `f` of an attribute say of the few runs that come into question: then it begins with
        these, and else it goes through all runs in their order.
        """
        row, own = self.row, self.where
        # Not a join: PostgreSQL guesses that next to no rows would come of it, and sorts all of them.
        summary = "v.summary" if row == "v" else f"(SELECT v.summary FROM aion_visible v WHERE {_same('v', 'o')})"
        shown = f"SELECT {summary}, {self.key}, {row}.run_id, {row}.workflow_id"
        if few is None:
            return self._ordered(f"{shown} FROM {_TABLES[row]}", all_of(own, self._matching(where)), self.order)
        # SQLite takes the tables of a CROSS JOIN in this order.
        tables = f"aion_attribute f CROSS JOIN {_TABLES[row]}"
        found = all_of(few, Sql(_same(row, "f")), opaque(own), self._matching(where))
        return self._ordered(f"{shown} FROM {tables}", found, self.order)

    def leads(self, where: Sql) -> Sql:
        """The leading column of those that match, in order; a LIMIT is to follow."""
        found = all_of(self.where, self._matching(where))
        shown = f"SELECT {self.leading} FROM {_TABLES[self.row]}"
        return self._ordered(shown, found, f"{self.leading} {self.direction}")

    def until(self, lead: Any) -> Stretch:
        """As far as this value of the leading column."""
        within = Sql(f"{self.leading} {'>=' if self.direction == 'DESC' else '<='} ?", (lead,))
        return evolve(self, where=all_of(self.where, within))

    def _matching(self, where: Sql) -> Sql:
        if self.row == "v" or where is TRUE:
            return where
        of_run = all_of(where, Sql(_same("v", "o")))
        return Sql(f"EXISTS (SELECT 1 FROM aion_visible v WHERE {of_run.text} {FENCE})", where.values, of_run.depth + 1)

    @staticmethod
    def _ordered(rows: str, where: Sql, order: str) -> Sql:
        return Sql(f"{rows} WHERE {where.text} ORDER BY {order}", where.values)


_TABLES: Final = {"v": "aion_visible v", "o": "aion_attribute o"}


class Ordering:
    """One order."""

    def __init__(self, order: Order) -> None:
        """StoreRefused for one by keywords, which have no order."""
        field = order.field
        if field.type is AttributeType.KEYWORDS:
            raise StoreRefused("runs can not be ordered by keywords.")
        self._field = field
        self._column = column_of(field, "o")
        self._row = "o" if field.attribute else "v"
        self._direction, self._beyond = ("DESC", "<") if order.descending else ("ASC", ">")

    def stretches(self, place: Place | None) -> Iterator[Stretch]:
        """Behind this place, or all of them."""
        column = self._column
        if place is None:
            yield self._with_value(Sql(f"{column.start or column.name} IS NOT NULL"))
        elif place.value is not None:
            tied = all_of(self._compared("=", "=", place.value), _behind(self._row, place))
            yield Stretch(self._row, column.name, self._named(tied), _newest(self._row))
            yield self._with_value(self._compared(self._beyond, f"{self._beyond}=", place.value))
        if self._field.attribute or self._field.name in NULLABLE:
            yield self._without_value(None if place is None or place.value is not None else place)

    def _with_value(self, where: Sql) -> Stretch:
        column = self._column
        first, direction = column.start or column.name, self._direction
        order = f"{first} {direction}, {column.name} {direction}" if column.start else f"{first} {direction}"
        return Stretch(
            self._row,
            column.name,
            self._named(where),
            f"{order}, {_newest(self._row)}",
            leading=None if column.start is None and direction == "DESC" else first,
            direction=direction,
        )

    def _without_value(self, place: Place | None) -> Stretch:
        where = lacking(self._field)
        if place is not None:
            where = all_of(where, _behind("v", place))
        return Stretch("v", "NULL", where, _newest("v"))

    def _compared(self, operator: str, of_start: str, value: Any) -> Sql:
        column = self._column
        test = Sql(f"{column.name} {operator} ?", (value,))
        return all_of(Sql(f"{column.start} {of_start} ?", (start_of(value),)), test) if column.start else test

    def _named(self, where: Sql) -> Sql:
        return all_of(Sql("o.name = ?", (self._field.name,)), where) if self._field.attribute else where


def _same(row: str, other: str) -> str:
    """These rows are of the same run."""
    return f"{row}.workflow_id = {other}.workflow_id AND {row}.run_id = {other}.run_id"


def _newest(row: str) -> str:
    return f"{row}.run_id DESC, {row}.workflow_id DESC"


def _behind(row: str, place: Place) -> Sql:
    return Sql(
        f"{row}.run_id <= ? AND ({row}.run_id < ? OR {row}.workflow_id < ?)",
        (place.run_id, place.run_id, place.workflow_id),
    )
