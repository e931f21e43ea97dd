"""Histories of Aion in a database: SQLite, PostgreSQL, MariaDB and MySQL."""

from aion_store_sql.settings import Durability, Migrate, SqlSettings
from aion_store_sql.store import SqlEventStore, SqlVisibilityStore

__all__ = ["Durability", "Migrate", "SqlEventStore", "SqlSettings", "SqlVisibilityStore"]
