"""Histories as a store holds them: finding a run in its workflow's history, and reading its events.

The functions here are jobs for `Backend.reading`: they block, and run on a thread for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from attrs import frozen
from msgspec import UNSET, Raw

from aion_core.client.requests import Ending
from aion_core.codec import decode_batch, map_payloads
from aion_core.model import events as e
from aion_core.model.errors import HistoryCorrupt
from aion_core.model.failed import WorkflowNotFound
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.payloads import JSON, Payload
from aion_core.model.summaries import RunEntry, Summary
from aion_core.spi.records import Batch, WorkflowState
from aion_core.spi.stores import EventStore

_RUNS = 200


@frozen(kw_only=True)
class FoundRun:
    """Where a run stands in the history of its workflow."""

    state: WorkflowState
    """Of the workflow."""
    summary: Summary
    """Of the run."""
    first_seq: int
    last_seq: int
    """The last one so far."""

    @property
    def current(self) -> bool:
        """Whether no run follows it."""
        return self.summary.run_id == self.state.summary.run_id


def find_run(store: EventStore, workflow_id: WorkflowId, run_id: RunId | None) -> FoundRun:
    """The run, or the current one. Raises `WorkflowNotFound`."""
    (state,) = store.state([workflow_id])
    if state is None:
        raise WorkflowNotFound(workflow_id)
    if run_id in {None, state.summary.run_id}:
        return FoundRun(state=state, summary=state.summary, first_seq=state.run_start, last_seq=state.head)
    for entry in runs_of(store, workflow_id):
        if entry.run_id == run_id:
            last = state.head if entry.last_seq is None else entry.last_seq
            return FoundRun(state=state, summary=entry.summary, first_seq=entry.first_seq, last_seq=last)
    raise WorkflowNotFound(workflow_id, run_id)


def runs_of(store: EventStore, workflow_id: WorkflowId) -> Iterator[RunEntry]:
    """The runs that are kept, oldest first."""
    after = None
    while True:
        page = store.runs(workflow_id, after=after, limit=_RUNS)
        yield from page.items
        after = page.next
        if after is None:
            return


def ending_of(store: EventStore, workflow_id: WorkflowId, run_id: RunId | None) -> Ending | None:
    """How the run ended; None while it is open. Raises `WorkflowNotFound`."""
    found = find_run(store, workflow_id, run_id)
    status = found.summary.status
    if status.open:
        return None
    event, *following = events_between(store, workflow_id, found.last_seq, found.last_seq + 1)
    begins = following[0] if following else None
    # A start, or a restart, begins a chain of its own: that run has nothing to do with this one's result.
    goes_on = isinstance(begins, e.WorkflowStarted) and begins.first_run is not None
    next_run = begins.run_id if isinstance(begins, e.WorkflowStarted) and goes_on else None
    return Ending(run_id=found.summary.run_id, status=status, event=event, next_run=next_run)


def events_between(store: EventStore, workflow_id: WorkflowId, first: int, last: int) -> list[e.Event]:
    """The events from `first` to `last`, both included, as far as they are there."""
    found: list[e.Event] = []
    after = first - 1
    while after < last:
        page = store.read(workflow_id, after=after)
        for batch in page.items:
            found += (event for event in events_of(store, workflow_id, batch) if after < event.seq <= last)
            after = batch.last_seq
        if page.next is None:
            return found
    return found


def events_of(store: EventStore, workflow_id: WorkflowId, batch: Batch) -> list[e.Event]:
    """The events of a batch, with the payloads that the store keeps beside it."""
    events = decode_batch(batch, workflow_id=workflow_id)
    if not batch.blobs:
        return events

    def fetched(payload: Payload) -> Payload:
        if payload.blob is UNSET:
            return payload
        if payload.blob >= len(batch.blobs):
            raise HistoryCorrupt(
                f"refers to a blob that batch {batch.first_seq} does not have", workflow_id=workflow_id
            )
        content = store.get_blob(batch.blobs[payload.blob])
        if payload.digest is not UNSET and sha256(content).hexdigest() != payload.digest:
            raise HistoryCorrupt(f"has a payload in batch {batch.first_seq} of other bytes", workflow_id=workflow_id)
        if payload.type == JSON and not payload.encodings:
            return Payload(json=Raw(content))
        return Payload(data=content, type=payload.type, encodings=payload.encodings)

    return [map_payloads(event, fetched) for event in events]
