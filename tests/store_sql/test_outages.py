"""Servers that are away, come back, and lose connections at the worst moment."""

import socket
import threading

import pytest
from msgspec.structs import replace
from tests.databases import SERVERS, OwnPostgresql
from tests.store_sql.proxy import Proxy

from aion_core.spi import Committed, Fenced, StoreRefused, StoreUnavailable, Unknown, WorkflowId, shard_of
from aion_store_sql import SqlEventStore, SqlSettings
from aion_store_sql.dialects import mysql, postgresql
from aion_store_sql.ownership import lock
from aion_testkit.builders import engine, next_commit, start_commit

ORDER = WorkflowId("order-1")


@pytest.fixture(params=SERVERS)
def kind(request):
    return request.param


@pytest.fixture
def commit_words(kind):
    """What COMMIT is on the wire, and nothing else."""
    return {"postgresql": b"COMMIT\0", "mariadb": b"\3COMMIT"}[kind]


@pytest.fixture
def database(kind):
    return SERVERS[kind]()


@pytest.fixture
def section(place_in, database):
    return place_in(database)


@pytest.fixture
def proxy(database):
    proxy = Proxy(database.url.host, database.url.port)
    yield proxy
    proxy.close()
    assert proxy.waits_for is None


@pytest.fixture
def opened():
    """`opened(section, url=…)` is an open store; closed when the test is over."""
    stores = []

    def opened(section, **other):
        store = SqlEventStore(SqlSettings(**{**section, **other}))
        stores.append(store)
        store.open()
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(opened, section, proxy, database, kind):
    """Reaches the server through the proxy, and says everything in full and in the clear."""
    plain = {"query": {"sslmode": "disable"}} if kind == "postgresql" else {}
    url = database.url.set(host="127.0.0.1", port=proxy.port, **plain)
    return opened(section, url=url.render_as_string(), pooler=True)


def owned(store, *commits, ttl=60):
    """The commits under leases of the store's own."""
    fences = {lease.shard: lease.fence for lease in store.lease(engine(), store.shards, ttl).mine}
    return [replace(commit, fence=fences[shard_of(commit.workflow_id, store.shards)]) for commit in commits]


def history(store):
    return [batch.op_id for batch in store.read(ORDER).items]


def nowhere():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class TestAtTheDoor:
    def test_a_server_that_does_not_answer_is_named_without_its_password(self, opened, database):
        url = database.url.set(port=nowhere(), password="s3cret", username="app").render_as_string(hide_password=False)
        with pytest.raises(StoreUnavailable, match="can not be reached") as caught:
            opened({"url": url})
        assert "://app@127.0.0.1:" in str(caught.value)
        assert "s3cret" not in str(caught.value)

    def test_a_database_that_does_not_exist_is_refused(self, opened, database):
        with pytest.raises(StoreRefused, match=r"aion_test_none.*whether the database was created"):
            opened({"url": database.url.set(database="aion_test_none").render_as_string()})

    def test_a_user_who_is_not_let_in_is_refused(self, opened, database):
        with pytest.raises(StoreRefused, match=r"refuses the connection: .*nobody"):
            opened({"url": database.url.set(username="nobody").render_as_string()})

    def test_a_driver_that_is_missing_is_named_with_how_to_install_it(self, opened, database, kind, monkeypatch):
        def missing(self):
            raise ModuleNotFoundError("No module named 'thedriver'")

        for dialect in (postgresql.Postgresql, mysql.Mysql):
            monkeypatch.setattr(dialect, "engine", missing)
        with pytest.raises(StoreRefused, match=rf"thedriver.*pip install 'aion-store-sql\[{kind}\]'"):
            opened({"url": database.url.render_as_string()})


class TestLostConnections:
    def test_a_line_cut_before_commit_is_replaced_and_the_commit_lands_once(self, store, proxy):
        (commit,) = owned(store, start_commit(ORDER))
        proxy.cut_before(b"_history")
        assert store.append([commit]) == [Committed(1)]
        assert history(store) == [commit.op_id]

    def test_a_read_goes_on_with_another_connection(self, store, proxy):
        store.append(owned(store, start_commit(ORDER)))
        proxy.cut_after(b"_history")
        assert len(history(store)) == 1

    def test_a_commit_whose_answer_is_lost_is_unknown_and_its_op_id_decides(self, store, proxy, commit_words):
        (commit,) = owned(store, start_commit(ORDER))
        proxy.cut_after(commit_words)
        (answer,) = store.append([commit])
        assert isinstance(answer, Unknown)
        assert history(store) == [commit.op_id]
        assert store.append([commit]) == [Committed(1)]
        assert history(store) == [commit.op_id]

    def test_a_commit_that_never_arrived_is_unknown_and_may_be_sent_again(self, store, proxy, commit_words):
        (commit,) = owned(store, start_commit(ORDER))
        proxy.cut_before(commit_words)
        (answer,) = store.append([commit])
        assert isinstance(answer, Unknown)
        assert history(store) == []
        assert store.append([commit]) == [Committed(1)]

    def test_a_lease_whose_commit_is_unknown_is_unavailable(self, store, proxy, commit_words):
        proxy.cut_after(commit_words)
        with pytest.raises(StoreUnavailable, match="COMMIT was lost"):
            store.lease(engine(), 1, 60)

    def test_while_nobody_answers_the_store_is_unavailable_and_then_goes_on(self, store, proxy):
        (commit,) = owned(store, start_commit(ORDER))
        proxy.shut()
        for call in (lambda: store.append([commit]), lambda: store.state([ORDER])):
            with pytest.raises(StoreUnavailable):
                call()
        proxy.reopen()
        assert store.append([commit]) == [Committed(1)]

    def test_no_call_fails_after_all_idle_connections_were_ended(self, opened, section, database):
        store = opened(section)
        start, *_ = owned(store, start_commit(ORDER))
        both = threading.Barrier(3)
        readers = [
            threading.Thread(target=store._place.read, args=(lambda _: both.wait(),), daemon=True) for _ in range(2)
        ]
        for reader in readers:
            reader.start()
        both.wait()  # so that there are several of them
        for reader in readers:
            reader.join()
        database.end_connections()
        assert store.append([start]) == [Committed(1)]
        database.end_connections()
        assert history(store) == [start.op_id]

    def test_a_server_that_was_restarted_is_found_again(self, opened):
        server = OwnPostgresql()
        store = opened({"url": server.url.render_as_string()})
        start, step = owned(store, start_commit(ORDER), next_commit(start_commit(ORDER)))
        assert store.append([start]) == [Committed(1)]
        server.halt()
        with pytest.raises(StoreUnavailable):
            store.append([step])
        server.start()
        assert store.append([step]) == [Committed(step.head)]


class Counting:
    """Cuts nothing. `said` is how often the client spoke: each time it waits for the answer."""

    waits_for = None
    said = 0

    def how(self, said):
        del said
        self.said += 1


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_commit_waits_for_the_server_five_times(store, proxy):
    first = start_commit(ORDER)
    start, step = owned(store, first, next_commit(first))
    proxy.follow(counting := Counting())
    for commit in (start, step):
        before = counting.said
        assert isinstance(store.append([commit])[0], Committed)
        assert counting.said - before == 5  # begin, lock, look, write, commit


class TestStoppedProcesses:
    @pytest.mark.parametrize("kind", ["postgresql"])
    @pytest.mark.parametrize(("ttl", "silence"), [(60, "5s"), (1.5, "1500ms"), (0.1, "250ms")])
    def test_its_transaction_is_undone_before_its_leases_are_long_over(self, opened, section, ttl, silence):
        store = opened(section)
        store.lease(engine(), 1, ttl)
        told = store._place.write(lambda session: session.row("SHOW idle_in_transaction_session_timeout"))
        assert told == (silence,)

    def test_its_transaction_blocks_nobody_for_long_and_it_is_fenced_when_it_goes_on(
        self, opened, section, monkeypatch
    ):
        monkeypatch.setattr(
            mysql, "_SESSION", mysql._SESSION.replace("idle_transaction_timeout = 5", "idle_transaction_timeout = 1")
        )
        stopped, other = opened(section), opened(section)
        (commit,) = owned(stopped, start_commit(ORDER), ttl=0.1)
        silent, goes_on = threading.Event(), threading.Event()
        answers = []

        def append(session):
            lock(session, range(stopped.shards))
            silent.set()
            goes_on.wait()
            answers.extend(stopped._place._appending.append(session, [commit], stopped.shards))

        thread = threading.Thread(target=stopped._place.write, args=(append,), daemon=True)
        thread.start()
        silent.wait()
        tries = (other.lease(engine("engine-2"), other.shards, 60).mine for _ in range(5_000))
        taken = any(len(mine) == other.shards for mine in tries)
        goes_on.set()
        thread.join()
        assert taken
        assert [type(answer) for answer in answers] == [Fenced]
