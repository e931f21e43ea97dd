"""What the engine knows of one run: the fold of its events, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any, ClassVar, Final

from aion_core.ledger.open_record import OpenActivity, OpenRecord
from aion_core.model import events as e
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.status import Status
from aion_core.model.summaries import Summary, summary_after, summary_at_start
from aion_core.model.times import Instant

DEADLINE: Final = -1
DELAY: Final = -2
"""What stands for the run's own times among those of its timers."""
HOLDING: Final = frozenset({Status.PAUSED, Status.BLOCKED})
"""In these no activity begins, and arrivals are kept."""


class RunLedger:
    """One run of one workflow, as its history says. Folding an event never fails and touches nothing else.

    Whoever records an event folds it here at once; whoever loads a run folds its history. So the two agree.
    """

    __slots__ = (
        "activities",
        "blocked_by",
        "cancel_requested",
        "drained_seq",
        "failures",
        "first_run",
        "head",
        "last_at",
        "open",
        "run_start",
        "size",
        "start_hash",
        "started",
        "stopping",
        "summary",
        "timers",
        "undrained_start",
        "waits",
        "workflow_id",
    )

    def __init__(self, workflow_id: WorkflowId, *, head: int = 0, start_hash: str | None = None) -> None:
        """Before the run's first event. `head` is where the history stands before it."""
        self.workflow_id = workflow_id
        self.head = head
        self.start_hash = start_hash
        self.run_start = head + 1
        self.drained_seq = head
        self.last_at = Instant(0)
        self.size = 0
        """Bytes of the run's batches."""
        self.open = False
        """Whether the run can still do something: it has begun, and has not ended."""
        self.blocked_by: str | None = None
        """The version of the code that blocked the run."""
        self.cancel_requested = False
        self.undrained_start = False
        """The first drain is still to come: the start waits for its time, or for the run to be unblocked."""
        self.activities: dict[int, OpenActivity] = {}
        self.stopping: frozenset[int] = _NONE
        """Activities that were asked to stop, whose own outcome is awaited."""
        self.failures: dict[int, int] | None = None
        """The events that say that an activity failed, by its ordinal: one of them may end the run."""
        self.timers: dict[int, Instant] = {}
        self.waits: list[tuple[Instant, int]] = []
        """A heap of due times: of timers by ordinal, and of the run itself. What is over is skipped when it is met."""
        self.started: e.WorkflowStarted
        self.summary: Summary
        self.first_run = RunId("")

    @property
    def run_id(self) -> RunId:
        """Of the run that is folded here."""
        return self.summary.run_id

    @property
    def held(self) -> bool:
        """Whether arrivals are recorded and kept, and drained later."""
        return self.undrained_start or self.summary.status in HOLDING

    def fold(self, event: e.Event) -> None:
        """One more event."""
        self.head = event.seq
        self.last_at = event.at
        step = self._steps.get(type(event))
        if step is not None:
            step(self, event)

    def restore(self, record: OpenRecord) -> None:
        """What the history does not say of open activities, from the state row. After the whole history was folded."""
        self.blocked_by = record.blocked_by
        for kept in record.activities:
            known = self.activities.get(kept.ordinal)
            if known is None and kept.local:
                self.activities[kept.ordinal] = kept
            elif known is not None:
                known.catch_up(kept)

    def next_timer(self) -> tuple[Instant, int] | None:
        """The earliest time that is still waited for: of a timer, or `DEADLINE` or `DELAY` for the run's own."""
        waits = self.waits
        while waits:
            at, ordinal = waits[0]
            if self._waits_for(at, ordinal):
                return waits[0]
            heappop(waits)
        return None

    def due_timers(self, now: Instant) -> list[tuple[Instant, int]]:
        """Those whose time has come, earliest first. They stay until an event settles them."""
        due: list[tuple[Instant, int]] = []
        while (first := self.next_timer()) is not None and first[0] <= now:
            due.append(heappop(self.waits))
        for each in due:
            heappush(self.waits, each)
        return due

    def _waits_for(self, at: Instant, ordinal: int) -> bool:
        if ordinal == DEADLINE:
            return self.open
        if ordinal == DELAY:
            return self.undrained_start and self.summary.status is Status.RUNNING
        return self.timers.get(ordinal) == at

    # ---- one event each

    def _started(self, event: e.WorkflowStarted) -> None:
        self.summary = summary_at_start(self.workflow_id, event)
        self.run_start = event.seq
        self.started = event
        self.open = True
        self.size = 0
        self.first_run = event.first_run or event.run_id
        self.cancel_requested = False
        self.failures = None
        self.activities = {}
        self.stopping = _NONE
        self.timers = {}
        self.waits = []
        self.undrained_start = event.not_before is not None
        if event.not_before is not None:
            heappush(self.waits, (event.not_before, DELAY))
        if event.deadline is not None:
            heappush(self.waits, (event.deadline, DEADLINE))

    def _shown(self, event: e.Event) -> None:
        self.summary = summary_after(self.summary, event)

    def _blocked(self, event: e.WorkflowBlocked) -> None:
        # What directly follows a start voids its drain, which is made up for when the run goes on.
        self.undrained_start = self.undrained_start or event.seq == self.run_start + 1
        self.summary = summary_after(self.summary, event)

    def _resumed(self, event: e.Event) -> None:
        self.undrained_start = False
        self.blocked_by = None
        self.summary = summary_after(self.summary, event)

    def _closed(self, event: e.Event) -> None:
        self.summary = summary_after(self.summary, event)
        self.open = False
        self.blocked_by = None
        self.activities = {}
        self.stopping = _NONE
        self.timers = {}
        self.waits = []

    def _reopened(self, event: e.WorkflowReopened) -> None:
        self.summary = summary_after(self.summary, event)
        self.open = True

    def _cancel_requested(self, _: e.Event) -> None:
        self.cancel_requested = True

    def _scheduled(self, event: e.ActivityScheduled) -> None:
        self.activities[event.ordinal] = OpenActivity.scheduled(event)

    def _attempt_started(self, event: e.ActivityStarted) -> None:
        if (known := self.activities.get(event.ordinal)) is not None:
            known.dispatched = True
            known.attempt = event.attempt

    def _attempt_failed(self, event: e.ActivityFailed) -> None:
        if event.next_attempt_at is None:
            self.failures = self.failures or {}
            self.failures[event.ordinal] = event.seq
            self._over(event)
        elif (known := self.activities.get(event.ordinal)) is not None:
            known.failed(event.failure, attempt=event.attempt, again_at=event.next_attempt_at)
            known.dispatched = event.dispatched

    def _over(self, event: Any) -> None:
        self.activities.pop(event.ordinal, None)
        if self.stopping:
            self.stopping = self.stopping - {event.ordinal}

    def _stopping(self, event: e.ActivityCancelRequested) -> None:
        self.stopping = self.stopping | {event.ordinal}

    def _timer_started(self, event: e.TimerStarted) -> None:
        self.timers[event.ordinal] = event.fire_at
        heappush(self.waits, (event.fire_at, event.ordinal))

    def _timer_over(self, event: e.TimerFired | e.TimerCancelled) -> None:
        self.timers.pop(event.ordinal, None)

    _steps: ClassVar[dict[type[e.Event], Callable[[RunLedger, Any], None]]] = {
        e.WorkflowStarted: _started,
        e.WorkflowCancelRequested: _cancel_requested,
        e.WorkflowPaused: _shown,
        e.WorkflowBlocked: _blocked,
        e.WorkflowResumed: _resumed,
        e.WorkflowUnblocked: _resumed,
        e.WorkflowReopened: _reopened,
        e.SearchAttributesUpdated: _shown,
        e.MemoUpdated: _shown,
        **dict.fromkeys(e.TERMINAL_TYPES, _closed),
        e.ActivityScheduled: _scheduled,
        e.ActivityStarted: _attempt_started,
        e.ActivityFailed: _attempt_failed,
        e.ActivityCompleted: _over,
        e.ActivityCancelled: _over,
        e.ActivityCancelRequested: _stopping,
        e.TimerStarted: _timer_started,
        e.TimerFired: _timer_over,
        e.TimerCancelled: _timer_over,
    }


_NONE: Final[frozenset[int]] = frozenset()


def fold(workflow_id: WorkflowId, events: Iterable[e.Event], *, record: OpenRecord | None = None) -> RunLedger:
    """The ledger of a run's events, and of what the state row adds to them."""
    ledger = RunLedger(workflow_id)
    for event in events:
        ledger.fold(event)
    if record is not None:
        ledger.restore(record)
    return ledger
