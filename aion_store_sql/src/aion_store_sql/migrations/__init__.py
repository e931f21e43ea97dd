"""The schemas that there were, and the way from each to the next one.

Rules, so that engines of two neighbouring versions can work on one store: a migration adds (tables, columns with a
default, indexes) and fills; what nobody uses any more is removed by a later version's. A migration that was released
never changes.
"""

from aion_store_sql.migrations.first import FIRST
from aion_store_sql.migrations.migration import SqlMigration

MIGRATIONS: tuple[SqlMigration, ...] = (FIRST,)
"""All of them, by their numbers: 1, 2, 3 …"""
NEWEST: int = MIGRATIONS[-1].number
"""The schema of this program."""

__all__ = ["MIGRATIONS", "NEWEST", "SqlMigration"]
