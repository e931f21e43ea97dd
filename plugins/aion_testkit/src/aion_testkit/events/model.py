"""A dumb model of an event store, to compare real ones with: dicts and lists, no pages, no threads, no time.

It shares nothing with any store, the in-memory one included. Leases are not in it: whoever drives it says whether the
fence of a commit is in force.
"""

from __future__ import annotations

from attrs import define, field
from msgspec.structs import replace

from aion_core.spi import (
    Batch,
    Commit,
    Committed,
    Conflict,
    Instant,
    Message,
    OpId,
    Outcome,
    OutcomeKey,
    OutcomeKind,
    Posted,
    RunEntry,
    RunId,
    Settled,
    Wake,
    WorkflowId,
    WorkflowState,
)


@define
class ModelWorkflow:
    """One workflow as it has to be."""

    state: WorkflowState
    batches: list[tuple[Batch, tuple[bytes, ...]]] = field(factory=list[tuple[Batch, tuple[bytes, ...]]])
    """Each with the contents of its blobs."""
    runs: list[RunEntry] = field(factory=list[RunEntry])

    def write_run(self, entry: RunEntry) -> None:
        """Replace the entry of the run, or add it."""
        for place, known in enumerate(self.runs):
            if known.run_id == entry.run_id:
                self.runs[place] = entry
                return
        self.runs.append(entry)


@define
class ModelStore:
    """All workflows, messages and tombstones."""

    workflows: dict[WorkflowId, ModelWorkflow] = field(factory=dict[WorkflowId, ModelWorkflow])
    waiting: dict[OutcomeKey, Message] = field(factory=dict[OutcomeKey, Message])
    tombstones: dict[OutcomeKey, Outcome] = field(factory=dict[OutcomeKey, Outcome])
    feed: list[tuple[WorkflowId, OpId]] = field(factory=list[tuple[WorkflowId, OpId]])
    """Batches that the reader has not read yet, in the order of the commits."""
    reader_is_late: bool = False
    """Whether some of those were trimmed."""

    def append(self, commit: Commit) -> Committed | Conflict:
        """What a store has to answer under a fence that is in force. The keys of blobs are left out."""
        known = self.workflows.get(commit.workflow_id)
        if known and known.state.op_id == commit.op_id:
            return Committed(known.state.head)
        head = known.state.head if known else 0
        if head != commit.expected_seq:
            return Conflict(head, known.state.op_id if known else None)
        floor = known.state.floor if known else 0
        state = replace(commit.state, op_id=commit.op_id, floor=floor)
        if known is None:
            known = self.workflows[commit.workflow_id] = ModelWorkflow(state)
        known.state = state
        if commit.batch:
            known.batches.append((replace(commit.batch, op_id=commit.op_id), commit.blobs))
            self.feed.append((commit.workflow_id, commit.op_id))
        for entry in commit.runs:
            known.write_run(entry)
        self.settle(*commit.outcomes)
        for message in commit.posts:
            self.post(message)
        return Committed(commit.head)

    def post(self, message: Message) -> Posted | Settled:
        """What a store has to answer."""
        key = (message.workflow_id, message.message_id)
        if key in self.tombstones:
            return Settled(self.tombstones[key])
        self.waiting.setdefault(key, message)
        return Posted()

    def settle(self, *outcomes: Outcome) -> None:
        """The first outcome stays, unless it was ACCEPTED."""
        for outcome in outcomes:
            key = (outcome.workflow_id, outcome.message_id)
            self.waiting.pop(key, None)
            before = self.tombstones.get(key)
            if before is None or before.kind is OutcomeKind.ACCEPTED:
                self.tombstones[key] = outcome

    def trim(self, workflow_id: WorkflowId, before_run: RunId | None) -> None:
        """Remove runs."""
        known = self.workflows[workflow_id]
        border = known.state.head + 1
        if before_run is not None:
            border = next(entry.first_seq for entry in known.runs if entry.run_id == before_run)
        gone = {batch.op_id for batch, _ in known.batches if batch.last_seq < border}
        self.reader_is_late = self.reader_is_late or any(op_id in gone for _, op_id in self.feed)
        known.batches = [kept for kept in known.batches if kept[0].op_id not in gone]
        known.runs = [entry for entry in known.runs if entry.first_seq >= border]
        known.state = replace(known.state, floor=max(known.state.floor, border - 1))
        if before_run is None:
            del self.workflows[workflow_id]

    def wakes(self, until: Instant) -> list[Wake]:
        """What is due, in order."""
        due = [(w.state.next_wake, id) for id, w in self.workflows.items() if w.state.next_wake is not None]
        return [Wake(at, id) for at, id in sorted(due) if at <= until]

    def inbox(self, workflow_id: WorkflowId) -> list[Message]:
        """Waiting messages of a workflow, by poster and number."""
        mine = [message for message in self.waiting.values() if message.workflow_id == workflow_id]
        return sorted(mine, key=lambda message: (message.poster, message.n))
