"""The sweep: every call of every scenario, with every fault that such a call can meet."""

from collections.abc import Iterator, Sequence

from tests.simulation.harness import Outcome, Point, Simulation
from tests.simulation.scenarios import SCENARIOS

from aion_testkit.faults import FaultKind

_SAME = {FaultKind.TRUNCATED: FaultKind.FLIPPED}
"""Kinds that are one to the engine: a batch whose checksum is wrong."""


def run(point: Point) -> Outcome:
    """One point, in a world of its own."""
    return Simulation(point).run()


def points(seeds: Sequence[int], scenarios: Sequence[str] = tuple(SCENARIOS)) -> Iterator[Point]:
    """Every single fault. Each scenario and seed is run once without, to know its calls."""
    for seed in seeds:
        for scenario in scenarios:
            quiet = run(Point(scenario, seed))
            assert not quiet.broken, f"without any fault: {quiet.point.command}: {quiet.broken}"
            for call, method in enumerate(quiet.calls, 1):
                for fault in FaultKind:
                    if fault.fits(method) and fault not in _SAME:
                        yield Point(scenario, seed, call, fault)


def failures(outcome: Outcome) -> str:
    """One line that says what does not hold, and how to see it again."""
    return f"{outcome.point.command}  # {'; '.join(outcome.broken)}"
