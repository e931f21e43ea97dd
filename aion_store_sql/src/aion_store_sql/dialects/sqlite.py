"""SQLite: one file, one process that writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from aion_core.spi import Damage
from aion_store_sql import schema
from aion_store_sql.dialects.dialect import Dialect, Server, statements_of

APPLICATION: Final = int.from_bytes(b"Aion", "big")
"""What a file of ours says in its header."""


class Sqlite(Dialect):
    """See `Dialect`. Its connections are made by the file they belong to."""

    name: ClassVar[str] = "sqlite"
    among: ClassVar[str] = "IN (SELECT value FROM json_each(?))"
    lock: ClassVar[str] = ""
    skip: ClassVar[str] = ""
    clock: ClassVar[str | None] = None
    begin: str = "BEGIN IMMEDIATE"

    def engine(self) -> sa.Engine:
        """See `Dialect`."""
        raise NotImplementedError  # pragma: no cover

    def array(self, values: Sequence[Any]) -> Any:
        """See `Dialect`."""
        return json.dumps(values)

    def is_transient(self, error: BaseException) -> bool:
        """See `Dialect`: nobody else writes."""
        del error
        return False

    def is_away(self, error: BaseException) -> bool:
        """See `Dialect`."""
        return is_away(error)

    def is_shut_out(self, error: BaseException) -> bool:
        """See `Dialect`: there is no server."""
        del error
        return False

    def is_open(self, connection: sa.PoolProxiedConnection) -> bool:
        """See `Dialect`: likewise."""
        del connection
        return True

    def look(self, cursor: Any) -> Server:
        """See `Dialect`: likewise."""
        del cursor
        return Server()

    def explain(self, error: BaseException) -> str | None:
        """See `Dialect`."""
        path = self.settings.address().database
        match _code(error):
            case sqlite3.SQLITE_NOTADB:
                return f"{path} is no SQLite database: name another file in the url of [event_store]."
            case sqlite3.SQLITE_CORRUPT:
                return f"{path} is damaged ({error}). `aion store check` says what of it can be read."
            case sqlite3.SQLITE_READONLY:
                return f"{path} may not be written by this user: only clients can open it."
            case _:
                return None

    def lock_schema(self, cursor: Any) -> None:
        """See `Dialect`: the transaction is alone."""

    def unlock_schema(self, cursor: Any) -> None:
        """See `Dialect`: likewise."""

    def has_table(self, cursor: Any, table: sa.Table) -> bool:
        """See `Dialect`."""
        cursor.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (self._name(table),))
        return cursor.fetchone() is not None

    def ddl(self, cursor: Any) -> list[str]:
        """See `Dialect`."""
        del cursor
        return self.ddl_of(schema.metadata)

    def ddl_of(self, tables: sa.MetaData) -> list[str]:
        """The statements that make these tables."""
        return statements_of(tables, sqlite.dialect(), self._prefix)

    def software(self, cursor: Any) -> str:
        """See `Dialect`."""
        del cursor
        return f"SQLite {sqlite3.sqlite_version}"

    def integrity(self, cursor: Any) -> list[Damage]:
        """See `Dialect`."""
        try:
            cursor.execute("PRAGMA integrity_check")
            found = [row[0] for row in cursor.fetchall()]
        except sqlite3.DatabaseError as error:  # of a page that can not even be walked through
            found = [str(error)]
        return [] if found == ["ok"] else [Damage(place="the file", problem=problem) for problem in found]

    def _insert(self, table: sa.Table, columns: Sequence[str]) -> str:
        places = ", ".join("?" * len(columns))
        return f"INSERT INTO {self._name(table)} ({', '.join(columns)}) VALUES ({places})"


def is_away(error: BaseException) -> bool:
    """Whether it may be possible later."""
    return _code(error) in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_NOMEM,
    }


def _code(error: BaseException) -> int:
    """The primary one."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
