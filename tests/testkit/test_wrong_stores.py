"""That the kit notices what it is there to notice: every wrong store fails the case that is about it."""

import importlib.util
import itertools
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from aion_core.memory import MemoryEventStore, MemoryVisibilityStore
from aion_testkit import SteppedPlatform, run_conformance
from aion_testkit.events import machine

_PATH = Path(__file__).with_name("wrong_stores.py")
_SPEC = importlib.util.spec_from_file_location("wrong_stores", _PATH)
wrong_stores = importlib.util.module_from_spec(_SPEC)
sys.modules["wrong_stores"] = wrong_stores
_SPEC.loader.exec_module(wrong_stores)

_numbers = itertools.count()
MACHINE = "test_any_sequence_of_calls_agrees_with_the_model"


def run(store, kind, only):
    platform = SteppedPlatform()

    def make_place():
        return wrong_stores.PLACES[kind](store, f"wrong-{next(_numbers)}", platform)

    return run_conformance(kind, make_place, only=only, pass_time=platform.advance)


@pytest.mark.parametrize("wrong", wrong_stores.WRONG, ids=lambda wrong: wrong.store.__name__)
def test_a_wrong_store_is_caught_by_the_case_about_it(wrong):
    report = run(wrong.store, wrong.kind, [wrong.case])
    assert [result.case for result in report.failed] == [wrong.case]


@pytest.mark.parametrize(
    ("store", "kind"), [(MemoryEventStore, "event_store"), (MemoryVisibilityStore, "visibility_store")]
)
def test_a_right_store_is_not_caught_by_any_of_these_cases(store, kind):
    cases = {wrong.case for wrong in wrong_stores.WRONG if wrong.kind == kind}
    report = run(store, kind, cases)
    assert report.failed == ()


@pytest.mark.parametrize(
    "store",
    [
        wrong_stores.NoCompareAndSwap,
        wrong_stores.RepeatIsAppliedTwice,
        wrong_stores.AcceptsStaleFences,
        wrong_stores.CommitsLoseTheirOutcomes,
        wrong_stores.TombstonesAreForgotten,
        wrong_stores.TheLastOutcomeWins,
        wrong_stores.InOrderOfArrival,
        wrong_stores.TheFloorStays,
        wrong_stores.NobodyIsTooLate,
        wrong_stores.QuietCommitsLeaveNoOpId,
        wrong_stores.TakeOverKeepsTheEpoch,
        wrong_stores.DueMeansBefore,
    ],
)
def test_the_state_machine_finds_it_too(store, monkeypatch):
    quick = settings(machine.hypothesis_settings(), phases=[Phase.generate])  # finding is enough: no shrinking
    monkeypatch.setattr(machine, "hypothesis_settings", lambda: quick)
    assert [result.case for result in run(store, "event_store", [MACHINE]).failed] == [MACHINE]


def test_no_two_wrong_stores_share_a_name():
    names = [wrong.store.__name__ for wrong in wrong_stores.WRONG]
    assert len(names) == len(set(names)) >= 18
