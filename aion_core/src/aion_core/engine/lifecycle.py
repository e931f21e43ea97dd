"""What a start does with a workflow id, by its policy; and the first event of a run. Pure."""

from __future__ import annotations

import sys
from typing import Final, TypeAlias

from attrs import frozen

from aion_core.client.requests import StartPolicy, StartRequest
from aion_core.ledger import RunLedger
from aion_core.model import events as e
from aion_core.model.failed import WorkflowIdConflict
from aion_core.model.ids import MessageId, RunId, Version, WorkflowId
from aion_core.model.policies import RetryPolicy
from aion_core.model.status import Status
from aion_core.model.times import Instant, Micros

MACHINE_REVISION: Final = 1
"""Of the ordering rules that commands follow. Recorded with every start, so that they may evolve."""

PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


@frozen
class Begin:
    """A new run."""

    terminating: RunId | None = None
    """The open run that is terminated in the same commit (`restart`)."""


@frozen
class Join:
    """The run that is there."""

    run_id: RunId


@frozen
class Refuse:
    """Nothing is recorded."""

    error: WorkflowIdConflict


Decision: TypeAlias = Begin | Join | Refuse


def decide_start(workflow_id: WorkflowId, request: StartRequest, current: RunLedger | None) -> Decision:
    """What a start does, given the workflow's latest run.

    With a signal (`signal_with_start`) an open run is joined whatever its input; the policy speaks of closed ones.
    """
    if current is None:
        return Begin()
    status, policy = current.summary.status, request.policy
    if request.signal is not None and status.open:
        return Join(current.run_id)
    same = current.start_hash == request.input_hash
    match policy:
        case StartPolicy.IDEMPOTENT if same:
            return Join(current.run_id)
        case StartPolicy.EXISTING if status.open:
            return Join(current.run_id)
        case StartPolicy.ALLOW_FAILED if status is Status.COMPLETED:
            return Join(current.run_id)
        case StartPolicy.RESTART if status.open:
            return Begin(terminating=current.run_id)
        case StartPolicy.EXISTING | StartPolicy.RESTART:
            return Begin()
        case StartPolicy.ALLOW_CLOSED | StartPolicy.ALLOW_FAILED if not status.open:
            return Begin()
        case _:
            return Refuse(_conflict(workflow_id, current, policy))


def _conflict(workflow_id: WorkflowId, current: RunLedger, policy: StartPolicy) -> WorkflowIdConflict:
    problem = {
        StartPolicy.IDEMPOTENT: "and was started with another type or other arguments",
        StartPolicy.REJECT: "and this start shares its id with none",
    }.get(policy, "and this start needs it closed")
    return WorkflowIdConflict(
        workflow_id,
        current.run_id,
        status=current.summary.status.value,
        policy=policy.value,
        problem=problem,
    )


@frozen(kw_only=True)
class CodeOptions:
    """What the workflow's decorator says, and which code it is."""

    version: Version
    timeout: Micros | None = None
    retry: RetryPolicy | None = None


def started(
    request: StartRequest,
    code: CodeOptions,
    *,
    now: Instant,
    run_id: RunId,
    previous: RunLedger | None = None,
    request_id: MessageId | None = None,
) -> e.WorkflowStarted:
    """The first event of a run. It has no number yet: the recorder gives it one."""
    not_before = Instant(now + request.delay) if request.delay else None
    timeout = request.timeout if request.timeout is not None else code.timeout
    return e.WorkflowStarted(
        seq=0,
        at=now,
        run_id=request.run_id or run_id,
        workflow_type=request.workflow_type,
        input=request.input,
        version=code.version,
        python=PYTHON,
        machine=MACHINE_REVISION,
        previous_run=previous.run_id if previous else None,
        parent=request.parent,
        scheduled_at=request.scheduled_at,
        not_before=not_before,
        timeout=timeout,
        deadline=None if timeout is None else Instant((not_before or now) + timeout),
        retry=request.retry or code.retry,
        request_id=request_id,
        attributes=request.attributes,
        memo=request.memo,
        headers=request.headers,
    )
