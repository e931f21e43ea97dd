"""One SQLite file within this process: its connections, and the lock that lets one process write it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import msgspec
import sqlalchemy as sa
from attrs import define, field

from aion_core.spi import StoreRefused, StoreUnavailable

_READERS: Final = 4
_OLDEST: Final = (3, 37, 0)
"""STRICT tables."""
_WAL_PAGES: Final = 2000
"""About 8 MB: then what is in the log is copied to its place, by the connection that writes."""
_WRITER: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}",
    # The log is never cut: one that is overwritten is synced twice as fast as one that grows.
    "PRAGMA journal_size_limit = -1",
    "PRAGMA cache_size = -65536",
    "PRAGMA busy_timeout = 5000",
)
_READER: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA cache_size = -16384",
    "PRAGMA busy_timeout = 5000",
)
_BOTH: Final = (
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
)


class Holder(msgspec.Struct, frozen=True):
    """Who holds a file, as others read it."""

    host: str
    pid: int


class HeldElsewhere(StoreUnavailable):
    """Another process holds the file."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        """Whom the file beside it names, if it can be read."""
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        super().__init__(f"{path} is held by {who}, which alone may write it.")


@define(eq=False)
class SqliteFile:
    """A file that objects of this process share, so that one connection writes it, whoever asks."""

    path: Path
    synchronous: str
    writers: sa.Engine = field(init=False)
    readers: sa.Engine = field(init=False)
    news: threading.Condition = field(factory=threading.Condition)
    """Notified when something was written by this process."""
    written: int = 0
    """How often it was."""
    _openings: int = 0
    _owners: int = 0
    _lock: threading.RLock = field(factory=threading.RLock)
    _lock_file: IO[str] | None = None

    _files: ClassVar[dict[Path, SqliteFile]] = {}
    _naming: ClassVar[threading.Lock] = threading.Lock()

    def __attrs_post_init__(self) -> None:
        self.writers = _pool(self._connect_to_write, 1)
        self.readers = _pool(self._connect_to_read, _READERS)

    # ---- openings

    @classmethod
    def opened(cls, path: Path, synchronous: str) -> SqliteFile:
        """The file, shared with whoever has it open in this process."""
        if sqlite3.sqlite_version_info < _OLDEST:
            needed = ".".join(map(str, _OLDEST))
            raise StoreRefused(
                f"this Python has SQLite {sqlite3.sqlite_version}; {needed} is the oldest that is supported."
            )
        with cls._naming:
            real = path.resolve()
            file = cls._files.get(real)
            if file is None:
                file = cls._files[real] = cls(real, synchronous)
            file._openings += 1
            return file

    def close(self) -> None:
        """One opening less; the last one closes the connections."""
        with self._naming:
            self._openings -= 1
            if self._openings:
                return
            del self._files[self.path]
        self.readers.dispose()
        self.writers.dispose()  # the last connection: it folds the log into the file
        self._unlock()

    # ---- who may write

    @property
    def owned(self) -> bool:
        """Whether this process holds the file."""
        return self._lock_file is not None

    def own(self) -> bool:
        """Hold the file until `disown`; whether it could be had. As often as it is given back."""
        with self._lock:
            if not self._owners and not self._try_lock():
                return False
            self._owners += 1
            return True

    def disown(self) -> None:
        """Give back what `own` gave."""
        with self._lock:
            self._owners -= 1
            if not self._owners:
                self._unlock()

    @property
    def alone(self) -> bool:
        """Whether nobody else of this process has it open."""
        return self._openings == 1

    @contextmanager
    def visit(self) -> Generator[None, None, None]:
        """Hold the file for a moment. HeldElsewhere where another process holds it."""
        if not self.own():
            raise HeldElsewhere(self.path, self.holder())
        try:
            yield
        finally:
            self.disown()

    def holder(self) -> Holder | None:
        """Who has last taken the file, by its own words."""
        try:
            return msgspec.json.decode(self._lock_path.read_bytes(), type=Holder)
        except (OSError, msgspec.MsgspecError):
            return None

    def tell(self) -> None:
        """Something was written: wake who waits in this process."""
        with self.news:
            self.written += 1
            self.news.notify_all()

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(self.path.name + "-lock")

    def _try_lock(self) -> bool:
        try:
            file = self._lock_path.open("a+")
        except OSError as error:
            raise StoreRefused(f"{self._lock_path} can not be written: {error.strerror}.") from error
        try:
            # A lock of the process, not of the descriptor: a forked child does not inherit it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        file.seek(0)
        file.truncate()
        file.write(msgspec.json.encode(Holder(os.uname().nodename, os.getpid())).decode())
        file.flush()
        self._lock_file = file
        return True

    def _unlock(self) -> None:
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    # ---- connections

    def _connect_to_write(self) -> Any:
        return self._connect("rwc", (*_BOTH, *_WRITER, f"PRAGMA synchronous = {self.synchronous}"))

    def _connect_to_read(self) -> Any:
        return self._connect("ro", (*_BOTH, *_READER))

    def _connect(self, mode: str, pragmas: tuple[str, ...]) -> Any:
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for pragma in pragmas:
                connection.execute(pragma).close()
        except BaseException:
            connection.close()
            raise
        return connection


def _pool(connect: Any, size: int) -> sa.Engine:
    return sa.create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=sa.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_reset_on_return=None,
    )
