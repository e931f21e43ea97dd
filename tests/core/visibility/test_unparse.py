"""How a query is written as text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aion_core.model.attributes import AttributeSchema
from aion_core.model.conditions import Query
from aion_core.model.limits import Limits
from aion_core.model.times import instant
from aion_core.visibility import parse, unparse

NOW = instant(datetime(2026, 1, 31, 10, tzinfo=UTC))
SCHEMA = AttributeSchema({"customer": "str", "amount": "int", "price": "float", "paid": "bool", "tags": "keywords"})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("order by started desc", ""),
        ("ORDER BY closed", "order by closed asc"),
        ("started > -2h order by closed desc", "started > '2026-01-31T08:00:00+00:00' order by closed desc"),
        ("paid=TRUE", "paid = true"),
        ("price in (1, -2.50, 1e20)", "price in (1.0, -2.5, 1e+20)"),
        ("customer = 'it''s'", "customer = 'it''s'"),
        (r"customer like 'a\%\\%'", r"customer like 'a\%\\%'"),
        ("amount between 1 and 5", "amount between 1 and 5"),
        ("tags contains 'vip'", "tags contains 'vip'"),
        ("customer is not null", "customer is not null"),
        ("not customer is null", "customer is not null"),
        ("not customer in ('a')", "not customer in ('a')"),
        ("customer not in ('a') and customer not like 'b%'", "customer not in ('a') and customer not like 'b%'"),
        ("not customer not between 'a' and 'b'", "not customer not between 'a' and 'b'"),
        ("customer is not null and not customer in ('a')", "customer not in ('a')"),
        ("customer is not null and not amount in (1)", "customer is not null and not amount in (1)"),
        ("not status in ('failed')", "status not in ('failed')"),
        ("id is not null and not id in ('a')", "id is not null and id not in ('a')"),
        ("((amount = 1) and ((paid = true)))", "amount = 1 and paid = true"),
        ("(amount = 1 and paid = true) or amount = 2", "amount = 1 and paid = true or amount = 2"),
        ("amount = 1 and (paid = true or amount = 2)", "amount = 1 and (paid = true or amount = 2)"),
        ("not (amount = 1 and paid = true)", "not (amount = 1 and paid = true)"),
        ("not not amount = 1", "not not amount = 1"),
    ],
)
def test_a_query_is_written_with_no_more_than_it_needs(text, written) -> None:
    assert unparse(parse(text, schema=SCHEMA, now=NOW)) == written


@pytest.mark.parametrize(
    "text",
    [
        "(" * 64 + "amount = 1" + ")" * 64,
        "not " * 64 + "customer not in ('a')",
        "(amount = 1 and paid = true or " * 64 + "amount = 2" + ")" * 64,
    ],
)
def test_what_is_written_is_nested_no_deeper_than_what_was_read(text) -> None:
    query = parse(text, schema=SCHEMA, now=NOW)
    assert isinstance(parse(unparse(query), schema=SCHEMA, now=NOW), Query)


def test_the_deepest_condition_is_written_without_recursion() -> None:
    text = "not (amount = 6 or " * 20_000 + "amount = 6" + ")" * 20_000
    query = parse(text, schema=SCHEMA, now=NOW, limits=Limits(query=10**6, depth=10**5))
    assert unparse(query) == text
