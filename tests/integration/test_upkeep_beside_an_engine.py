"""Check and backup while an engine works on the store, and a restore under a program that goes on."""

import threading

import pytest
from tests.databases import SERVERS

import aion_core as aion
from aion_core.upkeep.checking import check_store
from aion_store_sql import SqlEventStore, SqlSettings

PATIENCE = 60


@aion.activity
def charge(order: str) -> str:
    return f"receipt-{order}"


@aion.workflow
async def checkout(order: str) -> str:
    receipt = await charge(order)
    approved = await aion.receive("approve", bool)
    return receipt if approved else "refused"


def section(kind, folder):
    if kind == "sqlite":
        return {"url": f"sqlite:///{folder}/aion.db"}
    return SERVERS[kind]().fresh().section


def opened(place):
    return aion.Engine.open({"event_store": {"use": "sql", **place}}, workflows=[checkout])


class Busy:
    """Somebody who starts workflows and ends every second of them, until it is enough."""

    def __init__(self, engine):
        self.engine = engine
        self.enough = threading.Event()
        self.begun = threading.Event()
        self.started = 0
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        assert self.begun.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self.enough.set()
        self._thread.join()

    def _work(self):
        while not self.enough.is_set():
            run = self.engine.start(checkout, str(self.started), id=f"order-{self.started}")
            if self.started % 2:
                run.signal("approve", True)
                run.result(timeout=PATIENCE)
            self.started += 1
            if self.started == 10:
                self.begun.set()


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_what_an_engine_is_writing_is_no_finding(kind, tmp_path):
    place = section(kind, tmp_path)
    with opened(place) as engine, Busy(engine) as busy, SqlEventStore(SqlSettings(**place)) as store:
        before = busy.started
        found = []
        while busy.started < before + 50:
            found += [*store.check(), *check_store(store, store)]
    assert found == []


def test_a_backup_that_is_made_while_an_engine_writes_is_a_sound_store(tmp_path):
    place = section("sqlite", tmp_path)
    with opened(place) as engine, Busy(engine) as busy, SqlEventStore(SqlSettings(**place)) as store:
        before = busy.started
        store.backup(str(tmp_path / "copy.db"))
    with SqlEventStore(SqlSettings(url=f"sqlite:///{tmp_path}/copy.db")) as copy:
        assert [*copy.check(), *check_store(copy, copy)] == []
        assert copy.count(None) >= before


def test_an_open_run_of_a_restored_store_goes_on(tmp_path):
    place = section("sqlite", tmp_path)
    with opened(place) as engine:
        run = engine.start(checkout, "42", id="order-42")
        for event in run.events():
            if event.type == "ActivityCompleted":
                break
        with SqlEventStore(SqlSettings(**place)) as store:
            store.backup(str(tmp_path / "copy.db"))
        run.signal("approve", False)
        assert run.result(timeout=PATIENCE) == "refused"
    SqlEventStore(SqlSettings(**place)).restore(str(tmp_path / "copy.db"), force=True)
    with opened(place) as engine:
        run = engine.handle("order-42", workflow=checkout)
        run.signal("approve", True)
        assert run.result(timeout=PATIENCE) == "receipt-42"
    with SqlEventStore(SqlSettings(**place)) as store:
        assert [*store.check(), *check_store(store, store)] == []
