"""MariaDB and MySQL, through PyMySQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.dialects import mysql

from aion_core.spi import CommitLimits, StoreUnavailable
from aion_store_sql import schema
from aion_store_sql.dialects.dialect import Dialect, Put, Row, keys_of, statements_of

_TRANSIENT: Final = {1205, 1213, 1020}
"""Waited too long for a lock, deadlock, the record has changed."""
_AWAY: Final = {
    1021,
    1040,
    1041,
    1053,
    1114,
    1203,
    1290,
    1836,
    2002,
    2003,
    2006,
    2013,
    2014,
    2055,
    4031,
    1044,
    1045,
    1049,
}
"""Full, too many connections, shutting down, read-only, gone; and at the door: not let in, or not there yet."""
_ROW: Final = 64 * 1024
"""What a row has beside its bytes, amply."""
_LOCK: Final = "CONCAT('aion:', MD5(CONCAT(DATABASE(), '.', %s)))"


class _Many(Put):
    """One statement with all rows: the driver joins them."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """See `Put`."""
        cursor.executemany(self._sql, rows)


class Mysql(Dialect):
    """See `Dialect`."""

    name: ClassVar[str] = "mysql"
    among: ClassVar[str] = "IN ?"
    clock: ClassVar[str | None] = "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)"

    def engine(self) -> sa.Engine:
        """See `Dialect`."""
        return sa.create_engine(
            self.settings.address().set(drivername="mysql+pymysql"),
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            pool_size=self.settings.connections,
            max_overflow=0,
            connect_args={
                "charset": "utf8mb4",
                "connect_timeout": 5,
                # Read committed: the default locks gaps between rows, and engines would wait for each other.
                "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            },
        )

    def array(self, values: Sequence[Any]) -> Any:
        """See `Dialect`."""
        return list(values)

    def insert(self, table: sa.Table, *columns: str) -> Put:
        """See `Dialect`."""
        return _Many(self._insert(table, columns))

    def upsert(self, table: sa.Table, *columns: str) -> Put:
        """See `Dialect`."""
        keys = keys_of(table)
        changes = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in columns if name not in keys)
        return _Many(f"{self._insert(table, columns)} ON DUPLICATE KEY UPDATE {changes}")

    def insert_missing(self, table: sa.Table, *columns: str) -> Put:
        """See `Dialect`. Not INSERT IGNORE, which hides other errors too."""
        key = keys_of(table)[0]
        return _Many(f"{self._insert(table, columns)} ON DUPLICATE KEY UPDATE `{key}` = `{key}`")

    def is_transient(self, error: BaseException) -> bool:
        """See `Dialect`."""
        return _code(error) in _TRANSIENT

    def is_away(self, error: BaseException) -> bool:
        """See `Dialect`."""
        code = _code(error)
        return code in _AWAY or (code == 0 and type(error).__name__ == "InterfaceError")

    def limits(self, cursor: Any) -> CommitLimits:
        """See `Dialect`. A row travels in one packet of the server's choice, and bytes travel as hexadecimal digits."""
        cursor.execute("SELECT @@max_allowed_packet")
        room = (cursor.fetchone()[0] - _ROW) // 2
        usual = CommitLimits()
        return replace(usual, call_bytes=min(usual.call_bytes, room), commit_bytes=min(usual.commit_bytes, room))

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
        cursor.execute("SELECT VERSION()")
        mariadb = "mariadb" in cursor.fetchone()[0].lower()
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        options = f" DEFAULT CHARSET = utf8mb4 COLLATE = {collation}"
        return statements_of(schema.metadata, mysql.dialect(), self._prefix, options=options)

    def _text(self, sql: str) -> str:
        return super()._text(sql).replace("?", "%s")

    def _insert(self, table: sa.Table, columns: Sequence[str]) -> str:
        places = ", ".join(["%s"] * len(columns))
        names = ", ".join(f"`{name}`" for name in columns)
        return f"INSERT INTO {self._name(table)} ({names}) VALUES ({places})"


def _code(error: BaseException) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0
