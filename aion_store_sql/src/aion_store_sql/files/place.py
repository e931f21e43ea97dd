"""A SQLite file as the place of a store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, TypeVar

from attrs import evolve
from msgspec.structs import replace

from aion_core.spi import (
    AppendResult,
    Backup,
    Commit,
    EngineId,
    EngineInfo,
    LeaseTable,
    Message,
    Migration,
    Outcome,
    Platform,
    Posted,
    Restored,
    Settled,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    check_ttl,
)
from aion_store_sql.backing_up import backup_file
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Server
from aion_store_sql.dialects.sqlite import Sqlite
from aion_store_sql.files.disk import file_system_of, mounts, sync_seconds
from aion_store_sql.files.inbox import Inbox
from aion_store_sql.files.lock import HeldElsewhere, Holder
from aion_store_sql.files.shared import FULL, SqliteFile
from aion_store_sql.files.standing import check_ours, make_ours, path_of
from aion_store_sql.migrations.migrating import Created
from aion_store_sql.places import Place
from aion_store_sql.restoring import FileRestore, incarnation_of
from aion_store_sql.settings import Durability, SqlSettings

T = TypeVar("T")

_log = logging.getLogger("aion.store")

_PAGE: Final = 500
_POLL: Final = 0.025
"""Seconds between two looks for news of other processes."""
_VISITORS: Final = 1.0
"""Seconds that an engine waits for those who have the file for a moment."""
_TOO_FAST: Final = 1 / 20_000
"""Seconds that no disk needs less than, if it means what it says."""


class FilePlace(Place):
    """One process writes the file; others read it, and leave messages in the file beside it."""

    def __init__(self, settings: SqlSettings, platform: Platform) -> None:
        """Nothing is touched before `open`."""
        dialect = Sqlite(settings)
        super().__init__(settings, platform, dialect)
        self._sqlite = dialect
        self._owns = False
        self._closed = False
        self._collecting = threading.Lock()
        self._seen = threading.local()

    def connect(self) -> None:
        """See `Place`."""
        path = path_of(self.settings)
        full = self.settings.durability is Durability.FSYNC
        self._closed = False
        self._file = SqliteFile.opened(path, FULL if full else "NORMAL", self.platform)
        self._inbox = Inbox(self._file.inbox, self._sqlite, self.mail, self.platform)
        self._database.use(self._file.readers, self._file.writers)

    def close(self) -> None:
        """See `Place`."""
        self._closed = True
        self.tell()
        if self._owns:
            self._owns = False
            self._file.lock.disown()
        self._file.close()

    # ---- the schema, and backups

    def pending(self) -> list[Migration]:
        """See `Place`. Makes no file."""
        return self.migrator.pending() if self._exists() else self.migrator.pending_without_store()

    def migrate(self) -> list[Migration]:
        """See `Place`."""
        with self._visit():
            return self.migrator.migrate()

    def backup(self, target: str, *, force: bool, run: bool) -> Backup:
        """See `Place`. Always made at once."""
        del run
        return backup_file(self._file.path, Path(target), force=force)

    def restore(self, source: str | None, *, force: bool) -> Restored:
        """See `Place`. The new incarnation begins beside the file: what gets its name is whole."""
        if source is None:
            raise StoreRefused("a store in a file is restored from a file: name the backup.")
        with self._visit():
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

    # ---- pieces of work

    def write(self, work: Callable[[Session], T]) -> T:
        """See `Place`. HeldElsewhere where another process holds the file."""
        with self._visit():
            return super().write(work)

    # ---- messages

    def append(self, commits: Sequence[Commit]) -> list[AppendResult]:
        """See `Place`."""
        if any(commit.posts or commit.outcomes for commit in commits):
            self.collect()
        return super().append(commits)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """See `Place`."""
        self.collect()
        super().settle(outcomes)

    def post(self, messages: Sequence[Message]) -> list[Posted | Settled]:
        """See `Place`."""
        if self._file.lock.owned:
            try:
                self.collect()  # what the same poster has left beside the file comes first
                return super().post(messages)
            except HeldElsewhere:
                pass  # since just now
        keys = [(message.workflow_id, message.message_id) for message in messages]
        settled = self.read(lambda session: self.mail.outcomes(session, keys))
        self._inbox.post([message for message, outcome in zip(messages, settled, strict=True) if outcome is None])
        return [Posted() if outcome is None else Settled(outcome) for outcome in settled]

    def collect(self) -> None:
        """See `Place`. A message is taken out of the file beside this one when it is safe in this one."""
        with self._collecting:
            while messages := self._inbox.waiting(_PAGE):
                try:
                    super().post(messages)
                except HeldElsewhere:
                    return  # it is for that process to do
                self._inbox.remove(messages)
                self.tell()

    def tell(self) -> None:
        """See `Place`."""
        self._file.tell()

    def wait(self, timeout: float) -> None:
        """See `Place`. Each thread is told of what came since it waited last."""
        file, left = self._file, timeout
        while not self._closed:
            elsewhere = self._inbox.version() if file.lock.owned else file.version()
            with file.news:
                now = (file.lock.owned, file.written, elsewhere)
                if left <= 0 or now != getattr(self._seen, "now", None):
                    self._seen.now = now
                    return
                pause = min(left, _POLL)
                self.platform.wait(file.news, pause)
            left -= pause

    # ---- ownership

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """See `Place`. Where another process holds the file there is nothing to have."""
        check_ttl(ttl)
        if want > 0 and not self._owns and self._file.lock.own(_VISITORS) is None:
            self._owns = True
            self._prepare()
        try:
            return self.write(lambda session: self._lease(session, me, want, ttl))
        except HeldElsewhere as held:
            table = self.read(lambda session: self._leases.table(session, me))
            return table if held.holder.visiting else _held(table, held.holder)

    # ---- inside

    def _visit(self) -> AbstractContextManager[None]:
        return self._file.lock.visit(_VISITORS)

    def _exists(self) -> bool:
        path = self._file.path
        return path.exists() and path.stat().st_size > 0

    def _prepared(self) -> Created:
        self._file.roll_back()
        if self._exists() and (found := self.read(self._look)) is not None:
            return found
        with self._visit():
            super().write(make_ours)  # before there are tables: a file that has some is theirs who say so
            return self.migrator.prepared()

    def _look(self, session: Session) -> Created | None:
        check_ours(session, self._file.path)
        return self.migrator.ready(session)

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

    def _lease(self, session: Session, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        # Nobody else can have the file now: what engines of other processes held is over, whatever its time.
        engines = self._file.engines
        engines.add(me.engine_id)
        self._leases.forget_others(session, engines)
        return self._leases.lease(session, me, want, ttl)

    def _prepare(self) -> None:
        """Once it may write: make room for the log, and see what the disk is worth."""
        if self.settings.durability is Durability.FSYNC:
            self._file.lengthen_log()
        directory = self._file.path.parent
        seconds: float | None = None
        try:
            seconds = sync_seconds(directory, self.platform.monotonic) or None
        except OSError as error:
            _log.warning("the disk under %s can not be timed: %s", directory, error)
        remarks = tuple(self._remarked(seconds, file_system_of(directory, mounts()) or "unknown"))
        self.server = Server(remarks=remarks, sync_seconds=seconds)
        for remark in self.server.remarks:
            _log.warning("%s", remark)

    def _remarked(self, seconds: float | None, file_system: str) -> Iterator[str]:
        if self.settings.durability is Durability.FSYNC and seconds and seconds < _TOO_FAST:
            rate = f"{1 / seconds:,.0f}"
            yield (
                f"the disk under {self._file.path} ({file_system}) says {rate} times a second that a write is safe: "
                "unless its cache outlives a power failure, that is not so, and the last commits are lost with the "
                "power."
            )


def _held(table: LeaseTable, holder: Holder) -> LeaseTable:
    """Whoever holds the file owns every shard, also when its leases are late or it has yet to take them."""
    someone = EngineId(f"{holder.host}/{holder.pid}")
    return replace(
        table,
        owners={shard: owner or someone for shard, owner in table.owners.items()},
        engines=(*table.engines, EngineInfo(engine_id=someone, host=holder.host, pid=holder.pid)),
    )
