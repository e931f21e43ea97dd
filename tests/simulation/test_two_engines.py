"""Two engines on one store, without faults."""

from tests.simulation import workflows as w
from tests.simulation.harness import Point, Simulation

from aion_core.client.verbs import Verbs


def test_a_verb_on_a_workflow_of_another_engine_is_answered():
    simulation = Simulation(Point("sequence", 0))
    simulation.open()
    simulation.join("peer")
    simulation.world.run_for(30)
    caller = simulation.caller()
    runs = [caller.start(w.sequence, "walk", id=f"walk-{number}") for number in range(8)]
    assert {caller.result(run) for run in runs} == {"walk one!, walk two!, walk three!, walk walked"}
    simulation.leave()


def test_who_waits_at_an_engine_that_lost_the_workflow_hears_of_its_end():
    simulation = Simulation(Point("sequence", 0))
    simulation.open()
    simulation.join("peer")
    simulation.world.run_for(30)
    (first, _, process), (peer, _, _) = simulation._engines
    name = next(f"sum-{number}" for number in range(8) if first._effects.fence(f"sum-{number}") is not None)
    Verbs(first).start(w.waiting, 1, id=name)
    ending = first.ending(name, None)
    process.stalled = True
    simulation.world.run_for(30)
    Verbs(peer).handle(name).signal("add", 1)
    assert Verbs(peer).handle(name).result(timeout=20) == 1
    process.stalled = False
    simulation.world.run_for(20)
    assert ending.done
    simulation.leave()
