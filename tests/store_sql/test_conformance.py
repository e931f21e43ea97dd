import pytest

from aion_store_sql import SqlEventStore, SqlSettings
from aion_testkit import EventStoreConformance, SteppedPlatform


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

