"""A module of its own, which is skipped whole where no MariaDB runs."""

import pytest
from tests.databases import mariadb

from aion_store_sql import SqlEventStore, SqlSettings, SqlVisibilityStore
from aion_testkit import EventStoreConformance, VisibilityStoreConformance

database = mariadb()


class TestMariadb(EventStoreConformance):
    @pytest.fixture
    def make_store(self, place_in):
        settings = SqlSettings(**place_in(database))
        return lambda: SqlEventStore(settings)


class TestVisibilityInMariadb(VisibilityStoreConformance):
    @pytest.fixture
    def make_store(self, place_in):
        settings = SqlSettings(**place_in(database))
        return lambda: SqlVisibilityStore(settings)
