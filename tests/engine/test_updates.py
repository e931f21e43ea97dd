"""Code that changes while runs are open: what no longer fits its history is blocked, and goes on when it fits again."""

import pytest
from tests.engine.programs.versions import changed, first, other, with_patch

import aion_core as aion


@pytest.fixture
def begun(house, until):
    """A run of the first version, that has charged and waits; its engine is closed."""
    engine = house.open(first)
    run = engine.start(first, "42", id="order-42")
    until(run, "ActivityCompleted")
    engine.close()
    return run


def charged(gate):
    return gate("charge").notes == ["42"]


def test_code_that_does_something_else_blocks_the_run_and_says_what(house, begun, gate, until):
    engine = house.open(changed)
    house.can_not_replay("order-42")
    run = engine.handle("order-42")
    run.signal("go")
    until(run, "WorkflowBlocked")
    described = run.describe()
    assert described.status is aion.Status.BLOCKED
    message = described.blocked_reason
    assert "history has activity `charge` (#0, event 2)" in message
    assert "the code now calls activity `ship` at" in message
    assert "versions.py:" in message
    assert described.failure.type == "NonDeterminism"
    assert gate("ship").notes == []


def test_a_blocked_run_goes_on_when_its_code_is_right_again(house, begun, gate, until):
    wrong = house.open(changed)
    run = wrong.handle("order-42")
    run.signal("go", message_id="m")
    until(run, "WorkflowBlocked")
    wrong.close()
    right = house.open(first)
    assert right.handle("order-42").result(timeout=20) == ["receipt-42", "parcel-42"]
    assert charged(gate)
    kinds = [event.type for event in right.handle("order-42").history()]
    assert kinds.count("SignalReceived") == 1
    assert kinds.index("WorkflowBlocked") < kinds.index("WorkflowUnblocked")


def test_what_arrives_while_a_run_is_blocked_is_kept(house, begun, until):
    wrong = house.open(changed)
    run = wrong.handle("order-42")
    run.signal("other")
    until(run, "WorkflowBlocked")
    run.signal("go")
    wrong.close()
    right = house.open(first)
    assert right.handle("order-42").result(timeout=20) == ["receipt-42", "parcel-42"]


def test_the_same_code_again_leaves_a_blocked_run_blocked(house, begun, until):
    house.can_not_replay("order-42")
    for _ in range(2):
        engine = house.open(changed)
        run = engine.handle("order-42")
        if run.status() is not aion.Status.BLOCKED:
            run.signal("go")
            until(run, "WorkflowBlocked")
        engine.close()
    engine = house.open(changed)
    run = engine.handle("order-42")
    assert run.status() is aion.Status.BLOCKED
    assert [event.type for event in run.history()].count("WorkflowBlocked") == 1


def test_a_patch_lets_open_runs_go_on_as_they_began(house, begun, gate):
    engine = house.open(with_patch)
    run = engine.handle("order-42")
    run.signal("go")
    assert run.result(timeout=20) == ["receipt-42", "parcel-42"]
    assert charged(gate)
    assert engine.run(with_patch, "43", id="order-43") == ["receipt-43", "parcel-43"]
    assert gate("ship").notes == ["42", "43"]


def test_a_type_that_is_not_there_blocks_its_runs_until_it_is(house, begun, until):
    engine = house.open(other)
    run = engine.handle("order-42")
    run.signal("go")
    until(run, "WorkflowBlocked")
    assert "checkout" in run.describe().blocked_reason
    engine.close()
    right = house.open(first)
    assert right.handle("order-42").result(timeout=20) == ["receipt-42", "parcel-42"]


def test_a_blocked_run_is_terminated_and_others_are_not_touched(house, begun, until):
    engine = house.open(changed)
    house.can_not_replay("order-42")
    run = engine.handle("order-42")
    run.signal("go")
    until(run, "WorkflowBlocked")
    assert engine.start(changed, "43", id="order-43").created
    run.terminate("no use")
    assert run.status() is aion.Status.TERMINATED


def test_two_workflows_of_one_name_are_refused_at_open(house):
    with pytest.raises(aion.DuplicateName, match="checkout"):
        house.open(first, changed)
    house.open(first)
