"""What is special to threads about workflow code: a turn that hangs is left behind."""

import inspect

from aion_core.spi import Activated, NeedHistory, TicketLost
from aion_core.worker import Driver
from aion_testkit.runtimes import programs
from aion_testkit.runtimes.stage import completed, drains, history_of, run_id, started


def hang(stage, until, name):
    """Send a run that hangs, and wait until it is lost."""
    hung = stage.activation("hung", started("hung", name), history=())
    stage.runtime.activate([hung])
    until(lambda: hung.ticket in stage.host.results)
    return stage.host.results[hung.ticket]


def hanging(code, gate):
    async def waits_at_the_gate(order: str) -> str:
        gate.wait()
        return order

    return code.workflow(waits_at_the_gate), inspect.getsourcelines(waits_at_the_gate)[1] + 1


def test_the_line_that_a_turn_hangs_in_is_named(open_stage, code, gate, until):
    name, line = hanging(code, gate)
    lost = hang(open_stage(turn_deadline=2.0), until, name)
    assert isinstance(lost, TicketLost)
    assert lost.frame == f"test_turns.py:{line}"
    assert lost.frame in lost.reason


def test_nobody_is_left_behind_before_the_deadline(open_stage, code, gate, clock):
    stage = open_stage(turn_deadline=2.0)
    hung = stage.activation("hung", started("hung", hanging(code, gate)[0]), history=())
    stage.runtime.activate([hung])
    for _ in range(19):
        clock.advance(0.1)
    gate.set()
    (answer,) = stage.wait_for(hung)
    assert isinstance(answer, Activated)
    assert stage.runtime.health().abandoned == 0


def test_what_waited_behind_it_moves_to_a_new_thread_in_its_order(open_stage, code, gate, until):
    stage = open_stage(turn_deadline=2.0)
    held = stage.begin("held")
    name, _ = hanging(code, gate)
    hung = stage.activation("hung", started("hung", name), history=())
    fresh = stage.activation("fresh", started("fresh"), history=())
    later = stage.activation("held", completed(), after=held.ticket)
    stage.runtime.activate([fresh, hung])  # the first one was done when the second one hung: it is done again
    stage.runtime.activate([later])
    until(lambda: later.ticket in stage.host.results)
    answers = stage.wait_for(fresh, hung, later)
    assert [type(answer) for answer in answers] == [Activated, TicketLost, NeedHistory]
    again = stage.activation("held", completed(), history=history_of("held"))
    assert drains(stage.activated(again)) == [["StartTimer"]]


def test_what_a_thread_that_was_left_behind_says_is_ignored(open_stage, code, gate, until):
    stage = open_stage(turn_deadline=2.0)
    name, _ = hanging(code, gate)
    assert isinstance(hang(stage, until, name), TicketLost)
    assert stage.runtime.health().abandoned == 1
    gate.set()
    stage.still_works()
    assert stage.host.complaints == []


def test_every_turn_that_hangs_is_left_behind(open_stage, code, gate, until):
    stage = open_stage(turn_deadline=2.0)
    name, _ = hanging(code, gate)
    assert [type(hang(stage, until, name)) for _ in range(3)] == [TicketLost] * 3
    assert stage.runtime.health().abandoned == 3
    stage.still_works()


def test_many_turns_that_together_take_longer_are_no_hang(open_stage, code, clock):
    def passes_time(order: str) -> str:
        clock.advance(1.5)
        return order

    async def slow(order: str) -> str:
        return passes_time(order)

    stage = open_stage(turn_deadline=2.0)
    name = code.workflow(slow)
    batch = [stage.activation(f"run-{n}", started(f"run-{n}", name), history=()) for n in range(50)]
    assert {type(answer) for answer in stage.answers(*batch)} == {Activated}


def test_closing_leaves_a_turn_that_hangs_behind(open_stage, code, gate):
    stage = open_stage()
    hung = stage.activation("hung", started("hung", hanging(code, gate)[0]), history=())
    stage.runtime.activate([hung])
    stage.close(grace=0.0)
    assert isinstance(stage.host.results[hung.ticket], TicketLost)
    assert stage.runtime.health().abandoned == 1


def test_a_driver_that_fails_loses_its_tickets_and_nothing_else(open_stage, monkeypatch):
    stage = open_stage()
    failing = stage.activation("run", started("run"), history=())
    with monkeypatch.context() as patch:
        patch.setattr(Driver, "activate", lambda *_: 1 / 0)
        (lost,) = stage.answers(failing)
    assert isinstance(lost, TicketLost)
    assert "ZeroDivisionError" in lost.reason
    stage.still_works()


def test_residents_are_counted_and_evicted(open_stage):
    stage = open_stage()
    for n in range(3):
        stage.begin(f"run-{n}")
    assert stage.runtime.health().residents == 3
    stage.runtime.evict([run_id("run-0"), run_id("run-1")])
    stage.begin("run-9")
    assert stage.runtime.health().residents == 2


def test_the_source_hears_of_the_activities_that_code_calls(open_stage):
    stage = open_stage()
    stage.begin("run")
    assert stage.host.source.noted == [programs.echo]
