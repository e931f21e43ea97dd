"""Many faults at random, on several engines that share a store: all invariants hold, and every run comes to its end."""

import os
from collections import Counter

from tests.simulation.crowd import CrowdPoint, run, shrunk

SEEDS = 200_000 if os.environ.get("AION_TEST_PROFILE") == "nightly" else 1_500
FIRST = 0


def test_many_faults_on_several_engines_leave_all_invariants_intact(evidence):
    engines, kinds = Counter(), Counter()
    broken = []
    for seed in range(FIRST, FIRST + SEEDS):
        point = CrowdPoint(seed)
        outcome = run(point)
        engines[outcome.engines] += 1
        kinds.update(fault.kind for fault in outcome.faults)
        if outcome.broken and len(broken) < 20:
            fewer, still = shrunk(point, outcome)
            broken.append(f"{point.command}: {fewer.command}  # {'; '.join(still.broken)}")
    assert not broken, "\n".join(["of the seeds, and with as few faults as break it:", *broken])
    assert kinds.total() > 2 * SEEDS, "several faults per seed were to be tried"
    evidence(
        "several engines",
        on="simulated",
        times=SEEDS,
        seed=FIRST,
        engines="2 to 5",
        faults=kinds.total(),
        crashes=kinds["crash_before"] + kinds["crash_after"],
        engines_that_stood_still=kinds["delay"],
    )


def test_a_point_says_how_to_run_it_again():
    outcome = run(CrowdPoint(1))
    again, same = CrowdPoint.parse(str(CrowdPoint(1, outcome.faults))), CrowdPoint.parse("seed=1")
    assert run(again).faults == run(same).faults == outcome.faults
