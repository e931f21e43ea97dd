"""A disk that is full stops the work, and loses and refuses nothing; with room again it goes on by itself."""

import os
import random

import pytest
from tests.integration.disks.deliveries import Deliveries
from tests.integration.disks.small import small_disk
from tests.integration.kills.parcels import parcel
from tests.integration.soundness import wrong_with
from tests.store_sql.power.logs import log_of

import aion_core as aion
from aion_core.spi import StoreUnavailable
from aion_store_sql import SqlEventStore, SqlSettings

ROUNDS = 100 if os.environ.get("AION_TEST_PROFILE") == "nightly" else 5


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 32) as disk:
        yield disk


@pytest.fixture
def config(disk):
    return {"event_store": {"use": "sql", "url": f"sqlite:///{disk.folder}/aion.db"}}


def test_a_full_disk_pauses_the_engine_until_there_is_room(disk, config, evidence):
    chance = random.Random(1)
    with log_of(50), aion.Engine.open(config, workflows=[parcel]) as engine:
        deliveries = Deliveries(engine)
        for _ in range(ROUNDS):
            deliveries.begin()
            deliveries.work(chance.randint(0, 20))
            disk.fill()
            disk.give(chance.choice([0, 4096, 65536]))  # so that it is full within a transaction, too
            assert any("full" in problem for problem in deliveries.problems())
            disk.make_room()
            deliveries.end()
    assert wrong_with(config, parcel, deliveries.known) == []
    evidence("full disk", on="SQLite", times=ROUNDS, seed=1, runs=deliveries.sent)


@pytest.mark.parametrize("room", [0, 4096, 16384, 65536])
def test_opening_on_a_full_disk_says_so_and_hinders_nobody_later(disk, room):
    disk.fill()
    disk.give(room)
    settings = SqlSettings(url=f"sqlite:///{disk.folder}/aion.db")
    with pytest.raises(StoreUnavailable, match=r"full|disk I/O error"):
        SqlEventStore(settings).open()
    disk.make_room()
    with SqlEventStore(settings) as store:
        assert [*store.check()] == []
