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

from aion_core.model import events as e
from aion_core.model.ids import RESERVED_PREFIX
from aion_core.spi import (
    NEWEST_FIRST,
    Commit,
    Event,
    EventStore,
    Fence,
    Instant,
    MessageId,
    OutcomeKind,
    Query,
    RunId,
    Shard,
    Status,
    Summary,
    VisibilityStore,
    WorkflowId,
    shard_of,
)
from aion_core.upkeep.checking import (
    StoredWorkflow,
    blob_findings,
    inbox_violations,
    package_violations,
    shown_findings,
    stored_states,
    stored_workflow,
    workflow_findings,
)
from aion_core.upkeep.rules import Finding, Invariant, Violation, message_id_of, split_runs

__all__ = ["Acknowledged", "Invariant", "Replayer", "Violation", "check_invariants"]

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
    workflows = {state.workflow_id: stored_workflow(store, state) for state in stored_states(store)}
    found: list[Violation] = []
    for workflow in workflows.values():
        problems = [*workflow_findings(workflow, clock), *blob_findings(store, workflow)]
        if not problems and replayer is not None and not workflow.reserved:
            problems = [*_replays(workflow, replayer)]  # of a history that is whole; others can not be expected to
        if all_ended and workflow.state.summary.status.open and not workflow.reserved:
            problems.append((Invariant.LIVE, f"the run is {workflow.state.summary.status} and ends no more"))
        found += [Violation(invariant, workflow.id, problem) for invariant, problem in problems]
    found += _acknowledged(known, workflows)
    found += _fences(known.commits, store.shards)
    found += inbox_violations(store)
    found += _queries(known.queries, workflows, store)
    found += package_violations(store)
    if visibility is not None:
        found += _visible(visibility, workflows)
    return found


def _replays(workflow: StoredWorkflow, replayer: Replayer) -> Iterator[Finding]:
    for number, run in enumerate(split_runs(workflow.events), 1):
        try:
            replayer(workflow.id, run)
        except Exception as error:  # noqa: BLE001  # whatever a replay raises is the finding
            yield Invariant.REPLAYS, f"run {number} does not replay: {error}"


# ---- the rest of the store


def _acknowledged(known: Acknowledged, workflows: Mapping[WorkflowId, StoredWorkflow]) -> Iterator[Violation]:
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


def _readable(commit: Commit, workflow: StoredWorkflow | None) -> Iterator[Violation]:
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


def _queries(
    queries: Mapping[MessageId, WorkflowId], workflows: Mapping[WorkflowId, StoredWorkflow], store: EventStore
) -> Iterator[Violation]:
    outcomes = store.outcomes([(id, message_id) for message_id, id in queries.items()])
    for (message_id, id), outcome in zip(queries.items(), outcomes, strict=True):
        events = workflows[id].events if id in workflows else ()
        recorded = outcome is not None and outcome.kind in {OutcomeKind.RECORDED, OutcomeKind.ACCEPTED}
        if recorded or any(message_id_of(event) == message_id for event in events):
            yield Violation(Invariant.QUERIES, id, f"the query {message_id!r} was recorded")


def _visible(visibility: VisibilityStore, workflows: Mapping[WorkflowId, StoredWorkflow]) -> Iterator[Violation]:
    shown: dict[tuple[WorkflowId, RunId], Summary] = {}
    token: str | None = None
    while True:
        page = visibility.list(Query(where=None, order=NEWEST_FIRST), after=token, limit=_PAGE)
        shown.update(((summary.id, summary.run_id), summary) for summary in page.items)
        if (token := page.next) is None:
            break
    by_workflow: dict[WorkflowId, dict[RunId, Summary]] = {}
    for (id, run_id), summary in shown.items():
        by_workflow.setdefault(id, {})[run_id] = summary
    for workflow in workflows.values():
        runs = by_workflow.pop(workflow.id, {})
        if workflow.unreadable is None and not workflow.reserved:
            for invariant, problem in shown_findings(workflow, runs):
                yield Violation(invariant, workflow.id, problem)
    for id, runs in by_workflow.items():
        for run_id in runs:
            if not id.startswith(RESERVED_PREFIX):
                problem = f"the list shows a run {run_id} that its history does not have"
                yield Violation(Invariant.FOLDED, id, problem)
