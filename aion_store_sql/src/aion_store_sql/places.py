"""Where a store is: a database that engines share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, TypeVar

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
    Outcome,
    Platform,
    Posted,
    Restored,
    Settled,
    StoreRefused,
)
from aion_store_sql import schema
from aion_store_sql.appending import Appending
from aion_store_sql.backing_up import backup_server
from aion_store_sql.database import Database, Session
from aion_store_sql.dialects.dialect import Dialect, Server
from aion_store_sql.messages import Mailroom
from aion_store_sql.migrations.migrating import Created, Migrator
from aion_store_sql.news import News
from aion_store_sql.ownership import Leases
from aion_store_sql.packages import Packages
from aion_store_sql.restoring import begin_incarnation, refuse_living_engines
from aion_store_sql.settings import SqlSettings
from aion_store_sql.visible import VisibleRows

T = TypeVar("T")

_LOOKS: Final = 10
_MOMENT: Final = 0.01
"""Seconds between them."""
_CURSOR: Final = "visibility_cursor"


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

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """See `EventStore.settle`. Not empty."""
        self.write(lambda session: self.mail.settle(session, outcomes))

    def collect(self) -> None:
        """Bring in what was posted elsewhere."""

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """See `EventStore.lease`.

        A free shard that somebody holds just now is passed over. Mostly it is its old owner, who learns in that moment
        that it is fenced, so it is looked for again; but not for long, since it may be a process that was stopped.
        """
        self.dialect.leases_last(ttl)

        def lease(session: Session) -> LeaseTable:
            return self._leases.lease(session, me, want, ttl)

        table = self.write(lease)
        for _ in range(_LOOKS):
            if len(table.mine) >= want or None not in table.owners.values():
                break
            self.platform.sleep(_MOMENT)
            table = self.write(lease)
        return table

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
