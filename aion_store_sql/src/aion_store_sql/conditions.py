"""Conditions as SQL about a row `v` of `aion_visible`, every value bound.

What comes out is true or false and never NULL, so that NOT is the plain negation that a condition means by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from aion_core.spi import (
    Among,
    And,
    AttributeType,
    AttributeValue,
    Between,
    Comparison,
    Condition,
    Contains,
    Field,
    IsNull,
    Not,
    Operator,
    Or,
    StartsWith,
    instant,
)
from aion_store_sql.schema import TEXT_START

NULLABLE: Final = frozenset({"closed", "parent", "schedule", "blocked_reason"})
"""The fields that a run may have no value for; an attribute it may always lack."""
_ATTRIBUTE_COLUMNS: Final = {
    AttributeType.STR: "as_text",
    AttributeType.KEYWORDS: "as_text",
    AttributeType.INT: "as_int",
    AttributeType.BOOL: "as_int",
    AttributeType.DATETIME: "as_int",
    AttributeType.FLOAT: "as_float",
}
_LAST: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)

ValueTest: TypeAlias = Comparison | Among | Between | Contains | StartsWith
"""What is only true of a run that has a value for the field."""


@frozen
class Sql:
    """A piece of a statement, with the values for its `?`."""

    text: str
    values: tuple[Any, ...] = ()
    depth: int = 0
    """Of the parentheses that other conditions stand in."""
    alternatives: bool = False
    """Has an OR that is not in parentheses."""


FENCE: Final = "LIMIT 1 OFFSET 0"
"""In EXISTS: look row by row. PostgreSQL makes a join of it else, and guesses wrong how many rows come of that."""
TRUE: Final = Sql("1 = 1")
FALSE: Final = Sql("1 = 0")


@frozen
class _Joint:
    """Joins as many of the operands that were written last."""

    conjunction: bool
    count: int


def sql_of(condition: Condition | None) -> Sql:
    """None is true of every run. Needs no stack of its own, however deep the condition is."""
    if condition is None:
        return TRUE
    written: list[Sql] = []
    waiting: list[tuple[Condition | _Joint, bool]] = [(condition, False)]
    while waiting:
        part, negated = waiting.pop()
        match part:
            case Not(operand):
                waiting.append((operand, not negated))
            case And(operands) | Or(operands):
                waiting.append((_Joint(isinstance(part, And) is not negated, len(operands)), False))
                waiting += [(operand, negated) for operand in operands]
            case _Joint(conjunction, count):
                first = len(written) - count
                written[first:] = [(all_of if conjunction else any_of)(*written[first:])]
            case test:
                found = _test(test)
                written.append(Sql(f"NOT ({found.text})", found.values) if negated else found)
    return written[0]


def rows_of(test: ValueTest, row: str) -> Sql:
    """What an attribute's rows say of themselves, if its value passes the test."""
    return all_of(Sql(f"{row}.name = ?", (test.field.name,)), _of_value(test, row))


def _test(test: ValueTest | IsNull) -> Sql:
    field = test.field
    if isinstance(test, IsNull):
        return lacking(field)
    found = _of_value(test, "a")
    if field.attribute:
        return _exists(all_of(Sql("a.name = ?", (field.name,)), opaque(found)))
    if field.name in NULLABLE:
        return Sql(f"{column_of(field).name} IS NOT NULL AND {found.text}", found.values)
    return found


def _of_value(test: ValueTest, attributes: str) -> Sql:
    column = column_of(test.field, attributes)
    match test:
        case Comparison(_, operator, value):
            return _compared(column, operator, _bound(value))
        case Contains(_, keyword):
            return _compared(column, Operator.EQ, _bound(keyword))
        case Among(_, values):
            return _among(column, [_bound(value) for value in values])
        case Between(_, low, high):
            return _between(column, _bound(low), _bound(high))
        case StartsWith(_, prefix):
            return _begins(column, stored(prefix))


def _bound(value: AttributeValue) -> Any:
    if isinstance(value, str):
        return stored(str(value))
    if isinstance(value, datetime):
        return instant(value)
    return int(value) if isinstance(value, bool) else value


@frozen
class Column:
    """Where the values of a field are."""

    name: str
    start: str | None = None
    """Where their first characters are, if the values themselves are too long for an index."""


def column_of(field: Field, attributes: str = "a") -> Column:
    """The column of a field; one of an attribute belongs to the row of this alias."""
    if not field.attribute:
        return Column("v.workflow_id" if field.name == "id" else f"v.{field.name}")
    name = _ATTRIBUTE_COLUMNS[field.type]
    return Column(f"{attributes}.{name}", f"{attributes}.text_start" if name == "as_text" else None)


def opaque(test: Sql) -> Sql:
    """The same test, but no index is used for it.

    For every single run SQLite would go through all values that pass the bare one, instead of the run's own.
    """
    return Sql(f"COALESCE({test.text}, 1 = 0)", test.values)


def lacking(field: Field) -> Sql:
    """The run has no value for the field."""
    if field.attribute:
        having = _exists(Sql("a.name = ?", (field.name,)))
        return evolve(having, text=f"NOT {having.text}")
    return Sql(f"{column_of(field).name} IS NULL") if field.name in NULLABLE else FALSE


def _exists(rows: Sql) -> Sql:
    of_run = "a.workflow_id = v.workflow_id AND a.run_id = v.run_id"
    return Sql(f"EXISTS (SELECT 1 FROM aion_attribute a WHERE {of_run} AND {rows.text} {FENCE})", rows.values)


def all_of(*operands: Sql) -> Sql:
    """Every one of them is true."""
    # The deepest one first: SQLite before 3.46 holds no more than 100 open words at a time, and an operand before
    # the parenthesis is one of them, and so is the word between.
    closed = sorted(map(_closed, operands), key=lambda operand: operand.depth, reverse=True)
    return _written(" AND ", closed) if closed else TRUE


def any_of(*operands: Sql) -> Sql:
    """At least one of them is true."""
    ranked = sorted(operands, key=lambda operand: operand.depth, reverse=True)  # as in `all_of`
    return evolve(_written(" OR ", ranked), alternatives=True) if ranked else FALSE


def _closed(operand: Sql) -> Sql:
    return Sql(f"({operand.text})", operand.values, operand.depth + 1) if operand.alternatives else operand


def _written(word: str, operands: Sequence[Sql]) -> Sql:
    values = tuple(value for operand in operands for value in operand.values)
    return Sql(word.join(operand.text for operand in operands), values, operands[0].depth)


def _compared(column: Column, operator: Operator, value: Any) -> Sql:
    test = Sql(f"{column.name} {operator.value} ?", (value,))
    match operator:
        case Operator.EQ:
            return _near(column, test, value, value)
        case Operator.NE:
            return all_of(Sql(f"{column.start} IS NOT NULL"), test) if column.start else test
        case Operator.LT | Operator.LE:
            return _near(column, test, None, value)
        case Operator.GT | Operator.GE:
            return _near(column, test, value, None)


def _among(column: Column, values: Sequence[Any]) -> Sql:
    if not values:
        return FALSE
    test = Sql(f"{column.name} IN ({_places(values)})", tuple(values))
    if column.start is None:
        return test
    starts = sorted({start_of(value) for value in values})
    return Sql(f"{column.start} IN ({_places(starts)}) AND {test.text}", (*starts, *test.values))


def _between(column: Column, low: Any, high: Any) -> Sql:
    test = Sql(f"{column.name} >= ? AND {column.name} <= ?", (low, high))
    return _near(column, test, low, high)


def _begins(column: Column, prefix: str) -> Sql:
    beyond = _following(prefix)
    if beyond is None:
        return _compared(column, Operator.GE, prefix)
    return _near(column, Sql(f"{column.name} >= ? AND {column.name} < ?", (prefix, beyond)), prefix, beyond)


def _near(column: Column, test: Sql, low: Any, high: Any) -> Sql:
    """The test, and what it means for the first characters, by which an index finds the few that are worth it."""
    if column.start is None:
        return test
    text, values = test.text, test.values
    if low is not None and low == high:
        return Sql(f"{column.start} = ? AND {text}", (start_of(low), *values))
    if high is not None:
        text, values = f"{column.start} <= ? AND {text}", (start_of(high), *values)
    if low is not None:
        text, values = f"{column.start} >= ? AND {text}", (start_of(low), *values)
    return Sql(text, values)


def stored(text: str) -> str:
    """A text of any characters as columns take it: in the same order, and never two of them as one.

    PostgreSQL keeps no character 0, and MariaDB sorts it as if it was not there.
    """
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def start_of(text: str) -> str:
    """The first characters of a stored text. In the order of the texts, as far as they go."""
    return text[:TEXT_START]


def _following(prefix: str) -> str | None:
    """The least text that is greater than all that begin so; None if there is none."""
    for length in range(len(prefix), 0, -1):
        code = ord(prefix[length - 1]) + 1
        if code <= _LAST:
            return prefix[: length - 1] + chr(_SURROGATES.stop if code in _SURROGATES else code)
    return None


def _places(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
