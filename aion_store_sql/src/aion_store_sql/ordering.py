"""The order of a list of runs as SQL, and places in it that a later page begins after.

A list is read in stretches, each of one statement that an index can answer in order: the runs that share the value
where the last page ended, those with a later value, and those without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from attrs import frozen

from aion_core.spi import AttributeType, Order, PageToken, StoreRefused
from aion_store_sql.conditions import NULLABLE, Column, Sql, column_of, lacking, start_of

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
    """Runs that stand together in a list. `key` is what they are ordered by, before their ids."""

    key: str
    tables: str
    where: Sql
    order: str


_ATTRIBUTE_TABLES: Final = (
    "aion_attribute o JOIN aion_visible v ON v.workflow_id = o.workflow_id AND v.run_id = o.run_id"
)


class Ordering:
    """One order."""

    def __init__(self, order: Order) -> None:
        """StoreRefused for one by keywords, which have no order."""
        field = order.field
        if field.type is AttributeType.KEYWORDS:
            raise StoreRefused("runs can not be ordered by keywords.")
        self._field = field
        self._column: Column = column_of(field, "o")
        self._row = "o" if field.attribute else "v"
        self._tables = _ATTRIBUTE_TABLES if field.attribute else "aion_visible v"
        self._direction, self._beyond = ("DESC", "<") if order.descending else ("ASC", ">")

    def stretches(self, place: Place | None) -> Iterator[Stretch]:
        """Behind this place, or all of them."""
        if place is None:
            yield self._with_value(self._has_value())
        elif place.value is not None:
            yield self._tied(place.value, place)
            yield self._with_value(self._later(place.value))
        if self._field.attribute or self._field.name in NULLABLE:
            yield self._without_value(None if place is None or place.value is not None else place)

    def _with_value(self, where: Sql) -> Stretch:
        columns = (self._column.start, self._column.name) if self._column.start else (self._column.name,)
        order = ", ".join(f"{column} {self._direction}" for column in columns)
        return Stretch(self._column.name, self._tables, where, f"{order}, {_newest(self._row)}")

    def _tied(self, value: Any, place: Place) -> Stretch:
        where = _and(self._of_attribute(), self._test("=", "=", value), _after(self._row, place))
        return Stretch(self._column.name, self._tables, where, _newest(self._row))

    def _without_value(self, place: Place | None) -> Stretch:
        where = lacking(self._field)
        if place is not None:
            where = _and(where, _after("v", place))
        return Stretch("NULL", "aion_visible v", where, _newest("v"))

    def _has_value(self) -> Sql:
        return _and(self._of_attribute(), Sql(f"{self._column.start or self._column.name} IS NOT NULL"))

    def _later(self, value: Any) -> Sql:
        return _and(self._of_attribute(), self._test(self._beyond, f"{self._beyond}=", value))

    def _test(self, operator: str, of_start: str, value: Any) -> Sql:
        column = self._column
        test = Sql(f"{column.name} {operator} ?", (value,))
        return _and(Sql(f"{column.start} {of_start} ?", (start_of(value),)), test) if column.start else test

    def _of_attribute(self) -> Sql | None:
        return Sql("o.name = ? AND o.number = 0", (self._field.name,)) if self._field.attribute else None


def _newest(row: str) -> str:
    return f"{row}.run_id DESC, {row}.workflow_id DESC"


def _after(row: str, place: Place) -> Sql:
    return Sql(
        f"{row}.run_id <= ? AND ({row}.run_id < ? OR {row}.workflow_id < ?)",
        (place.run_id, place.run_id, place.workflow_id),
    )


def _and(*tests: Sql | None) -> Sql:
    given = [test for test in tests if test is not None]
    return Sql(" AND ".join(test.text for test in given), tuple(value for test in given for value in test.values))
