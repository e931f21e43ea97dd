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
_GENERATION: Final = "aion_generation"


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
        self.write((put, rows))

    def write(self, *puts: tuple[Put, Sequence[Row]]) -> None:
        """Write what there is of all these rows, no row twice, in as few statements as the driver can do with."""
        if some := [(put, rows) for put, rows in puts if rows]:
            self.dialect.write(self.cursor, some)

    def now(self) -> int:
        """The store's time in microseconds, the same for the whole piece of work."""
        if self._now is None:
            clock = self.dialect.clock
            # A driver may make a decimal of what is computed; times are integers.
            self._now = int(self.rows(f"SELECT {clock}")[0][0]) if clock else self._platform.now()
        return self._now


class Database:
    """A database that can be read and written. From any thread."""

    def __init__(self, dialect: Dialect, platform: Platform) -> None:
        """Nothing is connected before the first piece of work."""
        self.dialect = dialect
        self.platform = platform
        self._readers: sa.Engine | None = None
        self._writers: sa.Engine | None = None
        self._generation = 0
        """Of connections: when one of them is found broken, those that are older are not used any more."""

    def open(self) -> None:
        """Make the pools. StoreRefused without the driver."""
        try:
            self._readers = self._writers = self.dialect.engine()
        except ImportError as error:
            kind = self.dialect.settings.address().get_backend_name()
            raise StoreRefused(
                f"the driver for {kind} can not be imported ({error}): pip install 'aion-store-sql[{kind}]'."
            ) from error

    def use(self, readers: sa.Engine, writers: sa.Engine) -> None:
        """Take these pools, which are somebody else's to close."""
        self._readers, self._writers = readers, writers

    def close(self) -> None:
        """Close every connection that is not at work."""
        for engine in (self._readers, self._writers):
            if engine is not None:
                engine.dispose()

    def apart(self) -> sa.PoolProxiedConnection:
        """A connection of the caller's own, to be closed by him. StoreUnavailable."""
        assert self._readers is not None  # noqa: S101 # whoever calls has looked whether the store is open
        connection = self._checked_out(self._readers)
        connection.detach()
        return connection

    def meet(self, work: Callable[[Session], T]) -> T:
        """The first piece of work, which only looks. StoreRefused where the server does not let us in."""
        try:
            return self.read(work)
        except Unreachable as error:
            if not self.dialect.is_shut_out(error.original):
                raise
            raise StoreRefused(
                f"{error.address} refuses the connection: {_said(error.original)}. Look at the url and the password of "
                "[event_store], and whether the database was created."
            ) from error.original

    def read(self, work: Callable[[Session], T]) -> T:
        """Do a piece of work that only looks, outside of a transaction. StoreUnavailable, StoreRefused."""
        return self._again(lambda: self._on(self._readers, work))

    def write(self, work: Callable[[Session], T]) -> T:
        """Do a piece of work in one transaction; on return it is durable.

        It may be done more than once, if the database undoes it. Raises `CommitUnknown` where nobody can tell, else
        StoreUnavailable and StoreRefused: nothing was done.
        """
        return self._again(lambda: self._written(work))

    def _again(self, once: Callable[[], T]) -> T:
        """Do it until it is done: nothing is left of what was undone."""
        undone, broken = 0, False
        while True:
            try:
                return once()
            except _Undone as error:
                undone += 1
                if undone == _TRIES:
                    raise StoreUnavailable(f"the database undid a transaction {_TRIES} times: {error}") from error
            except _Broken as error:
                # A connection that has been idle may be long gone; a new one tells whether the server is.
                if broken:
                    raise StoreUnavailable(f"the connection to the database broke: {error}") from error
                broken = True

    def alone(self, work: Callable[[Session], T]) -> T:
        """Do a piece of work that begins and ends its transactions itself, on a connection that may write.

        As `write` it may be done more than once.
        """
        return self._again(lambda: self._on(self._writers, work))

    def _on(self, engine: sa.Engine | None, work: Callable[[Session], T]) -> T:
        with self._connection(engine) as session:
            return work(session)

    def _written(self, work: Callable[[Session], T]) -> T:
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
                raise CommitUnknown(f"the answer to COMMIT was lost: {_said(error)}") from error
            return result

    @contextmanager
    def _connection(self, engine: sa.Engine | None) -> Generator[Session, None, None]:
        assert engine is not None  # noqa: S101 # whoever calls has looked whether the store is open
        generation = self._generation
        connection = self._checked_out(engine)
        good = False
        try:
            cursor = connection.cursor()
            yield Session(self.dialect, cursor, self.platform)
            cursor.close()
            good = True
        except (StoreUnavailable, StoreRefused) as error:
            good = not isinstance(error, CommitUnknown)
            raise
        except Exception as error:
            if not _of_the_driver(error):
                good = True
                raise
            good = self.dialect.is_transient(error)
            raise self._translated(error, connection) from error
        finally:
            with suppress(Exception):  # of a connection that is gone
                if not good:
                    if not self.dialect.is_open(connection):
                        self._generation = max(self._generation, generation + 1)
                    connection.invalidate()
                connection.close()

    def _checked_out(self, engine: sa.Engine) -> sa.PoolProxiedConnection:
        """A connection that is not older than the last one that broke."""
        while True:
            try:
                connection = engine.raw_connection()
            except exc.TimeoutError as error:
                raise StoreUnavailable("all connections to the database are at work.") from error
            except Exception as error:
                original = _original(error)
                if (known := self.dialect.explain(original)) is not None:
                    raise StoreRefused(known) from error
                raise Unreachable(self._address, original) from error
            if connection.info.setdefault(_GENERATION, self._generation) == self._generation:
                return connection
            connection.invalidate()
            connection.close()

    def _translated(self, error: Exception, connection: sa.PoolProxiedConnection) -> Exception:
        if self.dialect.is_transient(error):
            return _Undone(_said(error))
        if not self.dialect.is_open(connection):
            return _Broken(_said(error))
        if self.dialect.is_away(error):
            return StoreUnavailable(f"the database can not do it now: {_said(error)}")
        return StoreRefused(self.dialect.explain(error) or f"the database refuses: {_said(error)}")

    @property
    def _address(self) -> str:
        url = self.dialect.settings.address()
        bare = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
        return bare.render_as_string()


class Unreachable(StoreUnavailable):
    """No connection could be made."""

    def __init__(self, address: str, original: BaseException) -> None:
        """`address` is without the password."""
        self.address = address
        self.original = original
        super().__init__(
            f"{address} can not be reached: {_said(original)}. Look whether the database runs there, and at the url of "
            "[event_store]."
        )


class _Undone(StoreUnavailable):
    """The database has undone the transaction for the sake of another one."""


class _Broken(StoreUnavailable):
    """The connection broke before COMMIT: nothing was done."""


def _original(error: Exception) -> BaseException:
    return (error.orig if isinstance(error, exc.DBAPIError) else None) or error


def _of_the_driver(error: Exception) -> bool:
    """Whether a class named as the DB-API prescribes is among its bases."""
    return isinstance(error, exc.SQLAlchemyError) or any(each.__name__ == "Error" for each in type(error).__mro__)


def _said(error: BaseException) -> str:
    """The line of an error that says what is wrong."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = lines[-1] if lines[0].endswith(":") else lines[0]
    return line.strip().rstrip(".")
