"""Brings a database to the schema of this program: one process at a time, and on from where another was interrupted."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Final

from attrs import frozen

from aion_core.spi import Migration, Platform, StoreRefused
from aion_store_sql import schema
from aion_store_sql.database import Database, Session
from aion_store_sql.migrations import MIGRATIONS, SqlMigration
from aion_store_sql.settings import Migrate, SqlSettings

_SCHEMA: Final = "schema"
_STEP: Final = "schema_step"
"""In `aion_meta` while a migration is under way that a database can not do in one transaction: `2.5`, its last step."""


@frozen
class Created:
    """What a store says of itself."""

    store_id: str
    shards: int
    incarnation: int = 0


class Migrator:
    """The migrations of one database."""

    def __init__(
        self,
        database: Database,
        settings: SqlSettings,
        platform: Platform,
        migrations: Sequence[SqlMigration] = MIGRATIONS,
    ) -> None:
        """Nothing is touched."""
        self._database = database
        self._dialect = database.dialect
        self._settings = settings
        self._platform = platform
        self._migrations = migrations
        self._meta = self._dialect.upsert(schema.meta, "name", "value")

    @property
    def newest(self) -> int:
        """The schema that it leads to."""
        return self._migrations[-1].number

    def prepared(self) -> Created:
        """What the store says of itself, once it has the newest schema: at open.

        An older one is migrated, or refused where the settings leave that to a person; a newer one is refused.
        """
        known = self._database.alone(self.known)
        waiting = self._waiting(known)
        if not waiting and "store_id" in known:
            return created_of(known)
        if waiting and self._settings.migrate is Migrate.MANUAL:
            has = f"has schema {known[_SCHEMA]}" if _SCHEMA in known else "has no tables yet"
            raise StoreRefused(
                f"the store {has}, this program needs schema {self.newest}, and the settings say "
                'migrate = "manual". See what would be done:  aion store migrate --dry-run  and then do it:  '
                "aion store migrate"
            )
        self.migrate()
        return created_of(self._database.alone(self.known))

    def ready(self, session: Session) -> Created | None:
        """What the store says of itself, if there is nothing to migrate. StoreRefused for a newer one."""
        known = self.known(session)
        return created_of(known) if not self._waiting(known) and "store_id" in known else None

    def pending(self) -> list[Migration]:
        """What `migrate` would do."""
        return self._database.read(self._pending)

    def pending_without_store(self) -> list[Migration]:
        """What it would do where nothing is, for a database that tells its statements unasked."""
        return self._told(None, self._migrations)

    def migrate(self) -> list[Migration]:
        """Do it; what was done."""
        if self._dialect.commits_ddl:
            return self._database.alone(self._migrate)
        return self._database.write(self._migrate)

    def known(self, session: Session) -> dict[str, str]:
        """All that the store says of itself; nothing where there is none."""
        if not self._dialect.has_table(session.cursor, schema.meta):
            return {}
        return dict(session.rows("SELECT name, value FROM aion_meta"))

    def _waiting(self, known: dict[str, str]) -> list[SqlMigration]:
        at = int(known.get(_SCHEMA, 0))
        if at > self.newest:
            raise StoreRefused(
                f"the store has schema {at}, and this program knows schemas up to {self.newest}: a newer version has "
                "migrated it. Install that version of aion-store-sql here too, or restore a backup from before."
            )
        return [migration for migration in self._migrations if migration.number > at]

    def _pending(self, session: Session) -> list[Migration]:
        return self._told(session.cursor, self._waiting(self.known(session)))

    def _told(self, cursor: Any, migrations: Sequence[SqlMigration]) -> list[Migration]:
        return [
            Migration(number=each.number, title=each.title, statements=self._steps(each, cursor)) for each in migrations
        ]

    def _steps(self, migration: SqlMigration, cursor: Any) -> list[str]:
        prefix = self._settings.prefix
        return [step.replace(schema.PREFIX, prefix) for step in migration.steps(self._dialect, cursor)]

    # ---- under the lock

    def _migrate(self, session: Session) -> list[Migration]:
        self._dialect.lock_schema(session.cursor)
        try:
            known = self.known(session)
            waiting = self._waiting(known)
            done = self._told(session.cursor, waiting)
            for migration in done:
                self._apply(session, migration, known.get(_STEP))
            self._identify(session)
        finally:
            with suppress(Exception):  # of a connection that is gone, and its lock with it
                self._dialect.unlock_schema(session.cursor)
        return done

    def _apply(self, session: Session, migration: Migration, noted: str | None) -> None:
        number = migration.number
        first = 0
        if noted is not None and noted.startswith(f"{number}."):
            first = int(noted.partition(".")[2])
        for step, statement in enumerate(migration.statements, 1):
            if step <= first:
                continue
            if not self._dialect.commits_ddl:
                self._execute(session, statement, again=False)
                continue
            with _transaction(session):  # of a change of rows; one of a table is durable before its note
                self._execute(session, statement, again=step == first + 1)
                self._note(session, {_STEP: f"{number}.{step}"})
        self._note(session, {_SCHEMA: str(number)})
        session.run("DELETE FROM aion_meta WHERE name = ?", _STEP)

    def _execute(self, session: Session, statement: str, *, again: bool) -> None:
        """A statement. The first one of those that were not noted may have been done already."""
        try:
            session.cursor.execute(statement)
        except Exception as error:
            if not (again and self._dialect.is_done(error)):
                raise

    def _note(self, session: Session, values: dict[str, str]) -> None:
        session.put(self._meta, sorted(values.items()))

    def _identify(self, session: Session) -> None:
        """A new store gets its id and its shards, in one step."""
        known = self.known(session)
        if "store_id" in known:
            return
        with _transaction(session) if self._dialect.commits_ddl else nullcontext():
            shards = self._settings.shards
            session.put(self._dialect.insert(schema.shard, "shard"), [(shard,) for shard in range(shards)])
            self._note(session, {"store_id": self._platform.random_bytes(16).hex(), "shards": str(shards)})


@contextmanager
def _transaction(session: Session) -> Generator[None, None, None]:
    session.cursor.execute(session.dialect.begin)
    try:
        yield
    except BaseException:
        with suppress(Exception):  # the first error is the one to tell
            session.cursor.execute("ROLLBACK")
        raise
    session.cursor.execute("COMMIT")


def created_of(known: dict[str, str]) -> Created:
    """What the rows of `aion_meta` say."""
    return Created(known["store_id"], int(known["shards"]), int(known.get("incarnation", 0)))
