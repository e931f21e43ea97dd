"""Connections, transactions, and what the errors of a driver mean to the engine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from aion_core.spi import Platform, StoreRefused, StoreUnavailable
from aion_store_sql.dialects.dialect import Dialect, Put, Row

T = TypeVar("T")

_TRIES: Final = 5
"""Of a transaction that the database undoes for the sake of others."""


class CommitUnknown(StoreUnavailable):
    """The answer to COMMIT was lost: what the transaction wrote may be there or not."""


class Session:
    """What a piece of work does to the database: on one connection, in a transaction or out of one."""

    def __init__(self, dialect: Dialect, cursor: Any, platform: Platform) -> None:
        """On an open cursor of the driver."""
        self.dialect = dialect
        self.cursor = cursor
        self._platform = platform
        self._now: int | None = None

    def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        """What a query finds."""
        self.cursor.execute(self.dialect.text(sql), values)
        rows: Sequence[Row] = self.cursor.fetchall()
        return rows

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row that a query finds."""
        rows = self.rows(sql, *values)
        return rows[0] if rows else None

    def run(self, sql: str, *values: Any) -> int:
        """How many rows a statement has met."""
        self.cursor.execute(self.dialect.text(sql), values)
        met: int = self.cursor.rowcount
        return met

    def put(self, put: Put, rows: Sequence[Row]) -> None:
        """Write these rows, if there are any."""
        if rows:
            put.run(self.cursor, rows)

    def now(self) -> int:
        """The store's time in microseconds, the same for the whole piece of work."""
        now = self._now
        if now is None:
            clock = self.dialect.clock
            now = self._now = int(self.rows(f"SELECT {clock}")[0][0]) if clock else self._platform.now()
        return now


class Database:
    """A database that can be read and written. From any thread."""

    def __init__(self, dialect: Dialect, platform: Platform) -> None:
        """Nothing is connected before the first piece of work."""
        self.dialect = dialect
        self.platform = platform
        self._readers: sa.Engine | None = None
        self._writers: sa.Engine | None = None

    def open(self) -> None:
        """Make the pools."""
        self._readers = self._writers = self.dialect.engine()

    def use(self, readers: sa.Engine, writers: sa.Engine) -> None:
        """Take these pools, which are somebody else's to close."""
        self._readers, self._writers = readers, writers

    def close(self) -> None:
        """Close every connection that is not at work."""
        for engine in (self._readers, self._writers):
            if engine is not None:
                engine.dispose()

    def read(self, work: Callable[[Session], T]) -> T:
        """Do a piece of work that only looks, outside of a transaction. StoreUnavailable, StoreRefused."""
        with self._connection(self._readers) as session:
            return work(session)

    def write(self, work: Callable[[Session], T]) -> T:
        """Do a piece of work in one transaction; on return it is durable.

        It may be done more than once, if the database undoes it. Raises `CommitUnknown` where nobody can tell, else
        StoreUnavailable and StoreRefused: nothing was done.
        """
        tries = _TRIES
        while True:
            try:
                return self._once(work)
            except _Undone as error:
                tries -= 1
                if not tries:
                    raise StoreUnavailable(f"the database undid a transaction {_TRIES} times: {error}") from error

    def _once(self, work: Callable[[Session], T]) -> T:
        with self._connection(self._writers) as session:
            session.cursor.execute(self.dialect.begin)
            try:
                result = work(session)
            except BaseException:
                with suppress(Exception):  # the first error is the one to tell
                    session.cursor.execute("ROLLBACK")
                raise
            try:
                session.cursor.execute("COMMIT")
            except Exception as error:
                with suppress(Exception):
                    session.cursor.execute("ROLLBACK")
                if self.dialect.is_transient(error):
                    raise
                raise CommitUnknown(f"the answer to COMMIT was lost: {_first_line(error)}") from error
            return result

    @contextmanager
    def _connection(self, engine: sa.Engine | None) -> Generator[Session, None, None]:
        assert engine is not None  # noqa: S101 # whoever calls has looked whether the store is open
        try:
            connection = engine.raw_connection()
        except Exception as error:
            raise self._translated(error) from error
        broken = True
        try:
            cursor = connection.cursor()
            yield Session(self.dialect, cursor, self.platform)
            cursor.close()
            broken = False
        except (StoreUnavailable, StoreRefused) as error:
            broken = isinstance(error, CommitUnknown)
            raise
        except Exception as error:
            if not _of_the_driver(error):
                broken = False
                raise
            broken = not self.dialect.is_transient(error)
            raise self._translated(error) from error
        finally:
            with suppress(Exception):  # of a connection that is gone
                if broken:
                    connection.invalidate()
                connection.close()

    def _translated(self, error: BaseException) -> Exception:
        original: BaseException = (error.orig if isinstance(error, exc.DBAPIError) else None) or error
        if self.dialect.is_transient(original):
            return _Undone(_first_line(original))
        if self.dialect.is_away(original) or isinstance(error, exc.TimeoutError):
            return StoreUnavailable(f"the database can not do it now: {_first_line(original)}")
        return StoreRefused(f"the database refuses: {_first_line(original)}")


class _Undone(StoreUnavailable):
    """The database has undone the transaction for the sake of another one."""


def _of_the_driver(error: Exception) -> bool:
    """Whether a class named as the DB-API prescribes is among its bases."""
    return isinstance(error, exc.SQLAlchemyError) or any(each.__name__ == "Error" for each in type(error).__mro__)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
