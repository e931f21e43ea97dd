"""Queries: answered in every state, by the state as it is, and without a trace."""

import pytest
from tests.engine.programs.orders import WEEK
from tests.engine.programs.talking import CODE, replaced, silent, waiting

import aion_core as aion

__all__ = ["CODE"]

WAITS = ("activity", "timer", "signal", "condition", "many", "nothing")


@pytest.fixture
def run(engine):
    return engine.start(waiting, "signal", id="w")


@pytest.mark.parametrize("on", WAITS)
def test_a_run_answers_whatever_it_waits_for(engine, gate, on):
    run = engine.start(waiting, on, id="w")
    if on in {"activity", "many"}:
        gate("asked").reached()
    before = run.history()
    assert run.query("status") == f"waits for {on}"
    assert run.query("status") == f"waits for {on}"
    assert run.history() == before
    run.signal("end")
    assert run.result(timeout=20) == on


def test_a_closed_run_answers(run):
    run.signal("end")
    run.result(timeout=20)
    before = run.history()
    assert run.query("status") == "has ended"
    assert run.history() == before


@pytest.mark.parametrize("end", ["cancel", "terminate"])
def test_a_run_that_was_ended_from_outside_answers_as_it_was(run, end):
    getattr(run, end)()
    assert run.query("status") == "waits for signal"


def test_a_query_takes_arguments(run):
    assert run.query("echo", "hello", 2) == ["hello", "hello"]
    assert run.query("echo", "hello", type=list[str]) == ["hello"]


@pytest.mark.parametrize("arguments", [(), ("hello", 2, 3), (1,)])
def test_a_query_with_wrong_arguments_fails_its_caller_only(run, arguments):
    with pytest.raises(aion.QueryFailed):
        run.query("echo", *arguments)
    assert run.query("status") == "waits for signal"


def test_an_unknown_query_names_those_there_are(run):
    with pytest.raises(aion.UnknownHandler, match="'state'") as unknown:
        run.query("state")
    assert unknown.value.known == ("echo", "fails", "meddles", "schedules", "status", "unwritable")


def test_a_workflow_without_queries_says_so(engine):
    with pytest.raises(aion.UnknownHandler, match="It has: none"):
        engine.start(silent, id="s").query("status")


def test_a_query_that_raises_fails_its_caller_only(run):
    with pytest.raises(aion.QueryFailed, match="not on this shelf") as failed:
        run.query("fails")
    assert failed.value.is_(LookupError)
    assert run.query("status") == "waits for signal"


def test_an_answer_that_can_not_be_written_fails_its_caller_only(run):
    with pytest.raises(aion.QueryFailed):
        run.query("unwritable")
    assert run.status() is aion.Status.RUNNING


@pytest.mark.parametrize("query", ["meddles", "schedules"])
def test_a_query_that_would_record_something_fails_its_caller_only(run, query):
    before = run.history()
    with pytest.raises(aion.QueryFailed, match="ReadOnlyViolation"):
        run.query(query)
    assert run.history() == before
    run.signal("end")
    assert run.result(timeout=20) == "signal"


def test_a_query_of_nobody_names_the_id(engine):
    with pytest.raises(aion.WorkflowNotFound, match="'nobody'"):
        engine.handle("nobody").query("status")


def test_a_later_handler_of_a_name_replaces_the_first(engine):
    run = engine.start(replaced, id="r")
    assert run.query("status") == "first"
    run.signal("next")
    assert run.query("status") == "second"


def test_a_run_that_has_not_begun_answers_when_it_has(engine):
    run = engine.start(waiting, "signal", id="w", delay=WEEK)
    with pytest.raises(aion.QueryTimeout):
        run.query("status", timeout=0.05)
    later = engine.start(waiting, "signal", id="x", delay=0.05)
    assert later.query("status") == "waits for signal"


def test_a_stack_shows_where_code_waits(engine):
    run = engine.start(waiting, "timer", id="w")
    assert "talking.py" in run.stack()


def test_a_hundred_queries_at_once_are_answered(run):
    assert [run.query("echo", str(number)) for number in range(100)] == [[str(number)] for number in range(100)]
