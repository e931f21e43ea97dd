"""What a store is asked to do while it is recorded, and what its callers were told when."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field
from msgspec.structs import replace
from tests.store_sql.power.recording import Recording

from aion_core.codec import encode_batch
from aion_core.model import events as e
from aion_core.model.payloads import Payload
from aion_core.model.summaries import fold_runs
from aion_core.spi import (
    Commit,
    Committed,
    Message,
    Outcome,
    PackageRecord,
    Posted,
    RunId,
    Settled,
    WorkflowId,
    WorkflowState,
    shard_of,
)
from aion_store_sql import SqlEventStore, SqlSettings
from aion_store_sql.settings import Durability
from aion_testkit.builders import SECOND, T0, engine, message, op_id, outcome, package, run_id

LONG = 3600.0
_RESTARTS = 0.012
"""How often after a call."""


@define
class Told:
    """What callers knew after so many operations of the recording."""

    after: int
    commits: Sequence[Commit] = ()
    posts: Sequence[Message] = ()
    outcomes: Sequence[Outcome] = ()
    package: PackageRecord | None = None
    floor: tuple[WorkflowId, int] | None = None
    fence: int = 0
    """The highest of leases that were had."""
    store_id: str = ""


@define
class Written:
    """A workflow: the events of its history, and its last commit."""

    id: WorkflowId
    events: list[e.Event] = field(factory=list)
    runs: int = 0
    closed: bool = True
    head: int = 0

    def add(self, kind: type[e.Event], **fields: object) -> None:
        seq = len(self.events) + 1
        self.events.append(kind(seq=seq, at=T0 + seq * SECOND, **fields))

    def start(self) -> None:
        self.runs += 1
        before = run_id(self.id, self.runs - 1) if self.runs > 1 else None
        self.add(
            e.WorkflowStarted,
            run_id=run_id(self.id, self.runs),
            workflow_type="order",
            version="env:1",
            python="3.11",
            machine=1,
            previous_run=before,
        )
        self.closed = False

    def commit(self, fence: int, **fields: object) -> Commit:
        """What was added since the last one."""
        fold = fold_runs(self.id, self.events)
        before, self.head = self.head, len(self.events)
        state = WorkflowState(
            workflow_id=self.id,
            summary=fold[-1].summary,
            head=self.head,
            run_start=fold[-1].first_seq,
            drained_seq=self.head,
        )
        touched = [entry for entry in fold if entry.first_seq > before or (entry.last_seq or 0) > before]
        return Commit(
            workflow_id=self.id,
            expected_seq=before,
            op_id=op_id(),
            fence=fence,
            batch=encode_batch(self.events[before:]),
            state=state,
            runs=tuple(touched),
            **fields,
        )


class Work:
    """One engine's life with a store, and clients of other processes beside it. The same seed does the same."""

    def __init__(self, folder: Path, recording: Recording, *, seed: int, durability: str = "fsync") -> None:
        self.told: list[Told] = []
        self.restarts = 0
        self._url = f"sqlite:///{folder}/aion.db"
        self._durability = Durability(durability)
        self._recording = recording
        self._chance = random.Random(seed)
        self._workflows: list[Written] = []
        self._waiting: list[Message] = []
        self._messages = 0
        self._packages = 0

    def run(self, calls: int) -> None:
        """So many calls, and what is around them."""
        steps: Sequence[tuple[int, Callable[[], None]]] = (
            (14, self._append),
            (3, self._append_several),
            (6, self._post),
            (9, self._post_from_elsewhere),
            (4, self._settle),
            (4, self._collect),
            (2, self._trim),
            (1, self._deploy),
            (2, self._renew),
        )
        weights, verbs = zip(*steps, strict=True)
        try:
            self._open()
            for _ in range(calls):
                self._chance.choices(verbs, weights)[0]()
                if self._chance.random() < _RESTARTS:
                    self._restart()
        finally:
            self._store.close()
        self._note()

    def _note(self, **facts: object) -> None:
        self.told.append(Told(after=len(self._recording), **facts))

    # ---- a process begins and ends

    def _open(self) -> None:
        self._store = SqlEventStore(SqlSettings(url=self._url, durability=self._durability))
        self._store.open()
        self._note(store_id=self._store.store_id)
        self._lease()

    def _lease(self) -> None:
        self._leases = self._store.lease(engine(), self._store.shards, LONG).mine
        self._fences = {lease.shard: lease.fence for lease in self._leases}
        self._note(fence=max(self._fences.values()))

    def _restart(self) -> None:
        """Now and then somebody posts while no engine is there."""
        self._store.release(self._leases)
        self._note()
        self._store.close()
        self.restarts += 1
        if self.restarts % 2:
            with SqlEventStore(SqlSettings(url=self._url, durability=self._durability)) as client:
                self._posted(client)
        self._open()

    def _renew(self) -> None:
        self._lease()

    # ---- calls of an engine

    def _append(self) -> None:
        self._commit([self._next()])

    def _append_several(self) -> None:
        commits = [self._next() for _ in range(self._chance.randint(2, 5))]
        first = {commit.workflow_id: commit for commit in reversed(commits)}
        self._commit([commit for commit in commits if first[commit.workflow_id] is commit])
        for commit in commits:  # one per workflow in one call; the others follow
            if first[commit.workflow_id] is not commit:
                self._commit([commit])

    def _commit(self, commits: list[Commit]) -> None:
        answers = self._store.append(commits)
        assert all(isinstance(answer, Committed) for answer in answers), answers
        self._note(
            commits=commits,
            posts=[each for commit in commits for each in commit.posts],
            outcomes=[each for commit in commits for each in commit.outcomes],
        )

    def _next(self) -> Commit:
        """Of a new workflow, or of one that is there."""
        if not self._workflows or self._chance.random() < 0.15:
            self._workflows.append(Written(WorkflowId(f"order-{len(self._workflows)}")))
        workflow = self._chance.choice(self._workflows)
        settled, posts, blobs = [], [], []
        if workflow.closed:
            workflow.start()
        for each in [each for each in self._waiting if each.workflow_id == workflow.id][:3]:
            self._waiting.remove(each)
            workflow.add(e.SignalReceived, name="go", message_id=each.message_id)
            settled.append(outcome(each))
        if self._chance.random() < 0.3:
            blobs.append(self._chance.randbytes(self._chance.randint(1, 120_000)))
            payload = Payload(blob=0, size=len(blobs[0]), digest=hashlib.sha256(blobs[0]).hexdigest(), type="bytes")
            workflow.add(e.SignalReceived, name="blob", payload=payload)
        if self._chance.random() < 0.2:
            posts.append(self._message())
            self._waiting += posts
        workflow.add(e.SignalReceived, name="x" * self._chance.randint(1, 400))
        if self._chance.random() < 0.2:
            workflow.add(e.WorkflowCompleted)
            workflow.closed = True
        return workflow.commit(
            self._fences[shard_of(workflow.id, self._store.shards)],
            outcomes=tuple(settled),
            posts=tuple(posts),
            blobs=tuple(blobs),
        )

    def _settle(self) -> None:
        if self._waiting:
            settled = [outcome(self._waiting.pop(0), body=b"no") for _ in self._waiting[:2]]
            self._store.settle(settled)
            self._note(outcomes=settled)

    def _collect(self) -> None:
        self._store.inbox([*range(self._store.shards)], limit=100)
        self._note()

    def _trim(self) -> None:
        old = [workflow for workflow in self._workflows if workflow.runs > 1 and not workflow.closed]
        if old:
            workflow = self._chance.choice(old)
            current = fold_runs(workflow.id, workflow.events)[-1]
            self._store.trim(workflow.id, RunId(current.run_id))
            self._note(floor=(workflow.id, current.first_seq - 1))

    def _deploy(self) -> None:
        record = replace(package("a"), archive=self._chance.randbytes(20_000))
        digest = hashlib.sha256(record.archive).hexdigest()
        record = replace(record, archive_digest=digest, version=hashlib.sha256(digest.encode()).hexdigest())
        self._store.put_package(record, route=("order",))
        self._note(package=record)

    # ---- messages

    def _post(self) -> None:
        self._posted(self._store)

    def _post_from_elsewhere(self) -> None:
        with self._as_another_process():
            self._posted(self._store)

    def _posted(self, store: SqlEventStore) -> None:
        posts = [self._message() for _ in range(self._chance.randint(1, 3))]
        answers = store.post(posts)
        assert all(isinstance(answer, Posted | Settled) for answer in answers)
        self._waiting += posts
        self._note(posts=posts)

    def _message(self) -> Message:
        self._messages += 1
        which = self._chance.choice(self._workflows).id if self._workflows else WorkflowId("order-0")
        body = b'"%s"' % (b"m" * self._chance.randint(1, 3000))
        return message(which, f"m-{self._messages}", n=self._messages, body=body)

    @contextmanager
    def _as_another_process(self) -> Iterator[None]:
        """The engine's process has the lock, and so the caller's has not."""
        lock = self._store._place._file.lock
        owners, lock._owners = lock._owners, 0
        try:
            yield
        finally:
            lock._owners = owners
