"""Bad input and bad code: a clear error for whoever caused it, an engine that goes on, and a history that is whole."""

import pytest
from tests.engine.programs.misbehaving import (
    CODE,
    Unwritable,
    calls_wrongly,
    calm,
    catches,
    exiting,
    fails,
    floods,
    gets,
    gives,
    grows,
    keeps_flooding,
    leaves_the_process,
    recurses,
)

import aion_core as aion

__all__ = ["CODE"]

SETTINGS = {"limits": {"history_events": 200}}


@pytest.fixture(autouse=True)
def goes_on(engine):
    """Whatever the test does, the engine runs other workflows after it."""
    yield
    assert engine.run(calm, 7, id="afterwards") == 7


# ---- starts


@pytest.mark.parametrize("arguments", [(), ("object", 2)])
def test_a_wrong_number_of_arguments_is_refused_with_the_signature(engine, arguments):
    with pytest.raises(TypeError, match=r"gets\(kind: str\)"):
        engine.start(gets, *arguments)
    assert engine.count() == 0


@pytest.mark.parametrize("argument", ["seven", 1.5, None, [1]])
def test_an_argument_of_the_wrong_type_is_refused_by_its_name(engine, argument):
    with pytest.raises(aion.PayloadError, match="value"):
        engine.start(calm, argument)
    assert engine.count() == 0


@pytest.mark.parametrize("argument", [Unwritable(), float("nan"), "\ud800", "\x00"])
def test_what_can_not_be_written_is_refused(engine, argument):
    with pytest.raises(aion.PayloadError):
        engine.start("calm", argument)
    assert engine.count() == 0


def test_an_oversize_argument_is_refused_with_the_limit(engine):
    with pytest.raises(aion.PayloadTooLarge, match="payload"):
        engine.start(gets, "x" * 3_000_000)
    assert engine.count() == 0


def test_an_oversize_signal_is_refused(engine):
    run = engine.start(grows, id="g")
    with pytest.raises(aion.PayloadTooLarge):
        run.signal("more", "x" * 3_000_000)
    assert "SignalReceived" not in [event.type for event in run.history()]


def test_a_wrong_argument_by_name_fails_the_run_and_not_the_engine(engine):
    run = engine.start("calm", "seven", id="c")
    with pytest.raises(aion.WorkflowFailed, match="value"):
        run.result(timeout=20)


def test_an_unknown_workflow_names_those_there_are(engine):
    with pytest.raises(aion.UnknownWorkflow, match="calm"):
        engine.start("clam")
    assert engine.count() == 0


@pytest.mark.parametrize("id", ["", " x", "x ", "a\nb", "x" * 256, "aion:mine"])
def test_an_id_that_can_not_be_one_is_refused(engine, id):
    with pytest.raises(aion.InvalidId):
        engine.start(calm, id=id)
    assert engine.count() == 0


@pytest.mark.parametrize("options", [{"delay": -1}, {"timeout": -1}, {"timeout": float("nan")}, {"timeout": 0}])
def test_a_time_that_can_not_be_meant_is_refused(engine, options):
    with pytest.raises(ValueError, match=r"delay|timeout"):
        engine.start(calm, **options)
    assert engine.count() == 0


def test_a_keyword_that_a_start_does_not_have_says_what_to_do(engine):
    with pytest.raises(TypeError, match="bind"):
        engine.start(calm, value=3)


def test_what_is_no_workflow_is_refused(engine):
    with pytest.raises(TypeError, match="workflow"):
        engine.start(lambda: None)


# ---- what activities do


@pytest.mark.parametrize("kind", ["odd", "mute", "huge", "surrogate", "group", "chain", "details"])
def test_every_exception_of_an_activity_can_be_told(engine, kind):
    told = engine.run(catches, kind, id="c")
    expected = {"odd": "Odd", "mute": "Mute", "group": "ExceptionGroup", "details": "ActivityError"}
    assert told["type"] == expected.get(kind, "RuntimeError")
    assert 1 <= told["links"] <= 20


@pytest.mark.parametrize("kind", ["odd", "mute", "huge", "surrogate", "group", "chain"])
def test_every_exception_of_a_workflow_can_be_told(engine, kind):
    run = engine.start(fails, kind, id="f")
    with pytest.raises(aion.WorkflowFailed) as failed:
        run.result(timeout=20)
    assert failed.value.traceback
    assert len(failed.value.message) < 20_000
    assert run.describe().failure.type == failed.value.type


@pytest.mark.parametrize("kind", ["object", "nan", "huge", "set"])
def test_a_result_that_can_not_be_written_fails_the_activity_at_once(engine, gate, kind):
    assert engine.run(gets, kind, id="g") == ("PayloadTooLarge" if kind == "huge" else "PayloadError")
    assert gate("returns").notes == [kind]


@pytest.mark.parametrize("kind", ["object", "nan", "huge"])
def test_a_workflows_result_that_can_not_be_written_fails_it(engine, kind):
    run = engine.start(gives, kind, id="g")
    with pytest.raises(aion.WorkflowFailed) as failed:
        run.result(timeout=20)
    assert failed.value.is_("PayloadError", "PayloadTooLarge")


@pytest.mark.parametrize(("kind", "error"), [("too many", "TypeError"), ("unwritable", "PayloadError")])
def test_a_wrong_call_of_an_activity_is_an_error_where_it_is_made(engine, kind, error):
    assert engine.run(calls_wrongly, kind, id="c") == error


def test_a_wrong_argument_fails_the_activity_at_once(engine):
    assert engine.run(calls_wrongly, "type", id="c") in {"PayloadError", "ActivityFailed"}


def test_a_body_that_exits_ends_its_attempt_only(engine):
    assert engine.run(exiting, id="e") == "SystemExit"


# ---- what workflows do


def test_timers_that_are_cancelled_in_their_own_turn_leave_nothing(engine):
    run = engine.start(floods, 150, id="f")
    assert run.result(timeout=60) == 150
    assert [event.type for event in run.history()] == ["WorkflowStarted", "WorkflowCompleted"]


def test_a_flood_of_timers_blocks_its_run_and_loses_nothing(engine):
    run = engine.start(keeps_flooding, 2_000, id="f")
    run.signal("more")
    assert run.status() is aion.Status.BLOCKED
    assert "events" in run.describe().blocked_reason
    run.terminate()


def test_a_history_that_grows_without_end_is_blocked_with_the_limit(engine):
    run = engine.start(grows, id="g")
    for _ in range(120):
        run.signal("more")
    assert run.status() is aion.Status.BLOCKED
    described = run.describe()
    assert "200" in described.blocked_reason
    assert described.history_length < 400


def test_a_recursion_fails_its_run(engine):
    run = engine.start(recurses, id="r")
    with pytest.raises(aion.WorkflowFailed) as failed:
        run.result(timeout=20)
    assert failed.value.is_(RecursionError)


@pytest.mark.parametrize("kind", ["thread", "file", "process"])
def test_a_call_that_leaves_the_process_blocks_the_run_whatever_code_catches(engine, until, kind):
    run = engine.start(leaves_the_process, kind, id="l")
    run.signal("go")
    until(run, "WorkflowBlocked")
    assert run.describe().failure.type == "NonDeterministicCall"
    assert [event.type for event in run.history()] == ["WorkflowStarted", "WorkflowBlocked", "SignalReceived"]


def test_a_blocked_run_is_cancelled_without_running_code(engine, until):
    run = engine.start(leaves_the_process, "file", id="l")
    run.signal("go")
    until(run, "WorkflowBlocked")
    run.cancel("enough")
    with pytest.raises(aion.WorkflowCancelled, match="enough"):
        run.result(timeout=20)
