"""The harness of these tests, tested: what would be wrong with a history is found at the end of a test."""

import pytest
from tests.engine.houses import House
from tests.engine.programs import orders

import aion_core as aion


@aion.workflow(name="sleeper")
async def restless():
    return "awake"


@pytest.fixture
def another(store, runtime, resident):
    return House(store, runtime, resident)


def test_a_history_that_the_code_does_not_repeat_is_found(another):
    another.open(orders.sleeper).start(orders.sleeper, id="s")
    another.uses(restless)
    (found,) = another.leave()
    assert "does not replay: NonDeterminism" in found


def test_what_a_crashed_engine_does_reaches_nobody(another):
    dead = another.open(orders.sleeper)
    another.crash(dead)
    alive = another.open(orders.sleeper)
    assert alive.start(orders.sleeper, id="s").created
    assert alive.health().shards == alive.health().shards_in_all
    assert not list(another.leave())
