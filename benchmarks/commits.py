"""The raw limit of a database: what its driver commits, bare, one row at a time and many in one transaction."""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from benchmarks.measure import percentile
from benchmarks.places import Kind, Place, connect_mariadb, connect_postgresql

PAYLOAD: Final = b"x" * 200
"""About what one step writes."""
TOGETHER: Final = 256
"""Rows of one batch."""
ONES: Final = 100
BATCHES: Final = 10
WARM: Final = 10
_WAL_BYTES: Final = 16 << 20


class Limit:
    """Bare commits in a database, sampled again and again during a run."""

    def __init__(self, bare: Bare) -> None:
        """Warm, and nothing is sampled yet."""
        self._bare = bare
        self._ones: list[float] = []
        self._batches: list[float] = []
        for _ in range(WARM):
            bare.one()
            bare.many()

    def forget(self) -> None:
        """What was sampled so far: another moment begins."""
        self._ones.clear()
        self._batches.clear()

    def sample(self) -> None:
        """Once more, in this moment."""
        self._bare.ready()
        self._ones += [_seconds(self._bare.one) for _ in range(ONES)]
        self._batches += [_seconds(self._bare.many) for _ in range(BATCHES)]

    @property
    def commit(self) -> float:
        """Seconds of a commit of one row: the median."""
        return percentile(0.5, self._ones)

    @property
    def appends_per_s(self) -> float:
        """Rows that are durable after a second, in batches: the median."""
        return TOGETHER / percentile(0.5, self._batches)

    def commits(self) -> Mapping[str, Any]:
        """For a line about a latency."""
        return {"raw": self._bare.what, "raw_p50_us": self.commit * 1e6}

    def appends(self) -> Mapping[str, Any]:
        """For a line about many at once."""
        return {
            "raw": f"{self._bare.what}; {TOGETHER} such rows in one transaction",
            "raw_commits_per_s": 1 / self.commit,
            "raw_appends_per_s": self.appends_per_s,
        }


@contextmanager
def limit(kind: Kind) -> Iterator[Limit]:
    """The limit of such places, in one of its own."""
    with kind() as place:
        bare = _BARE[place.kind](place)
        try:
            yield Limit(bare)
        finally:
            bare.close()


def _seconds(thing: Callable[[], None]) -> float:
    began = time.perf_counter()
    thing()
    return time.perf_counter() - began


# ---- databases


class Bare(ABC):
    """A connection, and a table with rows of an id and a payload."""

    what: ClassVar[str]
    """A commit of one row, in words."""

    @abstractmethod
    def one(self) -> None:
        """A row, committed."""

    @abstractmethod
    def many(self) -> None:
        """A batch of rows in one transaction."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection."""

    @abstractmethod
    def ready(self) -> None:
        """Before a sample: what the database does now and then is done now."""


class _Memory(Bare):
    """No disk and no server."""

    what = "a row appended to a list"

    def __init__(self, place: Place) -> None:
        del place
        self._rows: list[bytes] = []

    def one(self) -> None:
        self._rows.append(PAYLOAD)

    def many(self) -> None:
        self._rows += [PAYLOAD] * TOGETHER

    def ready(self) -> None:
        pass

    def close(self) -> None:
        self._rows.clear()


class _SQLite(Bare):
    """In WAL mode and fully synchronous, over a WAL that has its size already: a growing one costs nearly twice."""

    what = "a row inserted and committed by sqlite3 (WAL, recycled; synchronous=FULL)"

    def __init__(self, place: Place) -> None:
        self._connection = sqlite3.connect(place.path, isolation_level=None)
        run = self._connection.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("PRAGMA wal_autocheckpoint=0")
        run("CREATE TABLE bare (id INTEGER PRIMARY KEY, payload BLOB)")
        run("INSERT INTO bare (payload) VALUES (zeroblob(?))", (_WAL_BYTES,))
        run("DELETE FROM bare")
        self.ready()

    def ready(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)")

    def one(self) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        run("INSERT INTO bare (payload) VALUES (?)", (PAYLOAD,))
        run("COMMIT")

    def many(self) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO bare (payload) VALUES (?)", [(PAYLOAD,)] * TOGETHER)
        run("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _PostgreSQL(Bare):
    """Statements that are transactions, on one connection."""

    what = "a row inserted by psycopg, which is a transaction"

    def __init__(self, place: Place) -> None:
        self._connection = connect_postgresql(place.url)
        self._connection.execute("CREATE TABLE bare (id BIGSERIAL PRIMARY KEY, payload BYTEA)")

    def one(self) -> None:
        self._connection.execute("INSERT INTO bare (payload) VALUES (%s)", (PAYLOAD,))

    def many(self) -> None:
        rows = [PAYLOAD] * TOGETHER
        self._connection.execute("INSERT INTO bare (payload) SELECT unnest(%s::bytea[])", (rows,))

    def ready(self) -> None:
        pass

    def close(self) -> None:
        self._connection.close()


class _MariaDB(Bare):
    """Statements that are transactions, on one connection."""

    what = "a row inserted by PyMySQL, which is a transaction"

    def __init__(self, place: Place) -> None:
        self._connection = connect_mariadb(place.url)
        self._cursor = self._connection.cursor()
        self._cursor.execute("CREATE TABLE bare (id BIGINT AUTO_INCREMENT PRIMARY KEY, payload BLOB)")

    def one(self) -> None:
        self._cursor.execute("INSERT INTO bare (payload) VALUES (%s)", (PAYLOAD,))

    def many(self) -> None:
        # The driver makes one statement of it.
        self._cursor.executemany("INSERT INTO bare (payload) VALUES (%s)", [(PAYLOAD,)] * TOGETHER)

    def ready(self) -> None:
        pass

    def close(self) -> None:
        self._connection.close()


_BARE: Final[Mapping[str, Callable[[Place], Bare]]] = {
    "memory": _Memory,
    "SQLite": _SQLite,
    "PostgreSQL": _PostgreSQL,
    "MariaDB": _MariaDB,
}
