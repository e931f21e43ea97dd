"""What `list` and `describe` show of a run, the chain of a workflow's runs, and the fold of a history into both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from aion_core.model import events as e
from aion_core.model.attributes import AttributeValue
from aion_core.model.errors import RunChainBroken
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.payloads import Payload
from aion_core.model.status import Status
from aion_core.model.times import as_datetime

V = TypeVar("V")


class Summary(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One run, as it is listed and found. Everything here is a projection of the run's history."""

    id: WorkflowId
    run_id: RunId
    type: str
    status: Status
    started: datetime
    closed: datetime | None = None
    version: Version = Version("")
    parent: WorkflowId | None = None
    schedule: str | None = None
    blocked_reason: str | None = None
    attributes: Mapping[str, AttributeValue] = {}
    memo: Mapping[str, Payload] = {}
    """Encoded, as it was recorded."""


class RunEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One run's place in the history of its workflow. Written when a run begins, and again when it ends."""

    summary: Summary
    first_seq: int
    last_seq: int | None = None
    """None while the run is open."""
    previous_run: RunId | None = None

    @property
    def run_id(self) -> RunId:
        """The run's id."""
        return self.summary.run_id


_STATUS_AFTER: Mapping[type[e.Event], Status] = {
    e.WorkflowStarted: Status.RUNNING,
    e.WorkflowReopened: Status.RUNNING,
    e.WorkflowResumed: Status.RUNNING,
    e.WorkflowUnblocked: Status.RUNNING,
    e.WorkflowPaused: Status.PAUSED,
    e.WorkflowBlocked: Status.BLOCKED,
    e.WorkflowCompleted: Status.COMPLETED,
    e.WorkflowFailed: Status.FAILED,
    e.WorkflowCancelled: Status.CANCELLED,
    e.WorkflowTerminated: Status.TERMINATED,
    e.WorkflowTimedOut: Status.TIMED_OUT,
    e.WorkflowContinuedAsNew: Status.CONTINUED_AS_NEW,
}


def summary_at_start(workflow_id: WorkflowId, event: e.WorkflowStarted) -> Summary:
    """A run as its first event shows it."""
    return Summary(
        id=workflow_id,
        run_id=event.run_id,
        type=event.workflow_type,
        status=Status.RUNNING,
        started=as_datetime(event.at),
        version=event.version,
        parent=event.parent.workflow_id if event.parent else None,
        schedule=event.schedule,
        attributes={name: value.plain for name, value in event.attributes.items()},
        memo=event.memo,
    )


def summary_after(summary: Summary, event: e.Event) -> Summary:
    """The same run after one more of its events. Most events change nothing that a summary shows."""
    status = _STATUS_AFTER.get(type(event))
    if status is not None:
        return msgspec.structs.replace(
            summary,
            status=status,
            closed=None if status.open else as_datetime(event.at),
            blocked_reason=event.failure.message if isinstance(event, e.WorkflowBlocked) else None,
        )
    if isinstance(event, e.SearchAttributesUpdated):
        plain = {name: None if value is None else value.plain for name, value in event.attributes.items()}
        return msgspec.structs.replace(summary, attributes=_folded(summary.attributes, plain))
    if isinstance(event, e.MemoUpdated):
        return msgspec.structs.replace(summary, memo=_folded(summary.memo, event.memo))
    return summary


def fold_runs(workflow_id: WorkflowId, events: Iterable[e.Event]) -> list[RunEntry]:
    """Every run of a history, oldest first: what the state row, the run entries and visibility must equal."""
    runs: list[RunEntry] = []
    for event in events:
        if isinstance(event, e.WorkflowStarted):
            summary = summary_at_start(workflow_id, event)
            runs.append(RunEntry(summary=summary, first_seq=event.seq, previous_run=event.previous_run))
            continue
        if not runs:
            raise RunChainBroken(
                f"the history of {workflow_id!r} begins with {e.event_tag(type(event))!r}, not with a start."
            )
        run = runs[-1]
        summary = summary_after(run.summary, event)
        last_seq = None if summary.status.open else run.last_seq or event.seq
        runs[-1] = msgspec.structs.replace(run, summary=summary, last_seq=last_seq)
    return runs


def run_chain(entries: Sequence[RunEntry]) -> list[RunEntry]:
    """The runs in the order in which they follow each other, checked: one first, no forks, no circles, no gaps.

    After retention the first one kept may refer to a run that is gone.
    """
    by_id = {entry.run_id: entry for entry in entries}
    if len(by_id) != len(entries):
        raise RunChainBroken("two runs have the same run id.")
    successor: dict[RunId, RunEntry] = {}
    roots: list[RunEntry] = []
    for entry in entries:
        if entry.previous_run is None or entry.previous_run not in by_id:
            roots.append(entry)
        elif entry.previous_run in successor:
            raise RunChainBroken(f"two runs follow run {entry.previous_run}.")
        else:
            successor[entry.previous_run] = entry
    if entries and len(roots) != 1:
        raise RunChainBroken(f"a chain of runs has exactly one first run; this one has {len(roots)}.")
    chain = roots[:]
    while chain and chain[-1].run_id in successor:
        chain.append(successor[chain[-1].run_id])
    if len(chain) != len(entries):
        raise RunChainBroken("some runs follow each other in a circle.")
    return chain


def _folded(before: Mapping[str, V], changes: Mapping[str, V | None]) -> dict[str, V]:
    merged = {**before, **changes}
    return {name: value for name, value in merged.items() if value is not None}
