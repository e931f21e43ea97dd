"""What holds for any text, any condition and any runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from aion_core.model.attributes import AttributeSchema, AttributeType
from aion_core.model.conditions import (
    FIELD_TYPES,
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
    Operator,
    Or,
    Order,
    Query,
    StartsWith,
)
from aion_core.model.errors import AionError
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.status import Status
from aion_core.model.summaries import Summary
from aion_core.model.times import instant
from aion_core.visibility import matches, ordered, parse, position_of, unparse

EXAMPLES = settings(max_examples=100, deadline=None)
NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
SCHEMA = AttributeSchema(
    {"customer": "str", "amount": "int", "price": "float", "paid": "bool", "due": "datetime", "tags": "keywords"}
)
FIELDS = [Field(name, kind) for name, kind in FIELD_TYPES.items()] + [
    Field(name, kind, attribute=True) for name, kind in SCHEMA.types.items()
]

# ---- values: few enough that conditions meet runs

texts = st.sampled_from(["", "a", "ab", "B", "it's", "5%", "a\\", "é", "\n", "$x"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=3
)
times = st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours)) | st.datetimes(timezones=st.just(UTC))
VALUES = {
    AttributeType.STR: texts,
    AttributeType.INT: st.integers(-2, 2) | st.integers(-(2**63), 2**63 - 1),
    AttributeType.FLOAT: st.sampled_from([-1.5, 0.0, 1.0]) | st.floats(allow_nan=False, allow_infinity=False),
    AttributeType.BOOL: st.booleans(),
    AttributeType.DATETIME: times,
    AttributeType.KEYWORDS: st.lists(texts, max_size=3, unique=True).map(tuple),
}


def values_of(field: Field):
    return st.sampled_from(list(Status)).map(str) if field.name == "status" else VALUES[field.type]


# ---- conditions, as the parser makes them: no `And` directly in an `And`, no `Or` directly in an `Or`


@st.composite
def single_tests(draw) -> Condition:
    field = draw(st.sampled_from(FIELDS))
    if field.type is AttributeType.KEYWORDS:
        return draw(st.sampled_from([IsNull(field), Contains(field, draw(texts))]))
    value = values_of(field)
    kinds = [
        st.just(IsNull(field)),
        st.builds(Among, st.just(field), st.lists(value, max_size=3).map(tuple)),
        st.builds(Comparison, st.just(field), st.sampled_from([Operator.EQ, Operator.NE]), value),
    ]
    if field.type is not AttributeType.BOOL:
        kinds.append(st.builds(Comparison, st.just(field), st.sampled_from(Operator), value))
        kinds.append(st.builds(Between, st.just(field), value, value))
    if field.type is AttributeType.STR:
        kinds.append(st.builds(StartsWith, st.just(field), texts))
    return draw(st.one_of(kinds))


def excluding(test: Condition) -> Condition:
    """What the parser makes of a `not` behind a field."""
    return And((Not(IsNull(test.field)), Not(test)))  # type: ignore[union-attr] - a test has a field


def joined(kind: type[And | Or]):
    def flat(operands: list[Condition]) -> Condition:
        pieces = [
            piece for operand in operands for piece in (operand.operands if isinstance(operand, kind) else [operand])
        ]
        return kind(tuple(pieces))

    return flat


conditions = st.recursive(
    single_tests() | single_tests().map(excluding),
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3).map(joined(And))
        | st.lists(inner, min_size=2, max_size=3).map(joined(Or))
    ),
    max_leaves=8,
)
orders = st.just(NEWEST_FIRST) | st.builds(
    Order, st.sampled_from([field for field in FIELDS if field.type is not AttributeType.KEYWORDS]), st.booleans()
)
queries = st.builds(Query, st.none() | conditions, orders)

# ---- runs


@st.composite
def summaries(draw) -> Summary:
    attributes = {name: draw(st.none() | VALUES[kind]) for name, kind in SCHEMA.types.items()}
    return Summary(
        id=WorkflowId(draw(st.sampled_from(["a", "b"]))),
        run_id=RunId(draw(st.sampled_from(["1", "2", "3"]))),
        type=draw(texts),
        status=draw(st.sampled_from(Status)),
        started=draw(times),
        closed=draw(st.none() | times),
        version=Version(draw(texts)),
        parent=draw(st.none() | texts.map(WorkflowId)),
        schedule=draw(st.none() | texts),
        blocked_reason=draw(st.none() | texts),
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def distinct_runs(most: int):
    return st.lists(summaries(), max_size=most, unique_by=lambda run: (run.id, run.run_id))


# ---- any text

WORDS = """
    and or not ( ) , = != < <= > >= in between like contains is null order by asc desc now true -2h +1w 5 -1.5 1e9
    'a' 'a%' '2026-01-31' 'failed' ' $x $y \\ % status id started closed customer amount price paid due tags
"""
text_of_words = st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)


@given(st.text() | text_of_words)
@settings(EXAMPLES, max_examples=300)
def test_any_text_is_understood_or_refused_with_an_error_of_ours(text) -> None:
    try:
        parse(text, schema=SCHEMA, now=instant(NOW), params={"x": 5})
    except AionError:
        return


@given(text_of_words)
@EXAMPLES
def test_what_is_understood_can_be_written_again(text) -> None:
    try:
        query = parse(text, schema=SCHEMA, now=instant(NOW))
    except AionError:
        return
    assert parse(unparse(query), schema=SCHEMA, now=instant(NOW)) == query


# ---- writing


@given(queries)
@EXAMPLES
def test_a_query_written_as_text_parses_to_itself(query) -> None:
    text = unparse(query)
    assert parse(text, schema=SCHEMA, now=instant(NOW), limits=Limits(query=10**6)) == query


@given(queries)
@EXAMPLES
def test_a_query_means_the_same_at_any_time_once_it_is_written_as_text(query) -> None:
    limits = Limits(query=10**6)
    text = unparse(query)
    later = parse(text, schema=SCHEMA, now=instant(NOW + timedelta(days=1)), limits=limits)
    assert unparse(later) == text


# ---- meaning


def oracle(condition: Condition, run: Summary) -> bool:
    """The definitions once more, word by word, with none of the code under test."""
    if isinstance(condition, Not):
        return not oracle(condition.operand, run)
    if isinstance(condition, And):
        return False not in [oracle(operand, run) for operand in condition.operands]
    if isinstance(condition, Or):
        return True in [oracle(operand, run) for operand in condition.operands]
    values = {**dict(run.attributes), **{name: getattr(run, name) for name in FIELD_TYPES}}
    value = values.get(condition.field.name)
    lacking = value is None or value == ()
    if isinstance(condition, IsNull):
        return lacking
    if lacking:
        return False
    if isinstance(condition, Among):
        return any(value == candidate for candidate in condition.values)
    if isinstance(condition, Between):
        return not (value < condition.low) and not (value > condition.high)
    if isinstance(condition, Contains):
        return condition.keyword in list(value)
    if isinstance(condition, StartsWith):
        return value[: len(condition.prefix)] == condition.prefix
    less, equal = value < condition.value, value == condition.value
    return {
        "=": equal,
        "!=": not equal,
        "<": less,
        "<=": less or equal,
        ">": not less and not equal,
        ">=": not less,
    }[str(condition.operator)]


@given(conditions, st.lists(summaries(), min_size=1, max_size=4))
@EXAMPLES
def test_a_condition_means_what_its_definition_says(condition, runs) -> None:
    assert [matches(condition, run) for run in runs] == [oracle(condition, run) for run in runs]


# ---- order and pages


@given(distinct_runs(6), orders)
@EXAMPLES
def test_positions_are_strictly_increasing_along_the_order(runs, order) -> None:
    positions = [position_of(run, order) for run in ordered(runs, order)]
    assert all(
        (earlier < later, later < earlier, earlier == later) == (True, False, False)
        for place, earlier in enumerate(positions)
        for later in positions[place + 1 :]
    )


@given(distinct_runs(6), orders)
@EXAMPLES
def test_the_order_is_the_definition(runs, order) -> None:
    def value(run: Summary):
        return run.attributes.get(order.field.name) if order.field.attribute else getattr(run, order.field.name)

    newest = sorted(runs, key=lambda run: (run.run_id, run.id), reverse=True)
    having = sorted((run for run in newest if value(run) is not None), key=value, reverse=order.descending)
    assert ordered(runs, order) == having + [run for run in newest if value(run) is None]


@given(distinct_runs(6), orders, st.integers(1, 3))
@EXAMPLES
def test_pages_meet_every_run_once_and_in_order(runs, order, size) -> None:
    met: list[Summary] = []
    while page := [
        run for run in ordered(runs, order) if not met or position_of(run, order) > position_of(met[-1], order)
    ]:
        met += page[:size]
    assert met == ordered(runs, order)


@given(st.lists(summaries(), min_size=3, max_size=6, unique_by=lambda run: (run.id, run.run_id)), orders)
@EXAMPLES
def test_pages_meet_what_stays_when_runs_come_and_go(runs, order) -> None:
    last, gone, come, *stay = runs
    first_page = [
        run for run in ordered([last, gone, *stay], order) if position_of(run, order) <= position_of(last, order)
    ]
    rest = [run for run in ordered([come, *stay], order) if position_of(run, order) > position_of(last, order)]
    assert sorted(run.run_id + run.id for run in [*first_page, *rest] if run in stay) == sorted(
        run.run_id + run.id for run in stay
    )
