"""A turn as the store takes it: its events as one batch, and the workflow's row after it."""

from __future__ import annotations

from collections.abc import Sequence

from aion_core.client.requests import AnyReaction, reaction_bytes
from aion_core.codec import encode_batch
from aion_core.engine.recorder import Recording
from aion_core.engine.resident import Caller
from aion_core.ledger import OpenRecord, RunLedger, record_bytes
from aion_core.model.ids import Fence, OpId, WorkflowId
from aion_core.model.times import Instant
from aion_core.spi.records import Commit, Outcome, OutcomeKind, WorkflowState


def commit_of(
    ledger: RunLedger,
    recording: Recording,
    *,
    op_id: OpId,
    fence: Fence,
    outcomes: Sequence[Outcome] = (),
) -> Commit:
    """The commit of a turn that was just recorded into this ledger."""
    batch = encode_batch(recording.events) if recording.events else None
    return Commit(
        workflow_id=ledger.workflow_id,
        expected_seq=ledger.head - len(recording.events),
        op_id=op_id,
        fence=fence,
        batch=batch,
        state=state_of(ledger),
        runs=tuple(recording.runs),
        outcomes=tuple(outcomes),
        visible=recording.shown,
    )


def outcomes_of(
    workflow_id: WorkflowId,
    reactions: Sequence[tuple[Caller, AnyReaction | BaseException]],
    *,
    until: Instant,
) -> list[Outcome]:
    """The tombstones of messages that the turn records. Refusals are no part of it: they leave no history."""
    return [
        Outcome(
            workflow_id=workflow_id,
            message_id=caller.message_id,
            kind=OutcomeKind.RECORDED,
            body=reaction_bytes(reaction),
            expires_at=until,
        )
        for caller, reaction in reactions
        if caller.message_id is not None and not isinstance(reaction, BaseException)
    ]


def state_of(ledger: RunLedger) -> WorkflowState:
    """The row of a workflow whose current run is this one."""
    kept = tuple([activity for activity in ledger.activities.values() if activity.in_record])
    record = b""
    if kept or ledger.blocked_by is not None:
        record = record_bytes(OpenRecord(activities=kept, blocked_by=ledger.blocked_by))
    return WorkflowState(
        workflow_id=ledger.workflow_id,
        summary=ledger.summary,
        head=ledger.head,
        run_start=ledger.run_start,
        drained_seq=ledger.drained_seq,
        start_hash=ledger.start_hash,
        next_wake=next_wake(ledger),
        open=record,
    )


def next_wake(ledger: RunLedger) -> Instant | None:
    """When somebody must look at the workflow again, at the latest.

    With an attempt under way that is at once: should the engine be gone, whoever takes over finds it by this.
    """
    wake = None
    if ledger.waits and (first := ledger.next_timer()) is not None:
        wake = first[0]
    for activity in ledger.activities.values():
        if activity.dispatched and not activity.later:
            return ledger.last_at
        limit = activity.options.schedule_to_close
        times = (activity.again_at, activity.ends_at, activity.scheduled_at + limit if limit else None)
        for at in times:
            if at is not None and (wake is None or at < wake):
                wake = Instant(at)
        if activity.again_at is None and not activity.later:
            return ledger.last_at  # it waits for a slot of its queue, which only this engine knows
    return wake
