"""What a migration is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from aion_store_sql.dialects.dialect import Dialect

Steps: TypeAlias = Callable[[Dialect, Any], Sequence[str]]
"""The statements for a database, which a cursor may be asked about. Tables are called `aion_…`, as everywhere."""


@frozen
class SqlMigration:
    """The statements that lead to a schema from the one before, in their order.

    One that was interrupted goes on behind its last finished statement. Where the database commits every change of a
    table by itself, a statement may have been done without that being noted: it is done again then, and an answer that
    it is there (or gone) already is taken for success. So a statement changes one thing.
    """

    number: int
    title: str
    steps: Steps
