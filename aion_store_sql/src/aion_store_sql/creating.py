"""What a new store consists of, and what an existing one says of itself."""

from __future__ import annotations

from attrs import frozen

from aion_core.spi import Platform, StoreRefused
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.settings import SqlSettings


@frozen
class Created:
    """What was decided when the store was created, and never changes."""

    store_id: str
    shards: int


def create(session: Session, settings: SqlSettings, platform: Platform) -> Created:
    """Make the tables, if they are not there. In a transaction; others who want to do the same wait."""
    session.dialect.lock_schema(session.cursor)
    try:
        return _created(session, settings, platform)
    finally:
        session.dialect.unlock_schema(session.cursor)


def _created(session: Session, settings: SqlSettings, platform: Platform) -> Created:
    dialect = session.dialect
    if not dialect.has_table(session.cursor, schema.meta):
        for statement in dialect.ddl(session.cursor):
            session.cursor.execute(statement)
    known: dict[str, str] = dict(session.rows("SELECT name, value FROM aion_meta"))
    if "schema" not in known:
        known |= {
            "schema": str(schema.VERSION),
            "store_id": platform.random_bytes(16).hex(),
            "shards": str(settings.shards),
        }
        session.put(dialect.insert(schema.shard, "shard"), [(shard,) for shard in range(settings.shards)])
        session.put(dialect.insert(schema.meta, "name", "value"), sorted(known.items()))
    if int(known["schema"]) > schema.VERSION:
        raise StoreRefused(
            f"the store has schema {known['schema']} and this program knows {schema.VERSION}: a newer one has migrated "
            "it. Install the newer aion-store-sql here, too."
        )
    return Created(known["store_id"], int(known["shards"]))
