"""Another program that holds the write lock of the file stops the work for so long, and no longer."""

import os
import random

import pytest
from tests.integration.disks.deliveries import Deliveries
from tests.integration.disks.foreigner import foreigner
from tests.integration.kills.parcels import parcel
from tests.integration.soundness import wrong_with

import aion_core as aion
from aion_store_sql.files import shared

ROUNDS = 500 if os.environ.get("AION_TEST_PROFILE") == "nightly" else 20
BUSY = 0.05


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "_BUSY", round(BUSY * 1000))
    return tmp_path / "aion.db"


def test_a_foreign_writer_pauses_the_engine_until_it_is_done(path, evidence):
    config = {"event_store": {"use": "sql", "url": f"sqlite:///{path}"}}
    chance = random.Random(1)
    with aion.Engine.open(config, workflows=[parcel]) as engine, foreigner(path) as other:
        deliveries = Deliveries(engine)
        deliveries.begin()
        for number in range(ROUNDS):
            deliveries.work(chance.randint(0, 2))
            if number % 2:
                other.take()
                assert any("locked" in problem for problem in deliveries.problems())
                other.give()
            else:
                other.hold(chance.uniform(0, 2 * BUSY))  # the engine may wait for it, or not
        deliveries.end()
    assert wrong_with(config, parcel, deliveries.known) == []
    evidence("foreign writer", on="SQLite", times=ROUNDS, seed=1, runs=deliveries.sent)
