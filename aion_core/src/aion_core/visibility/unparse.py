"""Writes a query as text again: what was understood, with every time and precedence made explicit."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import TypeGuard

from aion_core.model.attributes import AttributeValue
from aion_core.model.conditions import (
    NEWEST_FIRST,
    Among,
    And,
    Between,
    Comparison,
    Condition,
    Contains,
    Field,
    IsNull,
    Not,
    Or,
    Query,
    StartsWith,
)
from aion_core.visibility.evaluate import ALWAYS_PRESENT


def unparse(query: Query) -> str:
    """Text that parses to an equal query, under the same schema and at any time. Every run, newest first, is empty."""
    clauses: list[str] = []
    if query.where is not None:
        clauses.append(_condition(query.where))
    if query.order != NEWEST_FIRST:
        clauses.append(f"order by {query.order.field.name} {'desc' if query.order.descending else 'asc'}")
    return " ".join(clauses)


def _condition(condition: Condition) -> str:
    written: list[str] = []
    rest: list[Condition | str] = [condition]  # what comes next is last; no recursion, so that depth costs no stack
    while rest:
        match rest.pop():
            case str() as text:
                written.append(text)
            case Not(operand):
                rest += reversed(_negated(operand))
            case And(operands):
                rest += reversed(_all_of(operands))
            case Or(operands):
                rest += reversed(_separated(" or ", [[operand] for operand in operands]))
            case test:
                written.append(_test(test))
    return "".join(written)


def _negated(operand: Condition) -> list[Condition | str]:
    if isinstance(operand, IsNull) or _excludes(operand, ALWAYS_PRESENT):
        return [_test(operand, negated=True)]
    if isinstance(operand, Or) or (isinstance(operand, And) and len(_all_of(operand.operands)) > 1):
        return ["not (", operand, ")"]
    return ["not ", operand]


def _all_of(operands: tuple[Condition, ...]) -> list[Condition | str]:
    """The operands with `and` between them; `x is not null and not x in (…)` is what the parser makes of `x not in`."""
    pieces: list[list[Condition | str]] = []
    present: Field | None = None  # what the operand before says is not null
    for operand in operands:
        match operand:
            case Not(test) if present is not None and _excludes(test, {present.name} - ALWAYS_PRESENT):
                pieces[-1] = [_test(test, negated=True)]
            case And() | Or():
                pieces.append(["(", operand, ")"])
            case _:
                pieces.append([operand])
        match operand:
            case Not(IsNull(field)):
                present = field
            case _:
                present = None
    return _separated(" and ", pieces)


def _excludes(test: Condition, fields: Container[str]) -> TypeGuard[Among | Between | StartsWith]:
    """Whether the test of one of these fields is negated by a `not` behind the field's name."""
    return isinstance(test, Among | Between | StartsWith) and test.field.name in fields


def _separated(word: str, pieces: list[list[Condition | str]]) -> list[Condition | str]:
    joined = pieces[0]
    for piece in pieces[1:]:
        joined = [*joined, word, *piece]
    return joined


def _test(test: Comparison | Among | Between | Contains | StartsWith | IsNull, *, negated: bool = False) -> str:
    name = f"{test.field.name} not" if negated and not isinstance(test, IsNull) else test.field.name
    match test:
        case Comparison():
            return f"{name} {test.operator} {_value(test.value)}"
        case Among():
            return f"{name} in ({', '.join(map(_value, test.values))})"
        case Between():
            return f"{name} between {_value(test.low)} and {_value(test.high)}"
        case Contains():
            return f"{name} contains {_value(test.keyword)}"
        case StartsWith():
            escaped = test.prefix.replace("\\", "\\\\").replace("%", "\\%")
            return f"{name} like {_value(f'{escaped}%')}"
        case IsNull():
            return f"{name} is {'not ' if negated else ''}null"


def _value(value: AttributeValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return f"'{value.isoformat()}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)
