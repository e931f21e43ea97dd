"""The line breaks at COMMIT, and nobody can tell whether it was done: all goes on, and nothing is done twice."""

import os

import pytest
import sqlalchemy as sa
from tests.integration.kills.loop import NAMES
from tests.integration.outages.cuts import WIRE, CommitCuts
from tests.integration.outages.traffic import Traffic, until
from tests.store_sql.proxy import How, Proxy

NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
TIMES = {"postgresql": 5_000, "mariadb": 500} if NIGHTLY else {"postgresql": 300, "mariadb": 30}
SEED = 1


@pytest.fixture
def cuts(kind):
    return CommitCuts(WIRE[kind], TIMES[kind], SEED)


@pytest.fixture
def through_a_proxy(section, kind, cuts):
    """`through_a_proxy()` is the section of one more way to the store, which is cut as planned."""
    proxies = []

    def through_a_proxy():
        url = sa.make_url(section["url"])
        proxy = Proxy(url.host, url.port)
        proxies.append(proxy)
        proxy.follow(cuts)
        plain = {"query": {"sslmode": "disable"}} if kind == "postgresql" else {}
        url = url.set(host="127.0.0.1", port=proxy.port, **plain)
        return {**section, "url": url.render_as_string(), "pooler": True}  # which says everything in full

    yield through_a_proxy
    for proxy in proxies:
        proxy.close()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True, scope="module")
def test_commits_that_nobody_can_tell_of_are_neither_lost_nor_done_twice(
    section, kind, cuts, through_a_proxy, evidence
):
    with Traffic(section, engine=through_a_proxy(), client=through_a_proxy()) as traffic:
        while left := cuts.left:
            until(lambda: traffic.errors or cuts.left < left, "the next cut")
            traffic.look()
        traffic.finish()
    assert cuts.met.total() == TIMES[kind]
    assert cuts.landed == cuts.met[How.HEARD] + cuts.met[How.LATE]
    evidence(
        "unknown COMMIT",
        on=NAMES[kind],
        times=cuts.met.total(),
        seed=SEED,
        landed=cuts.landed,
        not_landed=cuts.not_landed,
        landed_when_the_client_knew_already=cuts.met[How.LATE],
        workflows=traffic.arrived,
    )
