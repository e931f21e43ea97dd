"""What a store wants to know of its server, and what it tells it."""

import pytest
from tests.databases import mariadb, postgresql

from aion_core.spi import CommitLimits, StoreRefused
from aion_store_sql import Durability, SqlEventStore, SqlSettings
from aion_store_sql.dialects.mysql import Mysql
from aion_store_sql.dialects.postgresql import Postgresql

POSTGRESQL = {
    "server_version": "15.4",
    "server_version_num": "150004",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}
MARIADB = ("10.11.6-MariaDB", 16_777_216, 1, 0)


class Server:
    """A cursor of a server that says this of itself."""

    def __init__(self, *rows):
        self._rows = rows

    def execute(self, *_):
        pass

    def fetchall(self):
        return self._rows

    def fetchone(self):
        return self._rows[0]


def of_postgresql(durability=Durability.FSYNC, **settings):
    dialect = Postgresql(SqlSettings(url="postgresql://db/aion", durability=durability))
    return dialect.look(Server(*{**POSTGRESQL, **settings}.items()))


def of_mariadb(version=MARIADB[0], packet=MARIADB[1], flushed=MARIADB[2], careless_log=MARIADB[3]):
    return Mysql(SqlSettings(url="mariadb://db/aion")).look(Server((version, packet, flushed, careless_log)))


def test_of_a_careful_server_there_is_nothing_to_remark():
    assert of_postgresql().remarks == of_mariadb().remarks == ()


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_postgresql_that_does_not_flush_is_remarked(name):
    (remark,) = of_postgresql(**{name: "off"}).remarks
    assert remark.startswith(f"{name} is off")


def test_who_wants_to_survive_the_process_only_is_not_told_of_commits_that_are_not_flushed():
    assert of_postgresql(Durability.PROCESS, synchronous_commit="off").remarks == ()


@pytest.mark.parametrize(
    ("careless", "said"),
    [({"flushed": 2}, "innodb_flush_log_at_trx_commit is 2"), ({"careless_log": 1}, "sync_binlog is not 1")],
)
def test_a_mariadb_that_does_not_flush_is_remarked(careless, said):
    (remark,) = of_mariadb(**careless).remarks
    assert remark.startswith(f"{said} on the MariaDB server")


def test_servers_that_are_too_old_are_refused_by_their_versions():
    with pytest.raises(StoreRefused, match=r"PostgreSQL 9.6.2; 12 is the oldest"):
        of_postgresql(server_version="9.6.2", server_version_num="90602")
    with pytest.raises(StoreRefused, match=r"MariaDB 10.5.21-MariaDB; 10.6 is the oldest"):
        of_mariadb("10.5.21-MariaDB")
    with pytest.raises(StoreRefused, match=r"MySQL 5.7.44; 8.0.17 is the oldest"):
        of_mariadb("5.7.44")


def test_a_commit_is_no_larger_than_what_a_packet_of_the_server_holds_twice():
    assert of_mariadb(packet=1024**3).limits == CommitLimits()
    limits = of_mariadb(packet=4_000_000).limits
    assert limits.call_bytes == limits.commit_bytes == pytest.approx(2_000_000, rel=0.02)


def test_what_is_remarked_is_logged_when_the_store_is_opened(place_in, monkeypatch, caplog):
    section = place_in(postgresql())
    careless = of_postgresql(fsync="off")
    monkeypatch.setattr(Postgresql, "look", lambda *_: careless)
    with SqlEventStore(SqlSettings(**section)) as store:
        (remark,) = store.health().remarks
    assert [record.getMessage() for record in caplog.records] == [remark]


@pytest.mark.parametrize(("durability", "synchronous"), [(Durability.FSYNC, "on"), (Durability.PROCESS, "off")])
def test_durability_is_told_to_postgresql_with_every_transaction(place_in, durability, synchronous):
    settings = SqlSettings(**place_in(postgresql()), durability=durability)
    with SqlEventStore(settings) as store:
        assert store._place.write(lambda session: session.row("SHOW synchronous_commit")) == (synchronous,)


def test_nothing_is_prepared_behind_a_pooler(place_in):
    with SqlEventStore(SqlSettings(**place_in(postgresql()), pooler=True)) as store:
        for _ in range(20):
            store.list_routes()
        prepared = store._place.read(lambda session: session.rows("SELECT * FROM pg_prepared_statements"))
    assert prepared == []


def test_a_session_of_mariadb_is_strict_and_does_not_lock_what_it_does_not_write(place_in):
    with SqlEventStore(SqlSettings(**place_in(mariadb()))) as store:
        row = store._place.read(
            lambda session: session.row("SELECT @@tx_isolation, @@idle_transaction_timeout, @@time_zone, @@sql_mode")
        )
    assert row == ("READ-COMMITTED", 5, "+00:00", "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION")


def test_a_store_that_is_forgotten_while_it_is_open_warns_and_leaves_no_connection(place_in):
    store = SqlEventStore(SqlSettings(**place_in(postgresql())))
    store.open()
    store.list_routes()
    with pytest.warns(ResourceWarning, match="the event store was forgotten while it was open") as caught:
        del store
    assert len(caught) == 1
