"""Runs with values of every type, some of them treacherous, and strategies for random ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from msgspec.structs import replace

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
    Instant,
    IsNull,
    Not,
    Operator,
    Or,
    Order,
    Query,
    StartsWith,
    Status,
    Summary,
    Version,
    WorkflowId,
    as_datetime,
)
from aion_testkit.builders import moment, summary

CUSTOMER: Final = Field("customer", AttributeType.STR, attribute=True)
AMOUNT: Final = Field("amount", AttributeType.INT, attribute=True)
PRICE: Final = Field("price", AttributeType.FLOAT, attribute=True)
VIP: Final = Field("vip", AttributeType.BOOL, attribute=True)
DUE: Final = Field("order.due", AttributeType.DATETIME, attribute=True)
TAGS: Final = Field("tags", AttributeType.KEYWORDS, attribute=True)
ATTRIBUTES: Final = (CUSTOMER, AMOUNT, PRICE, VIP, DUE, TAGS)
BUILT_IN: Final = tuple(
    Field(name, AttributeType.DATETIME if name in {"started", "closed"} else AttributeType.STR)
    for name in (
        "id", "run_id", "type", "status", "started", "closed", "version", "parent", "schedule", "blocked_reason",
    )
)  # fmt: skip

TEXTS: Final = (
    "acme",
    "ACME",
    "acm\u00e9",
    "acme ",
    "",
    "a%",
    "a_b",
    "a\\",
    "it's",
    "zeta",
    "\U0001f9fe",
    "\uffee",
    "ß",
)
NUMBERS: Final = (-(2**63), -5, 0, 3, 4, 2**53 + 1, 2**63 - 1)
FLOATS: Final = (-1e300, -0.5, 0.0, 0.1, 0.30000000000000004, 3.0, 1e-300, 1.7976931348623157e308)
TIMES: Final = tuple(
    as_datetime(Instant(at))
    for at in (-62_135_596_800_000_000, -1, 0, 1_700_000_000_000_001, 1_700_000_000_000_002, 253_402_300_799_999_999)
)
KEYWORDS: Final = ("vip", "VIP", "new", "a,b", "", "é", '"quoted"')

_VALUES: Final[dict[AttributeType, tuple[AttributeValue, ...]]] = {
    AttributeType.STR: TEXTS,
    AttributeType.INT: NUMBERS,
    AttributeType.FLOAT: FLOATS,
    AttributeType.BOOL: (True, False),
    AttributeType.DATETIME: TIMES,
}
_BUILT_IN_VALUES: Final[dict[str, tuple[AttributeValue, ...]]] = {
    "id": ("order-1", "Order-1", "order-2", "заказ", "parent-1"),
    "run_id": tuple(summary("order-1", number=n).run_id for n in range(1, 4)),
    "type": ("order", "Order", "refund", "возврат"),
    "status": tuple(str(status) for status in Status),
    "started": tuple(as_datetime(moment(n)) for n in (0, 1, 1.000001, 2)),
    "closed": tuple(as_datetime(moment(n)) for n in (1, 1.000001, 2)),
    "version": ("a" * 64, "b" * 64, "env:12"),
    "parent": ("parent-1", "order-1"),
    "schedule": ("nightly", "Nightly"),
    "blocked_reason": ("no worker knows `order`", "история изменилась"),
}


def spread() -> list[Summary]:
    """Runs of every status, with and without values, for cases that need some of everything."""
    rows: list[Summary] = []
    for number, status in enumerate(Status, start=1):
        attributes: dict[str, AttributeValue] = {}
        if number % 3:
            attributes["customer"] = TEXTS[number % len(TEXTS)]
        if number % 2:
            attributes["amount"] = NUMBERS[number % len(NUMBERS)]
            attributes["tags"] = KEYWORDS[: number % 4 + 1]
        if number % 4:
            attributes["price"] = FLOATS[number % len(FLOATS)]
            attributes["vip"] = number % 8 < 4
            attributes["order.due"] = TIMES[number % len(TIMES)]
        row = summary(f"order-{number}", number=number, status=status, attributes=attributes)
        rows.append(replace(row, parent=WorkflowId("parent-1") if number % 2 else None))
    return rows


def values_of(field: Field) -> st.SearchStrategy[AttributeValue]:
    """Values to compare a field with."""
    pool = _VALUES[field.type] if field.attribute else _BUILT_IN_VALUES[field.name]
    return st.sampled_from(pool)


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    """One run of few workflows, so that runs replace each other and tie."""
    number = draw(st.integers(1, 3))
    status = draw(st.sampled_from(Status))
    drawn = {field.name: draw(st.none() | values_of(field)) for field in ATTRIBUTES if field is not TAGS}
    attributes = {name: value for name, value in drawn.items() if value is not None}
    tags = draw(st.none() | st.lists(st.sampled_from(KEYWORDS), max_size=3, unique=True).map(tuple))
    if tags is not None:
        attributes["tags"] = tags
    row = summary(
        str(draw(values_of(Field("id", AttributeType.STR)))),
        number=number,
        status=status,
        workflow_type=str(draw(values_of(Field("type", AttributeType.STR)))),
        started=moment(draw(st.sampled_from([0, 1, 1.000001, 2]))),
        attributes=attributes,
    )
    return replace(
        row,
        version=Version(str(draw(values_of(Field("version", AttributeType.STR))))),
        parent=draw(st.none() | st.just(WorkflowId("parent-1"))),
        schedule=draw(st.none() | st.sampled_from(["nightly", "Nightly"])),
        blocked_reason=draw(st.none() | st.just("no worker knows `order`")),
        closed=None if status.open else row.started + timedelta(microseconds=draw(st.integers(0, 2))),
    )


@st.composite
def tests(draw: st.DrawFn) -> Condition:
    """One condition about one field."""
    field = draw(st.sampled_from((*BUILT_IN, *ATTRIBUTES)))
    if draw(st.integers(0, 7)) == 0:
        return IsNull(field)
    if field is TAGS:
        return Contains(field, draw(st.sampled_from(KEYWORDS)))
    value = values_of(field)
    if field.type is AttributeType.BOOL:
        return Comparison(field, draw(st.sampled_from([Operator.EQ, Operator.NE])), draw(value))
    choices: list[st.SearchStrategy[Condition]] = [
        st.builds(Comparison, st.just(field), st.sampled_from(Operator), value),
        st.builds(Among, st.just(field), st.lists(value, max_size=3).map(tuple)),
        st.builds(Between, st.just(field), value, value),
    ]
    if field.type is AttributeType.STR:
        prefixes = value.flatmap(lambda text: st.integers(0, len(str(text))).map(lambda n: str(text)[:n]))
        choices.append(st.builds(StartsWith, st.just(field), prefixes))
    return draw(st.one_of(choices))


def conditions() -> st.SearchStrategy[Condition]:
    """Any condition, as the parser would build it."""
    return st.recursive(tests(), _combined, max_leaves=6)


def queries() -> st.SearchStrategy[Query]:
    """Any condition and any order."""
    fields = [field for field in (*BUILT_IN, *ATTRIBUTES) if field is not TAGS]
    orders = st.builds(Order, st.sampled_from(fields), st.booleans())
    return st.builds(Query, st.none() | conditions(), orders)


def _combined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        inner.map(Not),
        several.map(lambda operands: And(_flat(And, operands))),
        several.map(lambda operands: Or(_flat(Or, operands))),
    )


def _flat(kind: type[And | Or], operands: list[Condition]) -> tuple[Condition, ...]:
    """No `And` directly within an `And`, no `Or` within an `Or`: as the parser leaves them."""
    flat: list[Condition] = []
    for operand in operands:
        if isinstance(operand, kind):
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return tuple(flat)
