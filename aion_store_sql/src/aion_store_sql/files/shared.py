"""One SQLite file within this process: its connections, and who may use them."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

import sqlalchemy as sa
from sqlalchemy import exc

from aion_core.spi import EngineId, Platform, StoreClosed, StoreRefused
from aion_store_sql.files.connecting import Connection, connect
from aion_store_sql.files.inbox import InboxFile, version_of
from aion_store_sql.files.lock import FileLock

FULL: Final = "FULL"
_READERS: Final = 4
_OLDEST: Final = (3, 37, 0)
"""STRICT tables."""
_LOG_PAGES: Final = 2000
"""About 8 MB: then what is in the log is copied to its place, by the connection that writes."""
_BUSY: Final = 5000
"""Milliseconds that another program's transaction is waited for."""
_LOG: Final = _LOG_PAGES * 4096
_CACHE: Final = "PRAGMA cache_size = -65536"
_WRITER: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}",
    # The log is never cut: one that is overwritten is synced twice as fast as one that grows.
    "PRAGMA journal_size_limit = -1",
    _CACHE,
    # Where a plain sync does not reach the disk.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
)
_READER: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA cache_size = -16384",
)


class SqliteFile:
    """A file that objects of this process share, so that one connection writes it, whoever asks."""

    _files: ClassVar[dict[Path, SqliteFile]] = {}
    _engines: ClassVar[dict[Path, set[EngineId]]] = {}
    _inherited: ClassVar[set[Path]] = set()
    """What a parent process had open when it forked this one."""
    _naming: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self, path: Path, synchronous: str, platform: Platform) -> None:
        """Use `opened`."""
        self.path = path
        self.synchronous = synchronous
        self.lock = FileLock(path, platform)
        self.news = threading.Condition()
        """Notified when something was written by this process."""
        self.written = 0
        """How often it was."""
        self.inbox = InboxFile(path.with_name(f"{path.name}-inbox"), platform)
        self._openings = 0
        self._looking = threading.Lock()
        self._look: Connection | None = None
        # Where nothing may be made beside the file, it is read as it stands, and looked at anew for every read.
        self._as_it_stands = not os.access(path.parent, os.W_OK)
        self.writers = _pool(self._connect_to_write, 1)
        self.readers = _pool(self._connect_to_read, 0 if self._as_it_stands else _READERS)

    # ---- openings

    @classmethod
    def opened(cls, path: Path, synchronous: str, platform: Platform) -> SqliteFile:
        """The file, shared with whoever has it open in this process."""
        if sqlite3.sqlite_version_info < _OLDEST:
            needed = ".".join(map(str, _OLDEST))
            raise StoreRefused(
                f"this Python has SQLite {sqlite3.sqlite_version}; {needed} is the oldest that is supported."
            )
        real = path.resolve()
        with cls._naming:
            if real in cls._inherited:
                raise StoreRefused(
                    f"{path} was open when this process was forked, and SQLite can not have it open on both sides of a "
                    "fork: open engines and clients after it, or start processes by spawning them."
                )
            file = cls._files.get(real)
            if file is None:
                file = cls._files[real] = cls(real, synchronous, platform)
            elif synchronous == FULL != file.synchronous:
                file.synchronous = FULL
                file.writers.dispose()  # the next connection keeps the stronger promise
            file._openings += 1
            return file

    def close(self) -> None:
        """One opening less; the last one closes the connections."""
        with self._naming:  # all of it: whoever opens the file meanwhile would lose its lock to our closing
            self._openings -= 1
            if self._openings:
                return
            del self._files[self.path]
            with self._looking:
                if self._look is not None:
                    self._look.close()
            self.inbox.end()
            self.readers.dispose()
            self.writers.dispose()  # the last connection: it folds the log into the file
            self.lock.close()

    @classmethod
    def forked(cls) -> None:
        """In a child process: what is open is the parent's."""
        cls._naming = threading.RLock()
        cls._inherited.update(cls._files)
        cls._files = {}
        cls._engines = {}

    @property
    def alone(self) -> bool:
        """Whether nobody else of this process has it open."""
        return self._openings == 1

    # ---- who writes

    @property
    def engines(self) -> set[EngineId]:
        """The engines of this process, also those whose objects have closed: their leases are not over with them."""
        return self._engines.setdefault(self.path, set())

    def tell(self) -> None:
        """Something was written: wake who waits in this process."""
        with self.news:
            self.written += 1
            self.news.notify_all()

    def version(self) -> int:
        """Another one whenever another connection has written. Cheap."""
        with self._looking:
            if not self._openings:
                raise StoreClosed("event store")
            if self._look is None:
                self._look = self._connect_to_read()
            return version_of(self._look)

    # ---- connections

    def lengthen_log(self) -> None:
        """Make the log as long as it will be: one that is overwritten is synced twice as fast as one that grows."""
        if _size(self._log) >= _LOG:
            return
        with suppress(sqlite3.Error, exc.DBAPIError):  # it is only about speed: what is wrong is told by the next write
            connection = self.writers.raw_connection()
            try:
                # Pages that do not fit into memory go into the log, and what is undone is overwritten.
                cursor = connection.cursor()
                cursor.execute("PRAGMA cache_size = 16")
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute("CREATE TABLE aion_room (room BLOB)")
                cursor.execute("INSERT INTO aion_room VALUES (zeroblob(?))", (_LOG,))
                cursor.execute("ROLLBACK")
                cursor.execute(_CACHE)
            finally:
                connection.close()

    def roll_back(self) -> None:
        """Undo what a process left half done that was making the file, before it had its log: readers can not."""
        if self._as_it_stands or not self.path.with_name(f"{self.path.name}-journal").exists():
            return
        with suppress(sqlite3.Error):  # what is wrong is told by the next who reads
            connect(self.path, "rw", ("PRAGMA schema_version",), busy=_BUSY).close()

    def _connect_to_write(self) -> Connection:
        return connect(self.path, "rwc", (*_WRITER, f"PRAGMA synchronous = {self.synchronous}"), busy=_BUSY)

    def _connect_to_read(self) -> Connection:
        mode = "ro&immutable=1" if self._as_it_stands and not _size(self._log) else "ro"
        return connect(self.path, mode, _READER, busy=_BUSY)

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")


os.register_at_fork(after_in_child=SqliteFile.forked)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _pool(make: Callable[[], Connection], size: int) -> sa.Engine:
    if not size:
        return sa.create_engine("sqlite+pysqlite://", creator=make, poolclass=sa.NullPool, pool_reset_on_return=None)
    return sa.create_engine(
        "sqlite+pysqlite://",
        creator=make,
        poolclass=sa.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_reset_on_return=None,
    )
