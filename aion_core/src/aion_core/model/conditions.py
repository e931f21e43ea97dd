"""Visibility queries as data: what the parser makes of query text, and what a store turns into its own query.

Names are checked and values are of the field's type by the time a condition exists, so that a store never has to
refuse one. Relative times are resolved: a condition means the same however often it is evaluated.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

from attrs import frozen

from aion_core.model.attributes import AttributeType, AttributeValue

FIELD_TYPES: Final[dict[str, AttributeType]] = {
    "id": AttributeType.STR,
    "run_id": AttributeType.STR,
    "type": AttributeType.STR,
    "status": AttributeType.STR,
    "started": AttributeType.DATETIME,
    "closed": AttributeType.DATETIME,
    "version": AttributeType.STR,
    "parent": AttributeType.STR,
    "schedule": AttributeType.STR,
    "blocked_reason": AttributeType.STR,
}
"""The fields that every run has."""


@frozen
class Field:
    """A built-in field or a declared search attribute."""

    name: str
    type: AttributeType
    attribute: bool = False


class Operator(StrEnum):
    """Comparison. Text is ordered by code point."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@frozen
class Comparison:
    """`field op value`. A field without a value matches no comparison, `!=` included."""

    field: Field
    operator: Operator
    value: AttributeValue


@frozen
class Among:
    """`field in (…)`; an empty list matches nothing."""

    field: Field
    values: tuple[AttributeValue, ...]


@frozen
class Between:
    """`field between low and high`, both included."""

    field: Field
    low: AttributeValue
    high: AttributeValue


@frozen
class Contains:
    """`field contains keyword`: one of the field's keywords, exactly."""

    field: Field
    keyword: str


@frozen
class StartsWith:
    """`field like 'prefix%'`: begins with these characters, case-sensitive."""

    field: Field
    prefix: str


@frozen
class IsNull:
    """`field is null`: the run has no value for it. An empty list of keywords is no value."""

    field: Field


@frozen
class Not:
    """Plain, two-valued negation: what the operand does not match. `not customer = 'a'` includes runs without one.

    A `not` behind the field leaves them out, as `!=` does: `customer not in ('a')` is parsed as `customer is not null
    and not customer in ('a')`.
    """

    operand: Condition


@frozen
class And:
    """All of them: two or more, and none is an `And` itself."""

    operands: tuple[Condition, ...]


@frozen
class Or:
    """Any of them: two or more, and none is an `Or` itself."""

    operands: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Among | Between | Contains | StartsWith | IsNull | Not | And | Or


@frozen
class Order:
    """By one field. Runs without a value come last in either direction.

    Ties and the rest: newest run id first; of the same run id under two workflow ids, the greater one first.
    """

    field: Field
    descending: bool = True


NEWEST_FIRST: Final = Order(Field("started", AttributeType.DATETIME))


@frozen
class Query:
    """What to list. No condition matches every run."""

    where: Condition | None = None
    order: Order = NEWEST_FIRST
