"""Everything that can stand in a history: 41 events, each with a versioned tag.

An event's tag (`activity.completed/1`) is its identity on disk, for ever. A field may be added with a default and keeps
the number; anything else is a new number and a new class. Ordinals count from 0 within a run, per kind of command.

Arrivals (what came from outside) and commands (what the code's drain issued) stand in one sequence: an arrival, then
the events of the commands that its own drain issued.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias, get_args

import msgspec

from aion_core.model.attributes import Attribute
from aion_core.model.failures import Failure
from aion_core.model.ids import MessageId, RunId, ScheduleId, Version, WorkflowId
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import ActivityOptions, ParentClose, RetryPolicy
from aion_core.model.schedules import ScheduleDefinition
from aion_core.model.times import Instant, Micros

Headers: TypeAlias = dict[str, Payload]
"""What interceptors send along: names to values. Travels in histories."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every event has: its number in the workflow's history, and when it was recorded."""

    seq: int
    at: Instant
    """Never earlier than the event before. `aion.now()` while this event is applied."""


# ---- lifecycle


class ParentRef(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The run that started a child, and the child's ordinal in it. Kept through the child's continue-as-new."""

    workflow_id: WorkflowId
    run_id: RunId
    ordinal: int


class CarriedSignal(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A signal that a run had not received when it continued as new; delivered to the next run before any other."""

    name: str
    payload: Payload
    at: Instant
    message_id: MessageId | None = None


class ResetPoint(msgspec.Struct, frozen=True, gc=False):
    """A new run that begins as a prefix of an earlier one: its events up to `upto` are replayed, not copied."""

    run_id: RunId
    upto: int


class WorkflowStarted(Event, frozen=True, kw_only=True, tag="workflow.started/1"):
    """Begins a run."""

    run_id: RunId
    workflow_type: str
    input: Payload = EMPTY
    """The arguments: a JSON array, or `{"args": […], "kwargs": {…}}` when there are keyword arguments."""
    version: Version
    python: str
    """The minor version that ran it, `3.11`."""
    machine: int
    """The revision of the ordering rules that its commands follow."""
    features: tuple[str, ...] = ()
    attempt: int = 1
    previous_run: RunId | None = None
    first_run: RunId | None = None
    """Of the chain of continue-as-new and retries; None for the first itself."""
    parent: ParentRef | None = None
    schedule: ScheduleId | None = None
    scheduled_at: Instant | None = None
    not_before: Instant | None = None
    """`delay=`: the first drain waits until then."""
    timeout: Micros | None = None
    deadline: Instant | None = None
    retry: RetryPolicy | None = None
    request_id: MessageId | None = None
    attributes: dict[str, Attribute] = {}  # msgspec copies an empty default for every instance
    """Given with the start, here and not as an event: replay could not tell that from what the first drain sets."""
    memo: dict[str, Payload] = {}  # likewise
    carried: tuple[CarriedSignal, ...] = ()
    reset: ResetPoint | None = None
    headers: Headers = {}  # msgspec copies an empty default for every instance


class WorkflowCompleted(Event, frozen=True, kw_only=True, tag="workflow.completed/1"):
    """The main task returned."""

    result: Payload = EMPTY


class WorkflowFailed(Event, frozen=True, kw_only=True, tag="workflow.failed/1"):
    """An exception left the main task. A retried run follows in the same commit."""

    failure: Failure
    cause_seq: int | None = None
    """The terminal of the activity or child whose error it was: where a reopen goes back to."""


class WorkflowCancelRequested(Event, frozen=True, kw_only=True, tag="workflow.cancel_requested/1"):
    """Somebody asked it to stop, and the code did more than ending at once."""

    reason: str = ""
    message_id: MessageId | None = None


class WorkflowCancelled(Event, frozen=True, kw_only=True, tag="workflow.cancelled/1"):
    """It ended by the cancellation. Without a request before it, it stands for the request too."""

    reason: str = ""
    message_id: MessageId | None = None


class WorkflowTerminated(Event, frozen=True, kw_only=True, tag="workflow.terminated/1"):
    """Ended from outside, without running any of its code."""

    reason: str = ""
    message_id: MessageId | None = None


class WorkflowTimedOut(Event, frozen=True, kw_only=True, tag="workflow.timed_out/1"):
    """Its deadline passed."""

    timeout: Micros | None = None


class WorkflowContinuedAsNew(Event, frozen=True, kw_only=True, tag="workflow.continued_as_new/1"):
    """Ends this run; `WorkflowStarted` of the next follows in the same commit."""

    next_run: RunId
    workflow_type: str
    input: Payload = EMPTY


class WorkflowReopened(Event, frozen=True, kw_only=True, tag="workflow.reopened/1"):
    """Takes back what ended the run: replay skips the events after `resume_after` up to this one.

    Signals and updates among the skipped are delivered again after it.
    """

    resume_after: int
    reason: str = ""


class WorkflowPaused(Event, frozen=True, kw_only=True, tag="workflow.paused/1"):
    """From here on arrivals are recorded and kept, and drained after `WorkflowResumed`."""

    reason: str = ""
    message_id: MessageId | None = None


class WorkflowResumed(Event, frozen=True, kw_only=True, tag="workflow.resumed/1"):
    """What was kept since the pause is drained, in order."""

    message_id: MessageId | None = None


class WorkflowBlocked(Event, frozen=True, kw_only=True, tag="workflow.blocked/1"):
    """It can not go on until its code changes or somebody resumes it. Nothing is lost meanwhile."""

    failure: Failure


class WorkflowUnblocked(Event, frozen=True, kw_only=True, tag="workflow.unblocked/1"):
    """It goes on."""


class SearchAttributesUpdated(Event, frozen=True, kw_only=True, tag="workflow.attributes_updated/1"):
    """Folded over those of the start name by name, later ones win, None unsets. A command of the code."""

    attributes: dict[str, Attribute | None]


class MemoUpdated(Event, frozen=True, kw_only=True, tag="workflow.memo_updated/1"):
    """Folded like attributes."""

    memo: dict[str, Payload | None]


class MarkerKind(StrEnum):
    """What a marker stands for."""

    SIDE_EFFECT = "side_effect"
    PATCH = "patch"


class MarkerRecorded(Event, frozen=True, kw_only=True, tag="workflow.marker/1"):
    """A value that the code computed once and that every replay sees again."""

    kind: MarkerKind
    ordinal: int
    name: str = ""
    value: Payload = EMPTY


# ---- activities


class ActivityScheduled(Event, frozen=True, kw_only=True, tag="activity.scheduled/1"):
    """The code called an activity."""

    ordinal: int
    activity_type: str
    input: Payload = EMPTY
    queue: str = "default"
    options: ActivityOptions = ActivityOptions()
    input_hash: str | None = None
    """Of the canonical encoding before payload codecs; a difference on replay is reported, not fatal."""
    dispatched: bool = False
    """Attempt 1 had its slot already: it is dispatched with this commit."""
    headers: Headers = {}  # msgspec copies an empty default for every instance


class ActivityStarted(Event, frozen=True, kw_only=True, tag="activity.started/1"):
    """An attempt that had to queue is about to be dispatched, or (with its outcome) when it began."""

    ordinal: int
    attempt: int = 1
    executor: str = ""
    started_at: Instant | None = None


class ActivityCompleted(Event, frozen=True, kw_only=True, tag="activity.completed/1"):
    """The activity's one result. A local activity has this event alone, with type and input."""

    ordinal: int
    result: Payload = EMPTY
    attempt: int = 1
    activity_type: str | None = None
    input: Payload | None = None


class ActivityFailed(Event, frozen=True, kw_only=True, tag="activity.failed/1"):
    """An attempt failed. With `next_attempt_at` it is tried again then; without, this is the activity's outcome."""

    ordinal: int
    failure: Failure
    attempt: int = 1
    next_attempt_at: Instant | None = None
    dispatched: bool = False
    """The next attempt has its slot already."""
    activity_type: str | None = None
    input: Payload | None = None


class ActivityCancelRequested(Event, frozen=True, kw_only=True, tag="activity.cancel_requested/1"):
    """`cancellation="wait"`: the body is told, and the await goes on."""

    ordinal: int


class ActivityCancelled(Event, frozen=True, kw_only=True, tag="activity.cancelled/1"):
    """The await ended by cancellation. A result that comes later is discarded."""

    ordinal: int
    attempt: int = 1


# ---- timers


class TimerStarted(Event, frozen=True, kw_only=True, tag="timer.started/1"):
    """A sleep, a timeout, a named timer."""

    ordinal: int
    fire_at: Instant
    name: str | None = None


class TimerFired(Event, frozen=True, kw_only=True, tag="timer.fired/1"):
    """Never earlier than its time."""

    ordinal: int


class TimerCancelled(Event, frozen=True, kw_only=True, tag="timer.cancelled/1"):
    """By the code, or by the end of what it timed."""

    ordinal: int


class ScopeOutcome(StrEnum):
    """How a timed scope of an imported history ended."""

    OPERATION_COMPLETED = "operation_completed"
    TIMED_OUT = "timed_out"


class WithTimeoutCompleted(Event, frozen=True, kw_only=True, tag="timer.scope_completed/1"):
    """How a timed scope ended. Written by importers of histories that record scopes; new runs have plain timers."""

    ordinal: int
    outcome: ScopeOutcome
    result: Payload | None = None


# ---- signals, updates, other workflows


class SignalReceived(Event, frozen=True, kw_only=True, tag="signal.received/1"):
    """Recorded, then delivered; kept in order per name until received."""

    name: str
    payload: Payload = EMPTY
    message_id: MessageId | None = None
    headers: Headers = {}  # msgspec copies an empty default for every instance


class SignalSent(Event, frozen=True, kw_only=True, tag="signal.sent/1"):
    """To another workflow; the message is posted with this commit."""

    ordinal: int
    target: WorkflowId
    name: str
    payload: Payload = EMPTY
    target_run: RunId | None = None


class CancelSent(Event, frozen=True, kw_only=True, tag="cancel.sent/1"):
    """A request to another workflow, or to a child, to stop."""

    ordinal: int
    target: WorkflowId
    target_run: RunId | None = None
    reason: str = ""


class UpdateAccepted(Event, frozen=True, kw_only=True, tag="update.accepted/1"):
    """Its validator let it pass; its handler runs. A rejection leaves no event."""

    update_id: MessageId
    name: str
    input: Payload = EMPTY
    headers: Headers = {}  # msgspec copies an empty default for every instance


class UpdateCompleted(Event, frozen=True, kw_only=True, tag="update.completed/1"):
    """Its handler returned or raised: exactly one of the two is set."""

    update_id: MessageId
    result: Payload | None = None
    failure: Failure | None = None


# ---- children


class ChildWorkflowStarted(Event, frozen=True, kw_only=True, tag="child.started/1"):
    """Recorded together with the start message to the child."""

    ordinal: int
    workflow_id: WorkflowId
    run_id: RunId
    workflow_type: str
    input: Payload = EMPTY
    parent_close: ParentClose = ParentClose.ABANDON
    timeout: Micros | None = None
    retry: RetryPolicy | None = None
    input_hash: str | None = None
    headers: Headers = {}  # msgspec copies an empty default for every instance


class ChildWorkflowCompleted(Event, frozen=True, kw_only=True, tag="child.completed/1"):
    """The child's result, after any number of its runs."""

    ordinal: int
    result: Payload = EMPTY


class ChildWorkflowFailed(Event, frozen=True, kw_only=True, tag="child.failed/1"):
    """It failed, timed out, was terminated, or could not be started (`failure.code`)."""

    ordinal: int
    failure: Failure
    status: str = "failed"


class ChildWorkflowCancelled(Event, frozen=True, kw_only=True, tag="child.cancelled/1"):
    """It ended by cancellation, or the await of it did."""

    ordinal: int
    reason: str = ""


# ---- schedules: in the history of `aion:schedule:<id>`


class ScheduleCreated(Event, frozen=True, kw_only=True, tag="schedule.created/1"):
    """Validated before it was recorded."""

    schedule_id: ScheduleId
    definition: ScheduleDefinition


class ScheduleUpdated(Event, frozen=True, kw_only=True, tag="schedule.updated/1"):
    """Replaces the definition from here on."""

    definition: ScheduleDefinition


class SchedulePaused(Event, frozen=True, kw_only=True, tag="schedule.paused/1"):
    """Fires no more until resumed."""

    note: str = ""


class ScheduleResumed(Event, frozen=True, kw_only=True, tag="schedule.resumed/1"):
    """Fires again, from the next nominal time on."""

    note: str = ""


class ScheduleDeleted(Event, frozen=True, kw_only=True, tag="schedule.deleted/1"):
    """Ends the schedule's history."""


class ScheduleTriggered(Event, frozen=True, kw_only=True, tag="schedule.triggered/1"):
    """One nominal time was dealt with: its run was posted, or it was skipped or buffered."""

    nominal: Instant
    workflow_id: WorkflowId | None = None
    run_id: RunId | None = None
    decision: str = "started"
    next_at: Instant | None = None
    """Computed then, so that a new cron library never rewrites the past."""


AnyEvent: TypeAlias = (
    WorkflowStarted
    | WorkflowCompleted
    | WorkflowFailed
    | WorkflowCancelRequested
    | WorkflowCancelled
    | WorkflowTerminated
    | WorkflowTimedOut
    | WorkflowContinuedAsNew
    | WorkflowReopened
    | WorkflowPaused
    | WorkflowResumed
    | WorkflowBlocked
    | WorkflowUnblocked
    | SearchAttributesUpdated
    | MemoUpdated
    | MarkerRecorded
    | ActivityScheduled
    | ActivityStarted
    | ActivityCompleted
    | ActivityFailed
    | ActivityCancelRequested
    | ActivityCancelled
    | TimerStarted
    | TimerFired
    | TimerCancelled
    | WithTimeoutCompleted
    | SignalReceived
    | SignalSent
    | CancelSent
    | UpdateAccepted
    | UpdateCompleted
    | ChildWorkflowStarted
    | ChildWorkflowCompleted
    | ChildWorkflowFailed
    | ChildWorkflowCancelled
    | ScheduleCreated
    | ScheduleUpdated
    | SchedulePaused
    | ScheduleResumed
    | ScheduleDeleted
    | ScheduleTriggered
)

EVENT_TYPES: Final[tuple[type[Event], ...]] = get_args(AnyEvent)

TERMINAL_TYPES: Final[tuple[type[Event], ...]] = (
    WorkflowCompleted,
    WorkflowFailed,
    WorkflowCancelled,
    WorkflowTerminated,
    WorkflowTimedOut,
    WorkflowContinuedAsNew,
)


def event_tag(kind: type[Event]) -> str:
    """The tag of an event type, as it is written in histories."""
    return str(kind.__struct_config__.tag)
