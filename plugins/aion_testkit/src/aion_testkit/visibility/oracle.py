"""What conditions and orders mean, written down once more: the oracle that visibility stores are compared with.

It shares no code with the core's own evaluation, so that the two check each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aion_core.spi import (
    Among,
    And,
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
    Query,
    StartsWith,
    Summary,
)


def holds(condition: Condition | None, row: Summary) -> bool:
    """Whether a run is among those that a condition asks for."""
    match condition:
        case None:
            return True
        case And(operands):
            return all(holds(operand, row) for operand in operands)
        case Or(operands):
            return any(holds(operand, row) for operand in operands)
        case Not(operand):
            return not holds(operand, row)
        case IsNull(field):
            return value_of(field, row) is None
        case Among(field, values):
            return value_of(field, row) in values
        case Contains(field, keyword):
            keywords = value_of(field, row)
            return isinstance(keywords, tuple) and keyword in keywords
        case StartsWith(field, prefix):
            text = value_of(field, row)
            return isinstance(text, str) and text[: len(prefix)] == prefix
        case Between(field, low, high):
            return compared(field, Operator.GE, low, row) and compared(field, Operator.LE, high, row)
        case Comparison(field, operator, value):
            return compared(field, operator, value, row)


def compared(field: Field, operator: Operator, right: Any, row: Summary) -> bool:
    """A comparison; a run without a value matches none."""
    left: Any = value_of(field, row)
    if left is None:
        return False
    match operator:
        case Operator.EQ:
            return bool(left == right)
        case Operator.NE:
            return bool(left != right)
        case Operator.LT:
            return bool(left < right)
        case Operator.LE:
            return bool(left <= right)
        case Operator.GT:
            return bool(left > right)
        case Operator.GE:
            return bool(left >= right)


def value_of(field: Field, row: Summary) -> AttributeValue | None:
    """What a run has for a field; an empty list of keywords is no value."""
    if field.attribute:
        kept = row.attributes.get(field.name)
        return None if kept == () else kept
    value: AttributeValue | None = vars_of(row)[field.name]
    return value


def vars_of(row: Summary) -> dict[str, AttributeValue | None]:
    """The fields that every run has, by name."""
    return {
        "id": row.id,
        "run_id": row.run_id,
        "type": row.type,
        "status": str(row.status),
        "started": row.started,
        "closed": row.closed,
        "version": row.version,
        "parent": row.parent,
        "schedule": row.schedule,
        "blocked_reason": row.blocked_reason,
    }


def listed(rows: Iterable[Summary], query: Query) -> list[Summary]:
    """The runs that a query asks for, in its order."""
    found = [row for row in rows if holds(query.where, row)]
    found.sort(key=lambda row: (row.run_id, row.id), reverse=True)
    field = query.order.field
    with_value = [row for row in found if value_of(field, row) is not None]
    without = [row for row in found if value_of(field, row) is None]
    # The sort is stable in both directions, so that ties stay newest first.
    with_value.sort(key=lambda row: _sortable(value_of(field, row)), reverse=query.order.descending)
    return with_value + without


def _sortable(value: AttributeValue | None) -> Any:
    return value
