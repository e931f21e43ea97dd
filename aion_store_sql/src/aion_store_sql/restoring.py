"""A restored store is older than the world around it: it begins a new incarnation."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from aion_core.spi import Platform, StoreRefused, StoreUnavailable
from aion_store_sql import schema
from aion_store_sql.backing_up import INBOX, copy_file, count_rows, put_in_place
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect

_RESTORING: Final = "-restoring"


def begin_incarnation(session: Session, platform: Platform, dialect: Dialect, *, replaced: int = 0) -> int:
    """Nobody who knew the store before may go on as if nothing had happened. In a transaction; its number.

    Epochs and feed positions go on from the time of this moment in microseconds: whatever was given out since the
    backup was made is below, as they rise by one for each take-over and each commit. `replaced` is the incarnation of
    the store whose place this one takes.
    """
    number = max(incarnation_of(session), replaced) + 1
    rows = session.rows(
        "SELECT s.shard, s.epoch, s.feed_floor, (SELECT max(h.n) FROM aion_history h WHERE h.shard = s.shard)"
        " FROM aion_shard s"
    )
    now = platform.now()
    for shard, epoch, floor, last in rows:
        session.run(
            "UPDATE aion_shard SET epoch = ?, feed_floor = ?, owner = NULL, lease_until = 0 WHERE shard = ?",
            max(epoch + 1, now),
            max(floor + 1, (last or 0) + 1, now),
            shard,
        )
    session.run("DELETE FROM aion_engine")
    session.put(dialect.upsert(schema.meta, "name", "value"), [("incarnation", str(number))])
    return number


def incarnation_of(session: Session) -> int:
    """How often the store was restored so far."""
    row = session.row("SELECT value FROM aion_meta WHERE name = 'incarnation'")
    return int(row[0]) if row else 0


def refuse_living_engines(session: Session) -> None:
    """Engines whose leases are in force work on this store: it is not restored under them."""
    found = session.row(
        "SELECT e.info FROM aion_engine e JOIN aion_shard s ON s.owner = e.engine_id WHERE s.lease_until > ?",
        session.now(),
    )
    if found is not None:
        raise StoreUnavailable(
            f"an engine works on this store: {found[0]}. Stop every engine, wait until its leases are over (10 s), and "
            "try again."
        )


class FileRestore:
    """A backup on its way to the place of a file: beside it, until it is whole."""

    def __init__(self, source: Path, path: Path) -> None:
        """Nothing is touched."""
        self._source = source
        self._path = path
        self.partial = path.with_name(path.name + _RESTORING)

    def fetch(self) -> None:
        """Copy the backup beside the file, verified. StoreRefused for what is no backup of a store."""
        if not self._source.is_file():
            raise StoreRefused(f"there is no backup {self._source}.")
        if self._source.resolve() == self._path.resolve():
            raise StoreRefused(f"{self._source} is the store itself: a backup is another file.")
        copy_file(self._source, self.partial)

    def rows(self) -> int:
        """In what was fetched."""
        with closing(sqlite3.connect(self.partial)) as connection:
            return sum(count_rows(connection).values())

    def put(self) -> None:
        """In the place of what is there, the messages of other processes first. Nobody has it open."""
        inbox = self._path.with_name(self._path.name + INBOX)
        kept = self._source.with_name(self._source.name + INBOX)
        if kept.exists():
            copy_file(kept, inbox)
        else:
            inbox.unlink(missing_ok=True)
        self._retire()
        put_in_place(self.partial, self._path)

    def discard(self) -> None:
        """Leave nothing behind."""
        for behind in ("", "-wal", "-shm", "-lock"):
            self.partial.with_name(self.partial.name + behind).unlink(missing_ok=True)

    def _retire(self) -> None:
        """What is in the log of the old file goes into it: a log that is left beside the new one would be read as its.

        A damaged file may not take it. It is about to be replaced.
        """
        if self._path.exists():
            with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(self._path, isolation_level=None)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                old.execute("PRAGMA journal_mode = DELETE")
        for behind in ("-wal", "-shm"):
            self._path.with_name(self._path.name + behind).unlink(missing_ok=True)
