"""Runtimes that are wrong in one way each, and the case of the kit that has to notice."""

import asyncio
import threading
from collections.abc import Callable

from attrs import frozen
from msgspec.structs import replace

from aion_core.spi import (
    SYSTEM,
    Activated,
    ActivityDone,
    Answer,
    Capability,
    NeedHistory,
    Runtime,
    RuntimeHealth,
    TicketLost,
)
from aion_core.worker import Bodies, Driver, Resources, Values


@frozen
class Settings:
    pass


class PlainRuntime(Runtime):
    """As simple as a runtime can be, and right: a thread for each attempt, a lane for workflow code.

    Only turns that hang are beyond it. The wrong ones differ from it in one method.
    """

    contract = 1
    capabilities = frozenset()
    settings = Settings

    def __init__(self):
        self.host = None
        self.closed = False

    def open(self, host):
        self.host = host
        values = Values(host.settings.limits)
        self.attempts = {}
        self.resources = Resources(asyncio.new_event_loop)
        self.bodies = Bodies(
            host.source, host.settings, values=values, beat=host.activity_heartbeat, resources=self.resources
        )
        self.driver = None
        self.make_driver = lambda: Driver(host.source, host.settings, values=values)
        self.lane = host.platform.lane(self.handle, name="plain")

    # ---- workflow code

    def handle(self, calls):
        if self.driver is None:
            self.driver = self.make_driver()
        for call in calls:
            call()

    def activate(self, batch):
        self.lane.put(lambda: self.answer(batch))

    def answer(self, batch):
        self.host.activated(self.driver.activate(batch))

    def evict(self, runs):
        self.lane.put(lambda: self.driver.evict(runs))

    # ---- activities

    def execute(self, batch):
        for task in batch:
            attempt = self.bodies.take(task)
            if isinstance(attempt, ActivityDone):
                self.tell(attempt)
                continue
            self.attempts[task.task_id] = attempt
            if not self.closed:
                self.start(attempt)

    def start(self, attempt):
        SYSTEM.thread(lambda: self.run(attempt), name="plain")

    def run(self, attempt):
        done = asyncio.run(self.cancellable(attempt)) if attempt.is_async else self.bodies.run(attempt)
        if self.attempts.pop(attempt.task.task_id, None) is not None and not self.closed:
            self.tell(done)

    async def cancellable(self, attempt):
        task = asyncio.create_task(self.bodies.run_async(attempt))
        while not task.done():
            await asyncio.wait([task], timeout=0.005)
            if attempt.cancelled_at is not None:
                attempt.cancelled_at = None
                task.cancel()
        return await task

    def tell(self, done):
        self.host.activity_finished([done])

    def cancel_activity(self, task_id):
        attempt = self.attempts.get(task_id)
        if attempt is not None:
            attempt.cancel(SYSTEM.monotonic())

    def health(self):
        return RuntimeHealth(
            workers=1, busy=len(self.attempts), residents=0 if self.driver is None else len(self.driver)
        )

    def close(self, grace):
        if self.host is None:
            return
        end = SYSTEM.monotonic() + grace
        while self.attempts and SYSTEM.monotonic() < end:
            SYSTEM.sleep(0.005)
        for task_id in [*self.attempts]:
            self.cancel_activity(task_id)
        self.closed = True
        if self.driver is not None:
            self.lane.put(self.driver.close)
        self.lane.close()
        self.lane.join(5)


@frozen
class Wrong:
    """One wrong runtime and the name of the case that catches it."""

    runtime: type
    case: str


WRONG: list[Wrong] = []


def caught_by(case: str) -> Callable[[type], type]:
    def declare(runtime: type) -> type:
        WRONG.append(Wrong(runtime, case))
        return runtime

    return declare


# ---- workflow code


@caught_by("test_a_run_that_nobody_holds_needs_its_history")
class LosesInsteadOfAsking(PlainRuntime):
    def answer(self, batch):
        self.host.activated(
            [
                TicketLost(ticket=each.ticket, run_id=each.run_id, reason="") if isinstance(each, NeedHistory) else each
                for each in self.driver.activate(batch)
            ]
        )


@caught_by("test_an_evicted_run_needs_its_history")
class EvictsNobody(PlainRuntime):
    def evict(self, runs):
        pass


@caught_by("test_eviction_ends_no_other_run")
class EvictsEverybody(PlainRuntime):
    def evict(self, runs):
        self.lane.put(self.driver.close)


@caught_by("test_evicting_unknown_runs_is_fine")
class KnowsItsRuns(PlainRuntime):
    def evict(self, runs):
        for run in runs:
            raise KeyError(run)


@caught_by("test_every_arrival_has_the_commands_of_its_own_drain")
class AllCommandsInOne(PlainRuntime):
    def answer(self, batch):
        self.host.activated([self.joined(each) for each in self.driver.activate(batch)])

    def joined(self, answer):
        commands = [command for drain in getattr(answer, "commands", ()) for command in drain or ()]
        return replace(answer, commands=[commands]) if isinstance(answer, Activated) and commands else answer


@caught_by("test_questions_of_one_activation_are_answered_each")
class AnswersTheFirstQuestion(PlainRuntime):
    def answer(self, batch):
        answers = self.driver.activate(batch)
        self.host.activated([replace(each, answers=each.answers[:1]) for each in answers])


@caught_by("test_a_question_that_has_no_handler_is_answered_by_a_failure")
class AnswersNonsense(PlainRuntime):
    def answer(self, batch):
        answers = self.driver.activate(batch)
        self.host.activated([replace(each, answers=[self.kind(it) for it in each.answers]) for each in answers])

    def kind(self, answer):
        return Answer(ask_id=answer.ask_id, value=answer.value or Values().encode(None))


@caught_by("test_many_runs_in_one_call_are_all_answered")
class AnswersAFewAtOnce(PlainRuntime):
    def answer(self, batch):
        self.host.activated(self.driver.activate(batch)[:64])


@caught_by("test_a_run_goes_on_after_the_activation_it_has_seen")
class AnswersTwice(PlainRuntime):
    def answer(self, batch):
        answers = self.driver.activate(batch)
        self.host.activated(answers)
        self.host.activated(answers)


@caught_by("test_a_turn_that_hangs_is_lost_and_says_why")
class WaitsForEver(PlainRuntime):
    pass


# ---- activities


@caught_by("test_whatever_a_plain_body_does_is_an_outcome")
class LetsSystemExitOut(PlainRuntime):
    def tell(self, done):
        if done.failure is None or done.failure.type != "SystemExit":
            super().tell(done)


@caught_by("test_whatever_an_async_body_does_is_an_outcome")
class ErrorsAreAlike(PlainRuntime):
    def tell(self, done):
        super().tell(done if done.failure is None else replace(done, failure=None, lost=True))


@caught_by("test_a_body_may_leave_its_attempt_open")
class LaterIsNull(PlainRuntime):
    def tell(self, done):
        super().tell(replace(done, later=False, result=Values().encode(None)) if done.later else done)


@caught_by("test_heartbeats_come_in_their_order_and_before_the_outcome")
class HeartbeatsAreThinnedOut(PlainRuntime):
    def open(self, host):
        super().open(host)
        self.said = {}
        self.bodies._beat = self.said.setdefault

    def tell(self, done):
        if done.task_id in self.said:
            self.host.activity_heartbeat(done.task_id, self.said[done.task_id])
        super().tell(done)


@caught_by("test_a_running_plain_body_hears_at_its_heartbeat")
class CancelsOnlyAsync(PlainRuntime):
    def cancel_activity(self, task_id):
        if task_id in self.attempts and self.attempts[task_id].is_async:
            super().cancel_activity(task_id)


@caught_by("test_cancelling_one_body_stops_no_other")
class CancelsAll(PlainRuntime):
    def cancel_activity(self, task_id):
        for each in [*self.attempts]:
            super().cancel_activity(each)


@caught_by("test_cancelling_what_is_over_or_unknown_is_fine")
class KnowsItsTasks(PlainRuntime):
    def cancel_activity(self, task_id):
        self.attempts[task_id].cancel(0.0)


@caught_by("test_a_body_may_tidy_up_and_complete")
class CancelledMeansFailed(PlainRuntime):
    def cancel_activity(self, task_id):
        super().cancel_activity(task_id)
        if self.attempts.pop(task_id, None) is not None:
            self.tell(ActivityDone(task_id=task_id, lost=True))


@caught_by("test_bodies_run_side_by_side")
class OneAfterTheOther(PlainRuntime):
    def open(self, host):
        super().open(host)
        self.one = threading.Lock()

    def run(self, attempt):
        with self.one:
            super().run(attempt)


@caught_by("test_a_body_that_takes_its_time_keeps_nobody_waiting")
class TellsWhenAllHaveEnded(PlainRuntime):
    def open(self, host):
        super().open(host)
        self.untold = []

    def tell(self, done):
        self.untold.append(done)
        if not self.attempts:
            self.untold, untold = [], self.untold
            self.host.activity_finished(untold)


# ---- leaving


@caught_by("test_closing_twice_is_fine")
class ClosesOnce(PlainRuntime):
    def close(self, grace):
        if self.closed:
            raise RuntimeError("closed already")
        super().close(grace)


@caught_by("test_running_bodies_have_the_grace_to_end")
class ImpatientAtTheEnd(PlainRuntime):
    def close(self, grace):
        super().close(0.0)


@caught_by("test_nothing_is_said_after_close_has_returned")
class HasTheLastWord(PlainRuntime):
    def run(self, attempt):
        done = asyncio.run(self.cancellable(attempt)) if attempt.is_async else self.bodies.run(attempt)
        self.attempts.pop(attempt.task.task_id)
        self.tell(done)


@caught_by("test_a_closed_runtime_takes_nothing")
class RunsWhenClosed(PlainRuntime):
    def close(self, grace):
        super().close(grace)
        self.closed = False


# ---- capabilities


@caught_by("test_a_body_that_does_not_listen_is_stopped")
class ClaimsToStop(PlainRuntime):
    capabilities = frozenset({Capability.CANCELS_RUNNING})
