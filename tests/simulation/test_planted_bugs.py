"""The sweep is tested: bugs that are put into the engine on purpose are found, each within so many points."""

import re

import pytest
from tests.simulation.harness import Point
from tests.simulation.planted import BUGS
from tests.simulation.sweep import failures, points, run

OWN_ERROR = re.compile(r"(Attribute|Type|Name|Key|Index|NotAnAttrsClass|Engine)Error\b")
MOST = 400
"""Points that finding one may take."""


def found(planted):
    """The first point that fails, and how many it took."""
    tried = 0
    for seed in planted.seeds:
        for outcome in map(run, [Point(planted.where, seed)]):
            tried += 1
            if outcome.broken:
                return outcome, tried
        for point in points([seed], [planted.where]):
            tried += 1
            outcome = run(point)
            if outcome.broken:
                return outcome, tried
    return None, tried


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name, monkeypatch, record_property, evidence):
    BUGS[name].plant(monkeypatch)
    outcome, tried = found(BUGS[name])
    assert outcome is not None, f"{name}: not caught by {tried} points"
    record_property("caught by", failures(outcome))
    assert tried <= MOST
    assert not OWN_ERROR.search(failures(outcome)), "the bug itself failed, and nothing was tested"
    evidence("planted bugs", on="simulated", times=1)
