"""Nothing that was acknowledged is lost, and nothing that was recorded runs again, whenever a process dies or stops."""

import os
from statistics import median

import pytest
from tests.integration.kills.loop import NAMES, KillLoop
from tests.integration.kills.zombies import Zombies

LEASE = 0.5
NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
KILLS = (
    {"sqlite": 5_000, "postgresql": 500, "mariadb": 200}
    if NIGHTLY
    else {"sqlite": 200, "postgresql": 50, "mariadb": 10}
)
STOPS = {"postgresql": 500, "mariadb": 100} if NIGHTLY else {"postgresql": 20, "mariadb": 5}
SEED = 1


@pytest.fixture
def config(section):
    return {"event_store": section, "engine": {"lease": LEASE}}


def test_a_process_that_is_killed_again_and_again_loses_nothing(config, kind, tmp_path, evidence):
    # On a server the next life waits for the leases of the one that was killed.
    loop = KillLoop(config, tmp_path / "journal", seed=SEED, head_start=0.0 if kind == "sqlite" else 1.5 * LEASE)
    loop.run(kills=KILLS[kind])
    assert loop.kills == KILLS[kind]
    assert loop.worked > KILLS[kind] / 5, "hardly any life came to work: this has tried nothing"
    evidence("kill -9", on=NAMES[kind], times=loop.kills, seed=SEED, lives_that_worked=loop.worked)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True, scope="module")
def test_an_engine_that_wakes_up_after_its_lease_disturbs_nothing(config, kind, evidence):
    zombies = Zombies(config)
    zombies.run(STOPS[kind])
    assert len(zombies.waits) == STOPS[kind]
    evidence(
        "stopped engines",
        on=NAMES[kind],
        times=len(zombies.waits),
        seconds_of_lease=LEASE,
        seconds_until_the_other_had_done_it_all=median(zombies.waits),
        the_longest=max(zombies.waits),
    )
