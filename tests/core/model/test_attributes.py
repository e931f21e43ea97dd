from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from aion_core.model.attributes import Attribute, AttributeSchema, AttributeType
from aion_core.model.errors import (
    AttributeConflict,
    InvalidAttribute,
    InvalidTime,
    LimitExceeded,
    UnknownAttribute,
)

SCHEMA = AttributeSchema(
    {"customer": "str", "items": "int", "total": "float", "vip": "bool", "due": "datetime", "tags": "keywords"}
)
DUE = datetime(2026, 5, 1, 12, 30, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("customer", "acme", "acme"),
        ("items", -(2**63), -(2**63)),
        ("total", 1.5, 1.5),
        ("vip", False, False),
        ("due", DUE, DUE),
        ("tags", ["b", "a", "b"], ("b", "a")),
        ("tags", {"b", "a"}, ("a", "b")),
    ],
)
def test_a_value_of_the_declared_type_comes_back_as_it_was(name, value, plain):
    recorded = SCHEMA.check(name, value)
    assert recorded.plain == plain
    assert type(recorded.plain) is type(plain)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("items", True, "search attribute 'items' is declared as int and was given bool."),
        ("items", "5", "search attribute 'items' is declared as int and was given str."),
        ("items", 2**63, f"search attribute 'items' is {2**63}, which does not fit into 64 bits."),
        (
            "items",
            2**10_000,
            "search attribute 'items' is an int of very many digits, which does not fit into 64 bits.",
        ),
        ("total", 1, "search attribute 'total' is declared as float and was given int."),
        (
            "total",
            float("nan"),
            "search attribute 'total' is nan; NaN and infinities can not be ordered.",
        ),
        ("customer", "a\x00", "search attribute 'customer' holds a NUL or a lone surrogate, which no database keeps."),
        ("customer", "a" * 2049, "search attribute 'customer' has 2049 characters; 2048 are allowed."),
        ("tags", "red", "search attribute 'tags' is declared as keywords and was given str."),
        ("tags", ["red", 1], "search attribute 'tags' is a list of keywords, and 1 is of type int."),
        ("tags", [str(n) for n in range(101)], "search attribute 'tags' has 101 keywords; 100 are allowed."),
    ],
)
def test_a_value_of_another_type_is_refused_and_nothing_is_converted(name, value, problem):
    with pytest.raises(InvalidAttribute) as caught:
        SCHEMA.check(name, value)
    assert str(caught.value) == problem
    assert caught.value.code == "invalid-attribute"


def test_an_int_enum_is_recorded_as_its_number():
    recorded = SCHEMA.check("items", HTTPStatus.OK)
    assert type(recorded.value) is int


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(InvalidAttribute, match="search attribute 5 is not a name"):
        AttributeSchema({5: "str"})


def test_a_datetime_attribute_needs_a_time_zone():
    with pytest.raises(InvalidTime, match="search attribute 'due' 2026-01-01T00:00:00 has no time zone"):
        SCHEMA.check("due", datetime(2026, 1, 1))


@pytest.mark.parametrize("value", ["x", None])
def test_an_undeclared_attribute_is_refused_with_what_to_write_in_the_configuration(value):
    with pytest.raises(UnknownAttribute) as caught:
        AttributeSchema({"customer": "str"}).check_all({"region": value}, limit=64)
    assert str(caught.value) == (
        "search attribute 'region' is not declared (declared: customer). "
        'Add it to aion.toml:  [search_attributes]  region = "str"'
    )
    assert caught.value.code == "unknown-attribute"


def test_all_values_are_checked_before_any_is_used():
    with pytest.raises(InvalidAttribute):
        SCHEMA.check_all({"customer": "acme", "items": "many"}, limit=64)


def test_none_unsets_a_declared_attribute():
    assert SCHEMA.check_all({"vip": None}, limit=64) == {"vip": None}


def test_too_many_attributes_are_refused_naming_the_setting():
    with pytest.raises(LimitExceeded) as caught:
        SCHEMA.check_all({"customer": "a", "vip": True}, limit=1)
    assert str(caught.value) == "search attributes of one run: 2, and [limits] attributes allows 1."


def test_declaring_an_attribute_again_with_the_same_type_changes_nothing():
    assert SCHEMA.declaring("customer", "str") == SCHEMA


def test_a_declared_type_never_changes():
    with pytest.raises(AttributeConflict) as caught:
        SCHEMA.declaring("customer", "int")
    assert str(caught.value) == (
        "search attribute 'customer' is declared as str and can not become int: choose another name for the new one."
    )


@pytest.mark.parametrize(
    ("name", "kind", "problem"),
    [
        ("status", "str", "has the name of a field that every run has"),
        ("Not", "str", "has a name that a query could not tell from the word"),
        ("a b", "str", "is not a name"),
        ("", "str", "is not a name"),
        ("a..b", "str", "is not a name"),
        ("region", "text", "is declared as 'text'; the types are str, int, float, bool, datetime, keywords"),
    ],
)
def test_a_bad_declaration_is_refused(name, kind, problem):
    with pytest.raises(InvalidAttribute, match=problem.replace("(", r"\(")):
        AttributeSchema({name: kind})


def test_a_name_may_have_dots_between_its_words():
    assert AttributeSchema({"order.region": "str"}).type_of("order.region") is AttributeType.STR


def test_a_recorded_attribute_is_read_without_its_schema():
    assert Attribute(AttributeType.DATETIME, 7).plain == datetime(1970, 1, 1, 0, 0, 0, 7, tzinfo=UTC)
