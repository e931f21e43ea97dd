"""Which file a URL names, and whether a store can stand there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from aion_core.spi import StoreRefused
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.dialects.sqlite import APPLICATION
from aion_store_sql.files.disk import file_system_of, is_shared, mounts
from aion_store_sql.settings import SqlSettings

_ELSEWHERE: Final = "name another one in the url of [event_store]"


def path_of(settings: SqlSettings, mounted: str | None = None) -> Path:
    """The file that the settings name, made absolute. StoreRefused for a place where no store can be.

    `mounted` is what is asked for file systems; by default, the kernel.
    """
    name = settings.address().database
    if not name or name == ":memory:":
        raise StoreRefused('a store in memory is `use = "memory"`; the url of SQLite names a file: sqlite:///aion.db.')
    path = Path(name)
    try:
        real = path.resolve()
        if real.is_dir():
            raise StoreRefused(f"{path} is a directory: name a file in it in the url of [event_store].")
        if not real.parent.is_dir():
            raise StoreRefused(f"{real.parent} is no directory: make it, or {_ELSEWHERE}.")
        if real.exists():
            if not os.access(real, os.R_OK):
                raise StoreRefused(f"{path} may not be read by this user: change its mode, or {_ELSEWHERE}.")
        elif not os.access(real.parent, os.W_OK):
            raise StoreRefused(
                f"no file can be made in {real.parent}: it is not writable. Make it so, or {_ELSEWHERE}."
            )
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a name that is too long, a 0 in it
        raise StoreRefused(f"{name!r} names no file: {error}; {_ELSEWHERE}.") from error
    kind = file_system_of(real, mounts() if mounted is None else mounted)
    if kind is not None and is_shared(kind):
        raise StoreRefused(
            f"{path} is on a network file system ({kind}), where SQLite can not keep its promises: put it on a local "
            'disk, or use a database server: url = "postgresql://…".'
        )
    return real


def check_ours(session: Session, path: Path) -> None:
    """StoreRefused for another program's database. An empty one is nobody's."""
    (application,) = session.rows("PRAGMA application_id")[0]
    if application == APPLICATION or session.dialect.has_table(session.cursor, schema.meta):
        return
    if application or session.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
        raise StoreRefused(f"{path} is a database of another program: {_ELSEWHERE}.")


def make_ours(session: Session) -> None:
    """Say in the file whose it is."""
    session.cursor.execute(f"PRAGMA application_id = {APPLICATION}")
