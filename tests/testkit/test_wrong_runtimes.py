"""That the kit notices what it is there to notice: every wrong runtime fails the case that is about it."""

import importlib.util
import sys
from pathlib import Path

import pytest

from aion_testkit import run_conformance
from aion_testkit.runtimes import host

_PATH = Path(__file__).with_name("wrong_runtimes.py")
_SPEC = importlib.util.spec_from_file_location("wrong_runtimes", _PATH)
wrong_runtimes = importlib.util.module_from_spec(_SPEC)
sys.modules["wrong_runtimes"] = wrong_runtimes
_SPEC.loader.exec_module(wrong_runtimes)

CASES = {wrong.case for wrong in wrong_runtimes.WRONG}
BEYOND = {"test_a_turn_that_hangs_is_lost_and_says_why"}
"""What the plain runtime can not do."""


def run(runtime, only):
    return run_conformance("runtime", lambda: runtime, only=only)


@pytest.mark.parametrize("wrong", wrong_runtimes.WRONG, ids=lambda wrong: wrong.runtime.__name__)
def test_a_wrong_runtime_is_caught_by_the_case_about_it(wrong, monkeypatch):
    monkeypatch.setattr(host, "PATIENCE", 0.5)  # what is never answered shall not take long
    report = run(wrong.runtime, [wrong.case])
    assert [result.case for result in report.failed] == [wrong.case]


def test_a_right_runtime_is_not_caught_by_any_of_these_cases():
    report = run(wrong_runtimes.PlainRuntime, CASES - BEYOND)
    assert [(result.case, result.error) for result in report.failed] == []


def test_no_two_wrong_runtimes_share_a_name():
    names = [wrong.runtime.__name__ for wrong in wrong_runtimes.WRONG]
    assert len(names) == len(set(names)) >= 6
