"""What a condition means for one summary: the definition that every store's own query has to agree with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from aion_core.model.attributes import AttributeValue
from aion_core.model.conditions import (
    Among,
    And,
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
)
from aion_core.model.summaries import Summary

_Test: TypeAlias = Comparison | Among | Between | Contains | StartsWith | IsNull

# The two sides of a comparison are of one type: the parser and the schema each see to theirs.
_COMPARE: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
ALWAYS_PRESENT: Final = frozenset({"id", "run_id", "type", "status", "started", "version"})
"""The fields that no run lacks."""

_NOTHING: Final[Iterator[Condition]] = iter(())


def value_of(field: Field, summary: Summary) -> AttributeValue | None:
    """What the run has for a field. An empty list of keywords is no value."""
    if not field.attribute:
        value: AttributeValue | None = getattr(summary, field.name)
        return value
    value = summary.attributes.get(field.name)
    return None if value == () else value


def matches(condition: Condition, summary: Summary) -> bool:
    """Whether the condition holds for the run. Needs no stack of its own, however deep the condition is."""
    waiting: list[tuple[And | Or | Not, Iterator[Condition]]] = []
    while True:
        if isinstance(condition, Not):
            waiting.append((condition, _NOTHING))
            condition = condition.operand
            continue
        if isinstance(condition, And | Or):
            waiting.append((condition, iter(condition.operands)))
            verdict = isinstance(condition, And)  # of no operands at all
        else:
            verdict = _holds(condition, summary)
        while waiting:
            outer, rest = waiting[-1]
            if isinstance(outer, Not):
                verdict = not verdict
            elif verdict is isinstance(outer, And) and (following := next(rest, None)) is not None:
                condition = following
                break
            waiting.pop()
        else:
            return verdict


def _holds(test: _Test, summary: Summary) -> bool:
    value: Any = value_of(test.field, summary)
    if isinstance(test, IsNull):
        return value is None
    if value is None:
        return False
    match test:
        case Comparison():
            return _COMPARE[test.operator](value, test.value)
        case Among():
            return value in test.values
        case Between():
            low: Any = test.low
            return bool(low <= value <= test.high)
        case Contains():
            return test.keyword in value
        case StartsWith():
            return bool(value.startswith(test.prefix))
