"""Brings each attempt from its slot to its outcome: queues, limits, heartbeats, and what the runtime says of bodies.

What arrives for workflows, and what is to be run or stopped, is gathered for `flush`: most of these methods are called
out of a turn, in which nothing may arrive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from aion_core.engine.alarms import Alarms
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
from aion_core.engine.queues import Queue, Queues
from aion_core.engine.recorder import AttemptFailed, AttemptNoted
from aion_core.engine.resident import Arrived, AttemptBegins, Caller, What
from aion_core.ledger import OpenActivity
from aion_core.model import events as e
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.ids import TaskId, WorkflowId
from aion_core.model.payloads import Payload
from aion_core.model.times import SECOND, Instant
from aion_core.platform import Platform
from aion_core.spi.runtime import ActivityTask

_CANCELLED: Final = "CancelledError"


class Attempts:
    """All attempts of this engine. Whose histories they stand in is `Activities`' business."""

    def __init__(
        self,
        platform: Platform,
        queues: Queues[Attempt],
        *,
        arrive: Callable[[WorkflowId, Arrived], None],
        execute: Callable[[Sequence[ActivityTask]], None],
        cancel: Callable[[TaskId], None],
        origin: Origin | None,
    ) -> None:
        """There are none."""
        self.running: dict[TaskId, Attempt] = {}
        """Those whose body the runtime has."""
        self.lost = 0
        self.timed_out: Counter[TimeoutKind] = Counter()
        self._platform = platform
        self._queues = queues
        self._arrive = arrive
        self._execute = execute
        self._cancel = cancel
        self._origin = origin
        self._alarms: Alarms[Attempt] = Alarms()
        self._uneven: dict[Queue[Attempt], None] = {}
        """Queues in which somebody may begin: a slot is free, or somebody came."""
        self._rated: dict[Queue[Attempt], None] = {}
        """Queues in which somebody waits for nothing but time."""
        self._arrivals: list[tuple[WorkflowId, Arrived]] = []
        self._tasks: list[ActivityTask] = []
        self._stops: list[TaskId] = []

    # ---- time, and what was gathered

    def due(self, now: float) -> float | None:
        """See `Activities.due`."""
        first = self._alarms.next()
        if first is not None and first <= now:
            for attempt in self._alarms.due(now):
                self._look_at(attempt, now)
        if self._rated:
            self._uneven.update(self._rated)
        self.flush()
        first = self._alarms.next()
        for queue in self._rated:
            ready = queue.ready_at
            if ready is not None and (first is None or ready < first):
                first = ready
        return first

    def flush(self) -> None:
        """See `Activities.flush`."""
        while self._uneven or self._arrivals or self._tasks or self._stops:
            if self._uneven:
                self._serve()
            if self._tasks:
                tasks, self._tasks = self._tasks, []
                wanted = [task for task in tasks if task.task_id in self.running]
                if wanted:
                    self._execute(wanted)
            if self._stops:
                stops, self._stops = self._stops, []
                for task_id in stops:
                    self._cancel(task_id)
            if self._arrivals:
                arrivals, self._arrivals = self._arrivals, []
                for workflow_id, arrived in arrivals:
                    self._arrive(workflow_id, arrived)

    def arrive(self, workflow_id: WorkflowId, arrived: Arrived) -> None:
        """Something for a workflow, delivered with the next `flush`."""
        self._arrivals.append((workflow_id, arrived))

    # ---- where an attempt is

    def open(self, run: Run, activity: OpenActivity) -> Attempt:
        """An activity that was not known yet. It is nowhere until somebody puts it there."""
        limit = activity.options.schedule_to_close
        attempt = run.activities[activity.ordinal] = Attempt(
            run,
            activity.ordinal,
            activity.activity_type,
            None if activity.local else self._queues[activity.queue],
            activity.options,
            activity.attempt,
            None if limit is None else self.moment(Instant(activity.scheduled_at + limit)),
        )
        return attempt

    def moment(self, at: Instant) -> float:
        """A recorded time on the monotonic clock."""
        return self._platform.monotonic() + (at - self._platform.now()) / SECOND

    def put(self, attempt: Attempt, place: Place) -> None:
        """It is there now, with the alarm that belongs to it."""
        attempt.place = place
        self._set_alarm(attempt)

    def seek(self, attempt: Attempt, *, since: float | None = None) -> None:
        """Its time has come: it begins as soon as it has a slot. `since`: it has waited for one before."""
        if attempt.run.held:
            self.put(attempt, HELD)
        elif attempt.queue is None:
            self._begin(attempt)
        else:
            attempt.since = self._platform.monotonic() if since is None else since
            attempt.queue.waiting[attempt] = None
            self._uneven[attempt.queue] = None
            self.put(attempt, QUEUED)

    def start(self, attempt: Attempt, activity: OpenActivity) -> None:
        """Give it to the runtime: its history says that it begins, and it has what it needs."""
        now = self._platform.monotonic()
        run, limit = attempt.run, attempt.options.start_to_close
        attempt.task_id = task_id = TaskId(f"{run.run_id}/{attempt.ordinal}/{activity.attempt}")
        attempt.number = activity.attempt
        attempt.since = now
        attempt.ends_at = None if limit is None else now + limit / SECOND
        attempt.recorded = attempt.details = attempt.said_at = None
        attempt.unsaid = False
        self.running[task_id] = attempt
        self._tasks.append(attempt.task(activity, task_id, self._platform.now()))
        attempt.place = RUNNING
        self._set_alarm(attempt)

    def stop(self, attempt: Attempt) -> None:
        """Tell its body, if there is one, and go on waiting for what comes of it."""
        if attempt.task_id is not None:
            self._stops.append(attempt.task_id)

    def give_up(self, attempt: Attempt, *, tell: bool) -> None:
        """Nothing more is done for it where it is. `tell`: its body, if there is one, hears of it."""
        self._alarms.clear(attempt)
        if attempt.place is QUEUED and attempt.queue is not None:
            attempt.queue.waiting.pop(attempt, None)
        if attempt.task_id is not None:
            self.running.pop(attempt.task_id, None)
            if tell:
                self._stops.append(attempt.task_id)
            attempt.task_id = None
        self.free(attempt)

    def free(self, attempt: Attempt) -> None:
        """It has no slot any more."""
        if attempt.slot and (queue := attempt.queue) is not None:
            attempt.slot = False
            queue.free()
            if queue.waiting:
                self._uneven[queue] = None

    def give_back(self, name: str) -> None:
        """A slot of this queue was reserved, and is not needed."""
        queue = self._queues[name]
        queue.give_back()
        if queue.waiting:
            self._uneven[queue] = None

    # ---- what comes of it

    def heard(self, attempt: Attempt, details: Payload | None) -> None:
        """It is alive. Its alarm stays where it is: when it goes off, it is seen that there was a heartbeat."""
        attempt.since = now = self._platform.monotonic()
        if details is None:
            return
        attempt.details = details
        if attempt.unsaid:
            return
        attempt.unsaid = True
        if (say := attempt.say_at) is not None and say <= now:
            self._say(attempt, now)
        else:
            self._set_alarm(attempt)

    def left_open(self, attempt: Attempt) -> None:
        """Its body is through; it ends by its task token, or by its limits."""
        if attempt.task_id is not None:
            del self.running[attempt.task_id]
            attempt.task_id = None
        attempt.unsaid = False
        self.free(attempt)
        self._set_alarm(attempt)
        ends_at = None
        if attempt.ends_at is not None:
            left = attempt.ends_at - self._platform.monotonic()
            ends_at = Instant(self._platform.now() + round(left * SECOND))
        self._note(attempt, later=True, ends_at=ends_at)

    def completed(self, attempt: Attempt, result: Payload, caller: Caller | None = None) -> None:
        """It has a result."""
        completed = e.ActivityCompleted(
            seq=0, at=Instant(0), ordinal=attempt.ordinal, result=result, attempt=attempt.number
        )
        self._end(attempt, completed, caller)

    def raised(self, attempt: Attempt, failure: Failure) -> None:
        """Its body ended with an exception."""
        limit = attempt.limit()
        if failure.is_(_CANCELLED) and not attempt.stopping and limit and limit[0] <= self._platform.monotonic():
            self._pass(attempt, limit[1])  # the runtime saw its limit pass, and stopped it before we did
        else:
            self.failed(attempt, failure)

    def failed(self, attempt: Attempt, failure: Failure, caller: Caller | None = None) -> None:
        """It failed, or ended by the cancellation that it was told of."""
        if attempt.stopping and failure.is_(_CANCELLED):
            self.cancelled(attempt, caller)
            return
        failed = AttemptFailed(
            ordinal=attempt.ordinal, attempt=attempt.number, failure=failure, details=attempt.details
        )
        self._end(attempt, failed, caller)

    def lose(self, attempt: Attempt) -> None:
        """Nobody knows what became of it."""
        self.lost += 1
        self.failed(attempt, attempt.lost())

    def cancelled(self, attempt: Attempt, caller: Caller | None = None) -> None:
        """It ended by the cancellation that it was told of, or before it began."""
        cancelled = e.ActivityCancelled(seq=0, at=Instant(0), ordinal=attempt.ordinal, attempt=attempt.number)
        self._end(attempt, cancelled, caller)

    def deliver_again(self, attempt: Attempt) -> None:
        """The outcome of one that is ending may have been dropped with its turn. Twice is as good as once."""
        if attempt.outcome is not None:
            self.arrive(attempt.run.workflow_id, attempt.outcome)
        else:
            self.put(attempt, RUNNING)  # whoever told it heard that it was refused, and may tell it again

    # ----

    def _set_alarm(self, attempt: Attempt) -> None:
        at = attempt.look_at()
        if at is not None:
            self._alarms.set(attempt, at)
        else:
            self._alarms.clear(attempt)

    def _look_at(self, attempt: Attempt, now: float) -> None:
        """Its alarm went off."""
        limit = attempt.limit()
        if limit is not None and limit[0] <= now:
            self._pass(attempt, limit[1])
        elif attempt.place is BACKING_OFF and attempt.begins_at <= now:
            self.seek(attempt)
        else:
            if (say := attempt.say_at) is not None and say <= now:
                self._say(attempt, now)
            self._set_alarm(attempt)

    def _pass(self, attempt: Attempt, kind: TimeoutKind) -> None:
        self.timed_out[kind] += 1
        self.stop(attempt)
        self.failed(attempt, attempt.timed_out(kind, self._origin))

    def _begin(self, attempt: Attempt) -> None:
        """It has its slot, or needs none."""
        if attempt.recorded is not None:
            self.start(attempt, attempt.recorded)
            return
        self.put(attempt, BEGINNING)
        begins = AttemptBegins(attempt.ordinal, attempt.number)
        self.arrive(attempt.run.workflow_id, Arrived(what=begins, run_id=attempt.run.run_id))

    def _serve(self) -> None:
        """Let those begin that have a slot now."""
        while self._uneven:
            queue = next(iter(self._uneven))
            del self._uneven[queue]
            while (attempt := queue.next()) is not None:
                attempt.slot = True
                self._begin(attempt)
            if queue.ready_at is not None:
                self._rated[queue] = None
            else:
                self._rated.pop(queue, None)

    def _say(self, attempt: Attempt, now: float) -> None:
        """Note in the store how far it has come."""
        attempt.unsaid, attempt.said_at = False, now
        self._note(attempt)

    def _note(self, attempt: Attempt, *, later: bool = False, ends_at: Instant | None = None) -> None:
        noted = AttemptNoted(
            ordinal=attempt.ordinal, attempt=attempt.number, details=attempt.details, later=later, ends_at=ends_at
        )
        self.arrive(attempt.run.workflow_id, Arrived(what=noted, run_id=attempt.run.run_id))

    def _end(self, attempt: Attempt, what: What, caller: Caller | None) -> None:
        self.give_up(attempt, tell=False)
        arrived = Arrived(what=what, run_id=attempt.run.run_id)
        attempt.place = ENDING
        attempt.unsaid = False
        attempt.outcome = arrived if caller is None else None
        self.arrive(attempt.run.workflow_id, arrived if caller is None else replace(arrived, caller=caller))
