"""Contract: attempts of activities run, and end in what the contract has for every end."""

from __future__ import annotations

from aion_core.spi import ActivityDone, ActivityTask, Capability
from aion_testkit.conformance import Layer
from aion_testkit.expect import same, true
from aion_testkit.needs import needs
from aion_testkit.runtimes.programs import ENDS
from aion_testkit.runtimes.stage import VALUES, Stage, failure, result

_MANY = 1000
_TOGETHER = 8
_PLAIN_AND_ASYNC = ("echo", "echo_async", "echo_slowly")


class AttemptCases(Layer):
    """Results, failures, heartbeats."""

    layer = "contract.attempts"

    def test_results_come_back(self, stage: Stage) -> None:
        for activity_type in _PLAIN_AND_ASYNC:
            for value in (42, "text", None, [1, {"a": None}]):
                same(result(stage.run(activity_type, value)), value, f"what {activity_type} returned")

    def test_whatever_a_plain_body_does_is_an_outcome(self, stage: Stage) -> None:
        self._all_ends(stage, "ends")

    def test_whatever_an_async_body_does_is_an_outcome(self, stage: Stage) -> None:
        self._all_ends(stage, "ends_async")

    def test_a_failure_says_what_was_raised(self, stage: Stage) -> None:
        for activity_type in ("ends", "ends_async"):
            done = stage.run(activity_type, "ValueError")
            true(done.failure is not None and done.failure.message == "no", "the message of the exception")

    def test_input_that_does_not_fit_is_a_failure(self, stage: Stage) -> None:
        same(failure(stage.run("takes_a_number", "many")), "PayloadError", "no body runs")

    def test_an_unknown_activity_is_a_failure(self, stage: Stage) -> None:
        failure(stage.run("nobody_knows"))
        stage.still_works()

    def test_one_bad_attempt_of_a_call_disturbs_no_other(self, stage: Stage) -> None:
        tasks = [stage.task("echo", 1), stage.task("nobody_knows"), stage.task("ends", "SystemExit")]
        tasks.append(stage.task("echo_async", 2))
        stage.execute(*tasks)
        first, unknown, exits, last = stage.outcomes(*tasks)
        same([result(first), result(last)], [1, 2], "the others of the call")
        true(unknown.failure is not None and exits.failure is not None, "each has its own outcome")

    def test_a_body_may_leave_its_attempt_open(self, stage: Stage) -> None:
        for activity_type in ("completes_later", "completes_later_async"):
            task = stage.task(activity_type)
            stage.execute(task)
            same(stage.outcomes(task), [ActivityDone(task_id=task.task_id, later=True)], "it is completed by its token")

    def test_heartbeats_come_in_their_order_and_before_the_outcome(self, stage: Stage) -> None:
        task = stage.task("goes_on", 100)
        stage.execute(task)
        stage.outcomes(task)
        said = [None if details is None else VALUES.decode(details, int) for _, details in stage.host.beats]
        same(said, list(range(1, 101)), "every heartbeat has reached the host when the outcome has")

    def test_an_attempt_goes_on_where_the_one_before_had_come(self, stage: Stage) -> None:
        done = stage.run("goes_on", 5, attempt=2, heartbeat_details=VALUES.encode(3))
        same(result(done), 3, "it finds what was said last")

    def _all_ends(self, stage: Stage, activity_type: str) -> None:
        tasks = {how: stage.task(activity_type, how) for how in ENDS}
        stage.execute(*tasks.values())
        done = dict(zip(ENDS, stage.outcomes(*tasks.values()), strict=True))
        for how, (_, expected) in ENDS.items():
            same(failure(done[how]), expected, f"{how} is a failure of the attempt, and of nothing else")
        stage.still_works()


class LoadCases(Layer):
    """Many at once."""

    layer = "concurrency"

    def test_a_thousand_plain_attempts_at_once_are_all_answered(self, stage: Stage) -> None:
        self._all_answered(stage, [stage.task("echo", n) for n in range(_MANY)])

    def test_a_thousand_async_attempts_at_once_are_all_answered(self, stage: Stage) -> None:
        self._all_answered(stage, [stage.task(("echo_async", "echo_slowly")[n % 2], n) for n in range(_MANY)])

    def test_a_thousand_attempts_one_by_one_are_all_answered(self, stage: Stage) -> None:
        tasks = [stage.task(_PLAIN_AND_ASYNC[n % 3], n) for n in range(_MANY)]
        for task in tasks:
            stage.execute(task)
        same([result(done) for done in stage.outcomes(*tasks)], list(range(_MANY)), "each with its own result")

    def test_bodies_run_side_by_side(self, stage: Stage) -> None:
        tasks = [stage.task(("beats", "waits")[n % 2], str(n)) for n in range(2 * _TOGETHER)]
        stage.begun(*tasks)  # which none of them would, if they ran one after the other
        for task in tasks:
            stage.runtime.cancel_activity(task.task_id)
        same({failure(done) for done in stage.outcomes(*tasks)}, {"CancelledError"}, "all of them were running")

    def test_a_body_that_takes_its_time_keeps_nobody_waiting(self, stage: Stage) -> None:
        for slow in ("beats", "waits"):
            task = stage.task(slow, "slow")
            quick = [stage.task(_PLAIN_AND_ASYNC[n % 3], n) for n in range(30)]
            stage.begun(task)
            stage.execute(*quick)
            same([result(done) for done in stage.outcomes(*quick)], list(range(30)), "outcomes are told as they come")
            true(task.task_id not in stage.host.done, "while the slow one runs")
            stage.runtime.cancel_activity(task.task_id)
            stage.outcomes(task)

    def test_the_first_attempt_of_many_begins_before_the_last(self, stage: Stage) -> None:
        tasks = [stage.task("goes_on", 1) for _ in range(_MANY)]
        stage.execute(*tasks)
        stage.outcomes(*tasks)
        order = [task_id for task_id, _ in stage.host.beats]
        true(order.index(tasks[0].task_id) < order.index(tasks[-1].task_id), "first come, first served")

    def test_workflow_code_runs_while_bodies_do(self, stage: Stage) -> None:
        tasks = [stage.task("beats", str(n)) for n in range(_TOGETHER)]
        stage.begun(*tasks)
        stage.begin("run")
        for task in tasks:
            stage.runtime.cancel_activity(task.task_id)
        stage.outcomes(*tasks)

    def _all_answered(self, stage: Stage, tasks: list[ActivityTask]) -> None:
        stage.execute(*tasks)
        same([result(done) for done in stage.outcomes(*tasks)], list(range(_MANY)), "each with its own result")


class CapabilityCases(Layer):
    """What is declared is there."""

    layer = "contract.capabilities"

    def test_capabilities_are_known_ones(self, stage: Stage) -> None:
        same([c for c in stage.runtime.capabilities if c not in set(Capability)], [], "capabilities are `Capability`s")

    def test_the_runtime_declares_this_contract(self, stage: Stage) -> None:
        same(stage.runtime.contract, 1, "`contract` is the number that the class implements")

    @needs(Capability.CANCELS_RUNNING)
    def test_a_body_that_does_not_listen_is_stopped(self, stage: Stage) -> None:
        task = stage.task("deaf", 60.0)
        stage.begun(task)
        stage.runtime.cancel_activity(task.task_id)
        (done,) = stage.outcomes(task)
        true(done.result is None, "it did not end by itself")
        stage.still_works()

    @needs(Capability.ISOLATES_CRASHES)
    def test_a_body_that_kills_its_process_kills_no_other(self, stage: Stage) -> None:
        (done,) = [stage.run("kills_its_process")]
        true(done.lost or done.failure is not None, "nobody knows what it had done")
        stage.still_works()
