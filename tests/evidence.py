"""What tests of reliability have tried, as lines of JSON: `pytest --evidence FILE`, of which a page is written."""

import json
import os
from pathlib import Path

import pytest

OPTION = "--evidence"


def pytest_addoption(parser):
    parser.addoption(OPTION, metavar="FILE", type=Path, help="append what the tests of reliability have tried to FILE")


@pytest.fixture(scope="session")
def evidence(pytestconfig):
    """`evidence("kill-9", on="SQLite", times=200, seed=1)` is said at the end of a test: all of it held.

    The other facts are numbers that were measured on the way.
    """
    file = pytestconfig.getoption(OPTION)

    def evidence(what, *, on, times, seed=None, **measured):
        line = {"what": what, "on": on, "times": times, "seed": seed, "profile": profile(), "measured": measured}
        if file is not None:
            with file.open("a") as lines:  # in one write: several processes of pytest may do it
                lines.write(json.dumps(line) + "\n")

    return evidence


def profile():
    """`ci` or `nightly`: how much is tried."""
    return "nightly" if os.environ.get("AION_TEST_PROFILE") == "nightly" else "ci"
