"""Stores for tests of upkeep: each test has a new one, in a file or on a server."""

from __future__ import annotations

from attrs import evolve, frozen
from tests.databases import SERVERS

from aion_store_sql import SqlEventStore, SqlSettings

KINDS = ("sqlite", *SERVERS)


@frozen
class Database:
    """Where a test's stores are."""

    kind: str
    settings: SqlSettings

    def store(self, platform=None, **settings):
        """A store there, not open."""
        chosen = evolve(self.settings, **settings)
        return SqlEventStore(chosen) if platform is None else SqlEventStore(chosen, platform)

    def table(self, name):
        """What it is called in the database."""
        return self.settings.prefix + name


def database(kind: str, folder) -> Database:
    """A place where no store is yet. A server that is not there is told as a test that was not run."""
    if kind == "sqlite":
        return Database(kind, SqlSettings(url=f"sqlite:///{folder}/aion.db"))
    return Database(kind, SqlSettings(**SERVERS[kind]().fresh().section))
