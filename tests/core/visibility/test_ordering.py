"""The order of a list, and where its next page begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aion_core.model.attributes import AttributeType, AttributeValue
from aion_core.model.conditions import FIELD_TYPES, NEWEST_FIRST, Field, Order
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.status import Status
from aion_core.model.summaries import Summary
from aion_core.visibility import ordered, position_of

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
UP = Order(Field("amount", AttributeType.INT, attribute=True), descending=False)
DOWN = Order(Field("amount", AttributeType.INT, attribute=True), descending=True)


def run(run_id: str, amount: AttributeValue | None = None, *, id: str = "w", closed: datetime | None = None) -> Summary:
    return Summary(
        id=WorkflowId(id),
        run_id=RunId(run_id),
        type="t",
        status=Status.RUNNING,
        started=NOW + timedelta(seconds=int(run_id)),
        closed=closed,
        attributes={} if amount is None else {"amount": amount},
    )


def ids(runs: list[Summary]) -> str:
    return " ".join(summary.run_id for summary in runs)


def test_runs_ascend_by_the_value() -> None:
    assert ids(ordered([run("1", 3), run("2", -1), run("3", 2)], UP)) == "2 3 1"


def test_runs_descend_by_the_value() -> None:
    assert ids(ordered([run("1", 3), run("2", -1), run("3", 2)], DOWN)) == "1 3 2"


@pytest.mark.parametrize("order", [UP, DOWN])
def test_runs_without_a_value_come_last_in_either_direction(order) -> None:
    assert ids(ordered([run("1"), run("2", 0), run("3")], order)) == "2 3 1"


@pytest.mark.parametrize("order", [UP, DOWN])
def test_of_equal_values_the_newest_run_comes_first(order) -> None:
    assert ids(ordered([run("2", 1), run("3", 1), run("1", 1)], order)) == "3 2 1"


def test_the_same_run_id_under_two_workflows_has_two_positions() -> None:
    runs = [run("1", 1, id="a"), run("1", 1, id="b")]
    assert [summary.id for summary in ordered(runs, UP)] == ["b", "a"]


def test_the_default_order_is_newest_first() -> None:
    assert ids(ordered([run("1"), run("3"), run("2")], NEWEST_FIRST)) == "3 2 1"


def test_built_in_fields_may_be_missing_too() -> None:
    order = Order(Field("closed", FIELD_TYPES["closed"]), descending=True)
    assert ids(ordered([run("1"), run("2", closed=NOW), run("3", closed=NOW + timedelta(1))], order)) == "3 2 1"


def test_text_is_ordered_by_code_point() -> None:
    order = Order(Field("amount", AttributeType.STR, attribute=True), descending=False)
    runs = [run(str(number), text) for number, text in enumerate(["é", "a", "Z", "", "🚀", "\uffff"])]
    assert [summary.attributes["amount"] for summary in ordered(runs, order)] == ["", "Z", "a", "é", "\uffff", "🚀"]


def test_a_position_keeps_its_place_when_its_run_is_gone() -> None:
    runs = ordered([run("1", 1), run("2", 2), run("3", 3)], UP)
    place = position_of(runs[1], UP)
    assert ids([summary for summary in (runs[0], runs[2]) if position_of(summary, UP) > place]) == "3"


def test_a_position_is_not_after_itself() -> None:
    assert not position_of(run("1", 1), UP) > position_of(run("1", 1), UP)
