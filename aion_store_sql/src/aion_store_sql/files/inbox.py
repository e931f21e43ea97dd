"""The file beside a file, where processes that may not write it leave messages."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import sqlalchemy as sa

from aion_core.spi import Message, Platform, StoreClosed, StoreRefused, StoreUnavailable
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.dialects.sqlite import Sqlite, is_away
from aion_store_sql.files.connecting import Connection, connect
from aion_store_sql.messages import Mailroom

T = TypeVar("T")

Version: TypeAlias = tuple[int, int]
"""By other processes, and by this one."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode = DELETE",
    # A transaction ends when its journal is deleted. FULL does not sync that: after a power failure the journal may be
    # there again, and undo what was acknowledged.
    "PRAGMA synchronous = EXTRA",
    "PRAGMA fullfsync = ON",
)
_PATIENCE: Final = 10.0
"""Seconds that others are waited for."""
_SHORTEST: Final = 0.001
_LONGEST: Final = 0.01


class InboxFile:
    """The file beside the file, as objects of this process share it. From any thread.

    SQLite's own waiting lets whoever waits longest lose: here nobody waits in SQLite, and everybody tries again after a
    short while of its own.
    """

    def __init__(self, path: Path, platform: Platform) -> None:
        """Nothing is touched before it is used; the file is made when it is not there."""
        self.path = path
        self._platform = platform
        self._guard = threading.Lock()
        self._connection: Connection | None = None
        self._written = 0
        self._ended = False

    def end(self) -> None:
        """Let go of it for good."""
        with self._guard:
            self._ended = True
        self.close()

    def close(self) -> None:
        """Let go of the connection; the next use makes another one."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def exists(self) -> bool:
        """Whether anybody ever left a message."""
        return self._connection is not None or self.path.exists()

    def version(self) -> Version | None:
        """Another one whenever somebody has written; None while another process does, and before anybody did."""
        if not self.exists:
            return None
        with self._guard:
            try:
                return self.version_on(self._connected())
            except sqlite3.Error as error:
                if _is_busy(error):
                    return None
                raise self._translated(error) from error

    def version_on(self, connection: Connection) -> Version:
        """As `version`, in the midst of reading."""
        return version_of(connection), self._written

    def read(self, work: Callable[[Connection], T]) -> T:
        """Look into it."""
        left = _PATIENCE
        while True:
            try:
                with self._guard:
                    return work(self._connected())
            except sqlite3.Error as error:
                if not _is_busy(error):
                    self.close()  # the next one begins anew
                if not _is_busy(error) or left <= 0:
                    raise self._translated(error) from error
            pause = _SHORTEST + (_LONGEST - _SHORTEST) * self._platform.random_bytes(1)[0] / 255
            left -= pause
            self._platform.sleep(pause)

    def write(self, work: Callable[[Connection], T]) -> T:
        """In one transaction, which may be tried more than once."""

        def once(connection: Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self._written += 1
            return result

        return self.read(once)

    def _connected(self) -> Connection:
        if self._ended:
            raise StoreClosed("event store")
        if self._connection is None:
            self._connection = connect(self.path, "rwc", _PRAGMAS, busy=0)
        return self._connection

    def _translated(self, error: sqlite3.Error) -> StoreUnavailable | StoreRefused:
        kind = StoreUnavailable if is_away(error) else StoreRefused
        return kind(f"messages can not be left in {self.path}: {error}")


class Inbox:
    """The messages of one store there."""

    def __init__(self, file: InboxFile, dialect: Sqlite, mail: Mailroom, platform: Platform) -> None:
        """Nothing is touched before it is used."""
        self._file = file
        self._dialect = dialect
        self._mail = mail
        self._platform = platform
        self._made = False
        self._empty_at: Version | None = None
        """The version in which nothing was left."""

    def version(self) -> Version | None:
        """See `InboxFile.version`."""
        return self._file.version()

    def post(self, messages: Sequence[Message]) -> None:
        """Keep those that are not there. Durable on return."""
        self._make()
        self._file.write(lambda connection: self._mail.keep(self._session(connection), messages))

    def waiting(self, limit: int) -> Sequence[Message]:
        """The next messages. Costs next to nothing while nobody posts."""

        def look(connection: Connection) -> Sequence[Message]:
            version = self._file.version_on(connection)
            if version == self._empty_at:
                return ()
            messages = self._mail.waiting(self._session(connection), limit)
            if not messages:
                self._empty_at = version
            return messages

        if not self._file.exists:
            return ()
        self._make()
        return self._file.read(look)

    def remove(self, messages: Sequence[Message]) -> None:
        """They have arrived. StoreRefused, if none of them is found: they would be brought in again for ever."""
        keys = [(message.workflow_id, message.message_id) for message in messages]
        if not self._file.write(lambda connection: self._mail.forget(self._session(connection), keys)):
            raise StoreRefused(
                f"{self._file.path} is damaged: it does not find the messages that it holds. They are safe in the main "
                "file: stop whoever uses the two, and remove this one."
            )

    def _make(self) -> None:
        if self._made:
            return
        alone = sa.MetaData()
        schema.inbox.to_metadata(alone)

        def make(connection: Connection) -> None:
            if not self._dialect.has_table(connection.cursor(), schema.inbox):
                for statement in self._dialect.ddl_of(alone):
                    connection.execute(statement)

        if not self._file.read(lambda connection: self._dialect.has_table(connection.cursor(), schema.inbox)):
            self._file.write(make)
        self._made = True

    def _session(self, connection: Connection) -> Session:
        return Session(self._dialect, connection.cursor(), self._platform)


def version_of(connection: Connection) -> int:
    """Another one whenever another connection has written."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
