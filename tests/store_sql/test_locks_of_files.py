"""The lock that lets one process write a file, as engines, visitors and the dead leave it."""

import os
import socket

import msgspec
import pytest
from tests.store_sql.programs.work import CODE

import aion_core as aion
from aion_core.platform import SystemPlatform
from aion_core.spi import Route, StoreUnavailable
from aion_store_sql import SqlEventStore, SqlSettings
from aion_store_sql.files.lock import FileLock, Holder

LOCK = "store._place._file.lock"


class Patient(SystemPlatform):
    """Does something whenever it would sleep."""

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile

    def sleep(self, seconds):
        self.meanwhile()
        super().sleep(seconds)


@pytest.fixture
def lock(path):
    lock = FileLock(path, SystemPlatform())
    yield lock
    lock.close()


@pytest.fixture
def there(other):
    """A process that has the store open."""
    there = other()
    there.does("store.open()")
    return there


def test_who_visits_is_waited_for(there, url):
    there.does(f"visit := {LOCK}.visit(1)")
    there.does("visit.__enter__()")
    left = []

    def leave():
        if not left:
            left.append(there.does("visit.__exit__(None, None, None)"))

    with SqlEventStore(SqlSettings(url=url), Patient(leave)) as store:
        store.put_routes([Route("order", "v1")])
    assert len(left) == 1


def test_who_makes_the_store_is_waited_for(there, url, path):
    there.does("store.close()")
    for each in path.parent.iterdir():
        each.unlink()
    there.does("visit := lock.visit(1)")
    there.does("visit.__enter__()")
    made = []

    def make():
        if not made:
            there.does("visit.__exit__(None, None, None)")
            made.append(there.does("store.open()"))

    with SqlEventStore(SqlSettings(url=url), Patient(make)) as store:
        assert there.does("store.store_id") == repr(store.store_id)


def test_who_has_an_engine_is_not_waited_for(there, url):
    there.does(f"{LOCK}.own(1)")

    def wait():
        raise AssertionError("it waits")

    with (
        SqlEventStore(SqlSettings(url=url), Patient(wait)) as store,
        pytest.raises(StoreUnavailable, match=f"held by process {there.process.pid} on {socket.gethostname()}"),
    ):
        store.put_routes([Route("order", "v1")])


def test_who_has_the_file_owns_everything_also_before_its_first_lease(there, config):
    there.does(f"{LOCK}.own(1)")
    with pytest.raises(aion.StoreInUse) as refused:
        aion.Engine.open(config, workflows=CODE)
    assert refused.value.pid == there.process.pid


def test_the_words_of_a_process_that_is_gone_are_not_believed(there, lock, path):
    there.does(f"{LOCK}.own(1)")
    path.with_name("aion.db-lock").write_bytes(msgspec.json.encode(Holder(socket.gethostname(), 2**22 + 1)))
    assert lock.own(0).visiting


def test_a_lock_is_had_as_often_as_it_is_taken(lock, there):
    lock.own(0)
    lock.own(0)
    lock.disown()
    assert there.does(f"{LOCK}.own(0).pid") == str(os.getpid())


def test_a_lock_that_was_given_back_is_free(lock, there):
    lock.own(0)
    lock.disown()
    assert there.does(f"{LOCK}.own(0)") == "None"


def test_a_visit_of_the_owner_does_not_give_the_lock_away(lock, there):
    lock.own(0)
    with lock.visit(0):
        pass
    assert there.does(f"{LOCK}.own(0).pid") == str(os.getpid())


def test_looking_who_has_it_does_not_lose_it(there, store, url):
    with SqlEventStore(SqlSettings(url=url)) as second:
        store._place._file.lock.own(0)
        second._place._file.lock.own(0)
        second._place._file.lock.disown()
    assert there.does(f"{LOCK}.own(0).pid") == str(os.getpid())
