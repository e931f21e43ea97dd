from itertools import count

import pytest

from aion_core.memory import MemoryEventStore, MemorySettings
from aion_testkit import EventStoreConformance, SteppedPlatform

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
