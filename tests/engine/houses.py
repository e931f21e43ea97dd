"""What a test of behaviour runs on: a place for histories, and engines and clients that share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any
from zlib import crc32

from msgspec.structs import replace
from tests.databases import SERVERS
from tests.engine.replaying import Replayer

import aion_core as aion
from aion_core.config import load
from aion_core.engine.catalog import Catalog
from aion_core.memory.world import World
from aion_core.platform import SYSTEM
from aion_core.spi import EventStore, StoreUnavailable
from aion_testkit import check_invariants
from aion_testkit.forwarding import methods_of

_names = (f"engine-{number}" for number in count())


class MemoryPlace:
    """Histories in memory, for all who know the name."""

    shared = True
    """Whether several engines may work on it at the same time."""

    def __init__(self, path) -> None:
        self.section = {"use": "memory", "name": next(_names)}

    def remove(self) -> None:
        World.named.pop(self.section["name"], None)


class SqlitePlace:
    """Histories in a file of the test's folder. Synced to no disk: no test here pulls the plug."""

    shared = False

    def __init__(self, path) -> None:
        self.section = {"use": "sql", "url": f"sqlite:///{path}/aion.db", "durability": "process"}

    def remove(self) -> None:
        """The folder goes with the test."""


class ServerPlace:
    """Histories in tables on a server, which are emptied for the next test."""

    shared = True
    server: str

    def __init__(self, path) -> None:
        self._database = SERVERS[self.server]()
        self._store = self._database.rent()
        self.section = {"use": "sql", **self._store.section}

    def remove(self) -> None:
        self._database.give_back(self._store)


class PostgresqlPlace(ServerPlace):
    server = "postgresql"


class MariadbPlace(ServerPlace):
    server = "mariadb"


PLACES = {"memory": MemoryPlace, "sqlite": SqlitePlace, "postgresql": PostgresqlPlace, "mariadb": MariadbPlace}
"""Another store is one more entry: made with a folder of the test, it has a `section` of `[event_store]`."""

RESIDENT = {"resident": None, "replayed": 0}
"""How many workflows are kept in memory: as many as there are, or none, so that every turn is a replay."""


def ways(test: str, *, nightly: bool, shared: bool | None) -> list[tuple[str, str]]:
    """The places that a test of this name runs on, and whether with workflows in memory.

    All stores and both ways, but not each with each, which is for the night: SQLite has the one for half of the tests
    and the other for the rest. `shared` leaves the stores that several engines can use at once, or the others.
    """
    if nightly:
        pairs = [(place, way) for place in PLACES for way in RESIDENT]
    else:
        # Not `hash`: it differs from process to process.
        by_turns = [*RESIDENT][crc32(test.encode()) % 2]
        pairs = [("memory", "resident"), ("memory", "replayed"), ("sqlite", by_turns), ("postgresql", "resident")]
    return [pair for pair in pairs if shared in {None, PLACES[pair[0]].shared}]


RUNTIMES = {"thread": {"use": "thread"}}
"""Another runtime is one more entry: the section `[runtime]`."""


class House:
    """Engines and clients over one place, one after the other or at once."""

    def __init__(self, place, runtime: Mapping[str, Any], resident: int | None) -> None:
        self.place = place
        own = {} if resident is None else {"resident": resident}
        self._config = {"event_store": place.section, "runtime": runtime, "engine": own}
        self._engines: list[aion.Engine] = []
        self._clients: list[aion.Client] = []
        self._dead: list[aion.Engine] = []
        self._code: Catalog = Catalog()
        self._broken: set[str] = set()

    def config(self, **sections: Mapping[str, Any]) -> dict[str, Any]:
        """What to open an engine with: the place and the runtime, and what a test adds."""
        whole = {name: dict(section) for name, section in self._config.items()}
        for name, section in sections.items():
            whole[name] = whole.get(name, {}) | dict(section)
        return whole

    def open(
        self, *workflows: object, activities: Any = (), standby: bool = False, **sections: Mapping[str, Any]
    ) -> aion.Engine:
        """An engine with this code. Histories are replayed with that of the last one."""
        engine = aion.Engine.open(self.config(**sections), workflows=workflows, activities=activities, standby=standby)
        self._code = Catalog(workflows, activities)
        self._engines.append(engine)
        return engine

    def client(self) -> aion.Client:
        """Another program, which runs nothing."""
        client = aion.Client.open({"event_store": self.place.section})
        self._clients.append(client)
        return client

    def crash(self, engine: aion.Engine) -> None:
        """Its process is gone, and its leases are over: nothing it does reaches the store any more.

        Bodies of its activities run on, as they would where a machine has only lost its network.
        """
        core = engine._backend
        for name in methods_of(EventStore):
            if name not in {"shards", "store_id"}:
                setattr(core._store, name, _gone)
        self._engines.remove(engine)
        self._dead.append(engine)  # kept: nothing is collected, no destructor runs
        with self.store() as store:
            store.release(core._leases)
            store.lease(replace(core.info, types=()), 0, 1e-6)

    def store(self):
        """The place as the contract of stores has it, to look into. Opened by `with`."""
        return load({"event_store": self.place.section}, stores_only=True).event_store.make(SYSTEM)

    def can_not_replay(self, *ids: str) -> None:
        """These histories are blocked for good: their code does not fit them, which is what the test is about."""
        self._broken.update(ids)

    def uses(self, *code: object) -> None:
        """What histories are replayed with, where no engine of this house ran them."""
        self._code = Catalog(code)

    def leave(self) -> Iterator[str]:
        """Close everything; what is wrong with what is left behind."""
        for each in (*self._clients, *self._engines):
            each.close(grace=1)
        for engine in self._dead:
            _bury(engine)
        with self.store() as store:
            replayer = Replayer(store, self._code, broken=self._broken)
            yield from (str(each) for each in check_invariants(store, store, replayer=replayer))
        self.place.remove()


def _gone(*_: object, **__: object) -> Any:
    raise StoreUnavailable("the test has cut it off.")


def _bury(engine: aion.Engine) -> None:
    """End the threads of an engine that crashed, without a word to the store."""
    core = engine._backend
    for runtime in {core._parts.runtime, *core._parts.runtimes.values()}:
        runtime.close(0.0)
    with suppress(Exception):
        core._close_lanes()
    core._closed = True
    type(core._store).close(core._store)  # its own was taken away
