"""Where a store is: a database that engines share, or a file that one process writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, TypeVar

from aion_core.spi import (
    AppendResult,
    Commit,
    Cursor,
    EngineInfo,
    Lease,
    LeaseTable,
    Message,
    Platform,
    Posted,
    Settled,
    StoreRefused,
)
from aion_store_sql import schema
from aion_store_sql.appending import Appending
from aion_store_sql.creating import Created, create
from aion_store_sql.database import Database, Session
from aion_store_sql.dialects.dialect import Dialect, Server
from aion_store_sql.dialects.mysql import Mysql
from aion_store_sql.dialects.postgresql import Postgresql
from aion_store_sql.dialects.sqlite import Sqlite
from aion_store_sql.dialects.sqlite_file import HeldElsewhere, SqliteFile
from aion_store_sql.finding import Finding
from aion_store_sql.messages import Mailroom
from aion_store_sql.news import Heard, LookedFor, News
from aion_store_sql.ownership import Leases, check_ttl
from aion_store_sql.packages import Packages
from aion_store_sql.settings import Durability, SqlSettings
from aion_store_sql.visible import VisibleRows

T = TypeVar("T")

_CURSOR: Final = "visibility_cursor"
_POLL: Final = 0.025
"""Seconds between two looks for news of other processes."""


class Place:
    """A database server. Engines on any machine share it."""

    def __init__(self, settings: SqlSettings, platform: Platform, dialect: Dialect, news: type[News] = News) -> None:
        """Nothing is touched before `open`. `news` are how this process and others learn of each other's writing."""
        self.settings = settings
        self.platform = platform
        self.dialect = dialect
        self.mail = Mailroom(dialect)
        self.visible = VisibleRows(dialect)
        self.packages = Packages(dialect)
        self.finding = Finding(dialect)
        self._appending = Appending(dialect, self.mail, self.visible)
        self._leases = Leases(dialect)
        self.server = Server()
        """Known once open."""
        self._created = Created(store_id="", shards=0)
        self._meta = dialect.upsert(schema.meta, "name", "value")
        self._database = Database(dialect, platform)
        self._news = news(self._database, platform)

    @property
    def store_id(self) -> str:
        """Known once open."""
        return self._created.store_id

    @property
    def shards(self) -> int:
        """Known once open."""
        return self._created.shards

    def open(self) -> None:
        """Connect, create what is missing."""
        self._database.open()
        try:
            self.server = self._database.meet(lambda session: self.dialect.look(session.cursor))
            self._created = self._create()
        except BaseException:
            self._database.close()
            raise
        self.mail.shards = self.shards
        self._news.open(self.store_id)

    def close(self) -> None:
        """Let go of every connection."""
        self._news.close()
        self._database.close()

    # ---- pieces of work

    def read(self, work: Callable[[Session], T]) -> T:
        """Only looks."""
        return self._database.read(work)

    def write(self, work: Callable[[Session], T]) -> T:
        """In one transaction."""
        return self._database.write(work)

    def append(self, commits: Sequence[Commit]) -> list[AppendResult]:
        """See `EventStore.append`. Not empty."""
        return self.write(lambda session: self._appending.append(session, commits, self.shards))

    def post(self, messages: Sequence[Message]) -> list[Posted | Settled]:
        """See `EventStore.post`. Not empty."""
        return self.write(lambda session: self.mail.post(session, messages))

    def collect(self) -> None:
        """Bring in what was posted elsewhere."""

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """See `EventStore.lease`."""
        return self.write(lambda session: self._leases.lease(session, me, want, ttl))

    def release(self, leases: Collection[Lease]) -> None:
        """See `EventStore.release`."""
        self.write(lambda session: self._leases.release(session, leases))

    def tell(self) -> None:
        """There is news: wake those who wait."""
        self._news.tell()

    def wait(self, timeout: float) -> None:
        """See `EventStore.wait`."""
        self._news.wait(timeout)

    # ---- the projection of another store

    def cursor(self, session: Session) -> Cursor | None:
        """The cursor that was kept last."""
        row = session.row("SELECT value FROM aion_meta WHERE name = ?", _CURSOR)
        return Cursor.parse(row[0]) if row else None

    def keep_cursor(self, session: Session, cursor: Cursor) -> None:
        """In the transaction of the summaries it stands for."""
        session.put(self._meta, [(_CURSOR, str(cursor))])

    def _create(self) -> Created:
        return self.write(lambda session: create(session, self.settings, self.platform))


class FilePlace(Place):
    """A SQLite file. One process writes it; others post into the file beside it, and read."""

    def __init__(self, settings: SqlSettings, platform: Platform) -> None:
        """Nothing is touched before `open`."""
        super().__init__(settings, platform, Sqlite(settings))
        self._owns = False
        self._seen = 0

    def open(self) -> None:
        """See `Place`."""
        path = path_of(self.settings)
        full = self.settings.durability is Durability.FSYNC
        self._file = SqliteFile.opened(path, "FULL" if full else "NORMAL")
        self._database.use(self._file.readers, self._file.writers)
        try:
            with self._file.visit():
                self._created = self._create()
        except BaseException:
            self._file.close()
            raise
        self.mail.shards = self.shards

    def close(self) -> None:
        """See `Place`."""
        if self._owns:
            self._owns = False
            self._file.disown()
        self._file.close()

    def write(self, work: Callable[[Session], T]) -> T:
        """See `Place`. StoreUnavailable where another process holds the file."""
        with self._file.visit():
            return super().write(work)

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """See `Place`. Where another process holds the file there is nothing to have."""
        if not self._owns and want > 0:
            self._owns = self._file.own()
        try:
            return super().lease(me, want, ttl)
        except HeldElsewhere:
            check_ttl(ttl)
            return self.read(lambda session: self._leases.table(session, me))

    def tell(self) -> None:
        """See `Place`."""
        self._file.tell()

    def wait(self, timeout: float) -> None:
        """See `Place`."""
        with self._file.news:
            if self._file.written == self._seen:
                self.platform.wait(self._file.news, min(timeout, _POLL))
            self._seen = self._file.written


def path_of(settings: SqlSettings) -> Path:
    """The file that a URL of SQLite names. StoreRefused for one that can not hold a store."""
    name = settings.address().database
    if not name or name == ":memory:":
        raise StoreRefused('a store in memory is `use = "memory"`; the url of SQLite names a file: sqlite:///aion.db.')
    path = Path(name)
    if not path.parent.is_dir():
        raise StoreRefused(f"{path.parent} is no directory: make it, or name another one in the url of [event_store].")
    return path


def place_of(settings: SqlSettings, platform: Platform) -> Place:
    """The place that the settings name. StoreRefused for a kind of database that is not served."""
    backend = settings.address().get_backend_name()
    if backend == "sqlite":
        return FilePlace(settings, platform)
    if backend == "postgresql":
        return Place(settings, platform, Postgresql(settings), LookedFor if settings.pooler else Heard)
    if backend in {"mysql", "mariadb"}:
        return Place(settings, platform, Mysql(settings), LookedFor)
    raise StoreRefused(
        f"the url of [event_store] names {backend!r}: this store keeps histories in sqlite, postgresql, mariadb and "
        "mysql."
    )
