import pytest

from aion_core.spi import SYSTEM
from aion_runtime_thread import ThreadRuntime, ThreadSettings
from aion_testkit import RuntimeConformance


class TestThreadRuntime(RuntimeConformance):
    @pytest.fixture
    def make_runtime(self):
        return lambda: ThreadRuntime(ThreadSettings(), SYSTEM)
