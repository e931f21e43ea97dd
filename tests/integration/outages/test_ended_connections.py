"""The server ends every connection under an engine at work, again and again: all goes on by itself."""

import os
import random

import pytest
from tests.databases import SERVERS
from tests.integration.kills.loop import NAMES
from tests.integration.outages.traffic import Traffic

NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
ROUNDS = {"postgresql": 500, "mariadb": 100} if NIGHTLY else {"postgresql": 20, "mariadb": 10}
SEED = 1


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True, scope="module")
def test_an_engine_whose_connections_are_all_ended_goes_on_by_itself(section, kind, evidence):
    chance = random.Random(SEED)
    ended = []
    with Traffic(section, engine=section, client=section) as traffic:
        for _ in range(ROUNDS[kind]):
            traffic.go_on(steps=chance.randint(1, 40))
            ended.append(SERVERS[kind]().end_connections())
        traffic.go_on(steps=40)
        traffic.finish()
    assert min(ended) > 0, "a round has ended nothing: this has tried nothing"
    evidence(
        "ended connections",
        on=NAMES[kind],
        times=len(ended),
        seed=SEED,
        connections=sum(ended),
        workflows=traffic.arrived,
    )
