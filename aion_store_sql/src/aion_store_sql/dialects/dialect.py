"""What differs from database to database, in the words of the statements that are the same everywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NewType, TypeAlias

import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.schema import CreateIndex, CreateTable

from aion_core.spi import CommitLimits, Damage
from aion_store_sql import schema
from aion_store_sql.backing_up import Dump
from aion_store_sql.schema import PREFIX
from aion_store_sql.settings import SqlSettings

Row: TypeAlias = tuple[Any, ...]


@frozen
class Server:
    """What is to be known of a database server before it is used."""

    limits: CommitLimits = field(factory=CommitLimits)
    remarks: tuple[str, ...] = ()
    """What its operator should know, for people to read."""
    sync_seconds: float | None = None
    """What a write to the disk of a file took, where it was timed."""


Put = NewType("Put", str)
"""A statement that writes rows of one table, as many as it is given; `Dialect.write` knows how."""


class Dialect(ABC):
    """One kind of database.

    Statements are written with `?` for a bound value and `aion_` before every table; `text` makes of them what the
    driver takes. `… {among}` compares with a list that is bound as one value, made by `array`.
    """

    name: ClassVar[str]
    among: ClassVar[str]
    lock: ClassVar[str] = " FOR UPDATE"
    """After a SELECT: hold these rows until the transaction ends."""
    skip: ClassVar[str] = " FOR UPDATE SKIP LOCKED"
    """The same, and pass over those that others hold."""
    clock: ClassVar[str | None]
    """The database's time in microseconds, as an expression. None: it has none, and the platform's is used."""
    begin: str = "BEGIN"
    commits_ddl: ClassVar[bool] = False
    """Whether a change of a table ends the transaction, and is durable by itself."""
    sorts_groups: ClassVar[bool] = True
    """Whether rows that come in the order of the first column are sorted as they come, and not all before the first."""

    def __init__(self, settings: SqlSettings) -> None:
        """Nothing is touched."""
        self.settings = settings
        self._prefix = settings.prefix
        self.text = lru_cache(maxsize=512)(self._text)  # queries for runs are of any number of forms

    @abstractmethod
    def engine(self) -> sa.Engine:
        """A pool of connections, each of them in autocommit: transactions are begun and ended by statements."""

    @abstractmethod
    def array(self, values: Sequence[Any]) -> Any:
        """A list as the one value that `{among}` takes. Not empty."""

    def leases_last(self, seconds: float) -> None:
        """So long from now on: where the server can, a transaction does not hold shards for longer in silence."""
        del seconds

    def insert(self, table: sa.Table, *columns: str) -> Put:
        """New rows; an error where one of the same key is."""
        return Put(self._insert(table, columns))

    def upsert(self, table: sa.Table, *columns: str) -> Put:
        """Rows that replace these columns of those of the same key."""
        keys = keys_of(table)
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
        return Put(f"{self._insert(table, columns)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}")

    def write(self, cursor: Any, puts: Sequence[tuple[Put, Sequence[Row]]]) -> None:
        """Write all these rows. There is at least one of each put."""
        for put, rows in puts:
            cursor.executemany(put, rows)

    def insert_missing(self, table: sa.Table, *columns: str) -> Put:
        """Rows that are left out where one of the same key is."""
        return Put(f"{self._insert(table, columns)} ON CONFLICT DO NOTHING")

    @abstractmethod
    def is_transient(self, error: BaseException) -> bool:
        """Whether the transaction was undone for the sake of others, and may be tried again at once."""

    @abstractmethod
    def is_away(self, error: BaseException) -> bool:
        """Whether the database can not do it now, and may later: it is down, full or busy."""

    def is_done(self, error: BaseException) -> bool:
        """Whether a change of a table is refused because it was made before. For those with `commits_ddl`."""
        del error
        return False

    @abstractmethod
    def is_shut_out(self, error: BaseException) -> bool:
        """Whether an attempt to connect has reached the server, which will not let us in the next time either."""

    @abstractmethod
    def is_open(self, connection: sa.PoolProxiedConnection) -> bool:
        """Whether the driver still takes a connection that has just failed for a good one."""

    @abstractmethod
    def look(self, cursor: Any) -> Server:
        """What the server says of itself. StoreRefused for one that can not hold a store."""

    def explain(self, error: BaseException) -> str | None:
        """What is wrong, and what to do about it, where this is known better than the driver says it."""
        del error
        return None

    @abstractmethod
    def lock_schema(self, cursor: Any) -> None:
        """Wait until nobody else changes tables here. Held until the transaction ends, or `unlock_schema`."""

    @abstractmethod
    def unlock_schema(self, cursor: Any) -> None:
        """Let others change tables again, unless the end of the transaction does."""

    @abstractmethod
    def has_table(self, cursor: Any, table: sa.Table) -> bool:
        """Whether it is there."""

    @abstractmethod
    def ddl(self, cursor: Any) -> list[str]:
        """The statements that make all tables and their indexes."""

    @abstractmethod
    def software(self, cursor: Any) -> str:
        """The database's name and version."""

    @abstractmethod
    def integrity(self, cursor: Any) -> list[Damage]:
        """What the database's own check finds."""

    def dump(self, target: Path) -> Dump:
        """How its own program writes the tables of this store to a file."""
        raise NotImplementedError  # pragma: no cover # of a file, which is copied

    def loading(self, source: str) -> str:
        """The command that brings such a file back."""
        raise NotImplementedError  # pragma: no cover # likewise

    def tables(self) -> list[str]:
        """The names of all tables."""
        return [self._name(table) for table in schema.metadata.sorted_tables]

    def through(self, index: str) -> str:
        """After the name of a table: walk along this index, in its order. For those who would rather sort it all."""
        del index
        return ""

    @abstractmethod
    def _insert(self, table: sa.Table, columns: Sequence[str]) -> str:
        """An INSERT of these columns, as the driver takes it."""

    def _text(self, sql: str) -> str:
        return sql.replace("{among}", self.among).replace(PREFIX, self._prefix)

    def _name(self, table: sa.Table) -> str:
        return self._prefix + table.name.removeprefix(PREFIX)


def statements_of(metadata: sa.MetaData, dialect: sa.Dialect, prefix: str, *, options: str = "") -> list[str]:
    """The DDL of these tables, with `options` behind each of them."""
    made: list[str] = []
    # First the table in which it is noted how far this has come.
    for table in sorted(metadata.sorted_tables, key=lambda table: table.name != f"{PREFIX}meta"):
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip() + options)
        made += [
            str(CreateIndex(index).compile(dialect=dialect)).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return [statement.replace(PREFIX, prefix) for statement in made]


def keys_of(table: sa.Table) -> list[str]:
    """The columns of the primary key."""
    return [column.name for column in table.primary_key.columns]
