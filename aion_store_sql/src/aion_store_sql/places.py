"""Where a store is: a database that engines share, or a file that one process writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from attrs import evolve

from aion_core.spi import (
    AppendResult,
    Backup,
    Commit,
    Cursor,
    EngineInfo,
    Lease,
    LeaseTable,
    Message,
    Migration,
    Platform,
    Posted,
    Restored,
    Settled,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from aion_store_sql import schema
from aion_store_sql.appending import Appending
from aion_store_sql.backing_up import backup_file, backup_server
from aion_store_sql.database import Database, Session
from aion_store_sql.dialects.dialect import Dialect, Server
from aion_store_sql.dialects.mysql import Mysql
from aion_store_sql.dialects.postgresql import Postgresql
from aion_store_sql.dialects.sqlite import Sqlite
from aion_store_sql.dialects.sqlite_file import HeldElsewhere, SqliteFile
from aion_store_sql.finding import Finding
from aion_store_sql.messages import Mailroom
from aion_store_sql.migrations.migrating import Created, Migrator
from aion_store_sql.news import Heard, LookedFor, News
from aion_store_sql.ownership import Leases, check_ttl
from aion_store_sql.packages import Packages
from aion_store_sql.restoring import FileRestore, begin_incarnation, incarnation_of, refuse_living_engines
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
        self.created = Created(store_id="", shards=0)
        """What the store says of itself, once it is open."""
        self._meta = dialect.upsert(schema.meta, "name", "value")
        self._database = Database(dialect, platform)
        self._news = news(self._database, platform)
        self._hears = False
        self.migrator = Migrator(self._database, settings, platform)

    @property
    def store_id(self) -> str:
        """Known once open."""
        return self.created.store_id

    @property
    def shards(self) -> int:
        """Known once open."""
        return self.created.shards

    def open(self) -> None:
        """Connect, create or migrate what is there."""
        self.connect()
        try:
            self.created = self._prepared()
        except BaseException:
            self.close()
            raise
        self.mail.shards = self.shards
        self._news.open(self.store_id)
        self._hears = True

    def connect(self) -> None:
        """Get ready to connect, whatever is there."""
        self._database.open()

    def close(self) -> None:
        """Let go of every connection."""
        if self._hears:
            self._hears = False
            self._news.close()
        self._database.close()

    # ---- the schema, with nothing but `connect`

    def pending(self) -> list[Migration]:
        """See `Upkeep.pending`."""
        self._meet()
        return self.migrator.pending()

    def migrate(self) -> list[Migration]:
        """See `Upkeep.migrate`."""
        self._meet()
        return self.migrator.migrate()

    def _prepared(self) -> Created:
        self._meet()
        return self.migrator.prepared()

    def _meet(self) -> None:
        """Look whom we have before us. StoreRefused for a server that does not let us in, or that will not do."""
        self.server = self._database.meet(lambda session: self.dialect.look(session.cursor))

    # ---- backups

    def backup(self, target: str, *, force: bool, run: bool) -> Backup:
        """See `Upkeep.backup`."""
        path = Path(target)
        return backup_server(self.dialect.dump(path), path, force=force, run=run)

    def restore(self, source: str | None, *, force: bool) -> Restored:
        """See `Upkeep.restore`: here the data is back already."""
        del force
        if source is not None:
            raise StoreRefused(
                f"{source} is brought back by the database's own program:  {self.dialect.loading(source)}  "
                "Then begin the new incarnation, without naming a file:  aion store restore"
            )

        self._meet()

        def work(session: Session) -> int:
            refuse_living_engines(session)
            return self._begin_incarnation(session)

        return Restored(incarnation=self.write(work))

    def _begin_incarnation(self, session: Session, *, replaced: int = 0) -> int:
        if "store_id" not in self.migrator.known(session):
            raise StoreRefused(f"{self.settings.shown()} holds no store of this prefix: bring its data back first.")
        return begin_incarnation(session, self.platform, self.dialect, replaced=replaced)

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


class FilePlace(Place):
    """A SQLite file. One process writes it; others post into the file beside it, and read."""

    def __init__(self, settings: SqlSettings, platform: Platform) -> None:
        """Nothing is touched before `open`."""
        super().__init__(settings, platform, Sqlite(settings))
        self._owns = False
        self._seen = 0

    def connect(self) -> None:
        """See `Place`."""
        path = path_of(self.settings)
        full = self.settings.durability is Durability.FSYNC
        self._file = SqliteFile.opened(path, "FULL" if full else "NORMAL")
        self._database.use(self._file.readers, self._file.writers)

    def close(self) -> None:
        """See `Place`."""
        if self._owns:
            self._owns = False
            self._file.disown()
        self._file.close()

    def pending(self) -> list[Migration]:
        """See `Place`. Makes no file."""
        if not self._file.path.exists():
            return self.migrator.pending_without_store()
        return self.migrator.pending()

    def migrate(self) -> list[Migration]:
        """See `Place`."""
        with self._file.visit():
            return self.migrator.migrate()

    def _prepared(self) -> Created:
        with self._file.visit():
            return self.migrator.prepared()

    def backup(self, target: str, *, force: bool, run: bool) -> Backup:
        """See `Place`. Always made at once."""
        del run
        return backup_file(self._file.path, Path(target), force=force)

    def restore(self, source: str | None, *, force: bool) -> Restored:
        """See `Place`. The new incarnation begins beside the file: what gets its name is whole."""
        if source is None:
            raise StoreRefused("a store in a file is restored from a file: name the backup.")
        with self._file.visit():
            if not self._file.alone:
                raise StoreUnavailable(f"{self._file.path} is open in this process: close it first.")
            if self._file.path.exists() and not force:
                raise StoreRefused(f"{self._file.path} is there already: replace it with --force.")
            restore = FileRestore(Path(source), self._file.path)
            try:
                restore.fetch()
                number = self._reborn(restore.partial, self._replaced())
                rows = restore.rows()
                restore.put()
            finally:
                restore.discard()
        return Restored(incarnation=number, rows=rows)

    def _replaced(self) -> int:
        """The incarnation of what is about to be replaced, as far as that can be read."""
        if not self._file.path.exists():
            return 0
        with suppress(StoreError):
            return self.read(incarnation_of)
        return 0

    def _reborn(self, path: Path, replaced: int) -> int:
        place = FilePlace(evolve(self.settings, url=f"sqlite:///{path}"), self.platform)
        place.connect()
        try:
            # Leases of the time of the backup are nobody's: whoever had them does not hold this file.
            return place.write(lambda session: place._begin_incarnation(session, replaced=replaced))
        finally:
            place.close()

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
