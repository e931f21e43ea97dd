from itertools import count

import pytest

from aion_core.memory import MemoryEventStore, MemorySettings, MemoryVisibilitySettings, MemoryVisibilityStore
from aion_testkit import EventStoreConformance, SteppedPlatform, VisibilityStoreConformance

_names = (f"conformance-{number}" for number in count())


class TestMemoryEventStore(EventStoreConformance):
    @pytest.fixture
    def platform(self):
        return SteppedPlatform()

    @pytest.fixture
    def make_store(self, platform):
        settings = MemorySettings(name=next(_names))
        return lambda: MemoryEventStore(settings, platform)

    @pytest.fixture
    def pass_time(self, platform):
        return platform.advance


class TestMemoryVisibilityStore(VisibilityStoreConformance):
    @pytest.fixture
    def make_store(self):
        settings = MemoryVisibilitySettings(name=next(_names))
        return lambda: MemoryVisibilityStore(settings)


class TestVisibilityOfTheMemoryEventStore(VisibilityStoreConformance):
    @pytest.fixture
    def make_store(self):
        settings = MemorySettings(name=next(_names))
        return lambda: MemoryEventStore(settings)
