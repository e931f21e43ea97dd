"""For the whole suite: one check of where it runs, and the depth of generated tests."""

import os
import sys
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

if find_spec("aion_core.model") is None:  # a folder `aion_core/` shadows the package when it is not installed
    pytest.exit("aion_core is not installed here: run the tests with `make test`.", returncode=4)

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "database": None}
settings.register_profile("default", max_examples=60, **_COMMON)
settings.register_profile("ci", max_examples=60, **_COMMON)
settings.register_profile("nightly", max_examples=2_000, **_COMMON)
settings.load_profile(os.environ.get("AION_TEST_PROFILE", "default"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if os.environ.get("AION_TEST_PROFILE") == "nightly":
        return
    slow = [item for item in items if item.get_closest_marker("nightly")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_unconfigure(config):
    if databases := sys.modules.get("tests.databases"):  # a test has used one
        databases.stop()
