"""Signals: recorded before they are delivered, kept in order until they are received, and taken once."""

import pytest
from tests.engine.programs.orders import WEEK
from tests.engine.programs.talking import (
    CODE,
    Add,
    adder,
    forgiving,
    impatient,
    late_adder,
    listener,
    listener_and_receiver,
    silent,
)

import aion_core as aion

__all__ = ["CODE"]


def received(run):
    return [event for event in run.history() if event.type == "SignalReceived"]


def test_a_signal_is_in_the_history_when_sending_it_returns(engine):
    run = engine.start(silent, id="s")
    run.signal("word", {"a": 1})
    (event,) = received(run)
    assert (event.data["name"], event.data["payload"]) == ("word", {"a": 1})


def test_a_signal_that_came_early_waits_for_its_receiver(engine):
    run = engine.start(late_adder, id="s")
    run.signal(Add, 1)
    run.signal(Add, 2)
    run.signal("go")
    assert run.result(timeout=20) == [1, 2]


def test_a_thousand_signals_are_received_in_the_order_in_which_they_were_sent(engine, resident):
    many = 1000 if resident is None else 60  # each one is a replay of all before it
    run = engine.start(adder, many, id="s")
    for number in range(many):
        run.signal(Add, number)
    assert run.result(timeout=60) == list(range(many))


def test_a_signal_sent_again_with_its_message_id_changes_nothing(engine):
    run = engine.start(adder, 2, id="s")
    run.signal(Add, 1, message_id="one")
    run.signal(Add, 1, message_id="one")
    run.signal(Add, 2, message_id="two")
    assert run.result(timeout=20) == [1, 2]


def test_a_message_id_is_known_also_when_its_signal_was_consumed(engine, until):
    run = engine.start(adder, 2, id="s")
    run.signal(Add, 1, message_id="one")
    until(run, "SignalReceived")
    run.signal(Add, 7, message_id="one")
    assert len(received(run)) == 1
    run.signal(Add, 2)
    assert run.result(timeout=20) == [1, 2]


def test_a_signal_sent_again_when_the_run_has_ended_is_as_good_as_before(engine):
    run = engine.start(adder, 1, id="s")
    run.signal(Add, 1, message_id="one")
    run.result(timeout=20)
    run.signal(Add, 1, message_id="one")
    assert len(received(run)) == 1


def test_message_ids_count_within_their_workflow(engine):
    one, other = engine.start(adder, 1, id="a"), engine.start(adder, 1, id="b")
    one.signal(Add, 1, message_id="m")
    other.signal(Add, 2, message_id="m")
    assert (one.result(timeout=20), other.result(timeout=20)) == ([1], [2])


def test_a_signal_to_a_closed_run_is_refused_and_not_recorded(engine):
    run = engine.start(adder, 0, id="s")
    run.result(timeout=20)
    before = len(run.history())
    with pytest.raises(aion.WorkflowClosed, match="completed") as refused:
        run.signal(Add, 1)
    assert (refused.value.id, refused.value.run_id) == ("s", run.run_id)
    assert len(run.history()) == before


def test_a_signal_to_nobody_names_the_id(engine):
    with pytest.raises(aion.WorkflowNotFound, match="'nobody'"):
        engine.handle("nobody").signal("x")


def test_a_signal_to_a_run_that_is_not_current_is_refused(engine):
    first = engine.start(silent, id="s")
    engine.start(silent, id="s", policy="restart")
    with pytest.raises(aion.WorkflowClosed):
        engine.handle("s", first.run_id).signal("word")
    engine.handle("s").signal("word")


def test_a_signal_with_no_receiver_leaves_the_run_as_it_is(engine):
    run = engine.start(silent, id="s")
    run.signal("never-heard-of", [1, 2])
    assert run.status() is aion.Status.RUNNING
    run.signal("end")
    assert run.result(timeout=20) is None


def test_receive_times_out_and_consumes_nothing(engine):
    run = engine.start(impatient, id="s")
    assert run.result(timeout=20) == "nobody spoke"


def test_a_value_of_another_type_is_an_error_that_code_may_catch(engine):
    run = engine.start(forgiving, id="s")
    run.signal("add", "seven")
    run.signal("add", 7)
    assert run.result(timeout=20) == ["PayloadError", "7"]


def test_a_handler_takes_every_signal_of_its_name(engine):
    run = engine.start(listener, id="s")
    for number in (1, 2, 3):
        run.signal(Add, number)
    assert run.result(timeout=20) == [1, 2, 3]


def test_a_name_is_handled_or_received(engine):
    assert engine.run(listener_and_receiver, id="s") == "refused"


def test_a_value_that_can_not_be_encoded_is_refused_before_anything_is_recorded(engine):
    run = engine.start(silent, id="s")
    with pytest.raises(aion.PayloadError):
        run.signal("word", object())
    assert received(run) == []


def test_a_delayed_start_keeps_its_signals(engine):
    run = engine.start(adder, 1, id="s", delay=WEEK)
    run.signal(Add, 1, message_id="one")
    run.signal(Add, 1, message_id="one")
    assert len(received(run)) == 1
