"""PostgreSQL, through psycopg 3."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql

from aion_core.spi import Damage, StoreRefused
from aion_store_sql import schema
from aion_store_sql.backing_up import Dump
from aion_store_sql.dialects.dialect import Dialect, Put, Row, Server, statements_of
from aion_store_sql.settings import Durability, SqlSettings

CONNECT: Final = {
    "application_name": "aion",
    "connect_timeout": 5,
    # A server that fell silent is given up within half a minute, and not when the system does, after hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
STOPPED_MS: Final = 5_000
"""A transaction whose client is silent so long is undone: a process that was stopped must not hold its shards."""
_SHORTEST_MS: Final = 250
"""Of a client with shorter leases: a moment of a busy machine is no end."""
LOCKED_MS: Final = 2 * STOPPED_MS
"""Longer than that, so that who waits for a stopped one is served."""
_OLDEST: Final = 12
_SETTINGS: Final = ("server_version", "server_version_num", "fsync", "full_page_writes", "synchronous_commit")
_SHUT_OUT: Final = re.compile("does not exist|authentication failed|no pg_hba.conf entry|no password supplied")
_DIALECT: Final[sa.Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call] # theirs


class Postgresql(Dialect):
    """See `Dialect`."""

    name: ClassVar[str] = "postgresql"
    among: ClassVar[str] = "= ANY(?)"
    clock: ClassVar[str | None] = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

    def __init__(self, settings: SqlSettings) -> None:
        """See `Dialect`."""
        super().__init__(settings)
        self.begin = self._begin(STOPPED_MS)

    def leases_last(self, seconds: float) -> None:
        """See `Dialect`."""
        self.begin = self._begin(min(STOPPED_MS, max(_SHORTEST_MS, round(seconds * 1_000))))

    def _begin(self, silence: int) -> str:
        # In the transaction and not of the session, which may belong to a pooler: then the next one is another's.
        own = [f"idle_in_transaction_session_timeout = {silence}", f"lock_timeout = {LOCKED_MS}"]
        if self.settings.durability is Durability.PROCESS:
            own.append("synchronous_commit = off")
        return "; SET LOCAL ".join(["BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", *own])

    def engine(self) -> sa.Engine:
        """See `Dialect`."""
        engine = sa.create_engine(
            self.settings.address().set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            pool_size=self.settings.connections,
            max_overflow=0,
            connect_args={**CONNECT, **({"prepare_threshold": None} if self.settings.pooler else {})},
        )
        if not self.settings.pooler:  # whose connections are not ours to change
            event.listen(engine, "connect", _prepare)
        return engine

    def write(self, cursor: Any, puts: Sequence[tuple[Put, Sequence[Row]]]) -> None:
        """See `Dialect`: in one statement, in which each column is bound as an array.

        A binary one: in an array of texts every quote is escaped, and the driver is slow at that.

        Every statement is a round trip during which shards are locked. Sending several without waiting for each answer
        would be no way out: a transaction with a process that was stopped between two of them is not idle for the
        server, which then never ends it.
        """
        statement = _together(*(put for put, _ in puts))
        cursor.execute(statement, [[*column] for _, rows in puts for column in zip(*rows, strict=True)])

    def array(self, values: Sequence[Any]) -> Any:
        """See `Dialect`."""
        return list(values)

    def is_transient(self, error: BaseException) -> bool:
        """See `Dialect`: a deadlock or a serialization failure."""
        return getattr(error, "sqlstate", None) in {"40001", "40P01"}

    def is_away(self, error: BaseException) -> bool:
        """See `Dialect`."""
        state = getattr(error, "sqlstate", None)
        if state is None:  # not from the server: the connection broke, or was never made
            return type(error).__name__ in {"OperationalError", "InterfaceError"}
        return state[:2] in {"08", "53", "55", "57", "58"} or state in {"25006", "25P03"}

    def is_shut_out(self, error: BaseException) -> bool:
        """See `Dialect`. The driver keeps the code of such an error to itself."""
        return _SHUT_OUT.search(str(error)) is not None

    def is_open(self, connection: sa.PoolProxiedConnection) -> bool:
        """See `Dialect`."""
        driver: Any = connection.dbapi_connection
        return driver is not None and not driver.closed

    def look(self, cursor: Any) -> Server:
        """See `Dialect`."""
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", ([*_SETTINGS],))
        found: dict[str, str] = dict(cursor.fetchall())
        if int(found["server_version_num"]) < _OLDEST * 10_000:
            raise StoreRefused(
                f"the server is PostgreSQL {found['server_version']}; {_OLDEST} is the oldest supported."
            )
        careless = [name for name in ("fsync", "full_page_writes") if found[name] == "off"]
        if self.settings.durability is Durability.FSYNC and found["synchronous_commit"] == "off":
            careless.append("synchronous_commit")
        return Server(
            remarks=tuple(
                f"{name} is off on the PostgreSQL server: a power failure may cost what was acknowledged, or all of it."
                for name in careless
            )
        )

    def lock_schema(self, cursor: Any) -> None:
        """See `Dialect`."""
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"aion:{self._prefix}",))

    def unlock_schema(self, cursor: Any) -> None:
        """See `Dialect`: the end of the transaction does."""

    def has_table(self, cursor: Any, table: sa.Table) -> bool:
        """See `Dialect`. Not by `to_regclass`, which remembers within a transaction that a table was not there."""
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relname = %s AND pg_table_is_visible(oid))",
            (self._name(table),),
        )
        return bool(cursor.fetchone()[0])

    def ddl(self, cursor: Any) -> list[str]:
        """See `Dialect`."""
        del cursor
        return statements_of(schema.metadata, _DIALECT, self._prefix)

    def software(self, cursor: Any) -> str:
        """See `Dialect`."""
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"

    def integrity(self, cursor: Any) -> list[Damage]:
        """See `Dialect`: indexes that are marked as unusable. It has no check of everything without extensions."""
        cursor.execute(
            "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
            " WHERE NOT (i.indisvalid AND i.indisready) AND starts_with(t.relname, %s)",
            (self._prefix,),
        )
        return [Damage(place=name, problem="the index is not valid: REINDEX it") for (name,) in cursor.fetchall()]

    def dump(self, target: Path) -> Dump:
        """See `Dialect`."""
        address = self.settings.address()
        return Dump(
            program="pg_dump",
            arguments=[
                f"--dbname={_plain(address)}",
                "--no-password",
                "--format=custom",
                *(f"--table={name}" for name in self.tables()),
                f"--file={target}",
            ],
            password=("PGPASSWORD", address.password) if address.password else None,
        )

    def loading(self, source: str) -> str:
        """See `Dialect`."""
        arguments = ["--clean", "--if-exists", "--single-transaction", f"--dbname={_plain(self.settings.address())}"]
        return shlex.join(["pg_restore", *arguments, source])

    def _text(self, sql: str) -> str:
        return super()._text(sql).replace("ANY(?)", "ANY(%b)").replace("?", "%s")

    def _insert(self, table: sa.Table, columns: Sequence[str]) -> str:
        arrays = ", ".join(f"%b::{_type_of(table.c[name])}[]" for name in columns)
        return f"INSERT INTO {self._name(table)} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"


@lru_cache(maxsize=128)  # of the few forms that commits have
def _together(*statements: Put) -> str:
    """One statement that does what these do, which write different rows."""
    *first, last = statements
    return ", ".join(f"{'WITH ' * (not number)}p{number} AS ({sql})" for number, sql in enumerate(first)) + f" {last}"


def _plain(address: sa.URL) -> str:
    """As PostgreSQL's own programs take it, without the password."""
    return address.set(drivername="postgresql", password=None).render_as_string()


def _prepare(connection: Any, record: object) -> None:
    """Compiling a query for runs of many conditions takes half a minute, and answering it no tenth of a second."""
    del record
    connection.execute("SET jit = off")
    connection.commit()


def _type_of(column: sa.Column[Any]) -> str:
    return column.type.compile(dialect=_DIALECT).partition(" COLLATE")[0]
