"""The order of a list of runs, and places in it that a later page can begin after."""

from __future__ import annotations

from collections.abc import Iterable
from functools import total_ordering
from typing import Any

from attrs import frozen

from aion_core.model.attributes import AttributeValue
from aion_core.model.conditions import Order
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.summaries import Summary
from aion_core.visibility.evaluate import value_of


@total_ordering
@frozen(order=False)
class Position:
    """A place in a list of runs, which stays where it is when runs come and go. Smaller ones are listed earlier.

    Only positions under one order are comparable. Two runs never share one: a run is its workflow id and run id.
    """

    value: AttributeValue | None
    run_id: RunId
    id: WorkflowId
    descending: bool

    def __lt__(self, other: Position) -> bool:
        mine: Any = self.value
        if mine == other.value:
            return (self.run_id, self.id) > (other.run_id, other.id)
        if mine is None or other.value is None:
            return other.value is None
        return bool(mine > other.value if self.descending else mine < other.value)


def position_of(summary: Summary, order: Order) -> Position:
    """Where a run stands under an order. A page goes on with the runs whose position is greater than the last one's."""
    return Position(value_of(order.field, summary), summary.run_id, summary.id, order.descending)


def ordered(summaries: Iterable[Summary], order: Order) -> list[Summary]:
    """All of them, in order."""
    return sorted(summaries, key=lambda summary: position_of(summary, order))
