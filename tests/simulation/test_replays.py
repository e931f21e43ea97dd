"""The comparison of histories with their code: what it must not let pass."""

import pytest
from msgspec.structs import replace
from tests.simulation import workflows as w
from tests.simulation.harness import Point, Simulation

from aion_core.codec import Values, decode_batch
from aion_core.engine.catalog import Catalog
from aion_core.model import events as e
from aion_core.model.errors import NonDeterminism
from aion_testkit import Mismatch, Replays


@pytest.fixture(scope="module")
def history():
    simulation = Simulation(Point("sequence", 0))
    simulation.run()
    return [event for batch in simulation.store.read("walk").items for event in decode_batch(batch)]


def changed(history, kind, **fields):
    place = next(place for place, event in enumerate(history) if isinstance(event, kind))
    return [*history[:place], replace(history[place], **fields), *history[place + 1 :]]


def replay(events):
    Replays(Catalog([w]))("walk", events)


def test_a_history_replays_over_the_code_that_made_it(history):
    replay(history)


def test_an_input_that_the_code_does_not_compute_is_found(history):
    with pytest.raises(Mismatch, match="input"):
        replay(changed(history, e.ActivityScheduled, input=Values().encode(["else"])))


def test_a_result_that_the_code_does_not_give_is_found(history):
    with pytest.raises(Mismatch, match="result"):
        replay(changed(history, e.WorkflowCompleted, result=Values().encode("else")))


def test_an_activity_that_the_code_does_not_call_is_found(history):
    with pytest.raises(NonDeterminism):
        replay(changed(history, e.ActivityScheduled, activity_type="else"))
