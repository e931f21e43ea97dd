"""What workflow code asks for in one drain. The recorder turns each into the event that records it.

A command's identity is its kind and its ordinal in the run; on replay it must meet the event that it once became.
`source` is where in the user's code it was issued, for messages to people; it is not recorded.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from aion_core.model.attributes import Attribute
from aion_core.model.events import CarriedSignal, Headers, MarkerKind
from aion_core.model.failures import Failure
from aion_core.model.ids import MessageId, RunId, WorkflowId
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import ActivityCall, ParentClose, RetryPolicy
from aion_core.model.times import Instant, Micros


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", gc=False):
    """What every command has."""

    source: str = ""
    """`shop.py:41`."""


class ScheduleActivity(Command, frozen=True, kw_only=True, tag="schedule_activity"):
    """Becomes `ActivityScheduled`; with `local`, the body runs after the commit and `ActivityCompleted` records it."""

    ordinal: int
    activity_type: str
    input: Payload = EMPTY
    given: ActivityCall = ActivityCall()
    """What the code says; the recorder merges the configuration into it."""
    local: bool = False
    headers: Headers = {}  # msgspec copies an empty default for every instance


class CancelActivity(Command, frozen=True, kw_only=True, tag="cancel_activity"):
    """Becomes `ActivityCancelled`, or `ActivityCancelRequested` with `wait`."""

    ordinal: int
    wait: bool = False


class StartTimer(Command, frozen=True, kw_only=True, tag="start_timer"):
    """Becomes `TimerStarted`."""

    ordinal: int
    fire_at: Instant
    name: str | None = None


class CancelTimer(Command, frozen=True, kw_only=True, tag="cancel_timer"):
    """Becomes `TimerCancelled`."""

    ordinal: int


class StartChild(Command, frozen=True, kw_only=True, tag="start_child"):
    """Becomes `ChildWorkflowStarted`, and a start message to the child."""

    ordinal: int
    workflow_type: str
    workflow_id: WorkflowId | None = None
    input: Payload = EMPTY
    parent_close: ParentClose = ParentClose.ABANDON
    timeout: Micros | None = None
    retry: RetryPolicy | None = None
    input_hash: str | None = None
    headers: Headers = {}  # msgspec copies an empty default for every instance


class SendSignal(Command, frozen=True, kw_only=True, tag="send_signal"):
    """Becomes `SignalSent`, and a message to the target."""

    ordinal: int
    target: WorkflowId
    name: str
    payload: Payload = EMPTY
    target_run: RunId | None = None
    headers: Headers = {}  # msgspec copies an empty default for every instance


class SendCancel(Command, frozen=True, kw_only=True, tag="send_cancel"):
    """Becomes `CancelSent`, and a message to the target."""

    ordinal: int
    target: WorkflowId
    target_run: RunId | None = None
    reason: str = ""


class RecordMarker(Command, frozen=True, kw_only=True, tag="record_marker"):
    """Becomes `MarkerRecorded`."""

    marker: MarkerKind
    ordinal: int
    name: str = ""
    value: Payload = EMPTY


class SetAttributes(Command, frozen=True, kw_only=True, tag="set_attributes"):
    """Becomes `SearchAttributesUpdated`."""

    attributes: dict[str, Attribute | None]


class SetMemo(Command, frozen=True, kw_only=True, tag="set_memo"):
    """Becomes `MemoUpdated`."""

    memo: dict[str, Payload | None]


class CompleteUpdate(Command, frozen=True, kw_only=True, tag="complete_update"):
    """Becomes `UpdateCompleted`."""

    update_id: MessageId
    result: Payload | None = None
    failure: Failure | None = None


class CompleteWorkflow(Command, frozen=True, kw_only=True, tag="complete_workflow"):
    """Becomes `WorkflowCompleted`."""

    result: Payload = EMPTY


class FailWorkflow(Command, frozen=True, kw_only=True, tag="fail_workflow"):
    """Becomes `WorkflowFailed`, and the next attempt's start where the workflow has a retry policy."""

    failure: Failure
    cause: int | None = None
    """The ordinal of the activity whose error it was. Code does not know the number of an event that is not written."""


class CancelWorkflow(Command, frozen=True, kw_only=True, tag="cancel_workflow"):
    """Becomes `WorkflowCancelled`: the main task ended by the cancellation."""

    reason: str = ""


class ContinueAsNew(Command, frozen=True, kw_only=True, tag="continue_as_new"):
    """Becomes `WorkflowContinuedAsNew` and the next run's `WorkflowStarted`."""

    workflow_type: str | None = None
    input: Payload = EMPTY
    carried: tuple[CarriedSignal, ...] = ()
    headers: Headers = {}  # msgspec copies an empty default for every instance


class BlockWorkflow(Command, frozen=True, kw_only=True, tag="block_workflow"):
    """Nothing of the turn is recorded; becomes `WorkflowBlocked`: the code broke a rule, or no longer fits."""

    failure: Failure


AnyCommand: TypeAlias = (
    ScheduleActivity
    | CancelActivity
    | StartTimer
    | CancelTimer
    | StartChild
    | SendSignal
    | SendCancel
    | RecordMarker
    | SetAttributes
    | SetMemo
    | CompleteUpdate
    | CompleteWorkflow
    | FailWorkflow
    | CancelWorkflow
    | ContinueAsNew
    | BlockWorkflow
)
