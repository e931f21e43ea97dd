import pytest

from aion_core.client.requests import SignalRequest, StartPolicy, StartRequest
from aion_core.engine.lifecycle import Begin, CodeOptions, Join, Refuse, decide_start, started
from aion_core.ledger import fold
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.policies import RetryPolicy

SECOND = 1_000_000
ENDS = {
    "open": None,
    "completed": e.WorkflowCompleted(seq=2, at=2),
    "failed": e.WorkflowFailed(seq=2, at=2, failure=Failure(type="OSError", message="")),
    "terminated": e.WorkflowTerminated(seq=2, at=2),
}
CODE = CodeOptions(version="env:1")


def run(state, *, start_hash="same"):
    if state == "none":
        return None
    start = e.WorkflowStarted(seq=1, at=1, run_id="r1", workflow_type="t", version="env:1", python="3.11", machine=1)
    ledger = fold("order-42", [start, *([ENDS[state]] if ENDS[state] else [])])
    ledger.start_hash = start_hash
    return ledger


def request(policy="idempotent", **fields):
    return StartRequest(workflow_type="t", input_hash="same", policy=StartPolicy(policy), **fields)


DECISIONS = """
    policy        none   open       completed  failed     terminated
    idempotent    begin  join       join       join       join
    existing      begin  join       begin      begin      begin
    reject        begin  conflict   conflict   conflict   conflict
    allow_closed  begin  conflict   begin      begin      begin
    allow_failed  begin  conflict   join       begin      begin
    restart       begin  terminate  begin      begin      begin
"""
HEAD, *ROWS = [line.split() for line in DECISIONS.strip().splitlines()]
CASES = [(row[0], state, what) for row in ROWS for state, what in zip(HEAD[1:], row[1:], strict=True)]


@pytest.mark.parametrize(("policy", "state", "expected"), CASES)
def test_a_start_does_what_its_policy_says(policy, state, expected):
    decision = decide_start("order-42", request(policy), run(state))
    if expected == "conflict":
        assert isinstance(decision, Refuse)
        assert (decision.error.id, decision.error.run_id, decision.error.policy) == ("order-42", "r1", policy)
    else:
        assert decision == {"begin": Begin(), "join": Join("r1"), "terminate": Begin(terminating="r1")}[expected]


@pytest.mark.parametrize("state", ENDS)
def test_an_idempotent_start_with_another_input_is_a_conflict_that_says_so(state):
    decision = decide_start("order-42", request(), run(state, start_hash="another"))
    assert "other arguments" in str(decision.error)


def test_a_signal_with_start_joins_an_open_run_whatever_its_input():
    wanted = request(signal=SignalRequest(name="go"))
    assert decide_start("order-42", wanted, run("open", start_hash="another")) == Join("r1")


def test_a_delayed_run_has_its_whole_timeout_after_the_delay():
    event = started(request(delay=5 * SECOND, timeout=7 * SECOND), CODE, now=100 * SECOND, run_id="r2")
    assert (event.not_before, event.deadline) == (105 * SECOND, 112 * SECOND)


def test_a_start_says_more_than_the_decorator():
    code = CodeOptions(version="env:1", timeout=9 * SECOND, retry=RetryPolicy(max_attempts=3))
    own = started(request(timeout=1 * SECOND, retry=RetryPolicy(max_attempts=1)), code, now=0, run_id="r2")
    decorated = started(request(), code, now=0, run_id="r2")
    assert (own.timeout, own.retry.max_attempts) == (1 * SECOND, 1)
    assert (decorated.timeout, decorated.retry.max_attempts) == (9 * SECOND, 3)


def test_a_later_run_of_an_id_names_the_one_before():
    assert started(request(), CODE, now=0, run_id="r2", previous=run("completed")).previous_run == "r1"
