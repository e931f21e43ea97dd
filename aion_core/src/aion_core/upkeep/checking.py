"""Whether a store holds what it should: all that can be checked of it without running code.

The store is read through its contract only. Nothing is written. Engines may be running: a workflow that moved while it
was looked at is looked at again before anything is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from attrs import frozen
from msgspec import DecodeError
from msgspec.structs import fields, replace

from aion_core.client.stored import events_of, runs_of
from aion_core.codec import decode_batch
from aion_core.ledger import record_of
from aion_core.model.attributes import AttributeType
from aion_core.model.conditions import NEWEST_FIRST, Comparison, Field, Operator, Query
from aion_core.model.errors import AionError, BlobNotFound, HistoryError, StoreUnavailable
from aion_core.model.events import Event
from aion_core.model.ids import RESERVED_PREFIX, RunId, Shard, WorkflowId
from aion_core.model.packages import check_package
from aion_core.model.status import Status
from aion_core.model.summaries import RunEntry, Summary, fold_runs
from aion_core.model.times import Instant
from aion_core.spi.records import Batch, Message, Outcome, OutcomeKey, WorkflowState
from aion_core.spi.stores import EventStore, VisibilityStore
from aion_core.upkeep.rules import Finding, Invariant, Violation, findings, open_timers, split_runs

_PAGE: Final = 500
_LOOKS: Final = 5
"""At a workflow that moves while it is looked at."""


@frozen
class StoredWorkflow:
    """All that a store has about one workflow."""

    state: WorkflowState
    batches: Sequence[Batch]
    runs: Sequence[RunEntry]
    events: Sequence[Event]
    """From floor + 1 on. None of a batch that can not be read, nor of those after it."""
    unreadable: HistoryError | None

    @property
    def id(self) -> WorkflowId:
        """The workflow's."""
        return self.state.workflow_id

    @property
    def reserved(self) -> bool:
        """Histories of the engine's own are folds of another kind: they have no runs."""
        return self.id.startswith(RESERVED_PREFIX)


# ---- a whole store


def check_store(store: EventStore, visibility: VisibilityStore | None = None) -> Iterator[Violation]:
    """What does not hold, as it is found. `visibility` is one that changes in the same atom as the store."""
    for state in stored_states(store):
        yield from _steady(store, visibility, state)
    yield from inbox_violations(store)
    yield from package_violations(store)
    if visibility is not None:
        yield from _shown_for_nothing(store, visibility)


def _steady(store: EventStore, visibility: VisibilityStore | None, state: WorkflowState) -> Iterator[Violation]:
    """What is wrong with a workflow and stays so. One that never rests is told as it was last seen."""
    problems: list[Finding] = []
    for _ in range(_LOOKS):
        problems = _problems(store, visibility, state)
        if not problems:
            return
        (now,) = store.state([state.workflow_id])
        if now is None:
            return  # removed meanwhile
        if now == state:
            break
        state = now
    for invariant, problem in problems:
        yield Violation(invariant, state.workflow_id, problem)


def _problems(store: EventStore, visibility: VisibilityStore | None, state: WorkflowState) -> list[Finding]:
    try:
        workflow = stored_workflow(store, state)
        problems = [*workflow_findings(workflow), *blob_findings(store, workflow)]
        # What a list shows is compared with a history that is whole; another one amounts to nothing.
        if visibility is not None and not problems and not workflow.reserved:
            problems += _shown(visibility, workflow)
    except StoreUnavailable:
        raise
    except AionError as error:
        return [(Invariant.ACKNOWLEDGED, str(error))]
    return problems


def _shown(visibility: VisibilityStore, workflow: StoredWorkflow) -> Iterator[Finding]:
    whose = Comparison(Field("id", AttributeType.STR), Operator.EQ, workflow.id)
    shown = {summary.run_id: summary for summary in _listed(visibility, Query(where=whose, order=NEWEST_FIRST))}
    yield from shown_findings(workflow, shown)


def _shown_for_nothing(store: EventStore, visibility: VisibilityStore) -> Iterator[Violation]:
    """Rows of visibility whose workflow is not there."""
    missing: dict[WorkflowId, RunId] = {}
    page: list[Summary] = []
    for summary in _listed(visibility, Query(where=None, order=NEWEST_FIRST)):
        page.append(summary)
        if len(page) == _PAGE:
            missing |= _unknown(store, page)
            page = []
    missing |= _unknown(store, page)
    for workflow_id, run_id in missing.items():
        whose = Comparison(Field("id", AttributeType.STR), Operator.EQ, workflow_id)
        if any(_listed(visibility, Query(where=whose, order=NEWEST_FIRST))):  # not removed since
            yield Violation(Invariant.FOLDED, workflow_id, f"the list shows its run {run_id}, and it has no history")


def _unknown(store: EventStore, summaries: Sequence[Summary]) -> dict[WorkflowId, RunId]:
    found = [summary for summary in summaries if not summary.id.startswith(RESERVED_PREFIX)]
    states = store.state([summary.id for summary in found])
    return {summary.id: summary.run_id for summary, state in zip(found, states, strict=True) if state is None}


def _listed(visibility: VisibilityStore, query: Query) -> Iterator[Summary]:
    token: str | None = None
    while True:
        page = visibility.list(query, after=token, limit=_PAGE)
        yield from page.items
        if (token := page.next) is None:
            return


# ---- reading


def stored_states(store: EventStore) -> Iterator[WorkflowState]:
    """Every row."""
    shards = [Shard(number) for number in range(store.shards)]
    token: str | None = None
    while True:
        page = store.states(shards, after=token, limit=_PAGE)
        yield from page.items
        if (token := page.next) is None:
            return


def stored_workflow(store: EventStore, state: WorkflowState) -> StoredWorkflow:
    """What stands behind this row. A history that can not be read is a part of the answer."""
    batches: list[Batch] = []
    after: int | None = 0
    while after is not None:
        page = store.read(state.workflow_id, after=after)
        batches += page.items
        after = page.next
    events: list[Event] = []
    unreadable: HistoryError | None = None
    try:
        for batch in batches:
            events += decode_batch(batch, workflow_id=state.workflow_id)
    except HistoryError as error:
        unreadable = error
    kept = [event for event in events if event.seq > state.floor]
    return StoredWorkflow(state, batches, [*runs_of(store, state.workflow_id)], kept, unreadable)


# ---- one workflow


def workflow_findings(workflow: StoredWorkflow, clock: Instant | None = None) -> Iterator[Finding]:
    """What is wrong with it. `clock` is the latest time that anything can have been recorded."""
    yield from _contiguous(workflow)
    yield from _once(workflow)
    yield from findings(workflow.events)
    if clock is not None and workflow.events and workflow.events[-1].at > clock:
        yield Invariant.TIMES, f"its last event was recorded {workflow.events[-1].at - clock} µs from now"
    yield from _open_record(workflow.state)
    if workflow.unreadable is None and not workflow.reserved:
        yield from _folded(workflow)


def _contiguous(workflow: StoredWorkflow) -> Iterator[Finding]:
    if workflow.unreadable is not None:
        yield Invariant.CONTIGUOUS, str(workflow.unreadable)
        return
    seqs = [event.seq for event in workflow.events]
    state = workflow.state
    if seqs != list(range(state.floor + 1, state.head + 1)):
        yield Invariant.CONTIGUOUS, f"its events are {_ranges(seqs)}, and its row says {state.floor + 1}-{state.head}"


def _once(workflow: StoredWorkflow) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for batch in workflow.batches:
        if (first := seen.setdefault(batch.op_id, batch.first_seq)) != batch.first_seq:
            yield Invariant.ONCE, f"the commit {batch.op_id} stands at {first} and at {batch.first_seq}"


def _folded(workflow: StoredWorkflow) -> Iterator[Finding]:
    state = workflow.state
    if not workflow.events:
        return
    try:
        fold = fold_runs(workflow.id, workflow.events)
    except HistoryError as error:
        yield Invariant.FOLDED, str(error)
        return
    last = fold[-1]
    if state.summary != last.summary:
        yield Invariant.FOLDED, f"the row shows {_difference(state.summary, last.summary)}"
    if state.run_start != last.first_seq:
        yield Invariant.FOLDED, f"the row's run starts at {state.run_start}, the history's at {last.first_seq}"
    if state.drained_seq > state.head:
        yield Invariant.FOLDED, f"the row says that {state.drained_seq} events were drained, of {state.head}"
    if [entry.run_id for entry in workflow.runs] != [entry.run_id for entry in fold]:
        yield Invariant.FOLDED, f"{len(workflow.runs)} runs are listed, and its history has {len(fold)}"
    for entry, folded in zip(workflow.runs, fold, strict=False):
        # An entry is written when its run begins and when it ends; what is shown in between is the row's.
        expected = folded if folded.last_seq is not None else replace(folded, summary=entry.summary)
        if entry != expected:
            yield Invariant.FOLDED, f"the entry of run {entry.run_id} is {entry}, and its history says {expected}"
    yield from _wake(workflow)


def _wake(workflow: StoredWorkflow) -> Iterator[Finding]:
    state = workflow.state
    timers = open_timers(split_runs(workflow.events)[-1])
    if state.summary.status is Status.RUNNING and timers and (state.next_wake is None or state.next_wake > timers[0]):
        yield Invariant.FOLDED, f"a timer fires at {timers[0]}, and its row wakes at {state.next_wake}"


def _open_record(state: WorkflowState) -> Iterator[Finding]:
    try:
        record_of(state.open)
    except DecodeError as error:
        yield Invariant.FOLDED, f"its row's record of open activities can not be read ({error})"


def blob_findings(store: EventStore, workflow: StoredWorkflow) -> Iterator[Finding]:
    """Payloads outside of events that are not there, or not what was written."""
    if workflow.unreadable is not None:
        return
    for batch in workflow.batches:
        if batch.blobs:
            try:
                events_of(store, workflow.id, batch)
            except BlobNotFound as error:
                yield Invariant.ACKNOWLEDGED, f"the batch of events {batch.first_seq} to {batch.last_seq}: {error}"
            except HistoryError as error:
                yield Invariant.CONTIGUOUS, str(error)


def shown_findings(workflow: StoredWorkflow, shown: Mapping[RunId, Summary]) -> Iterator[Finding]:
    """Where a list shows something else of a workflow than its history says."""
    left = dict(shown)
    for entry in fold_runs(workflow.id, workflow.events):
        summary = left.pop(entry.run_id, None)
        if summary != entry.summary:
            yield Invariant.FOLDED, f"the list shows {_difference(summary, entry.summary)}"
    for run_id in left:
        yield Invariant.FOLDED, f"the list shows a run {run_id} that its history does not have"


# ---- the rest of a store


def inbox_violations(store: EventStore) -> Iterator[Violation]:
    """Messages that are in an inbox although they were settled."""
    settled: dict[OutcomeKey, Outcome] = {}
    for page in _inbox(store):
        keys = [(message.workflow_id, message.message_id) for message in page]
        outcomes = zip(keys, store.outcomes(keys), strict=True)
        settled |= {key: outcome for key, outcome in outcomes if outcome is not None}
    if not settled:
        return
    # Those that were settled between the two looks have left the inbox by now.
    for message in chain.from_iterable(_inbox(store)):
        if outcome := settled.get((message.workflow_id, message.message_id)):
            problem = f"the message {message.message_id!r} was settled ({outcome.kind}) and is in the inbox"
            yield Violation(Invariant.FOLDED, message.workflow_id, problem)


def _inbox(store: EventStore) -> Iterator[Sequence[Message]]:
    """Every message, page by page."""
    shards = [Shard(number) for number in range(store.shards)]
    token: str | None = None
    while True:
        page = store.inbox(shards, after=token, limit=_PAGE)
        yield page.items
        if (token := page.next) is None:
            return


def package_violations(store: EventStore) -> Iterator[Violation]:
    """Packages whose bytes are others than their version says."""
    for listed in store.list_packages():
        package = store.get_package(listed.version)
        try:
            if package is not None:
                check_package(package)
            elif any(each.version == listed.version for each in store.list_packages()):  # not removed since
                yield Violation(Invariant.PACKAGES, None, f"the package {listed.version} is listed and not there")
        except AionError as error:
            yield Violation(Invariant.PACKAGES, None, str(error))


# ---- words


def _ranges(seqs: Sequence[int]) -> str:
    """`1-4, 6-9`."""
    ranges: list[list[int]] = []
    for seq in seqs:
        if ranges and seq == ranges[-1][1] + 1:
            ranges[-1][1] = seq
        else:
            ranges.append([seq, seq])
    return ", ".join(f"{first}-{last}" for first, last in ranges) or "none"


def _difference(shown: Summary | None, folded: Summary) -> str:
    if shown is None:
        return f"nothing, and the history says {folded.status}"
    names = [each.name for each in fields(Summary) if getattr(shown, each.name) != getattr(folded, each.name)]
    parts = [f"{name} {getattr(shown, name)!r}, and the history says {getattr(folded, name)!r}" for name in names]
    return "; ".join(parts)
