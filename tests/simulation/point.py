"""Runs one point again: `python -m tests.simulation.point 'fanout seed=3 call=17 fault=crash_after' [--history]`."""

import sys

from tests.simulation.harness import Point, Simulation

from aion_core.codec import decode_batch
from aion_core.spi import Shard


def main(text, *options):
    simulation = Simulation(Point.parse(text))
    outcome = simulation.run()
    if "--history" in options:
        for state in simulation.store.states([Shard(n) for n in range(simulation.store.shards)], limit=100).items:
            print(state.workflow_id)
            for batch in simulation.store.read(state.workflow_id).items:
                for event in decode_batch(batch):
                    print("   ", event)
    for number, method in enumerate(outcome.calls, 1):
        if "--calls" in options:
            print(number, method)
    fault = "happened" if outcome.met else "did not happen"
    print(f"{len(outcome.calls)} calls, {outcome.steps} steps, the fault {fault}")
    for problem in outcome.broken:
        print(problem)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
