"""What the engine knows of open activities: kept in step with the histories, and with what runtimes and users say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from aion_core.client.requests import ActivityRequest, ActivityVerb, AnyReaction, Recorded
from aion_core.engine.attempt import (
    BACKING_OFF,
    BEGINNING,
    ENDING,
    HELD,
    QUEUED,
    RUNNING,
    Attempt,
    Origin,
    Place,
    Run,
)
from aion_core.engine.attempts import Attempts
from aion_core.engine.queues import QueueLimits, QueueLoad, Queues
from aion_core.engine.recorder import AttemptFailed, AttemptNoted, Recording
from aion_core.engine.resident import Arrived, Caller, What
from aion_core.ledger import HOLDING, OpenActivity, RunLedger
from aion_core.model import events as e
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.ids import RunId, TaskId, WorkflowId
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import Cancellation
from aion_core.model.times import SECOND, Instant
from aion_core.platform import Platform
from aion_core.spi.runtime import ActivityDone, ActivityTask

_log = logging.getLogger("aion.engine")


class Answer(Protocol):
    """Tells a caller what became of what it asked for: `Surroundings.tell`."""

    def __call__(self, caller: Caller, reaction: AnyReaction | BaseException, *, durable: bool) -> None:
        """Not `durable`: no commit holds the answer."""
        ...


class Activities:
    """The open activities of all runs of this engine. Belongs to the engine's thread.

    Only `flush` and `due` call out, so everything else may be called in the middle of a turn.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        arrive: Callable[[WorkflowId, Arrived], None],
        execute: Callable[[Sequence[ActivityTask]], None],
        cancel: Callable[[TaskId], None],
        tell: Answer,
        queues: Mapping[str, QueueLimits],
        origin: Origin | None = None,
    ) -> None:
        """`arrive` is the turn loop's, `execute` and `cancel` are the runtime's."""
        self.late = 0
        """Outcomes that came when nobody waited for them any more."""
        self._platform = platform
        self._tell = tell
        self._queues: Queues[Attempt] = Queues(queues, platform.monotonic)
        self._attempts = Attempts(platform, self._queues, arrive=arrive, execute=execute, cancel=cancel, origin=origin)
        self._runs: dict[WorkflowId, Run] = {}

    # ---- for people

    def __len__(self) -> int:
        """How many activities are open."""
        return sum(len(run.activities) for run in self._runs.values())

    def __contains__(self, workflow_id: WorkflowId) -> bool:
        """Whether activities of this workflow are known here."""
        return workflow_id in self._runs

    @property
    def running(self) -> int:
        """How many bodies the runtime has."""
        return len(self._attempts.running)

    @property
    def lost(self) -> int:
        """How many attempts nobody knows the end of."""
        return self._attempts.lost

    @property
    def timed_out(self) -> Mapping[TimeoutKind, int]:
        """How many attempts a limit has ended."""
        return self._attempts.timed_out

    def queues(self) -> Mapping[str, QueueLoad]:
        """What goes on in the queues, without those where nothing does."""
        return self._queues.load()

    # ---- time, and what was gathered

    def due(self, now: float) -> float | None:
        """Handle what is due, and `flush`. When to be called again, on the monotonic clock; None: there is nothing."""
        return self._attempts.due(now)

    def flush(self) -> None:
        """Hand over what was gathered: tasks as one list, what is to be stopped, and what arrives for workflows.

        To be called after every batch of turns, outcomes and verbs, and before the turn loop's own `flush`.
        """
        self._attempts.flush()

    # ---- for the recorder and the turn loop

    def reserve(self, queue: str) -> bool:
        """Take a slot, if there is one and nobody waits for it: `Rules.reserve`."""
        return self._queues[queue].reserve()

    def close(self) -> None:
        """Begin no attempt any more: one that nobody runs would count as lost. Those that run may end."""
        self._queues.close()

    def give_back(self, recording: Recording) -> None:
        """The turn was not written: the slots that it reserved are free.

        Those of attempts that were to begin in it are kept: that they begin arrives again after the replay.
        """
        for queue in _reserved(recording).values():
            self._attempts.give_back(queue)

    def met(self, ledger: RunLedger) -> None:
        """An open run was read from the store. What is known of it is left alone; what ran elsewhere is lost."""
        run = self._runs.get(ledger.workflow_id)
        if run is not None and run.run_id != ledger.run_id:
            self._drop(run)
            run = None
        if run is None and not ledger.activities:
            return
        run = run or self._run(ledger)
        for attempt in list(run.activities.values()):
            recorded = ledger.activities.get(attempt.ordinal)
            if recorded is None or recorded.attempt != attempt.number:
                self._forget(attempt)
        if (held := _held(ledger)) is not run.held:
            self._hold(run, held=held)
        for activity in ledger.activities.values():
            if activity.ordinal not in run.activities:
                self._recover(run, activity, stopping=activity.ordinal in ledger.stopping)
        self._leave(run)

    def release(self, ledger: RunLedger, recording: Recording) -> None:
        """A turn is durable: what it dispatched is run, what it stopped is told so, what failed is tried again."""
        run = self._runs.get(ledger.workflow_id)
        for each in recording.runs:
            if run is not None and each.run_id == run.run_id and each.last_seq is not None:
                self._drop(run)
                run = None
        if run is None and ledger.activities:
            run = self._run(ledger)
        used = 0
        if run is not None:
            self._settle(run, ledger, recording)
            if (held := _held(ledger)) is not run.held:
                self._hold(run, held=held)
            used = self._begin(run, ledger, recording)
            for ordinal, _ in recording.stop:
                if ordinal in ledger.stopping and (attempt := run.activities.get(ordinal)) is not None:
                    self._ask_to_stop(attempt)
        if used < recording.reserved:  # what was called was given up again in the same turn
            for ordinal, queue in _reserved(recording).items():
                if run is None or ordinal not in run.activities:
                    self._attempts.give_back(queue)
        if run is not None:
            self._leave(run)

    def forget(self, of: Callable[[WorkflowId], bool]) -> None:
        """Another engine owns these now. Their bodies go on here, and what comes of them is dropped."""
        for run in [run for workflow_id, run in self._runs.items() if of(workflow_id)]:
            self._drop(run, tell=False)

    # ---- from the runtime

    def finished(self, results: Sequence[ActivityDone]) -> None:
        """Bodies ended."""
        attempts = self._attempts
        for done in results:
            attempt = attempts.running.get(done.task_id)
            if attempt is None:
                self.late += not done.later  # whoever completed it may be quicker than the body that left it open
            elif done.later:
                attempts.left_open(attempt)
            elif done.lost:
                attempts.lose(attempt)
            elif done.failure is not None:
                attempts.raised(attempt, done.failure)
            else:
                attempts.completed(attempt, EMPTY if done.result is None else done.result)

    def beat(self, task_id: TaskId, details: Payload | None) -> None:
        """A body is alive, and may say how far it has come."""
        attempt = self._attempts.running.get(task_id)
        if attempt is not None:
            self._attempts.heard(attempt, details)

    # ---- from verbs

    def told(self, workflow_id: WorkflowId, run_id: RunId, request: ActivityRequest, caller: Caller | None) -> None:
        """Somebody who has its task token says something of an attempt.

        Of one that is not known to run here it arrives as it is: the run is read, and there it is seen whether it is
        current. So a token works after a restart, too.
        """
        run = self._runs.get(workflow_id)
        attempt = run.activities.get(request.ordinal) if run is not None and run.run_id == run_id else None
        if attempt is None or attempt.number != request.attempt or attempt.place is not RUNNING:
            self._attempts.arrive(workflow_id, Arrived(what=_said(request), caller=caller, run_id=run_id))
            return
        match request.verb:
            case ActivityVerb.HEARTBEAT:
                self._attempts.heard(attempt, _details(request))
                if caller is not None:
                    self._tell(caller, Recorded(run_id=run_id), durable=False)
            case ActivityVerb.COMPLETE:
                self._attempts.completed(attempt, request.value, caller)
            case ActivityVerb.FAIL:
                self._attempts.failed(attempt, _failure(request), caller)

    # ---- what a turn did

    def _settle(self, run: Run, ledger: RunLedger, recording: Recording) -> None:
        """What has its outcome, or is not waited for any more, is open no more."""
        for ordinal, told in recording.stop:
            if ordinal not in ledger.stopping and (attempt := run.activities.get(ordinal)) is not None:
                self._forget(attempt, tell=told)
        for event in recording.events:
            if isinstance(event, _OUTCOMES) and event.ordinal not in ledger.activities:
                attempt = run.activities.get(event.ordinal)
                if attempt is not None:
                    self._forget(attempt)

    def _begin(self, run: Run, ledger: RunLedger, recording: Recording) -> int:
        """What was asked for is run, or waits; to how many the slots go that the turn reserved."""
        used = 0
        for activity in recording.again:
            if ledger.activities.get(activity.ordinal) is activity:
                self._back_off(run, activity, ledger)
        for activity in recording.enqueue:
            if ledger.activities.get(activity.ordinal) is activity:
                self._attempts.seek(self._attempts.open(run, activity))
        for activity in recording.dispatch:
            if ledger.activities.get(activity.ordinal) is activity:
                attempt = run.activities.get(activity.ordinal)
                if attempt is None:  # called in this turn, which reserved a slot; the others have theirs
                    attempt = self._attempts.open(run, activity)
                    attempt.slot = not activity.local
                    used += attempt.slot
                self._dispatch(attempt, activity)
        return used

    def _dispatch(self, attempt: Attempt, activity: OpenActivity) -> None:
        """It begins, as its history says."""
        if attempt.place is ENDING:
            return  # it was asked to stop before it began
        if not attempt.run.held and (attempt.slot or attempt.queue is None):
            self._attempts.start(attempt, activity)
            return
        attempt.recorded = activity
        self._attempts.free(attempt)  # nobody waits for a run that is paused
        self._attempts.seek(attempt)

    def _back_off(self, run: Run, activity: OpenActivity, ledger: RunLedger) -> None:
        """An attempt failed, and another one follows."""
        attempt = run.activities.get(activity.ordinal) or self._attempts.open(run, activity)
        self._attempts.give_up(attempt, tell=True)
        again = activity.again_at or Instant(0)
        # Not the wall clock alone: when it was set back, the times of the history stand still for as long.
        wait = max(0, min(again - self._platform.now(), again - ledger.last_at)) / SECOND
        attempt.number = activity.attempt
        attempt.failure = failure = activity.failure
        attempt.outcome = attempt.recorded = None
        attempt.begins_at = self._platform.monotonic() + wait
        self._attempts.put(attempt, BACKING_OFF)
        _log.warning(
            "workflow %r: attempt %d of activity %s #%d failed (%s); the next one in %.1f s",
            run.workflow_id,
            activity.attempt - 1,
            activity.activity_type,
            activity.ordinal,
            f"{failure.type}: {failure.message}" if failure is not None else "",
            wait,
        )

    def _ask_to_stop(self, attempt: Attempt) -> None:
        """Its own outcome is awaited: the body's, or that there was none."""
        attempt.stopping = True
        match attempt.place:
            case Place.RUNNING:
                self._attempts.stop(attempt)
            case Place.ENDING:
                self._attempts.deliver_again(attempt)  # what was to be tried again is not any more
            case _:
                self._attempts.cancelled(attempt)

    def _hold(self, run: Run, *, held: bool) -> None:
        """The run is paused or blocked, or goes on."""
        run.held = held
        for attempt in list(run.activities.values()):
            if held and attempt.place in {QUEUED, BEGINNING}:
                self._attempts.give_up(attempt, tell=False)
                self._attempts.put(attempt, HELD)
            elif not held and attempt.place is HELD:
                self._attempts.seek(attempt)
            elif not held and attempt.place is ENDING:
                self._attempts.deliver_again(attempt)

    # ---- after a restart

    def _recover(self, run: Run, activity: OpenActivity, *, stopping: bool) -> None:
        """An activity that another engine has left, or this one in an earlier life."""
        attempts, now = self._attempts, self._platform.monotonic()
        attempt = attempts.open(run, activity)
        attempt.stopping = stopping
        attempt.failure = activity.failure
        again = None if activity.again_at is None else attempts.moment(activity.again_at)
        if activity.dispatched and activity.later:
            attempt.since = now
            attempt.ends_at = None if activity.ends_at is None else attempts.moment(activity.ends_at)
            attempts.put(attempt, RUNNING)
        elif activity.dispatched:
            attempts.lose(attempt)
        elif stopping:
            attempts.cancelled(attempt)
        elif again is not None and again > now:
            attempt.begins_at = again
            attempts.put(attempt, BACKING_OFF)
        else:
            since = attempts.moment(activity.scheduled_at) if again is None else again
            attempts.seek(attempt, since=min(now, since))

    # ---- runs

    def _run(self, ledger: RunLedger) -> Run:
        run = self._runs[ledger.workflow_id] = Run(
            ledger.workflow_id,
            ledger.run_id,
            ledger.started.workflow_type,
            ledger.summary.version,
            held=_held(ledger),
        )
        return run

    def _forget(self, attempt: Attempt, *, tell: bool = True) -> None:
        """It is open no more."""
        if attempt.place is not ENDING:  # else that was done when it ended
            self._attempts.give_up(attempt, tell=tell)
        del attempt.run.activities[attempt.ordinal]

    def _drop(self, run: Run, *, tell: bool = True) -> None:
        """None of its activities is ours any more."""
        for attempt in list(run.activities.values()):
            abandoned = attempt.options.cancellation is Cancellation.ABANDON
            self._forget(attempt, tell=tell and not abandoned)
        self._leave(run)

    def _leave(self, run: Run) -> None:
        """A run without open activities is not kept."""
        if not run.activities:
            del self._runs[run.workflow_id]


_OUTCOMES: Final = (e.ActivityCompleted, e.ActivityFailed, e.ActivityCancelled)


def _held(ledger: RunLedger) -> bool:
    return ledger.summary.status in HOLDING


def _reserved(recording: Recording) -> dict[int, str]:
    """The queues of which a turn reserved slots, by the ordinal of the activity."""
    return {
        event.ordinal: event.queue
        for event in recording.events
        if type(event) is e.ActivityScheduled and event.dispatched
    }


def _said(request: ActivityRequest) -> What:
    """What arrives of an attempt that is not known here."""
    ordinal, attempt = request.ordinal, request.attempt
    match request.verb:
        case ActivityVerb.HEARTBEAT:
            return AttemptNoted(ordinal=ordinal, attempt=attempt, details=_details(request))
        case ActivityVerb.COMPLETE:
            return e.ActivityCompleted(seq=0, at=Instant(0), ordinal=ordinal, result=request.value, attempt=attempt)
        case ActivityVerb.FAIL:
            return AttemptFailed(ordinal=ordinal, attempt=attempt, failure=_failure(request))


def _details(request: ActivityRequest) -> Payload | None:
    return None if request.value == EMPTY else request.value


def _failure(request: ActivityRequest) -> Failure:
    return request.failure or Failure(type="ActivityError", message="")
