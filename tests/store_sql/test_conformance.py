import pytest
from tests.databases import postgresql

from aion_store_sql import SqlEventStore, SqlSettings, SqlVisibilityStore
from aion_testkit import EventStoreConformance, SteppedPlatform, VisibilityStoreConformance


class TestSqlite(EventStoreConformance):
    @pytest.fixture
    def platform(self):
        return SteppedPlatform()

    @pytest.fixture
    def make_store(self, platform, tmp_path):
        settings = SqlSettings(url=f"sqlite:///{tmp_path}/aion.db")
        return lambda: SqlEventStore(settings, platform)

    @pytest.fixture
    def pass_time(self, platform):
        return platform.advance


class TestVisibilityInSqlite(VisibilityStoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path):
        settings = SqlSettings(url=f"sqlite:///{tmp_path}/aion.db")
        return lambda: SqlVisibilityStore(settings)


class TestPostgresql(EventStoreConformance):
    @pytest.fixture
    def make_store(self, place_in):
        settings = SqlSettings(**place_in(postgresql()))
        return lambda: SqlEventStore(settings)


class TestVisibilityInPostgresql(VisibilityStoreConformance):
    @pytest.fixture
    def make_store(self, place_in):
        settings = SqlSettings(**place_in(postgresql()))
        return lambda: SqlVisibilityStore(settings)
