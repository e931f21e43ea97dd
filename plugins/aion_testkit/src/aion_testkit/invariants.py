"""Checks what must hold of any event store after any run: I1 to I14 of the reliability page.

    known = Acknowledged()
    ...                     # the test notes what callers were told: known.started(...), known.signalled(...)
    assert check_invariants(store, acknowledged=known) == []

The store is read through its contract only. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from attrs import field, frozen
from msgspec.structs import fields, replace

from aion_core.codec import decode_batch
from aion_core.model import events as e
from aion_core.model.errors import HistoryError
from aion_core.model.ids import RESERVED_PREFIX
from aion_core.model.summaries import fold_runs
from aion_core.spi import (
    NEWEST_FIRST,
    AionError,
    Batch,
    Commit,
    Event,
    EventStore,
    Fence,
    Instant,
    Message,
    MessageId,
    OutcomeKind,
    Query,
    RunEntry,
    RunId,
    Shard,
    Status,
    Summary,
    VisibilityStore,
    WorkflowId,
    WorkflowState,
    check_package,
    shard_of,
)
from aion_testkit.history_rules import (
    Finding,
    Invariant,
    Violation,
    findings,
    message_id_of,
    open_timers,
    split_runs,
)

Replayer = Callable[[WorkflowId, Sequence[Event]], None]
"""Replays the events of one run, and raises when the code does something else than they say."""

_PAGE: Final = 500


@frozen
class Acknowledged:
    """What callers were told is durable. The test fills it; the check compares it with what the store has."""

    starts: dict[RunId, WorkflowId] = field(factory=dict[RunId, WorkflowId])
    signals: dict[MessageId, WorkflowId] = field(factory=dict[MessageId, WorkflowId])
    ends: dict[RunId, tuple[WorkflowId, Status]] = field(factory=dict[RunId, tuple[WorkflowId, Status]])
    queries: dict[MessageId, WorkflowId] = field(factory=dict[MessageId, WorkflowId])
    commits: list[Commit] = field(factory=list[Commit])
    """In the order in which the store took them."""

    def started(self, workflow_id: WorkflowId, run_id: RunId) -> None:
        """A start returned this run."""
        self.starts[run_id] = workflow_id

    def signalled(self, workflow_id: WorkflowId, message_id: MessageId) -> None:
        """A signal, a cancellation or another message that is recorded returned."""
        self.signals[message_id] = workflow_id

    def ended(self, workflow_id: WorkflowId, run_id: RunId, status: Status) -> None:
        """Somebody saw this run's end."""
        self.ends[run_id] = (workflow_id, status)

    def queried(self, workflow_id: WorkflowId, message_id: MessageId) -> None:
        """A query of this id was asked."""
        self.queries[message_id] = workflow_id

    def committed(self, commit: Commit) -> None:
        """A store answered that it took this commit."""
        self.commits.append(commit)


@frozen
class _Workflow:
    """All that a store has about one workflow."""

    state: WorkflowState
    batches: Sequence[Batch]
    runs: Sequence[RunEntry]
    events: Sequence[Event]
    """From floor + 1 on. None of a batch that can not be read, nor of those after it."""
    unreadable: HistoryError | None

    @property
    def id(self) -> WorkflowId:
        return self.state.workflow_id

    @property
    def reserved(self) -> bool:
        """Histories of the engine's own are folds of another kind: they have no runs."""
        return self.id.startswith(RESERVED_PREFIX)


def check_invariants(
    store: EventStore,
    visibility: VisibilityStore | None = None,
    *,
    acknowledged: Acknowledged | None = None,
    clock: Instant | None = None,
    replayer: Replayer | None = None,
    all_ended: bool = False,
) -> list[Violation]:
    """Everything that does not hold; empty when all is well.

    `clock` is the latest time that anything can have been recorded. With `all_ended`, a run that is still open is a
    violation too.
    """
    known = acknowledged or Acknowledged()
    workflows = {workflow.id: workflow for workflow in _all_workflows(store)}
    found: list[Violation] = []
    for workflow in workflows.values():
        problems = [*_one(workflow, clock)]
        if not problems and replayer is not None and not workflow.reserved:
            problems = [*_replays(workflow, replayer)]  # of a history that is whole; others can not be expected to
        if all_ended and workflow.state.summary.status.open and not workflow.reserved:
            problems.append((Invariant.LIVE, f"the run is {workflow.state.summary.status} and ends no more"))
        found += [Violation(invariant, workflow.id, problem) for invariant, problem in problems]
    found += _acknowledged(known, workflows)
    found += _fences(known.commits, store.shards)
    found += _inboxes(store)
    found += _queries(known.queries, workflows, store)
    found += _packages(store)
    if visibility is not None:
        found += _visible(visibility, workflows)
    return found


# ---- reading


def _all_workflows(store: EventStore) -> Iterator[_Workflow]:
    shards = [Shard(number) for number in range(store.shards)]
    token: str | None = None
    while True:
        page = store.states(shards, after=token, limit=_PAGE)
        for state in page.items:
            yield _workflow(store, state)
        if (token := page.next) is None:
            return


def _workflow(store: EventStore, state: WorkflowState) -> _Workflow:
    batches: list[Batch] = []
    after: int | None = 0
    while after is not None:
        page = store.read(state.workflow_id, after=after)
        batches += page.items
        after = page.next

    runs: list[RunEntry] = []
    token: str | None = None
    while True:
        entries = store.runs(state.workflow_id, after=token, limit=_PAGE)
        runs += entries.items
        if (token := entries.next) is None:
            break

    events: list[Event] = []
    unreadable: HistoryError | None = None
    try:
        for batch in batches:
            events += decode_batch(batch, workflow_id=state.workflow_id)
    except HistoryError as error:
        unreadable = error
    kept = [event for event in events if event.seq > state.floor]
    return _Workflow(state, batches, runs, kept, unreadable)


# ---- one workflow


def _one(workflow: _Workflow, clock: Instant | None) -> Iterator[Finding]:
    yield from _contiguous(workflow)
    yield from _once(workflow)
    yield from findings(workflow.events)
    if clock is not None and workflow.events and workflow.events[-1].at > clock:
        yield Invariant.TIMES, f"its last event was recorded {workflow.events[-1].at - clock} µs from now"
    if workflow.unreadable is None and not workflow.reserved:
        yield from _folded(workflow)


def _contiguous(workflow: _Workflow) -> Iterator[Finding]:
    if workflow.unreadable is not None:
        yield Invariant.CONTIGUOUS, str(workflow.unreadable)
        return
    seqs = [event.seq for event in workflow.events]
    state = workflow.state
    if seqs != list(range(state.floor + 1, state.head + 1)):
        yield Invariant.CONTIGUOUS, f"its events are {_ranges(seqs)}, and its row says {state.floor + 1}-{state.head}"


def _once(workflow: _Workflow) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for batch in workflow.batches:
        if (first := seen.setdefault(batch.op_id, batch.first_seq)) != batch.first_seq:
            yield Invariant.ONCE, f"the commit {batch.op_id} stands at {first} and at {batch.first_seq}"


def _folded(workflow: _Workflow) -> Iterator[Finding]:
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


def _wake(workflow: _Workflow) -> Iterator[Finding]:
    state = workflow.state
    timers = open_timers(split_runs(workflow.events)[-1])
    if state.summary.status is Status.RUNNING and timers and (state.next_wake is None or state.next_wake > timers[0]):
        yield Invariant.FOLDED, f"a timer fires at {timers[0]}, and its row wakes at {state.next_wake}"


def _replays(workflow: _Workflow, replayer: Replayer) -> Iterator[Finding]:
    for number, run in enumerate(split_runs(workflow.events), 1):
        try:
            replayer(workflow.id, run)
        except Exception as error:  # noqa: BLE001  # whatever a replay raises is the finding
            yield Invariant.REPLAYS, f"run {number} does not replay: {error}"


# ---- the rest of the store


def _acknowledged(known: Acknowledged, workflows: Mapping[WorkflowId, _Workflow]) -> Iterator[Violation]:
    def events(id: WorkflowId) -> Sequence[Event]:
        return workflows[id].events if id in workflows else ()

    for run_id, id in known.starts.items():
        if not any(isinstance(event, e.WorkflowStarted) and event.run_id == run_id for event in events(id)):
            yield Violation(Invariant.ACKNOWLEDGED, id, f"the run {run_id} was acknowledged and is not there")
    for message_id, id in known.signals.items():
        if not any(message_id_of(event) == message_id for event in events(id)):
            yield Violation(Invariant.ACKNOWLEDGED, id, f"the message {message_id!r} was acknowledged and is not there")
    for run_id, (id, status) in known.ends.items():
        entries = workflows[id].runs if id in workflows else ()
        shown = next((entry.summary.status for entry in entries if entry.run_id == run_id), None)
        if shown is not status:
            yield Violation(Invariant.ACKNOWLEDGED, id, f"the run {run_id} was seen {status} and is {shown}")
    for commit in known.commits:
        yield from _readable(commit, workflows.get(commit.workflow_id))


def _readable(commit: Commit, workflow: _Workflow | None) -> Iterator[Violation]:
    batch = commit.batch
    if batch is None or (workflow is not None and batch.last_seq <= workflow.state.floor):
        return
    there = {kept.first_seq: kept for kept in workflow.batches} if workflow else {}
    kept = there.get(batch.first_seq)
    if kept is None or kept.op_id != commit.op_id or (kept.last_seq, kept.body) != (batch.last_seq, batch.body):
        problem = f"the commit {commit.op_id} of {batch.first_seq}-{batch.last_seq} was acknowledged and is not there"
        yield Violation(Invariant.ACKNOWLEDGED, commit.workflow_id, problem)


def _fences(commits: Sequence[Commit], shards: int) -> Iterator[Violation]:
    newest: dict[Shard, Fence] = {}
    seen: set[str] = set()
    for commit in commits:
        shard = shard_of(commit.workflow_id, shards)
        if commit.fence < newest.get(shard, commit.fence) and commit.op_id not in seen:
            problem = f"epoch {commit.fence} wrote to shard {shard} after epoch {newest[shard]}"
            yield Violation(Invariant.FENCED, commit.workflow_id, problem)
        newest[shard] = max(commit.fence, newest.get(shard, commit.fence))
        seen.add(commit.op_id)


def _inboxes(store: EventStore) -> Iterator[Violation]:
    messages: list[Message] = []
    token: str | None = None
    while True:
        page = store.inbox([Shard(number) for number in range(store.shards)], after=token, limit=_PAGE)
        messages += page.items
        if (token := page.next) is None:
            break
    outcomes = store.outcomes([(message.workflow_id, message.message_id) for message in messages])
    for message, outcome in zip(messages, outcomes, strict=True):
        if outcome is not None:
            problem = f"the message {message.message_id!r} was settled ({outcome.kind}) and is in the inbox"
            yield Violation(Invariant.FOLDED, message.workflow_id, problem)


def _queries(
    queries: Mapping[MessageId, WorkflowId], workflows: Mapping[WorkflowId, _Workflow], store: EventStore
) -> Iterator[Violation]:
    outcomes = store.outcomes([(id, message_id) for message_id, id in queries.items()])
    for (message_id, id), outcome in zip(queries.items(), outcomes, strict=True):
        events = workflows[id].events if id in workflows else ()
        recorded = outcome is not None and outcome.kind in {OutcomeKind.RECORDED, OutcomeKind.ACCEPTED}
        if recorded or any(message_id_of(event) == message_id for event in events):
            yield Violation(Invariant.QUERIES, id, f"the query {message_id!r} was recorded")


def _packages(store: EventStore) -> Iterator[Violation]:
    for listed in store.list_packages():
        package = store.get_package(listed.version)
        try:
            if package is None:
                yield Violation(Invariant.PACKAGES, None, f"the package {listed.version} is listed and not there")
            else:
                check_package(package)
        except AionError as error:
            yield Violation(Invariant.PACKAGES, None, str(error))


def _visible(visibility: VisibilityStore, workflows: Mapping[WorkflowId, _Workflow]) -> Iterator[Violation]:
    shown: dict[tuple[WorkflowId, RunId], Summary] = {}
    token: str | None = None
    while True:
        page = visibility.list(Query(where=None, order=NEWEST_FIRST), after=token, limit=_PAGE)
        shown.update(((summary.id, summary.run_id), summary) for summary in page.items)
        if (token := page.next) is None:
            break
    for workflow in workflows.values():
        if workflow.unreadable is not None or workflow.reserved:
            continue
        for entry in fold_runs(workflow.id, workflow.events):
            summary = shown.pop((workflow.id, entry.run_id), None)
            if summary != entry.summary:
                problem = f"the list shows {_difference(summary, entry.summary)}"
                yield Violation(Invariant.FOLDED, workflow.id, problem)
    for id, run_id in shown:
        if not id.startswith(RESERVED_PREFIX):
            yield Violation(Invariant.FOLDED, id, f"the list shows a run {run_id} that its history does not have")


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
