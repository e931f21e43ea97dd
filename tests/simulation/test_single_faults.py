"""Every single fault at every call of the store: all invariants hold, and every run comes to its end."""

import os

import pytest
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.sweep import failures, points, run

NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
SEEDS = range(20) if NIGHTLY else (0, 3)
LEAST = 50_000 if NIGHTLY else 5_000
"""Points of all scenarios together."""
swept: dict[str, int] = {}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_single_fault_leaves_all_invariants_intact(scenario):
    outcomes = 0
    broken = []
    for point in points(SEEDS, [scenario]):
        outcome = run(point)
        outcomes += 1
        if outcome.broken:
            broken.append(failures(outcome))
    assert not broken, "\n".join([f"{len(broken)} of {outcomes} points:", *broken[:20]])
    swept[scenario] = outcomes


def test_the_sweep_is_as_large_as_it_is_said_to_be():
    if swept.keys() != SCENARIOS.keys():
        pytest.skip("not all of the sweep was run")
    assert sum(swept.values()) >= LEAST
