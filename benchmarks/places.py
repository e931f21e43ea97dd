"""Where histories are kept while something is measured: made for it, and dropped again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen

if TYPE_CHECKING:
    import psycopg
    import pymysql

ON_DISK: Final = "/var/tmp"  # noqa: S108 (what is there survives a restart, so it is on a disk; /tmp may be memory)
POSTGRESQL: Final = os.environ.get("AION_BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
MARIADB: Final = os.environ.get("AION_BENCH_MARIADB", "mysql://root@127.0.0.1:3306")
_numbers: Final = count(1)


class Unreachable(Exception):
    """There is no such place on this machine: its server does not answer, or its driver is not installed."""


@frozen
class Place:
    """An empty store, or a database for whoever wants to measure what it does bare."""

    kind: str
    """As the page calls it."""
    event_store: Mapping[str, str]
    """The section of a configuration."""
    size: Callable[[], int] = field(repr=False)
    """Bytes it takes now."""

    @property
    def url(self) -> str:
        """Where it is."""
        return self.event_store["url"]

    @property
    def path(self) -> str:
        """The file, where it is one."""
        return self.url.removeprefix("sqlite:///")

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of an engine on it. The deadline is long since the machine may be busy."""
        return {"event_store": self.event_store, "engine": {"turn_deadline": 60.0}}


Kind = Callable[[], AbstractContextManager[Place]]


@contextmanager
def memory() -> Iterator[Place]:
    """In the process that opens it. Nothing outlives that."""
    yield Place("memory", {"use": "memory"}, lambda: 0)


@contextmanager
def sqlite() -> Iterator[Place]:
    """A file in a directory of its own, on a disk."""
    with TemporaryDirectory(prefix="aion-bench-", dir=ON_DISK) as directory:
        yield Place("SQLite", _sql(f"sqlite:///{directory}/aion.db"), lambda: _files(Path(directory)))


@contextmanager
def postgresql() -> Iterator[Place]:
    """A database of its own on a running server."""
    name = _name()
    with _postgresql() as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield Place("PostgreSQL", _sql(f"{POSTGRESQL}/{name}"), lambda: _postgresql_size(name))
    finally:
        with _postgresql() as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def mariadb() -> Iterator[Place]:
    """A database of its own on a running server."""
    name = _name()
    _mariadb(f"CREATE DATABASE {name}")
    try:
        yield Place("MariaDB", _sql(f"{MARIADB}/{name}"), lambda: _mariadb_size(name))
    finally:
        _mariadb(f"DROP DATABASE {name}")


def _sql(url: str) -> Mapping[str, str]:
    return {"use": "sql", "url": url}


def _name() -> str:
    """Of a database: no other run has it."""
    return f"aion_bench_{os.getpid()}_{next(_numbers)}"


def _files(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


# ---- servers


def connect_postgresql(url: str) -> psycopg.Connection:
    """A connection on which every statement is a transaction."""
    try:
        import psycopg  # noqa: PLC0415 (who measures other places need not have it)
    except ImportError as missing:
        raise Unreachable("psycopg is not installed") from missing
    try:
        return psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError as refused:
        raise Unreachable(f"PostgreSQL does not answer: {refused}") from refused


def connect_mariadb(url: str) -> pymysql.Connection[Any]:
    """A connection on which every statement is a transaction."""
    try:
        import pymysql  # noqa: PLC0415 (who measures other places need not have it)
    except ImportError as missing:
        raise Unreachable("PyMySQL is not installed") from missing
    parts = urlsplit(url)
    try:
        return pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=parts.username or "root",
            password=parts.password or "",
            database=parts.path.strip("/") or None,
            autocommit=True,
        )
    except pymysql.err.OperationalError as refused:
        raise Unreachable(f"MariaDB does not answer: {refused}") from refused


def _postgresql() -> psycopg.Connection:
    return connect_postgresql(f"{POSTGRESQL}/postgres")


def _postgresql_size(name: str) -> int:
    with _postgresql() as server:
        row = server.execute("SELECT pg_database_size(%s)", (name,)).fetchone()
    return int(row[0]) if row else 0


def _mariadb(statement: str, *values: object) -> int:
    with closing(connect_mariadb(MARIADB)) as server, server.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return int(row[0] or 0) if row else 0


def _mariadb_size(name: str) -> int:
    return _mariadb(
        "SELECT SUM(file_size) FROM information_schema.innodb_sys_tablespaces WHERE name LIKE %s", f"{name}/%"
    )
