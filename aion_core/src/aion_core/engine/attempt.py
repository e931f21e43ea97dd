"""An open activity as the engine watches over it: where its attempt is, and which of its limits passes next."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias

import msgspec

from aion_core.engine.queues import Queue
from aion_core.engine.resident import Arrived
from aion_core.ledger import OpenActivity
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.ids import RunId, TaskId, Version, WorkflowId
from aion_core.model.payloads import Payload
from aion_core.model.policies import ActivityOptions
from aion_core.model.times import SECOND, Instant, Micros
from aion_core.spi.runtime import ActivityTask

_LONGEST_UNSAID: Final = 30.0
_PART_OF_THE_LIMIT: Final = 0.8
"""Details are noted well before the silence would be too long, and not more often."""


class Place(Enum):
    """Where an attempt is."""

    HELD = "held"
    """Its run is paused or blocked."""
    BACKING_OFF = "backing off"
    """It waits for its time, after one that failed."""
    QUEUED = "queued"
    """It waits for a slot."""
    BEGINNING = "beginning"
    """It has its slot; that it begins is being recorded."""
    RUNNING = "running"
    """Its body runs, or has left it open."""
    ENDING = "ending"
    """It has ended, and that is being recorded."""


# Every attempt asks for these several times, and a look into an enum takes longer than a call.
HELD, BACKING_OFF, QUEUED, BEGINNING, RUNNING, ENDING = Place


Origin: TypeAlias = Callable[[str, TimeoutKind, Micros], str]
"""Where a limit of an activity comes from, in words: `[activities] in aion.toml`."""


class Run(msgspec.Struct, eq=False):
    """A run with open activities."""

    workflow_id: WorkflowId
    run_id: RunId
    workflow_type: str
    version: Version
    held: bool
    activities: dict[int, Attempt] = {}  # msgspec copies an empty default for every instance


class Attempt(msgspec.Struct, eq=False):
    """The attempt of an activity that is under way, or that comes next. Times are monotonic seconds."""

    run: Run
    ordinal: int
    activity_type: str
    queue: Queue[Attempt] | None
    """None for a local one."""
    options: ActivityOptions
    number: int
    closes_at: float | None
    """By `schedule_to_close`."""
    place: Place = HELD
    alarm: int = 0
    slot: bool = False
    since: float = 0.0
    """When it began to wait for a slot; while it runs, when it was last heard of."""
    begins_at: float = 0.0
    """Not before, while it is backing off."""
    ends_at: float | None = None
    """By `start_to_close`, while it runs."""
    task_id: TaskId | None = None
    """While its body runs."""
    stopping: bool = False
    """Its body was told to stop, and its own outcome is awaited."""
    recorded: OpenActivity | None = None
    """What is to be run, of an attempt that begins according to its history but whose body was never given away."""
    details: Payload | None = None
    """The last heartbeat's."""
    unsaid: bool = False
    """Whether the details are newer than what is noted in the store."""
    said_at: float | None = None
    """When details were noted last."""
    failure: Failure | None = None
    """Of the attempt before."""
    outcome: Arrived | None = None
    """Of an attempt that is ending: it is delivered again when the run was held meanwhile."""

    @property
    def say_at(self) -> float | None:
        """When the last heartbeat's details are noted. None: they are, or there are none."""
        if not self.unsaid:
            return None
        limit = self.options.heartbeat
        pause = _LONGEST_UNSAID if limit is None else min(_LONGEST_UNSAID, _PART_OF_THE_LIMIT * limit / SECOND)
        return float("-inf") if self.said_at is None else self.said_at + pause

    def limit(self) -> tuple[float, TimeoutKind] | None:
        """The limit that passes next, and when."""
        place, options = self.place, self.options
        if place is ENDING or place is BEGINNING:
            return None
        first = None if self.closes_at is None else (self.closes_at, TimeoutKind.SCHEDULE_TO_CLOSE)
        if place is RUNNING:
            if self.ends_at is not None and (first is None or self.ends_at < first[0]):
                first = self.ends_at, _START_TO_CLOSE
            if options.heartbeat is not None:
                silent = self.since + options.heartbeat / SECOND
                if first is None or silent < first[0]:
                    first = silent, TimeoutKind.HEARTBEAT
        elif place is QUEUED and options.schedule_to_start is not None:
            at = self.since + options.schedule_to_start / SECOND
            if first is None or at < first[0]:
                first = at, TimeoutKind.SCHEDULE_TO_START
        return first

    def look_at(self) -> float | None:
        """When something has to be done about it: a limit passes, its time has come, or details are to be noted."""
        limit = self.limit()
        at = None if limit is None else limit[0]
        if self.place is BACKING_OFF:
            return self.begins_at if at is None else min(at, self.begins_at)
        if self.unsaid and self.place is RUNNING and (say := self.say_at) is not None:
            return say if at is None else min(at, say)
        return at

    def timed_out(self, kind: TimeoutKind, origin: Origin | None) -> Failure:
        """The failure of the limit that has passed."""
        limit = getattr(self.options, kind.value)
        assert isinstance(limit, int)  # noqa: S101  # else it could not have passed
        said = origin(self.activity_type, kind, Micros(limit)) if origin is not None else ""
        what = f"the {kind.value} of {self.activity_type!r} ({limit / SECOND:g} s{', ' if said else ''}{said})"
        return Failure(
            type="ActivityTimedOut",
            bases=("ActivityFailed", "Failed", "AionError", "Exception"),
            message=f"{what} passed: {_HAPPENED[kind].format(attempt=self.number)}",
            code="activity-timed-out",
            timeout=kind,
            cause=self.failure,
        )

    def lost(self) -> Failure:
        """The failure of an attempt that nobody knows the end of."""
        return Failure(
            type="ActivityLost",
            bases=("ActivityFailed", "Failed", "AionError", "Exception"),
            message=f"the process that ran attempt {self.number} of {self.activity_type!r} is gone, "
            "and nobody knows what it had done",
            code="activity-lost",
            lost=True,
        )

    def task(self, activity: OpenActivity, task_id: TaskId, now: Instant) -> ActivityTask:
        """What the runtime is given to run it."""
        run, options = self.run, self.options
        return ActivityTask(
            task_id=task_id,
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            workflow_type=run.workflow_type,
            version=run.version,
            ordinal=self.ordinal,
            attempt=activity.attempt,
            activity_type=activity.activity_type,
            input=activity.input,
            queue=activity.queue,
            start_to_close=options.start_to_close,
            heartbeat=options.heartbeat,
            deadline=_deadline(activity, now),
            # A run's id and a call's place in it: another attempt, engine or replay comes to the same, another run not.
            idempotency_key=options.idempotency_key or f"{run.run_id}/{self.ordinal}",
            heartbeat_details=activity.details,
            headers=activity.headers,
        )


def _deadline(activity: OpenActivity, now: Instant) -> Instant | None:
    attempt, whole = activity.options.start_to_close, activity.options.schedule_to_close
    ends = None if attempt is None else Instant(now + attempt)
    if whole is None:
        return ends
    closes = Instant(activity.scheduled_at + whole)
    return closes if ends is None else min(ends, closes)


_START_TO_CLOSE: Final = TimeoutKind.START_TO_CLOSE
_HAPPENED: Final = {
    TimeoutKind.SCHEDULE_TO_START: "attempt {attempt} had no slot of its queue in that time",
    TimeoutKind.START_TO_CLOSE: "attempt {attempt} did not end in that time",
    TimeoutKind.SCHEDULE_TO_CLOSE: "it did not end in that time, over all attempts ({attempt} so far)",
    TimeoutKind.HEARTBEAT: "attempt {attempt} gave no heartbeat in that time",
}
