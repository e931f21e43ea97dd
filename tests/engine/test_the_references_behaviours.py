"""What the seeds of the reference's own tests promise, in this engine's terms and in their order."""

import threading
from concurrent.futures import Future

import pytest
from attrs import evolve
from tests.engine.programs.reference import CODE, WEEK, failing, following, quick, registering_again, waiting

import aion_core as aion
from aion_core.config import load
from aion_core.engine.catalog import Catalog
from aion_core.engine.core import EngineCore
from aion_core.opening.engines import parts_of
from aion_core.platform import SYSTEM
from aion_testkit.forwarding import ForwardingEventStore

PATIENCE = 20
__all__ = ["CODE"]


@pytest.fixture
def opened(house):
    """`opened()` is one more engine over the test's store."""
    return lambda: house.open(*CODE)


@pytest.fixture
def run(engine):
    return engine.start(following, "order-1", id="f")


def kinds(run):
    return [event.type for event in run.history()]


def meanwhile(call):
    """What the call gives or raises, on a thread of its own."""
    future = Future()

    def answer():
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=answer, daemon=True).start()
    return future


class Refusing(ForwardingEventStore):
    """A store that takes no more signals when it is told so."""

    refuses = False

    def append(self, commits):
        if self.refuses and any(b"lost" in commit.batch.body for commit in commits):
            raise aion.StoreRefused("not this one")
        return super().append(commits)


# ---- starting and ending


def test_a_run_that_is_cancelled_has_one_event_for_its_start_and_one_for_its_end(engine):
    run = engine.start(waiting, id="w")
    run.cancel("enough")
    with pytest.raises(aion.WorkflowCancelled):
        run.result(timeout=PATIENCE)
    started, cancelled = run.history()
    assert (started.type, cancelled.type, cancelled.data["reason"]) == (
        "WorkflowStarted",
        "WorkflowCancelled",
        "enough",
    )


def test_the_result_is_what_the_code_returned(engine):
    assert engine.start(quick, "order-1", id="q").result(timeout=PATIENCE) == "order-1 is done"


def test_the_result_of_a_failed_run_is_the_error_of_its_code(engine):
    with pytest.raises(aion.WorkflowFailed, match="order-1 is out of stock"):
        engine.start(failing, "order-1", id="f").result(timeout=PATIENCE)


def test_the_result_of_nobody_names_the_id(engine):
    with pytest.raises(aion.WorkflowNotFound, match="nobody"):
        engine.handle("nobody").result(timeout=PATIENCE)


def test_a_list_holds_open_and_closed_runs_once_and_a_condition_narrows_it(engine):
    engine.start(waiting, id="open")
    engine.start(quick, "x", id="done").result(timeout=PATIENCE)
    assert sorted(each.id for each in engine.list()) == ["done", "open"]
    assert [each.id for each in engine.list("status = 'completed'")] == ["done"]


def test_nothing_is_started_after_the_engine_has_closed(opened):
    engine = opened()
    engine.close()
    with pytest.raises(aion.EngineClosed):
        engine.start(quick, "x", id="late")
    assert list(opened().list()) == []


# ---- delivering


def test_a_message_reaches_the_code_that_is_there(run):
    run.signal("word", "one")
    run.signal("word", "end")
    assert run.result(timeout=PATIENCE) == ["receipt-one"]


def test_a_message_that_can_not_be_recorded_is_an_error_and_reaches_nobody(house):
    house.uses(*CODE)
    parts = parts_of(load(house.config()), Catalog(CODE), SYSTEM)
    store = Refusing(parts.store)
    core = EngineCore(evolve(parts, store=store))
    core.open()
    with aion.Engine(core) as engine:
        run = engine.start(following, "order-1", id="f")
        store.refuses = True
        with pytest.raises(aion.StoreRefused):
            run.signal("word", "lost")
        assert {*kinds(run)} <= {"WorkflowStarted", "WorkflowBlocked"}


# ---- recovering


def test_an_engine_that_opens_reads_each_open_history_once_when_there_is_something_to_do(opened, house, monkeypatch):
    ids = [f"w-{number}" for number in range(5)]
    with opened() as first:
        for each in ids:
            first.start(waiting, id=each)
    reads = []
    kind = type(house.store())
    read = kind.read

    def counted(self, workflow_id, **options):
        reads.append(workflow_id)
        return read(self, workflow_id, **options)

    monkeypatch.setattr(kind, "read", counted)
    second = opened()
    assert reads == []
    for each in ids:
        second.handle(each).signal("end", "done")
    assert reads == ids
    monkeypatch.undo()
    assert [second.handle(each).result(timeout=PATIENCE) for each in ids] == ["done"] * len(ids)


# ---- asking


def test_handlers_leave_nothing_behind_and_may_be_set_again(engine):
    run = engine.start(registering_again, id="r")
    for number in range(3):
        assert run.query("which") == number
        run.signal("next")
    run.result(timeout=PATIENCE)
    assert {*kinds(run)} == {"WorkflowStarted", "SignalReceived", "WorkflowCompleted"}


def test_each_run_answers_for_itself(engine):
    runs = [engine.start(following, f"order-{number}", id=f"f-{number}") for number in range(3)]
    assert [run.query("name") for run in runs] == ["order-0", "order-1", "order-2"]


def test_a_run_whose_first_instruction_is_a_handler_lives_and_answers(run):
    assert run.query("heard") == []
    assert kinds(run) == ["WorkflowStarted"]


def test_a_query_of_nobody_names_the_id(engine):
    with pytest.raises(aion.WorkflowNotFound, match="nobody"):
        engine.handle("nobody").query("heard")


def test_answers_go_to_their_own_callers(run):
    asked = [(name, meanwhile(lambda name=name: run.query(name))) for name in ["name", "heard"] * 10]
    answers = {"name": "order-1", "heard": []}
    assert [future.result(PATIENCE) for _, future in asked] == [answers[name] for name, _ in asked]


def test_what_a_handler_raises_is_its_callers(run):
    with pytest.raises(aion.QueryFailed, match="no answer"):
        run.query("broken")


@pytest.mark.parametrize("wrong", ["broken", "meddling", "unheard-of"])
def test_a_question_that_failed_stands_in_the_way_of_nothing(run, wrong):
    with pytest.raises((aion.QueryFailed, aion.UnknownHandler)):
        run.query(wrong)
    run.signal("word", "one")
    assert run.query("name") == "order-1"
    run.signal("word", "end")
    assert run.result(timeout=PATIENCE) == ["receipt-one"]


def test_a_question_goes_there_and_back_and_leaves_nothing(run):
    before = kinds(run)
    assert run.query("name") == "order-1"
    assert kinds(run) == before


def test_a_question_that_is_not_answered_in_its_time_says_so(engine):
    run = engine.start(following, "order-1", id="later", delay=WEEK)
    with pytest.raises(aion.QueryTimeout):
        run.query("name", timeout=0.05)


def test_a_handler_that_would_record_something_is_refused(run):
    before = kinds(run)
    with pytest.raises(aion.QueryFailed, match="may look and not touch"):
        run.query("meddling")
    assert kinds(run) == before


def test_nobody_is_answered_out_of_a_replay_that_is_not_through(opened):
    with opened() as first:
        run = first.start(following, "order-1", id="f")
        for number in range(10):
            run.signal("word", str(number))
        run.signal("word", "end")
        whole = run.result(timeout=PATIENCE)
    assert opened().handle("f").query("heard") == whole


def test_whoever_waits_for_an_answer_hears_that_the_engine_has_closed(opened, monkeypatch):
    engine = opened()
    run = engine.start(following, "order-1", id="later", delay=WEEK)
    asked, submit = threading.Event(), engine._backend.submit

    def submitted(*args, **options):
        reply = submit(*args, **options)
        asked.set()
        return reply

    monkeypatch.setattr(engine._backend, "submit", submitted)
    answer = meanwhile(lambda: run.query("name", timeout=600))
    assert asked.wait(PATIENCE)
    engine.close()
    with pytest.raises(aion.EngineError):
        answer.result(PATIENCE)


def test_questions_leave_the_history_as_it_is(run):
    run.signal("word", "one")
    run.signal("word", "end")
    run.result(timeout=PATIENCE)
    before = list(run.history())
    for name in ["name", "heard", "broken", "meddling", "unheard-of"] * 3:
        try:
            run.query(name)
        except aion.AionError:
            pass
    assert list(run.history()) == before


def test_an_unknown_name_is_answered_at_once_and_the_others_are_not_touched(engine):
    run = engine.start(following, "order-1", id="f")
    asked = meanwhile(lambda: run.query("name"))
    with pytest.raises(aion.UnknownHandler, match="heard"):
        run.query("unheard-of")
    assert asked.result(PATIENCE) == "order-1"
