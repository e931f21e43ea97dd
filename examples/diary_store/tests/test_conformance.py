import pytest
from diary_store import DiarySettings, DiaryStore

from aion_testkit import EventStoreConformance


class TestDiaryStore(EventStoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path):
        return lambda: DiaryStore(DiarySettings(path=tmp_path / "diary.txt"))
