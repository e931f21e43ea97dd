"""The single append authority of a workflow: events from arrivals and commands, in their one order.

Pure: it touches no clock, store or thread. It folds every event into the ledger as it writes it, so the ledger is ahead
of the store until the commit is acknowledged; when it is not, the ledger is dropped and folded anew from the history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import msgspec
from attrs import frozen

from aion_core.engine.retrying import delay, next_attempt
from aion_core.ledger import FAILURES_IN_HISTORY, OpenActivity, RunLedger
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.ids import RunId
from aion_core.model.payloads import Payload
from aion_core.model.policies import ActivityCall, ActivityOptions, Cancellation
from aion_core.model.summaries import RunEntry, Summary
from aion_core.model.times import Instant


@frozen(kw_only=True)
class Rules:
    """What the recorder asks of the engine around it. Each answers at once and changes nothing that is recorded."""

    settle: Callable[[str, ActivityCall], tuple[str, ActivityOptions]]
    """The queue of a call of this activity, and what holds for it: what the code says, over the configuration."""
    reserve: Callable[[str], bool]
    """Take a slot of this queue, if there is one: then the attempt is dispatched with the commit."""
    new_run: Callable[[], RunId]


class Recording(msgspec.Struct, gc=False):
    """What one turn adds to a history, and what is released once it is durable.

    What most turns do not have is an empty tuple, and takes nothing.
    """

    events: list[e.Event] = []  # msgspec copies an empty default for every instance
    runs: tuple[RunEntry, ...] = ()
    """Runs that began or ended, as they are after it."""
    dispatch: list[OpenActivity] = []
    """Attempts that have their slot: their bodies run after the acknowledgement."""
    reserved: int = 0
    """Slots that the turn took for them."""
    enqueue: list[OpenActivity] = []
    """Attempts that wait for a slot of their queue."""
    again: tuple[OpenActivity, ...] = ()
    """Activities whose attempt failed, and which are tried again."""
    stop: tuple[tuple[int, bool], ...] = ()
    """Activities whose outcome nobody waits for any more; and whether the body is told."""
    late: tuple[e.Event, ...] = ()
    """Arrivals that came too late to be recorded."""
    ended: e.Event | None = None
    """The event that ended the run."""
    noted: bool = False
    """Something changed that only the state row says."""
    shown: bool = False
    """Whether a summary shows any of it."""


class AttemptFailed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt failed. Whether that is an event, and which, is the recorder's to say."""

    ordinal: int
    attempt: int
    failure: Failure
    details: Payload | None = None
    """The last heartbeat's, for the next attempt."""


class AttemptNoted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something about an attempt under way that only the state row says: it makes no event."""

    ordinal: int
    attempt: int
    details: Payload | None = None
    """The last heartbeat's."""
    later: bool = False
    """The body left it open."""
    ends_at: Instant | None = None
    """With `later`: when the attempt ends at the latest."""


def verdict(ledger: RunLedger, failed: AttemptFailed, *, at: Instant) -> e.ActivityFailed | Instant | None:
    """What a failed attempt comes to: the end of its activity, or the time of the next one. None: it is not current."""
    activity = ledger.activities.get(failed.ordinal)
    if activity is None or activity.attempt != failed.attempt:
        return None
    if failed.ordinal not in ledger.stopping:
        again = next_attempt(activity, failed.failure, run_id=ledger.run_id, now=at)
        if again is not None:
            return again
    return e.ActivityFailed(
        seq=0,
        at=at,
        ordinal=failed.ordinal,
        failure=failed.failure,
        attempt=failed.attempt,
        activity_type=activity.activity_type if activity.local else None,
        input=activity.input if activity.local else None,
    )


class Recorder:
    """Writes one turn. Made for it, and thrown away after it."""

    __slots__ = ("_at", "_rules", "ledger", "made")

    def __init__(self, ledger: RunLedger, rules: Rules, *, now: Instant) -> None:
        """`now` is the engine's clock; recorded times never go back, whatever it says."""
        self.ledger = ledger
        self.made = Recording()
        self._rules = rules
        self._at = max(now, ledger.last_at)

    def arrival(self, event: e.Event, commands: Sequence[c.Command] | None) -> bool:
        """Write an arrival and what its own drain issued. False: it came too late, and nothing was written.

        `commands` are those that the drain of exactly this arrival issued; None says that the code was not waiting
        for it any more.
        """
        if commands is None or (not self.ledger.open and not isinstance(event, e.WorkflowStarted)):
            self.made.late += (event,)
            return False
        ledger = self.ledger
        if isinstance(event, e.WorkflowCancelRequested) and not ledger.cancel_requested and _only_ends(commands):
            # One event stands for the request and for the end, which settles everything open. Not for a second
            # request: behind the first, replay takes the event for how the code ended by that one.
            self._end(e.WorkflowCancelled(seq=0, at=event.at, reason=event.reason, message_id=event.message_id))
            return True
        self._write(event)
        for command in commands:
            if not ledger.open:
                break  # the first terminal command wins
            self._writers[type(command)](self, command)
        ledger.drained_seq = ledger.head
        return True

    def held(self, event: e.Event) -> bool:
        """Write an arrival that is drained later: the run is paused, blocked, or has not begun."""
        late = not self.ledger.open and not isinstance(event, e.WorkflowStarted)
        if late or (isinstance(event, _OUTCOMES) and event.ordinal not in self.ledger.activities):
            self.made.late += (event,)
            return False
        self._write(event)
        return True

    def end(self, event: e.Event) -> bool:
        """Write the end of a run that comes from outside: termination, deadline, cancellation of a blocked run."""
        if not self.ledger.open:
            self.made.late += (event,)
            return False
        self._end(event)
        return True

    def block(self, failure: Failure, arrivals: Sequence[e.Event]) -> None:
        """The turn is void: the run is blocked, and what arrived is recorded and kept for when it goes on.

        What was to unblock it is not recorded: behind the block it would say that the run goes on.
        """
        kept = [event for event in arrivals if not isinstance(event, e.WorkflowUnblocked)]
        if kept and isinstance(kept[0], e.WorkflowStarted):
            self._write(kept.pop(0))  # its drain is void too: a start directly before a block is held
        self._write(e.WorkflowBlocked(seq=0, at=self._at, failure=failure))
        for event in kept:
            self._write(event)

    def attempt_failed(self, outcome: AttemptFailed) -> e.ActivityFailed | None:
        """An attempt failed. The event that ends the activity, for the code to see; None when it is tried again.

        The returned event is not written yet: it is an arrival like any other, and its drain belongs behind it.
        """
        again = verdict(self.ledger, outcome, at=self._at)
        if again is None or isinstance(again, e.ActivityFailed):
            return again
        activity = self.ledger.activities[outcome.ordinal]
        activity.details = outcome.details or activity.details
        self.made.again += (activity,)
        if outcome.attempt <= FAILURES_IN_HISTORY and not activity.local:
            failed = e.ActivityFailed(
                seq=0,
                at=self._at,
                ordinal=activity.ordinal,
                failure=outcome.failure,
                attempt=outcome.attempt,
                next_attempt_at=again,
            )
            self._write(failed)
        else:
            activity.failed(outcome.failure, attempt=outcome.attempt, again_at=again)
            self.made.noted = True
        return None

    def attempt_begins(self, ordinal: int, attempt: int) -> None:
        """An attempt that had no slot when it was asked for has one now: it is said before its body runs.

        Nothing is written for one that is over or said already, nor while the run is held.
        """
        activity = self.ledger.activities.get(ordinal)
        if activity is None or activity.attempt != attempt or activity.dispatched or self.ledger.held:
            return
        if activity.attempt <= FAILURES_IN_HISTORY and not activity.local:
            self._write(e.ActivityStarted(seq=0, at=self._at, ordinal=ordinal, attempt=activity.attempt))
        activity.dispatched = True
        activity.again_at = None
        self.made.noted = True
        self.made.dispatch.append(activity)

    def attempt_noted(self, noted: AttemptNoted) -> bool:
        """Keep what is said of an attempt. False: it is over."""
        activity = self.ledger.activities.get(noted.ordinal)
        if activity is None or activity.attempt != noted.attempt:
            return False
        activity.details = noted.details or activity.details
        if noted.later:
            activity.later, activity.ends_at = True, noted.ends_at
        self.made.noted = True
        return True

    # ---- writing

    def _write(self, event: e.Event) -> e.Event:
        """Number an event, fold it, keep it."""
        ledger = self.ledger
        seq = ledger.head + 1
        caught_up = ledger.drained_seq == ledger.head
        if event.seq != seq or event.at != self._at:
            event = msgspec.structs.replace(event, seq=seq, at=self._at)
        ledger.fold(event)
        if caught_up and type(event) in _NOTES:
            ledger.drained_seq = seq
        self.made.events.append(event)
        if type(event) in _SHOWN:
            self.made.shown = True
            if isinstance(event, e.WorkflowStarted):
                self.made.runs += (_entry(ledger.summary, first_seq=seq, previous=event.previous_run),)
            elif self.made.runs and self.made.runs[-1].run_id == ledger.run_id:
                *others, begun = self.made.runs  # in this turn
                self.made.runs = (*others, msgspec.structs.replace(begun, summary=ledger.summary))
        return event

    def _end(self, event: e.Event) -> None:
        """Write a terminal event: it settles everything that is open."""
        ledger = self.ledger
        self.made.stop += tuple((ordinal, True) for ordinal in ledger.activities)
        begun = next((run for run in self.made.runs if run.run_id == ledger.run_id), None)
        first_seq, previous = ledger.run_start, ledger.started.previous_run
        written = self._write(event)
        entry = msgspec.structs.replace(
            begun or _entry(ledger.summary, first_seq=first_seq, previous=previous),
            summary=ledger.summary,
            last_seq=written.seq,
        )
        self.made.runs = (*(run for run in self.made.runs if run.run_id != entry.run_id), entry)
        self.made.ended = written

    def _schedule(self, command: c.ScheduleActivity) -> None:
        queue, options = self._rules.settle(command.activity_type, command.given)
        if command.local:
            activity = OpenActivity(
                ordinal=command.ordinal,
                activity_type=command.activity_type,
                input=command.input,
                queue=queue,
                options=options,
                headers=command.headers,
                local=True,
                scheduled_at=self._at,
                dispatched=True,
            )
            self.ledger.activities[command.ordinal] = activity
            self.made.noted = True
            self.made.dispatch.append(activity)
            return
        dispatched = self._rules.reserve(queue)
        self.made.reserved += dispatched
        self._write(
            e.ActivityScheduled(
                seq=self.ledger.head + 1,
                at=self._at,
                ordinal=command.ordinal,
                activity_type=command.activity_type,
                input=command.input,
                queue=queue,
                options=options,
                dispatched=dispatched,
                headers=command.headers,
            )
        )
        activity = self.ledger.activities[command.ordinal]
        (self.made.dispatch if dispatched else self.made.enqueue).append(activity)

    def _cancel_activity(self, command: c.CancelActivity) -> None:
        activity = self.ledger.activities.get(command.ordinal)
        if activity is None:
            return
        if command.wait:
            self._write(e.ActivityCancelRequested(seq=0, at=self._at, ordinal=command.ordinal))
            self.made.stop += ((command.ordinal, True),)
            return
        told = activity.options.cancellation is not Cancellation.ABANDON
        self._write(e.ActivityCancelled(seq=0, at=self._at, ordinal=command.ordinal, attempt=activity.attempt))
        self.made.stop += ((command.ordinal, told),)
        self.made.dispatch = [each for each in self.made.dispatch if each.ordinal != command.ordinal]
        self.made.enqueue = [each for each in self.made.enqueue if each.ordinal != command.ordinal]

    def _start_timer(self, command: c.StartTimer) -> None:
        self._write(
            e.TimerStarted(seq=0, at=self._at, ordinal=command.ordinal, fire_at=command.fire_at, name=command.name)
        )

    def _cancel_timer(self, command: c.CancelTimer) -> None:
        self._write(e.TimerCancelled(seq=0, at=self._at, ordinal=command.ordinal))

    def _marker(self, command: c.RecordMarker) -> None:
        self._write(
            e.MarkerRecorded(
                seq=0,
                at=self._at,
                kind=command.marker,
                ordinal=command.ordinal,
                name=command.name,
                value=command.value,
            )
        )

    def _attributes(self, command: c.SetAttributes) -> None:
        self._write(e.SearchAttributesUpdated(seq=0, at=self._at, attributes=command.attributes))

    def _memo(self, command: c.SetMemo) -> None:
        self._write(e.MemoUpdated(seq=0, at=self._at, memo=command.memo))

    def _complete(self, command: c.CompleteWorkflow) -> None:
        self._end(e.WorkflowCompleted(seq=0, at=self._at, result=command.result))

    def _cancelled(self, command: c.CancelWorkflow) -> None:
        self._end(e.WorkflowCancelled(seq=0, at=self._at, reason=command.reason))

    def _fail(self, command: c.FailWorkflow) -> None:
        started = self.ledger.started
        cause = None if command.cause is None else (self.ledger.failures or {}).get(command.cause)
        self._end(e.WorkflowFailed(seq=0, at=self._at, failure=command.failure, cause_seq=cause))
        policy = started.retry
        if policy is None or not command.failure.retryable or command.failure.is_(*policy.non_retryable):
            return
        if 0 < policy.max_attempts <= started.attempt:
            return
        wait = delay(policy, started.attempt, seed=str(self.ledger.first_run))
        self._write(
            e.WorkflowStarted(
                seq=0,
                at=self._at,
                run_id=self._rules.new_run(),
                workflow_type=started.workflow_type,
                input=started.input,
                version=started.version,
                python=started.python,
                machine=started.machine,
                features=started.features,
                attempt=started.attempt + 1,
                previous_run=started.run_id,
                first_run=self.ledger.first_run,
                parent=started.parent,
                schedule=started.schedule,
                scheduled_at=started.scheduled_at,
                not_before=Instant(self._at + wait),
                timeout=started.timeout,
                deadline=None if started.timeout is None else Instant(self._at + wait + started.timeout),
                retry=policy,
                attributes=started.attributes,
                memo=started.memo,
                headers=started.headers,
            )
        )

    _writers: ClassVar[dict[type[c.Command], Callable[[Recorder, Any], None]]] = {
        c.ScheduleActivity: _schedule,
        c.CancelActivity: _cancel_activity,
        c.StartTimer: _start_timer,
        c.CancelTimer: _cancel_timer,
        c.RecordMarker: _marker,
        c.SetAttributes: _attributes,
        c.SetMemo: _memo,
        c.CompleteWorkflow: _complete,
        c.CancelWorkflow: _cancelled,
        c.FailWorkflow: _fail,
    }


_SHOWN: Final = frozenset(
    {
        e.WorkflowStarted,
        e.WorkflowPaused,
        e.WorkflowResumed,
        e.WorkflowBlocked,
        e.WorkflowUnblocked,
        e.WorkflowReopened,
        e.SearchAttributesUpdated,
        e.MemoUpdated,
        *e.TERMINAL_TYPES,
    }
)


_OUTCOMES: Final = (e.ActivityCompleted, e.ActivityFailed, e.ActivityCancelled)
"""Of activities. While code runs it knows which of them it waits for; here nobody does."""

_NOTES: Final = frozenset({e.ActivityStarted, e.ActivityFailed})
"""Events that no drain belongs to. (The failure that ends an activity is an arrival, whose drain follows.)"""


def _only_ends(commands: Sequence[c.Command]) -> bool:
    """Whether a cancelled run did nothing but end: by the cancellation, giving up its own timers and activities."""
    if not commands or not isinstance(commands[-1], c.CancelWorkflow):
        return False
    return all(
        isinstance(command, c.CancelTimer) or (isinstance(command, c.CancelActivity) and not command.wait)
        for command in commands[:-1]
    )


def _entry(summary: Summary, *, first_seq: int, previous: RunId | None) -> RunEntry:
    return RunEntry(summary=summary, first_seq=first_seq, previous_run=previous)
