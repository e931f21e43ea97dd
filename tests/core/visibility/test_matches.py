"""What a condition means for one run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aion_core.model.attributes import AttributeSchema
from aion_core.model.conditions import And, Condition, Not, Or
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.status import Status
from aion_core.model.summaries import Summary
from aion_core.model.times import instant
from aion_core.visibility import matches, parse_condition

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
SCHEMA = AttributeSchema(
    {"customer": "str", "amount": "int", "price": "float", "paid": "bool", "due": "datetime", "tags": "keywords"}
)
RUN = Summary(
    id=WorkflowId("order-42"),
    run_id=RunId("0195"),
    type="checkout",
    status=Status.FAILED,
    started=NOW - timedelta(hours=1),
    version=Version("v1"),
    attributes={
        "customer": "acme_1%",
        "amount": 5,
        "price": 2.5,
        "paid": True,
        "due": NOW + timedelta(days=1),
        "tags": ("vip", "eu"),
    },
)
BARE = Summary(id=WorkflowId("order-43"), run_id=RunId("0196"), type="refund", status=Status.RUNNING, started=NOW)


def condition(text: str) -> Condition:
    parsed = parse_condition(text, schema=SCHEMA, now=instant(NOW), limits=Limits(query=10**6, depth=10**5))
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    "text",
    [
        "id = 'order-42'",
        "run_id = '0195'",
        "type = 'checkout'",
        "status = 'failed'",
        "started < now",
        "started = '2026-01-31T09:00:00Z'",
        "version = 'v1'",
        "closed is null",
        "parent is null",
        "status != 'running'",
        "status in ('failed', 'running')",
        "status not in ('running')",
        "amount = 5",
        "amount <= 5",
        "amount >= 5",
        "amount > 4",
        "amount < 6",
        "amount != 4",
        "amount between 5 and 5",
        "amount not between 6 and 7",
        "amount in (4, 5)",
        "amount not in ()",
        "price = 2.5",
        "price > 2",
        "paid = true",
        "paid != false",
        "due > now",
        "due < +25h",
        "tags contains 'eu'",
        "tags is not null",
        "customer like 'acme%'",
        "customer like 'acme_%'",
        r"customer like 'acme_1\%%'",
        "customer like '%'",
        "customer not like 'b%'",
        "customer > 'ZZZ'",
        "customer = 'acme_1%' and amount = 5",
        "customer = 'x' or amount = 5",
        "not (customer = 'x' or amount = 6)",
        "not not amount = 5",
    ],
)
def test_a_run_matches(text) -> None:
    assert matches(condition(text), RUN)


@pytest.mark.parametrize(
    "text",
    [
        "id = 'ORDER-42'",
        "status = 'running'",
        "started > -30m",
        "closed < now",
        "parent != 'x'",
        "amount != 5",
        "amount > 5",
        "amount < 5",
        "amount between 6 and 4",
        "amount between 1 and 4",
        "amount not between 5 and 7",
        "amount in ()",
        "amount not in (5)",
        "paid = false",
        "tags contains 'EU'",
        "tags contains 'e'",
        "tags contains 'vip,eu'",
        "customer like 'Acme%'",
        "customer like 'acmeX%'",
        r"customer like 'acme_1\%x%'",
        "customer not like 'acme%'",
        "customer = 'acme_1%' and amount = 6",
        "customer = 'x' or amount = 6",
        "not amount = 5",
    ],
)
def test_a_run_does_not_match(text) -> None:
    assert not matches(condition(text), RUN)


@pytest.mark.parametrize(
    "test",
    [
        "customer = 'a'",
        "customer != 'a'",
        "customer in ('a')",
        "customer not in ('a')",
        "customer not in ()",
        "customer like '%'",
        "customer not like 'a%'",
        "amount < 5",
        "amount between 1 and 9",
        "amount not between 1 and 9",
        "tags contains 'vip'",
        "due < now",
        "closed > -1h",
        "parent != 'x'",
        "customer is not null",
    ],
)
def test_a_run_without_a_value_matches_no_test_of_it(test) -> None:
    assert not matches(condition(test), BARE)


@pytest.mark.parametrize(
    "test", ["customer = 'a'", "customer != 'a'", "customer not in ('a')", "tags contains 'vip'", "closed > -1h"]
)
def test_negating_a_test_includes_the_runs_without_a_value(test) -> None:
    assert matches(condition(f"not {test}"), BARE)


def test_an_empty_list_of_keywords_is_no_value() -> None:
    run = Summary(id=BARE.id, run_id=BARE.run_id, type="t", status=Status.RUNNING, started=NOW, attributes={"tags": ()})
    assert matches(condition("tags is null"), run)


@pytest.mark.parametrize(("attributes", "found"), [({"paid": False}, True), ({"paid": True}, False), ({}, False)])
def test_false_is_a_value(attributes, found) -> None:
    run = Summary(id=BARE.id, run_id=BARE.run_id, type="t", status=Status.RUNNING, started=NOW, attributes=attributes)
    assert matches(condition("paid is not null and paid = false"), run) is found


def test_all_of_nothing_holds_and_any_of_nothing_does_not() -> None:
    assert (matches(And(()), RUN), matches(Or(()), RUN), matches(Not(Or(())), RUN)) == (True, False, True)


def test_the_deepest_condition_is_evaluated_without_recursion() -> None:
    deep = condition("not (amount = 6 or " * 20_000 + "amount = 6" + ")" * 20_000)
    assert not matches(deep, RUN)
