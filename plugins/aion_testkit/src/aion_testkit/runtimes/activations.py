"""Contract: activations run workflow code, whoever held the run before."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.codec import decode_batch, encode_batch
from aion_core.model import events as e
from aion_core.spi import Activated, Ask, AskKind, Event, RunId, Ticket
from aion_testkit.builders import moment
from aion_testkit.conformance import Layer
from aion_testkit.expect import same, true
from aion_testkit.runtimes.stage import (
    QUERY,
    VALUES,
    Stage,
    all_activated,
    completed,
    drains,
    fired,
    history_of,
    need_history,
    query,
    run_id,
    started,
)

_MANY = 200


class ActivationCases(Layer):
    """Arrivals, histories, questions, eviction."""

    layer = "contract.activations"

    def test_a_run_begins_with_an_empty_history(self, stage: Stage) -> None:
        answer = stage.activated(stage.activation("run", started("run"), history=()))
        same(drains(answer), [["ScheduleActivity"]], "the commands of the first drain")
        same(answer.run_id, run_id("run"), "an answer names the run")

    def test_a_run_goes_on_after_the_activation_it_has_seen(self, stage: Stage) -> None:
        first = stage.begin("run")
        second = stage.activation("run", completed(), after=first.ticket)
        same(drains(stage.activated(second)), [["StartTimer"]], "the code goes on where it was")
        third = stage.activation("run", fired(), after=second.ticket)
        same(drains(stage.activated(third)), [["CompleteWorkflow"]], "to its end")

    def test_every_arrival_has_the_commands_of_its_own_drain(self, stage: Stage) -> None:
        whole = stage.activation("run", started("run"), completed(), fired(), history=())
        same(
            drains(stage.activated(whole)),
            [["ScheduleActivity"], ["StartTimer"], ["CompleteWorkflow"]],
            "each arrival is drained before the next, and answered at its place",
        )

    def test_what_nothing_waits_for_is_answered_by_none(self, stage: Stage) -> None:
        first = stage.begin("run")
        late = stage.activation("run", completed(), completed(4), fired(), fired(6), after=first.ticket)
        same(
            drains(stage.activated(late)),
            [["StartTimer"], None, ["CompleteWorkflow"], None],
            "what nothing was waiting for must not be recorded",
        )

    def test_an_activation_without_arrivals_has_no_commands(self, stage: Stage) -> None:
        first = stage.begin("run")
        same(drains(stage.activated(stage.activation("run", after=first.ticket))), [], "nothing arrived")

    def test_a_history_is_replayed_to_where_it_ends(self, stage: Stage) -> None:
        for turns, event, expected in ((1, completed(), "StartTimer"), (2, fired(), "CompleteWorkflow")):
            run = f"run-{turns}"
            answer = stage.activated(stage.activation(run, event, history=history_of(run, turns=turns)))
            same(drains(answer), [[expected]], "only the arrivals are answered, the replayed past is not")

    def test_a_history_begins_the_run_anew(self, stage: Stage) -> None:
        first = stage.begin("run")
        stage.activated(stage.activation("run", completed(), after=first.ticket))  # and it was not recorded
        again = stage.activation("run", completed(), history=history_of("run"))
        same(drains(stage.activated(again)), [["StartTimer"]], "what the worker held does not count")

    def test_events_of_the_run_before_are_skipped(self, stage: Stage) -> None:
        events: list[Event] = [
            e.TimerFired(seq=7, at=moment(1), ordinal=3),
            e.WorkflowContinuedAsNew(seq=8, at=moment(1), next_run=run_id("run"), workflow_type="journey"),
        ]
        begun, scheduled = decode_batch(history_of("run")[0])
        events += [replace(begun, seq=9), replace(scheduled, seq=10)]
        activation = stage.activation("run", completed(), history=[encode_batch(events)])
        same(drains(stage.activated(activation)), [["StartTimer"]], "the first batch may begin with the run before")

    def test_a_run_that_nobody_holds_needs_its_history(self, stage: Stage) -> None:
        answers = stage.answers(stage.activation("run", completed(), after=Ticket(999)))
        same([answer.run_id for answer in need_history(answers)], [run_id("run")], "the answer names the run")

    def test_a_run_that_has_seen_something_else_needs_its_history(self, stage: Stage) -> None:
        first = stage.begin("run")
        second = stage.activation("run", completed(), after=first.ticket)
        stage.activated(second)
        need_history(stage.answers(stage.activation("run", fired(), after=first.ticket)))

    def test_an_evicted_run_needs_its_history(self, stage: Stage) -> None:
        first = stage.begin("run")
        stage.runtime.evict([run_id("run")])
        need_history(stage.answers(stage.activation("run", completed(), after=first.ticket)))

    def test_an_evicted_run_goes_on_with_its_history(self, stage: Stage) -> None:
        stage.begin("run")
        stage.runtime.evict([run_id("run")])
        answer = stage.activated(stage.activation("run", completed(), history=history_of("run")))
        same(drains(answer), [["StartTimer"]], "eviction changes nothing but the price of the next activation")

    def test_an_eviction_comes_before_what_is_sent_after_it(self, stage: Stage) -> None:
        for _ in range(20):
            held = stage.activation("run", history=history_of("run"))
            stage.activated(held)
            stage.runtime.evict([run_id("run")])
            need_history(stage.answers(stage.activation("run", completed(), after=held.ticket)))

    def test_evicting_unknown_runs_is_fine(self, stage: Stage) -> None:
        stage.runtime.evict([RunId("nobody"), RunId("nobody")])
        stage.runtime.evict([])
        stage.still_works()

    def test_eviction_ends_no_other_run(self, stage: Stage) -> None:
        first, _ = stage.begin("run-1"), stage.begin("run-2")
        stage.runtime.evict([run_id("run-2")])
        answer = stage.activated(stage.activation("run-1", completed(), after=first.ticket))
        same(drains(answer), [["StartTimer"]], "others stay where they are")

    def test_many_runs_in_one_call_are_all_answered(self, stage: Stage) -> None:
        runs = [f"run-{n}" for n in range(_MANY)]
        first = [stage.activation(run, started(run), history=()) for run in runs]
        all_activated(stage.answers(*first))
        second = [
            stage.activation(run, completed(), after=begun.ticket) for run, begun in zip(runs, first, strict=True)
        ]
        for answer in all_activated(stage.answers(*second)):
            same(drains(answer), [["StartTimer"]], "every run has its own state")

    def test_many_calls_one_after_the_other_are_all_answered(self, stage: Stage) -> None:
        activations = [stage.activation(f"run-{n}", started(f"run-{n}"), history=()) for n in range(_MANY)]
        for activation in activations:
            stage.runtime.activate([activation])
        all_activated(stage.wait_for(*activations))

    def test_an_empty_call_is_fine(self, stage: Stage) -> None:
        stage.runtime.activate([])
        stage.runtime.execute([])
        stage.still_works()


class QuestionCases(Layer):
    """Questions leave no event."""

    layer = "contract.questions"

    def test_a_question_is_answered_after_the_arrivals(self, stage: Stage) -> None:
        first = stage.begin("run")
        activation = stage.activation("run", completed(), after=first.ticket, asks=[query()])
        answer = stage.asked(activation)
        same(None if answer.value is None else VALUES.decode(answer.value, str), "resting", "the state that they left")

    def test_a_question_alone_changes_nothing(self, stage: Stage) -> None:
        first = stage.begin("run")
        asking = stage.activation("run", after=first.ticket, asks=[query()])
        stage.activated(asking)
        answer = stage.activated(stage.activation("run", completed(), after=asking.ticket))
        same(drains(answer), [["StartTimer"]], "the run goes on behind the question")

    def test_a_question_is_answered_from_a_history_alone(self, stage: Stage) -> None:
        same(stage.step_of("run", after=None, history=history_of("run", turns=2)), "resting", "replay ends there")

    def test_a_question_that_has_no_handler_is_answered_by_a_failure(self, stage: Stage) -> None:
        first = stage.begin("run")
        answer = stage.asked(stage.activation("run", after=first.ticket, asks=[query("nonsense")]))
        true(answer.failure is not None and answer.value is None, "exactly one of value and failure")

    def test_a_question_for_the_stack_is_answered(self, stage: Stage) -> None:
        first = stage.begin("run")
        ask = Ask(ask_id=QUERY, kind=AskKind.STACK)
        answer = stage.asked(stage.activation("run", after=first.ticket, asks=[ask]))
        true(answer.value is not None, "where the run's tasks wait")

    def test_questions_of_one_activation_are_answered_each(self, stage: Stage) -> None:
        first = stage.begin("run")
        asks = [query(), Ask(ask_id=QUERY, kind=AskKind.STACK), query("nonsense")]
        answers = stage.activated(stage.activation("run", after=first.ticket, asks=asks)).answers
        same([answer.failure is None for answer in answers], [True, True, False], "one answer for each, in their order")


class BrokenCodeCases(Layer):
    """Whatever workflow code does, it is the answer to its own activation."""

    layer = "contract.broken_code"

    def test_code_that_breaks_a_rule_blocks_its_run(self, stage: Stage) -> None:
        self._blocks(stage, "breaks_a_rule")

    def test_code_that_ends_the_interpreter_ends_nothing_else(self, stage: Stage) -> None:
        first = stage.begin("run", "exits")
        answer = stage.activated(stage.activation("run", completed(), after=first.ticket))
        true(drains(answer) in ([["BlockWorkflow"]], [["FailWorkflow"]]), "SystemExit is the run's own affair")
        stage.still_works()

    def test_a_history_that_the_code_does_not_follow_blocks_its_run(self, stage: Stage) -> None:
        history = history_of("run", activity_type="something_else")
        answer = stage.activated(stage.activation("run", completed(), history=history))
        same(drains(answer), [["BlockWorkflow"]], "the code now does something else")

    def test_an_unknown_workflow_blocks_its_run(self, stage: Stage) -> None:
        answer = stage.activated(stage.activation("run", started("run", "nobody_knows"), history=()))
        same(drains(answer), [["BlockWorkflow"]], "the version does not have it")
        stage.still_works()

    def test_a_blocked_run_is_forgotten(self, stage: Stage) -> None:
        ticket = self._blocks(stage, "breaks_a_rule")
        need_history(stage.answers(stage.activation("run", fired(), after=ticket)))

    def test_other_runs_of_the_call_never_notice(self, stage: Stage) -> None:
        good, bad = stage.begin("good"), stage.begin("bad", "breaks_a_rule")
        results = stage.answers(
            stage.activation("bad", completed(), after=bad.ticket),
            stage.activation("nobody", completed(), after=Ticket(999)),
            stage.activation("good", completed(), after=good.ticket),
        )
        same(type(results[1]).__name__, "NeedHistory", "each has its own answer")
        same(
            [drains(answer) for answer in results if isinstance(answer, Activated)],
            [[["BlockWorkflow"]], [["StartTimer"]]],
            "each has its own answer",
        )

    def _blocks(self, stage: Stage, workflow_type: str) -> Ticket:
        first = stage.begin("run", workflow_type)
        activation = stage.activation("run", completed(), after=first.ticket)
        same(drains(stage.activated(activation)), [["BlockWorkflow"]], "a rule that was broken voids the activation")
        return activation.ticket
