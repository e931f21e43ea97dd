"""What each construct of the language is understood as."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aion_core.model.attributes import AttributeSchema, AttributeType
from aion_core.model.conditions import (
    FIELD_TYPES,
    NEWEST_FIRST,
    Among,
    And,
    Between,
    Comparison,
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
from aion_core.model.limits import Limits
from aion_core.model.status import Status
from aion_core.model.times import instant
from aion_core.visibility import parse, parse_condition

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
SCHEMA = AttributeSchema(
    {
        "customer": "str",
        "shop.region": "str",
        "amount": "int",
        "price": "float",
        "paid": "bool",
        "due": "datetime",
        "tags": "keywords",
        "order": "str",
        "in": "int",
        "or": "int",
        "null": "int",
    }
)
STATUS, TYPE, STARTED, CLOSED = (Field(name, FIELD_TYPES[name]) for name in ("status", "type", "started", "closed"))
CUSTOMER = Field("customer", AttributeType.STR, attribute=True)
AMOUNT = Field("amount", AttributeType.INT, attribute=True)
PRICE = Field("price", AttributeType.FLOAT, attribute=True)
PAID = Field("paid", AttributeType.BOOL, attribute=True)
DUE = Field("due", AttributeType.DATETIME, attribute=True)
TAGS = Field("tags", AttributeType.KEYWORDS, attribute=True)


def where(text: str, **params: object):
    return parse(text, schema=SCHEMA, now=instant(NOW), params=params).where


def order(text: str) -> Order:
    return parse(text, schema=SCHEMA, now=instant(NOW)).order


def is_one(number: int) -> Comparison:
    return Comparison(AMOUNT, Operator.EQ, number)


def test_the_sample_query_is_understood_as_a_whole() -> None:
    text = """
        status = 'failed' and type in ('checkout','refund') and started > -2h and customer = 'acme'
        order by started desc
    """
    assert parse(text, schema=SCHEMA, now=instant(NOW)) == Query(
        And(
            (
                Comparison(STATUS, Operator.EQ, "failed"),
                Among(TYPE, ("checkout", "refund")),
                Comparison(STARTED, Operator.GT, NOW - timedelta(hours=2)),
                Comparison(CUSTOMER, Operator.EQ, "acme"),
            )
        ),
        Order(STARTED, descending=True),
    )


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_blank_text_is_every_run_newest_first(text) -> None:
    assert parse(text, schema=SCHEMA, now=instant(NOW)) == Query(None, NEWEST_FIRST)


@pytest.mark.parametrize("operator", list(Operator))
def test_a_comparison_keeps_its_operator(operator) -> None:
    assert where(f"amount {operator} 5") == Comparison(AMOUNT, operator, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("''", ""),
        ("'acme'", "acme"),
        ("'it''s'", "it's"),
        ("''''", "'"),
        ("'and (not) $x \"%\" é 🚀'", 'and (not) $x "%" é 🚀'),
        ("'two\nlines'", "two\nlines"),
    ],
)
def test_text_is_what_stands_between_single_quotes(text, value) -> None:
    assert where(f"customer = {text}") == Comparison(CUSTOMER, Operator.EQ, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("-5", -5), ("+5", 5), ("007", 7), (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63))],
)
def test_an_int_is_read_exactly(text, value) -> None:
    assert where(f"amount = {text}") == Comparison(AMOUNT, Operator.EQ, value)


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), ("-0.25", -0.25), ("1e3", 1000.0), ("2.5E-3", 0.0025), ("3", 3.0)]
)
def test_a_float_field_takes_floats_and_ints_as_floats(text, value) -> None:
    condition = where(f"price = {text}")
    assert (condition.value, type(condition.value)) == (value, float)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("FALSE", False)])
def test_a_bool_is_true_or_false_in_any_case(text, value) -> None:
    assert where(f"paid = {text}") == Comparison(PAID, Operator.EQ, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("now", NOW),
        ("-90s", NOW - timedelta(seconds=90)),
        ("-30m", NOW - timedelta(minutes=30)),
        ("-2h", NOW - timedelta(hours=2)),
        ("+1h", NOW + timedelta(hours=1)),
        ("-7d", NOW - timedelta(days=7)),
        ("-2w", NOW - timedelta(weeks=2)),
        ("-0s", NOW),
    ],
)
def test_a_relative_time_counts_from_now(text, value) -> None:
    assert where(f"started > {text}") == Comparison(STARTED, Operator.GT, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00Z", NOW),
        ("2026-01-31 10:00Z", NOW),
        ("2026-01-31T11:00:00+01:00", NOW),
        ("2026-01-31T10:00:00.000001Z", NOW + timedelta(microseconds=1)),
    ],
)
def test_a_date_or_time_is_iso_text_and_a_bare_date_is_midnight_utc(text, value) -> None:
    assert where(f"due = '{text}'") == Comparison(DUE, Operator.EQ, value)


def test_times_with_an_offset_are_kept_in_utc() -> None:
    assert where("due = '2026-01-31T11:00:00+01:00'").value.tzinfo is UTC


@pytest.mark.parametrize(("text", "values"), [("()", ()), ("(1)", (1,)), ("(1, 2 ,3)", (1, 2, 3)), ("(1,)", (1,))])
def test_in_takes_a_list(text, values) -> None:
    assert where(f"amount in {text}") == Among(AMOUNT, values)


def test_between_includes_both_ends_and_leaves_the_next_and_alone() -> None:
    assert where("amount between 1 and 5 and paid = true") == And(
        (Between(AMOUNT, 1, 5), Comparison(PAID, Operator.EQ, value=True))
    )


def test_contains_asks_for_one_keyword() -> None:
    assert where("tags contains 'vip'") == Contains(TAGS, "vip")


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [("order-%", "order-"), ("%", ""), (r"100\%%", "100%"), (r"a\\%", "a\\"), ("a_b%", "a_b"), ("it''s%", "it's")],
)
def test_like_finds_a_prefix_in_which_percent_and_backslash_are_escaped(pattern, prefix) -> None:
    assert where(f"customer like '{pattern}'") == StartsWith(CUSTOMER, prefix)


def test_a_status_is_found_by_a_prefix_too() -> None:
    assert where("status like 'c%'") == StartsWith(STATUS, "c")


def test_is_null_and_is_not_null_ask_for_a_value() -> None:
    assert where("closed is null or tags is not null") == Or((IsNull(CLOSED), Not(IsNull(TAGS))))


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("in ('a')", Among(CUSTOMER, ("a",))),
        ("between 'a' and 'b'", Between(CUSTOMER, "a", "b")),
        ("like 'a%'", StartsWith(CUSTOMER, "a")),
    ],
)
def test_not_behind_a_field_leaves_out_runs_without_a_value(text, test) -> None:
    assert where(f"customer not {text}") == And((Not(IsNull(CUSTOMER)), Not(test)))


def test_not_behind_a_field_that_every_run_has_is_plain_negation() -> None:
    assert where("status not in ('failed')") == Not(Among(STATUS, ("failed",)))


def test_not_before_a_condition_is_plain_negation() -> None:
    assert where("not customer in ('a')") == Not(Among(CUSTOMER, ("a",)))


def test_not_binds_tighter_than_and_and_and_tighter_than_or() -> None:
    assert where("not amount = 1 and amount = 2 or amount = 3 and amount = 4") == Or(
        (And((Not(is_one(1)), is_one(2))), And((is_one(3), is_one(4))))
    )


def test_parentheses_group() -> None:
    assert where("amount = 1 and (amount = 2 or not (amount = 3 or amount = 4))") == And(
        (is_one(1), Or((is_one(2), Not(Or((is_one(3), is_one(4)))))))
    )


def test_several_nots_are_kept() -> None:
    assert where("not not (not amount = 1)") == Not(Not(Not(is_one(1))))


@pytest.mark.parametrize(("word", "kind"), [("and", And), ("or", Or)])
def test_a_chain_is_one_condition_whatever_its_parentheses(word, kind) -> None:
    text = f"amount = 1 {word} (amount = 2 {word} (amount = 3)) {word} amount = 4"
    assert where(text) == kind(tuple(is_one(number) for number in (1, 2, 3, 4)))


def test_keywords_are_written_in_any_case() -> None:
    assert where("NOT customer IS NULL AND amount BETWEEN 1 And 2") == And(
        (Not(IsNull(CUSTOMER)), Between(AMOUNT, 1, 2))
    )


@pytest.mark.parametrize("name", ["order", "in", "or", "null"])
def test_an_attribute_may_be_called_like_a_keyword(name) -> None:
    assert where(f"{name} is null and {name} is null order by {name}").operands[0].field.name == name


def test_a_name_may_have_dots() -> None:
    assert where("shop.region = 'eu'").field.name == "shop.region"


def test_spaces_are_needed_only_between_words() -> None:
    assert where("amount>=1 and(price<-2.5)or tags contains'x'") == where(
        " amount >= 1 and ( price < -2.5 )\n or  tags  contains  'x' "
    )


# ---- order


@pytest.mark.parametrize(("direction", "descending"), [("", False), ("asc", False), ("desc", True), ("DESC", True)])
def test_an_order_ascends_unless_desc_is_written(direction, descending) -> None:
    assert order(f"order by closed {direction}") == Order(CLOSED, descending)


def test_an_order_follows_a_condition() -> None:
    assert order("paid = true order by amount desc") == Order(AMOUNT, descending=True)


def test_a_query_without_an_order_is_newest_first() -> None:
    assert order("paid = true") == NEWEST_FIRST


@pytest.mark.parametrize("name", [*FIELD_TYPES, *(name for name in SCHEMA.types if name != "tags")])
def test_every_field_but_keywords_can_be_ordered_by(name) -> None:
    assert order(f"order by {name}").field.name == name


# ---- conditions alone


@pytest.mark.parametrize("text", ["", " "])
def test_a_blank_condition_counts_every_run(text) -> None:
    assert parse_condition(text, schema=SCHEMA, now=instant(NOW)) is None


def test_a_condition_alone_is_the_condition_of_the_query() -> None:
    text = "amount = $a and due < -1d"
    alone = parse_condition(text, schema=SCHEMA, now=instant(NOW), params={"a": 5})
    assert alone == where(text, a=5)


# ---- parameters


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("customer", "it's; drop", "it's; drop"),
        ("status", Status.FAILED, "failed"),
        ("amount", -5, -5),
        ("price", 3, 3.0),
        ("paid", True, True),
        ("due", NOW, NOW),
        ("due", NOW.astimezone(), NOW),
        ("due", timedelta(hours=-2), NOW - timedelta(hours=2)),
        ("due", "2026-01-31T10:00:00Z", NOW),
    ],
)
def test_a_parameter_stands_for_a_value(text, given, value) -> None:
    assert where(f"{text} = $given", given=given).value == value


@pytest.mark.parametrize("given", ["acme", Status.FAILED])
def test_text_of_a_parameter_is_plain_text(given) -> None:
    assert type(where("customer = $given", given=given).value) is str


def test_a_parameter_may_be_used_twice() -> None:
    assert where("amount between $a and $a", a=5) == Between(AMOUNT, 5, 5)


@pytest.mark.parametrize("given", [["a", "b"], ("a", "b"), {"b", "a"}, frozenset({"b", "a"})])
def test_a_parameter_may_be_the_list_of_an_in(given) -> None:
    assert where("customer in $given", given=given) == Among(CUSTOMER, ("a", "b"))


def test_a_parameter_may_be_one_value_of_a_list() -> None:
    assert where("customer in ('a', $b)", b="b") == Among(CUSTOMER, ("a", "b"))


def test_a_parameter_may_be_a_pattern_or_a_keyword() -> None:
    assert where("customer like $p and tags contains $k", p=r"5\%%", k="vip") == And(
        (StartsWith(CUSTOMER, "5%"), Contains(TAGS, "vip"))
    )


# ---- depth


def test_nesting_up_to_the_limit_is_understood() -> None:
    assert where("(" * 64 + "amount = 1" + ")" * 64) == is_one(1)


def test_siblings_do_not_add_to_the_depth() -> None:
    assert len(where(" and ".join(["not (not amount = 1)"] * 100)).operands) == 100


def test_text_up_to_the_limit_is_understood() -> None:
    assert where("amount = 1".ljust(4096)) == is_one(1)


def test_a_nesting_beyond_the_stack_is_understood_when_the_limits_allow_it() -> None:
    limits = Limits(query=1_000_000, depth=100_000)
    condition = parse("not (" * 20_000 + "amount = 1" + ")" * 20_000, schema=SCHEMA, now=instant(NOW), limits=limits)
    assert isinstance(condition.where, Not)
