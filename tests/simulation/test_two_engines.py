"""Two engines on one store, without faults."""

from tests.simulation import workflows as w
from tests.simulation.harness import Point, Simulation


def test_a_verb_on_a_workflow_of_another_engine_is_answered():
    simulation = Simulation(Point("sequence", 0))
    simulation.open()
    simulation.join("peer")
    simulation.world.run_for(30)
    caller = simulation.caller()
    runs = [caller.start(w.sequence, "walk", id=f"walk-{number}") for number in range(8)]
    assert {caller.result(run) for run in runs} == {"walk one!, walk two!, walk three!, walk walked"}
    simulation.leave()
