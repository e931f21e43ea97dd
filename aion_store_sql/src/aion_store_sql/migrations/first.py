"""Schema 1: the tables of the first version."""

from __future__ import annotations

from typing import Final

from aion_store_sql.migrations.migration import SqlMigration

# With the first schema after a release these statements are written out here, as the golden files of the tests have
# them: `schema.py` always describes the newest tables.
FIRST: Final = SqlMigration(1, "the tables", lambda dialect, cursor: dialect.ddl(cursor))
