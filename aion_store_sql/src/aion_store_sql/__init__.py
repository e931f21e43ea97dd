"""Histories of Aion in a database: SQLite, PostgreSQL, MariaDB and MySQL."""

from aion_store_sql.settings import Durability, SqlSettings
from aion_store_sql.store import SqlEventStore, SqlVisibilityStore

__all__ = ["Durability", "SqlEventStore", "SqlSettings", "SqlVisibilityStore"]
