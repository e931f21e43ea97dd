"""What `[event_store]` and `[visibility_store]` may say with `use = "sql"`."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import sqlalchemy as sa
from attrs import evolve, field, frozen
from sqlalchemy import exc

from aion_core.spi import AtLeast, Secret, StoreRefused
from aion_store_sql.schema import PREFIX

_PREFIX: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Durability(StrEnum):
    """What an acknowledged commit survives."""

    FSYNC = "fsync"
    """Everything but the loss of the disk: also a power failure, if the server's settings do not say otherwise."""
    PROCESS = "process"
    """The end of the process, but not of the machine: a power failure may undo the last commits.

    In MariaDB and MySQL this is the server's to say, with `innodb_flush_log_at_trx_commit`, and not a client's.
    """


class Migrate(StrEnum):
    """What happens to a store of an older schema when it is opened."""

    AUTO = "auto"
    """It is migrated."""
    MANUAL = "manual"
    """It is refused: somebody runs `aion store migrate`, who may."""


@frozen(kw_only=True)
class SqlSettings:
    """Where the database is, and how it is used."""

    url: str = "sqlite:///aion.db"
    """`sqlite:///path`, `postgresql://user@host/database`, `mariadb://…` or `mysql://…`."""
    password: Secret | None = None
    """Kept out of the URL."""
    prefix: str = PREFIX
    """Before the name of every table. A store of another prefix in the same database is another store."""
    shards: Annotated[int, AtLeast(1)] = 64
    """Of a store that is created now; an existing one keeps its own."""
    connections: Annotated[int, AtLeast(4)] = 8
    """The most that are open at once. Not for SQLite."""
    pooler: bool = False
    """Whether the URL leads to pgbouncer, or another one that hands out a connection for each transaction.

    Nothing is prepared then, and news are looked for instead of being heard of. PostgreSQL only.
    """
    durability: Durability = field(default=Durability.FSYNC, converter=Durability)
    migrate: Migrate = field(default=Migrate.AUTO, converter=Migrate)
    """What happens to a store of an older schema, or to an empty database, when it is opened."""

    def __attrs_post_init__(self) -> None:
        """A ValueError for what can not be."""
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"prefix {self.prefix!r} is not a name: lower-case letters, digits and _, 32 at most.")

    @property
    def is_file(self) -> bool:
        """Whether it is a file, which one process writes."""
        return self.url.startswith("sqlite")

    def relative_to(self, folder: Path) -> SqlSettings:
        """As they are meant in a configuration of this folder, wherever the program was started."""
        try:
            url = sa.make_url(self.url)
        except exc.ArgumentError:
            return self  # whoever opens the store says it
        if not self.is_file or url.database in {None, "", ":memory:"}:
            return self
        moved = url.set(database=str(folder.absolute() / str(url.database)))
        return evolve(self, url=moved.render_as_string(hide_password=False))

    def shown(self) -> str:
        """The URL for people: without a password."""
        return self.address().render_as_string(hide_password=True)

    def address(self) -> sa.URL:
        """The URL with its password. Raises StoreRefused for one that is none."""
        try:
            url = sa.make_url(self.url)
        except exc.ArgumentError:
            # The text may hold a password, so it is not shown.
            raise StoreRefused(
                "the url of [event_store] can not be read: write sqlite:///path, postgresql://user@host/database "
                "or mariadb://user@host/database."
            ) from None
        return url.set(password=self.password.reveal()) if self.password else url
