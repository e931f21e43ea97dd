"""Contract: bodies that are told to stop, code that hangs, and a runtime that leaves while there is work."""

from __future__ import annotations

from aion_core.spi import SYSTEM, Activated, NeedHistory, TaskId, TicketLost
from aion_testkit.conformance import Layer
from aion_testkit.expect import same, true
from aion_testkit.runtimes.stage import Stage, Stages, completed, failure, history_of, result, run_id, started

_DEADLINE = 0.25
_HANGS = 1.0
_LATE = 0.4


class CancellationCases(Layer):
    """`cancel_activity`: to be heard at the next heartbeat, or where an async body waits."""

    layer = "contract.cancellation"

    def test_a_running_plain_body_hears_at_its_heartbeat(self, stage: Stage) -> None:
        self._stops(stage, "beats")

    def test_a_running_async_body_is_cancelled_where_it_waits(self, stage: Stage) -> None:
        self._stops(stage, "waits")

    def test_a_body_may_tidy_up_and_complete(self, stage: Stage) -> None:
        for activity_type in ("tidies", "tidies_async"):
            task = stage.task(activity_type, "x")
            stage.begun(task)
            stage.runtime.cancel_activity(task.task_id)
            same(result(stage.outcomes(task)[0]), "tidied", "the body's own end is the outcome")

    def test_a_cancellation_that_comes_at_once_is_not_lost(self, stage: Stage) -> None:
        for _ in range(20):
            for activity_type in ("beats", "waits"):
                task = stage.task(activity_type, "x")
                stage.execute(task)
                stage.runtime.cancel_activity(task.task_id)
                same(failure(stage.outcomes(task)[0]), "CancelledError", "before the body began, or at its beginning")

    def test_cancelling_twice_is_cancelling_once(self, stage: Stage) -> None:
        for activity_type in ("tidies", "tidies_async"):
            task = stage.task(activity_type, "x")
            stage.begun(task)
            stage.runtime.cancel_activity(task.task_id)
            stage.runtime.cancel_activity(task.task_id)
            same(result(stage.outcomes(task)[0]), "tidied", "the second one finds the body tidying up, and leaves it")

    def test_cancelling_what_is_over_or_unknown_is_fine(self, stage: Stage) -> None:
        for activity_type in ("echo", "echo_async"):
            task = stage.task(activity_type, 1)
            stage.execute(task)
            stage.outcomes(task)
            stage.runtime.cancel_activity(task.task_id)
        stage.runtime.cancel_activity(TaskId("nobody"))
        stage.still_works()

    def test_cancelling_one_body_stops_no_other(self, stage: Stage) -> None:
        for activity_type in ("beats", "waits"):
            one, other = stage.task(activity_type, "one"), stage.task(activity_type, "other")
            stage.begun(one, other)
            stage.runtime.cancel_activity(one.task_id)
            stage.outcomes(one)
            stage.still_works()
            true(other.task_id not in stage.host.done, "the other one goes on")
            stage.runtime.cancel_activity(other.task_id)
            stage.outcomes(other)

    def _stops(self, stage: Stage, activity_type: str) -> None:
        task = stage.task(activity_type, "x")
        stage.begun(task)
        stage.runtime.cancel_activity(task.task_id)
        same(failure(stage.outcomes(task)[0]), "CancelledError", "the body stops")
        stage.still_works()


class HangCases(Layer):
    """A turn that does not return within the deadline. Time really passes here."""

    layer = "faults"

    def test_a_turn_that_hangs_is_lost_and_says_why(self, stages: Stages) -> None:
        stage = stages(turn_deadline=_DEADLINE)
        hung = stage.activation("hung", started("hung", "hangs", _HANGS), history=())
        (answer,) = stage.answers(hung)
        true(isinstance(answer, TicketLost) and bool(answer.reason), "TicketLost, with a reason for people")

    def test_other_runs_outlive_a_turn_that_hangs(self, stages: Stages) -> None:
        stage = stages(turn_deadline=_DEADLINE)
        before = stage.begin("before")
        hung = stage.activation("hung", started("hung", "hangs", _HANGS), history=())
        behind = stage.activation("behind", started("behind"), history=())
        held = stage.activation("before", completed(), after=before.ticket)
        stage.runtime.activate([hung, behind])
        stage.runtime.activate([held])
        lost, fresh, again = stage.wait_for(hung, behind, held)
        true(isinstance(lost, TicketLost), "the run that hangs")
        for run, answer in (("behind", fresh), ("before", again)):
            true(isinstance(answer, Activated | NeedHistory | TicketLost), "the others are answered")
            if not isinstance(answer, Activated):
                retry = stage.activation(run, completed(), history=history_of(run))
                true(isinstance(stage.answers(retry)[0], Activated), "and go on by replay")

    def test_what_comes_back_late_is_not_answered_again(self, stages: Stages) -> None:
        stage = stages(turn_deadline=_DEADLINE)
        hung = stage.activation("hung", started("hung", "hangs", 2 * _DEADLINE), history=())
        stage.answers(hung)
        SYSTEM.sleep(2 * _DEADLINE)  # meanwhile it has come back
        stage.still_works()
        same(stage.host.complaints, [], "an answer that was given stays the only one")


class LeavingCases(Layer):
    """`close`, with work in flight and without."""

    layer = "contract.lifecycle"

    def test_closing_twice_is_fine(self, stages: Stages) -> None:
        stage = stages()
        stage.still_works()
        stage.close()
        stage.runtime.close(1.0)
        stage.runtime.close(0.0)

    def test_closing_a_runtime_that_was_never_opened_is_fine(self, stages: Stages) -> None:
        stages.make_runtime().close(1.0)

    def test_closing_an_idle_runtime_is_fine(self, stages: Stages) -> None:
        stages().close(0.0)

    def test_running_bodies_have_the_grace_to_end(self, stages: Stages) -> None:
        stage = stages()
        task = stage.task("deaf", _LATE)
        stage.begun(task)
        stage.close(grace=20.0)
        same(result(stage.outcomes(task)[0]), "late", "a body that ends within the grace is answered as ever")

    def test_bodies_that_do_not_end_are_lost_or_unanswered(self, stages: Stages) -> None:
        stage = stages()
        tasks = [stage.task(activity_type, "x") for activity_type in ("beats", "waits", "beats", "waits")]
        stage.begun(*tasks)
        stage.close(grace=0.05)
        for task in tasks:
            done = stage.host.done.get(task.task_id)
            true(done is None or done.lost or done.failure is not None, "nothing is made up")

    def test_nothing_is_said_after_close_has_returned(self, stages: Stages) -> None:
        stage = stages()
        stage.begun(stage.task("deaf", _LATE), stage.task("waits", "x"))
        stage.close(grace=0.0)
        SYSTEM.sleep(2 * _LATE)  # meanwhile the body has come to its end
        same(stage.host.complaints, [], "what comes late is nobody's")

    def test_a_closed_runtime_takes_nothing(self, stages: Stages) -> None:
        stage = stages()
        stage.still_works()
        stage.close()
        stage.host.silent_from_now = False  # a refusal may be told
        task, activation = stage.task("beats", "x"), stage.activation("late", started("late"), history=())
        stage.execute(task)
        stage.runtime.activate([activation])
        stage.runtime.evict([run_id("late")])
        stage.runtime.cancel_activity(task.task_id)
        stage.runtime.health()
        stage.runtime.close(0.0)
        done, answer = stage.host.done.get(task.task_id), stage.host.results.get(activation.ticket)
        true(done is None or done.lost, "an attempt is lost, or not answered")
        true(answer is None or isinstance(answer, TicketLost), "so is an activation")
        true(not stage.host.has_beaten(task), "and no body runs")

    def test_two_runtimes_live_side_by_side(self, stages: Stages) -> None:
        one, other = stages(), stages()
        one.still_works()
        other.still_works()
        one.close()
        other.still_works()

    def test_health_says_what_there_is(self, stage: Stage) -> None:
        for n in range(3):
            stage.begin(f"run-{n}")
        task = stage.task("beats", "x")
        stage.begun(task)
        health = stage.runtime.health()
        true(health.workers >= 1, "somebody works")
        true(health.busy >= 1, "a body is running")
        true(0 <= health.residents <= 3, "no more runs are held than there are")
        same(health.abandoned, 0, "nobody was left behind")
        stage.runtime.cancel_activity(task.task_id)
        stage.outcomes(task)
