"""MariaDB and MySQL, through PyMySQL."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import event
from sqlalchemy.dialects import mysql

from aion_core.spi import CommitLimits, Damage, StoreRefused, StoreUnavailable
from aion_store_sql import schema
from aion_store_sql.backing_up import Dump
from aion_store_sql.dialects.dialect import Dialect, Put, Server, keys_of, statements_of
from aion_store_sql.settings import Durability

_TRANSIENT: Final = {1020, 1213}
"""The record has changed, deadlock."""
_AWAY: Final = {
    *(1021, 1026, 1030, 1114),  # full
    *(1040, 1041, 1203, 1226),  # too many connections, or too little memory for one more
    *(1053, 1927, 2002, 2003, 2006, 2013, 2055, 4031),  # going down, or gone
    *(1290, 1792, 1836),  # read-only
    *(1205, 1969, 3024),  # somebody holds a lock for long, or the statement took too long
}
_SHUT_OUT: Final = {1044, 1045, 1049, 1130, 1698}
"""No such database, user or password, or not from this machine."""
_OLDEST: Final = {"MariaDB": (10, 6), "MySQL": (8, 0, 17)}
"""SKIP LOCKED, and a collation that does not pad."""
# The default locks the gaps between rows, and engines would wait for each other.
_ISOLATION: Final = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"
# Not lenient: a value that does not fit is an error, and not cut. In UTC the clock has no hour twice. A transaction
# whose client is silent for so long is undone (MySQL has no such limit), and a little longer others wait for it. Texts
# are sorted by so many bytes of them: the longest attribute has no more.
_SESSION: Final = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', wait_timeout = 31536000,"
    " innodb_lock_wait_timeout = 10, max_sort_length = 8192 /*M! , idle_transaction_timeout = 5 */"
)
_ROW: Final = 64 * 1024
"""What a row has beside its bytes, amply."""
_CARELESS: Final = "{} on the {} server: a power failure may cost the last commits that were acknowledged."
_LOCK: Final = "CONCAT('aion:', MD5(CONCAT(DATABASE(), '.', %s)))"
_DONE: Final = {1050, 1051, 1060, 1061, 1091}
"""The table is there, or gone; the column is there; the index is there; the column or index is gone."""


class Mysql(Dialect):
    """See `Dialect`."""

    name: ClassVar[str] = "mysql"
    among: ClassVar[str] = "IN ?"
    commits_ddl: ClassVar[bool] = True
    clock: ClassVar[str | None] = "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"
    sorts_groups: ClassVar[bool] = False

    def engine(self) -> sa.Engine:
        """See `Dialect`."""
        engine = sa.create_engine(
            self.settings.address().set(drivername="mysql+pymysql"),
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            pool_size=self.settings.connections,
            max_overflow=0,
            # A server that fell silent is given up within a minute.
            connect_args={"charset": "utf8mb4", "connect_timeout": 5, "read_timeout": 60, "write_timeout": 60},
        )
        event.listen(engine, "connect", _prepare)
        return engine

    def array(self, values: Sequence[Any]) -> Any:
        """See `Dialect`."""
        return list(values)

    def upsert(self, table: sa.Table, *columns: str) -> Put:
        """See `Dialect`."""
        keys = keys_of(table)
        changes = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in columns if name not in keys)
        return Put(f"{self._insert(table, columns)} ON DUPLICATE KEY UPDATE {changes}")

    def insert_missing(self, table: sa.Table, *columns: str) -> Put:
        """See `Dialect`. Not INSERT IGNORE, which hides other errors too."""
        key = keys_of(table)[0]
        return Put(f"{self._insert(table, columns)} ON DUPLICATE KEY UPDATE `{key}` = `{key}`")

    def through(self, index: str) -> str:
        """See `Dialect`."""
        return f" FORCE INDEX ({index})"

    def is_transient(self, error: BaseException) -> bool:
        """See `Dialect`."""
        return _code(error) in _TRANSIENT

    def is_away(self, error: BaseException) -> bool:
        """See `Dialect`."""
        return _code(error) in _AWAY

    def is_shut_out(self, error: BaseException) -> bool:
        """See `Dialect`."""
        return _code(error) in _SHUT_OUT

    def is_open(self, connection: sa.PoolProxiedConnection) -> bool:
        """See `Dialect`."""
        driver: Any = connection.dbapi_connection
        return driver is not None and driver.open

    def look(self, cursor: Any) -> Server:
        """See `Dialect`. A row travels in one packet of the server's size, and its bytes as hexadecimal digits."""
        cursor.execute(
            "SELECT VERSION(), @@max_allowed_packet, @@innodb_flush_log_at_trx_commit, @@log_bin AND @@sync_binlog <> 1"
        )
        version, packet, flushed, careless_log = cursor.fetchone()
        kind = _kind(version)
        oldest = _OLDEST[kind]
        if tuple(map(int, re.findall(r"\d+", version)[:3])) < oldest:
            raise StoreRefused(f"the server is {kind} {version}; {'.'.join(map(str, oldest))} is the oldest supported.")
        remarks: list[str] = []
        if self.settings.durability is Durability.FSYNC and flushed != 1:
            remarks.append(_CARELESS.format(f"innodb_flush_log_at_trx_commit is {flushed}", kind))
        if self.settings.durability is Durability.FSYNC and careless_log:
            remarks.append(_CARELESS.format("sync_binlog is not 1", kind))
        room = (packet - _ROW) // 2
        usual = CommitLimits()
        limits = replace(usual, call_bytes=min(usual.call_bytes, room), commit_bytes=min(usual.commit_bytes, room))
        return Server(limits, tuple(remarks))

    def is_done(self, error: BaseException) -> bool:
        """See `Dialect`."""
        return _code(error) in _DONE

    def lock_schema(self, cursor: Any) -> None:
        """See `Dialect`. A lock of the connection, since making a table commits. Its name is known to the server."""
        cursor.execute(f"SELECT GET_LOCK({_LOCK}, 60)", (self._prefix,))
        if cursor.fetchone()[0] != 1:
            raise StoreUnavailable("another process has been making or migrating the tables for a minute; try again.")

    def unlock_schema(self, cursor: Any) -> None:
        """See `Dialect`."""
        cursor.execute(f"DO RELEASE_LOCK({_LOCK})", (self._prefix,))

    def has_table(self, cursor: Any, table: sa.Table) -> bool:
        """See `Dialect`."""
        cursor.execute("SHOW TABLES LIKE %s", (self._name(table).replace("_", "\\_"),))
        return cursor.fetchone() is not None

    def ddl(self, cursor: Any) -> list[str]:
        """See `Dialect`."""
        collation = "utf8mb4_nopad_bin" if _kind(self._version(cursor)) == "MariaDB" else "utf8mb4_0900_bin"
        options = f" DEFAULT CHARSET = utf8mb4 COLLATE = {collation}"
        return statements_of(schema.metadata, mysql.dialect(), self._prefix, options=options)

    def software(self, cursor: Any) -> str:
        """See `Dialect`."""
        version = self._version(cursor)
        return f"{_kind(version)} {version.partition('-')[0]}"

    def integrity(self, cursor: Any) -> list[Damage]:
        """See `Dialect`."""
        cursor.execute(f"CHECK TABLE {', '.join(self.tables())} QUICK")
        return [
            Damage(place=name, problem=text)
            for name, _, kind, text in cursor.fetchall()
            if (kind, text) != ("status", "OK")
        ]

    def dump(self, target: Path) -> Dump:
        """See `Dialect`."""
        address = self.settings.address()
        return Dump(
            program="mariadb-dump" if address.get_backend_name() == "mariadb" else "mysqldump",
            arguments=[
                *_server(address),
                "--single-transaction",
                "--hex-blob",
                str(address.database),
                *self.tables(),
                f"--result-file={target}",
            ],
            password=("MYSQL_PWD", address.password) if address.password else None,
        )

    def loading(self, source: str) -> str:
        """See `Dialect`."""
        address = self.settings.address()
        program = "mariadb" if address.get_backend_name() == "mariadb" else "mysql"
        return f"{shlex.join([program, *_server(address), str(address.database)])} < {shlex.quote(source)}"

    @staticmethod
    def _version(cursor: Any) -> str:
        cursor.execute("SELECT VERSION()")
        return str(cursor.fetchone()[0])

    def _text(self, sql: str) -> str:
        return super()._text(sql).replace("?", "%s")

    def _insert(self, table: sa.Table, columns: Sequence[str]) -> str:
        places = ", ".join(["%s"] * len(columns))
        names = ", ".join(f"`{name}`" for name in columns)
        return f"INSERT INTO {self._name(table)} ({names}) VALUES ({places})"


def _prepare(connection: Any, record: object) -> None:
    """What every connection is told before anything else."""
    del record
    with connection.cursor() as cursor:
        cursor.execute(_ISOLATION)
        cursor.execute(_SESSION)


def _server(address: sa.URL) -> list[str]:
    """Where the server is, for its own programs."""
    port = [] if address.port is None else [f"--port={address.port}"]
    user = [] if address.username is None else [f"--user={address.username}"]
    return [f"--host={address.host}", *port, *user]


def _kind(version: str) -> str:
    """Which of the two a server is that says this version."""
    return "MariaDB" if "mariadb" in version.lower() else "MySQL"


def _code(error: BaseException) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0
