"""What a store in a file says and does when the disk, or another program, is in its way."""

import logging
import sqlite3

import pytest

import aion_core as aion
from aion_core.spi import StoreRefused, StoreUnavailable
from aion_store_sql import Durability, SqlEventStore, SqlSettings
from aion_store_sql.files import place as places
from aion_store_sql.messages import Mailroom
from aion_testkit.builders import engine, message, outcome


@aion.workflow
async def nothing() -> None:
    """For an engine that takes the file."""


@pytest.fixture
def owned(store):
    """The store, with every lease."""
    store.lease(engine("e1"), store.shards, 60)
    return store


def pragma(store, statement):
    """Said to the connection that writes."""
    connection = store._place._file.writers.raw_connection()
    connection.cursor().execute(f"PRAGMA {statement}")
    connection.close()


def test_a_full_disk_loses_nothing_and_is_no_obstacle_later(owned):
    owned.post([message("order-1", "m-1", body=b"before")])
    pragma(owned, "max_page_count = 1")
    with pytest.raises(StoreUnavailable, match="full"):
        owned.post([message("order-1", "m-2", body=b"x" * 100_000)])
    pragma(owned, "max_page_count = 1000000")
    owned.post([message("order-1", "m-3", body=b"after")])
    assert [each.body for each in owned.inbox([*range(64)], limit=9).items] == [b"before", b"after"]


def test_another_programs_transaction_is_waited_for_and_then_said_to_be_there(owned, path):
    pragma(owned, "busy_timeout = 20")
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        owned.post([message("order-1", "m-1")])
    theirs.execute("COMMIT")
    theirs.close()
    owned.post([message("order-1", "m-1")])
    assert len(owned.inbox([*range(64)], limit=9).items) == 1


def test_a_damaged_file_is_named_with_what_to_do(store, path, url):
    store.close()
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreRefused, match=r"aion.db is damaged .* `aion store check`"):
        SqlEventStore(SqlSettings(url=url)).open()


def test_a_damaged_file_of_messages_is_named(owned, path):
    owned._place._file.inbox.close()
    path.with_name("aion.db-inbox").write_bytes(b"dear diary, " * 1000)
    with pytest.raises(StoreRefused, match=r"aion\.db-inbox"):
        owned.inbox([0], limit=1)


def test_a_file_of_messages_that_keeps_what_is_taken_out_is_named(store, monkeypatch):
    store.post([message("order-1", "m-1")])
    monkeypatch.setattr(Mailroom, "forget", staticmethod(lambda *_: 0))
    with pytest.raises(StoreRefused, match=r"aion\.db-inbox is damaged"):
        store.inbox([*range(64)], limit=9)


# ---- messages on their way


def test_a_message_that_is_in_both_files_after_a_crash_is_there_once(store, monkeypatch):
    def crash(_):
        raise KeyboardInterrupt

    store.post([message("order-1", "m-1")])
    monkeypatch.setattr(store._place._inbox, "remove", crash)
    with pytest.raises(KeyboardInterrupt):
        store.inbox([*range(64)], limit=9)
    monkeypatch.undo()
    assert len(store.inbox([*range(64)], limit=9).items) == 1


def test_a_message_that_has_arrived_leaves_the_other_file(store, path):
    store.post([message("order-1", "m-1")])
    store.inbox([*range(64)], limit=9)
    theirs = sqlite3.connect(path.with_name("aion.db-inbox"))
    assert theirs.execute("SELECT count(*) FROM aion_inbox").fetchone() == (0,)
    theirs.close()


def test_a_message_that_was_settled_before_it_left_the_other_file_stays_settled(store, monkeypatch):
    posted = message("order-1", "m-1")
    store.post([posted])
    monkeypatch.setattr(store._place._inbox, "remove", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        store.inbox([*range(64)], limit=9)
    monkeypatch.undo()
    store.settle([outcome(posted)])
    assert store.inbox([*range(64)], limit=9).items == ()


def test_what_a_client_left_beside_the_file_comes_before_what_it_says_as_an_engine(store):
    store.post([message("order-1", "m-1", n=1)])
    store.lease(engine("e1"), store.shards, 60)
    store.post([message("order-1", "m-2", n=2)])
    with store._place._file.readers.connect() as connection:
        found = connection.exec_driver_sql("SELECT message_id FROM aion_inbox ORDER BY place, n").all()
    assert [each for (each,) in found] == ["m-1", "m-2"]


# ---- what the disk is worth


def test_a_disk_that_is_too_fast_to_be_honest_is_remarked(store, monkeypatch, caplog):
    monkeypatch.setattr(places, "sync_seconds", lambda *_: 1 / 50_000)
    store.lease(engine("e1"), 1, 60)
    (remark,) = store.health().remarks
    assert "says 50,000 times a second that a write is safe" in remark


def test_a_remark_is_logged_when_the_file_is_taken(store, monkeypatch, caplog):
    monkeypatch.setattr(places, "sync_seconds", lambda *_: 1 / 50_000)
    with caplog.at_level(logging.WARNING, logger="aion.store"):
        store.lease(engine("e1"), 1, 60)
    assert caplog.messages == list(store.health().remarks)


def test_an_honest_disk_is_not_remarked(store, monkeypatch):
    monkeypatch.setattr(places, "sync_seconds", lambda *_: 1 / 2_000)
    store.lease(engine("e1"), 1, 60)
    assert store.health().remarks == ()


def test_nothing_is_said_of_the_disk_by_who_does_not_sync(url, monkeypatch):
    monkeypatch.setattr(places, "sync_seconds", lambda *_: 1 / 50_000)
    with SqlEventStore(SqlSettings(url=url, durability="process")) as store:
        store.lease(engine("e1"), 1, 60)
        assert store.health().remarks == ()


def test_an_engine_says_what_its_disk_is_worth_and_goes_on_all_the_same(opened, url, monkeypatch):
    monkeypatch.setattr(places, "sync_seconds", lambda *_: 1 / 50_000)
    health = opened(nothing).health()
    assert (health.store.place, health.store.sync_seconds) == (url, 1 / 50_000)
    assert "50,000 times a second" in health.store.remarks[0]
    assert health.ok


# ---- the log


def test_the_log_has_its_length_from_the_beginning(owned, path):
    assert path.with_name("aion.db-wal").stat().st_size > 8_000_000


def test_room_for_the_log_is_not_room_in_the_file(owned, path):
    owned.close()
    assert path.stat().st_size < 1_000_000


def test_closing_leaves_one_clean_file(owned, path):
    owned.post([message("order-1", "m-1")])
    owned.close()
    assert not path.with_name("aion.db-wal").exists()


def test_the_stronger_promise_holds_for_all_who_share_the_file(url):
    with (
        SqlEventStore(SqlSettings(url=url, durability="process")) as weak,
        SqlEventStore(SqlSettings(url=url)),
    ):
        weak.lease(engine("e1"), 1, 60)
        connection = weak._place._file.writers.raw_connection()
        assert connection.cursor().execute("PRAGMA synchronous").fetchone() == (2,)
        connection.close()


@pytest.mark.parametrize("durability", ["fsync", Durability.FSYNC])
def test_durability_in_words_promises_as_much_as_its_constant(url, durability):
    with SqlEventStore(SqlSettings(url=url, durability=durability)) as store:
        connection = store._place._file.writers.raw_connection()
        assert connection.cursor().execute("PRAGMA synchronous").fetchone() == (2,)
        connection.close()
