"""One event of every type, with every field set: what the golden files hold."""

import pytest

from aion_core.model import events as e
from aion_core.model.attributes import Attribute, AttributeType
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.payloads import Payload, json_payload
from aion_core.model.policies import ActivityOptions, Cancellation, Exhaustion, ParentClose, RetryPolicy
from aion_core.model.schedules import CatchUp, Interval, Overlap, ScheduleDefinition

ARGS = json_payload('[{"id":"42","名":"ü"}]'.encode())
SECRET = Payload(data=b"\x00\xffsealed", encodings=("zstd", "aes"))
LARGE = Payload(blob=0, size=70_000, digest="ab" * 32)
HEADERS = {"trace": json_payload(b'"00-1"')}
RETRY = RetryPolicy(
    max_attempts=5, initial=2_000_000, factor=3.0, maximum=9_000_000, jitter=0.0, non_retryable=("A",), retryable=("B",)
)
FAILURE = Failure(
    type="CardDeclined",
    message="no",
    bases=("PaymentError",),
    details=json_payload(b'{"code":51}'),
    traceback="Traceback …",
    cause=Failure(type="HTTPError", message="402"),
    members=(Failure(type="A", message="a"),),
    retryable=False,
    timeout=TimeoutKind.HEARTBEAT,
    lost=True,
    code="workflow-id-conflict",
)
OPTIONS = ActivityOptions(
    start_to_close=1,
    schedule_to_close=2,
    schedule_to_start=3,
    heartbeat=4,
    retry=RETRY,
    key="acme",
    priority=3,
    cancellation=Cancellation.WAIT,
    on_exhausted=Exhaustion.BLOCK,
    idempotency_key="k",
)
DEFINITION = ScheduleDefinition(
    workflow_type="report",
    input=ARGS,
    cron=("0 9 * * mon",),
    intervals=(Interval(60_000_000, 5),),
    tz="Europe/Berlin",
    start=1,
    end=2,
    count=3,
    jitter=4,
    overlap=Overlap.BUFFER_ONE,
    catch_up=CatchUp.ALL,
    window=5,
    pause_on_failure=True,
    attributes={"customer": Attribute(AttributeType.STR, "acme")},
    memo={"note": json_payload(b'"x"')},
)

BODIES = [
    (
        e.WorkflowStarted,
        dict(
            run_id="r1",
            workflow_type="checkout",
            input=ARGS,
            version="ab" * 32,
            python="3.11",
            machine=1,
            features=("a",),
            attempt=2,
            previous_run="r0",
            first_run="r0",
            parent=e.ParentRef("p", "pr", 3),
            schedule="nightly",
            scheduled_at=1,
            not_before=2,
            timeout=3,
            deadline=4,
            retry=RETRY,
            request_id="q",
            attributes={"customer": Attribute(AttributeType.STR, "acme")},
            memo={"step": json_payload(b'"new"')},
            carried=(e.CarriedSignal("approve", json_payload(b"true"), 5, "m"),),
            reset=e.ResetPoint("r0", 7),
            headers=HEADERS,
        ),
    ),
    (e.SearchAttributesUpdated, dict(attributes={"due": Attribute(AttributeType.DATETIME, 7), "gone": None})),
    (e.MemoUpdated, dict(memo={"done": json_payload(b"1"), "gone": None})),
    (e.MarkerRecorded, dict(kind=e.MarkerKind.PATCH, ordinal=0, name="v2", value=json_payload(b"true"))),
    (
        e.ActivityScheduled,
        dict(
            ordinal=0,
            activity_type="charge",
            input=SECRET,
            queue="pci",
            options=OPTIONS,
            input_hash="cd",
            dispatched=True,
            headers=HEADERS,
        ),
    ),
    (e.ActivityStarted, dict(ordinal=0, attempt=4, executor="host-1", started_at=9)),
    (
        e.ActivityFailed,
        dict(
            ordinal=0,
            failure=FAILURE,
            attempt=3,
            next_attempt_at=9,
            dispatched=True,
            activity_type="charge",
            input=ARGS,
        ),
    ),
    (e.ActivityCompleted, dict(ordinal=0, result=LARGE, attempt=2, activity_type="charge", input=ARGS)),
    (e.ActivityCancelRequested, dict(ordinal=1)),
    (e.ActivityCancelled, dict(ordinal=1, attempt=3)),
    (e.TimerStarted, dict(ordinal=0, fire_at=99, name="sla")),
    (e.TimerFired, dict(ordinal=0)),
    (e.TimerCancelled, dict(ordinal=1)),
    (e.WithTimeoutCompleted, dict(ordinal=2, outcome=e.ScopeOutcome.TIMED_OUT, result=ARGS)),
    (e.SignalReceived, dict(name="approve", payload=json_payload(b"true"), message_id="m1", headers=HEADERS)),
    (e.SignalSent, dict(ordinal=0, target="w2", name="go", payload=ARGS, target_run="r9")),
    (e.CancelSent, dict(ordinal=0, target="w2", target_run="r9", reason="late")),
    (e.UpdateAccepted, dict(update_id="u1", name="add", input=ARGS, headers=HEADERS)),
    (e.UpdateCompleted, dict(update_id="u1", result=json_payload(b"2"))),
    (e.UpdateCompleted, dict(update_id="u2", failure=FAILURE)),
    (
        e.ChildWorkflowStarted,
        dict(
            ordinal=0,
            workflow_id="c",
            run_id="cr",
            workflow_type="ship",
            input=ARGS,
            parent_close=ParentClose.CANCEL,
            timeout=5,
            retry=RETRY,
            input_hash="ef",
            headers=HEADERS,
        ),
    ),
    (e.ChildWorkflowCompleted, dict(ordinal=0, result=json_payload(b'"ok"'))),
    (e.ChildWorkflowFailed, dict(ordinal=1, failure=FAILURE, status="timed_out")),
    (e.ChildWorkflowCancelled, dict(ordinal=2, reason="parent")),
    (e.WorkflowPaused, dict(reason="look", message_id="m2")),
    (e.WorkflowResumed, dict(message_id="m3")),
    (e.WorkflowBlocked, dict(failure=FAILURE)),
    (e.WorkflowUnblocked, {}),
    (e.WorkflowCancelRequested, dict(reason="customer", message_id="m4")),
    (e.WorkflowCancelled, dict(reason="customer", message_id="m4")),
    (e.WorkflowReopened, dict(resume_after=5, reason="fixed")),
    (e.WorkflowFailed, dict(failure=FAILURE, cause_seq=7)),
    (e.WorkflowTimedOut, dict(timeout=60)),
    (e.WorkflowTerminated, dict(reason="operator", message_id="m5")),
    (e.WorkflowContinuedAsNew, dict(next_run="r2", workflow_type="checkout", input=ARGS)),
    (e.WorkflowCompleted, dict(result=json_payload(b'"receipt"'))),
    (e.ScheduleCreated, dict(schedule_id="nightly", definition=DEFINITION)),
    (e.ScheduleUpdated, dict(definition=DEFINITION)),
    (e.SchedulePaused, dict(note="holiday")),
    (e.ScheduleResumed, dict(note="back")),
    (
        e.ScheduleTriggered,
        dict(nominal=60, workflow_id="nightly/1", run_id="r", decision="buffered", next_at=120),
    ),
    (e.ScheduleDeleted, {}),
]


@pytest.fixture(scope="session")
def every_event():
    return [kind(seq=seq, at=1_700_000_000_000_000 + seq, **body) for seq, (kind, body) in enumerate(BODIES, start=1)]
