"""Turns that do not end: left behind and blocked after their deadline, while others go on."""

import pytest
from tests.engine.programs.misbehaving import CODE, calm, keeps_flooding, never_yields

import aion_core as aion

__all__ = ["CODE"]

SETTINGS = {"engine": {"turn_deadline": 0.5}, "limits": {"history_events": 200}}


def test_a_workflow_that_never_yields_is_blocked_with_the_place(engine, gate, until):
    run = engine.start(never_yields, id="n")
    run.signal("go")
    until(run, "WorkflowBlocked")
    described = run.describe()
    assert described.status is aion.Status.BLOCKED
    assert "misbehaving.py" in described.blocked_reason
    assert engine.run(calm, id="meanwhile") == 1
    with pytest.raises(aion.WorkflowBlocked):
        run.query("anything")
    assert engine.health().abandoned >= 1
    gate("end of the loop").note("over")


def test_a_turn_of_very_many_timers_hurts_nobody_else(engine, until):
    check_that_others_go_on_beside(engine, until, many=30_000)


@pytest.mark.nightly
@pytest.mark.runtime_only  # the turns that were left behind go on to the end, with gigabytes
def test_a_turn_of_a_million_timers_hurts_nobody_else(engine, until):
    check_that_others_go_on_beside(engine, until, many=1_000_000)


def check_that_others_go_on_beside(engine, until, *, many):
    run = engine.start(keeps_flooding, many, id="f")
    assert engine.run(calm, id="meanwhile") == 1
    run.signal("more")  # where the turn was quick enough, the next one meets the limit of events
    until(run, "WorkflowBlocked")
    run.terminate()
