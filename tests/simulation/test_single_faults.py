"""Every single fault at every call of the store: all invariants hold, and every run comes to its end."""

import os

import pytest
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.sweep import failures, points, run

NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
SEEDS = range(20) if NIGHTLY else (0, 3)
PER_SEED = {
    "sequence": 120,
    "fanout": 150,
    "signals": 260,
    "races": 210,
    "retries": 230,
    "cautious": 70,
    "cleanup": 140,
    "stubborn": 100,
    "deadline": 135,
    "longloop": 370,
    "locals": 205,
    "waiting": 150,
    "several": 360,
}
"""The least points of a scenario. Each is held by a test of its own: nobody counts over tests, which may run apart."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_single_fault_leaves_all_invariants_intact(scenario, evidence):
    outcomes = 0
    broken = []
    for point in points(SEEDS, [scenario]):
        outcome = run(point)
        outcomes += 1
        if outcome.broken:
            broken.append(failures(outcome))
    assert not broken, "\n".join([f"{len(broken)} of {outcomes} points:", *broken[:20]])
    assert outcomes >= PER_SEED[scenario] * len(SEEDS), "the sweep has become small"
    evidence("single faults", on="simulated", times=outcomes, seed=", ".join(map(str, SEEDS)))


def test_the_sweep_is_as_large_as_it_is_said_to_be():
    assert PER_SEED.keys() == SCENARIOS.keys()
    assert sum(PER_SEED.values()) * len(SEEDS) >= (50_000 if NIGHTLY else 5_000)
