"""PostgreSQL is restarted, or crashes, under an engine at work: it says so, and goes on by itself."""

import os
import random
from time import monotonic

from tests.databases import OwnPostgresql
from tests.integration.outages.traffic import Traffic, until

RESTARTS = 300 if os.environ.get("AION_TEST_PROFILE") == "nightly" else 10
MODES = ("immediate", "fast")
"""As if it crashed, and as an operator does it, in turn."""
SEED = 1


def says_that_it_is_away(engine, server):
    where = f"127.0.0.1:{server.url.port}/postgres can not be reached"
    return any(where in problem for problem in engine.health().problems)


def test_a_server_that_is_restarted_again_and_again_costs_nothing(evidence):
    server = OwnPostgresql()
    section = {"use": "sql", "url": server.url.render_as_string()}
    chance = random.Random(SEED)
    pauses = []
    with Traffic(section, engine=section, client=section) as traffic:
        for number in range(RESTARTS):
            traffic.go_on(steps=chance.randint(1, 60))
            server.halt(MODES[number % 2])
            until(lambda: says_that_it_is_away(traffic.engine, server), "the engine to say that the store is away")
            server.start()
            began = monotonic()
            traffic.go_on(steps=1)
            pauses.append(monotonic() - began)
            until(lambda: traffic.engine.health().ok, "the engine to say that the store is back")
        traffic.go_on(steps=60)
        traffic.finish()
    evidence(
        "restarts",
        on="PostgreSQL",
        times=len(pauses),
        seed=SEED,
        as_if_it_crashed=-(-RESTARTS // 2),
        workflows=traffic.arrived,
        seconds_until_the_next_step_in_the_median=sorted(pauses)[len(pauses) // 2],
        seconds_at_most=max(pauses),
    )
