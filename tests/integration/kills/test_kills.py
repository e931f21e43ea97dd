"""Nothing that was acknowledged is lost, and nothing that was recorded runs again, whenever a process dies or stops."""

import os

import pytest
from tests.integration.kills.loop import KillLoop
from tests.integration.kills.zombies import Zombies

LEASE = 0.5
NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
KILLS = (
    {"sqlite": 5_000, "postgresql": 500, "mariadb": 200}
    if NIGHTLY
    else {"sqlite": 200, "postgresql": 20, "mariadb": 10}
)
STOPS = 100 if NIGHTLY else 5


@pytest.fixture
def config(section):
    return {"event_store": section, "engine": {"lease": LEASE}}


def test_a_process_that_is_killed_again_and_again_loses_nothing(config, kind, tmp_path):
    # On a server the next life waits for the leases of the one that was killed.
    loop = KillLoop(config, tmp_path / "journal", seed=1, head_start=0.0 if kind == "sqlite" else 1.5 * LEASE)
    loop.run(kills=KILLS[kind])
    assert loop.kills == KILLS[kind]
    assert loop.worked > KILLS[kind] / 5, "hardly any life came to work: this has tried nothing"


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], scope="module")
def test_an_engine_that_wakes_up_after_its_lease_disturbs_nothing(config):
    zombies = Zombies(config)
    zombies.run(STOPS)
    assert len(zombies.waits) == STOPS
