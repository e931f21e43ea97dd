"""The contract of event stores and visibility stores.

Stores are synchronous and see opaque bytes: they never decode an event. Every method may raise `StoreUnavailable`
(nothing was done; the same call may be made again), `StoreRefused` (nothing was done, nor will be) and `StoreClosed`.
`put_package` raises `InvalidPackage` and, for a malformed version, `InvalidId` too. No other exception leaves a store:
a driver's own errors are translated, with the original as `__cause__`.

Threads: `append`, `settle`, `deliver`, `post`, `trim`, `put_*`, `delete_*` and `sweep_blobs` are called by one writer
thread at a time (with `SHARDED_WRITERS`, one per shard); the reading methods by several reader threads at once; `wait`,
`inbox` and `wakes` by a watcher thread; `lease` and `release` by a keeper thread. All of these at the same time.
A store may therefore keep one connection per role. `open` and `close` are called by whoever owns the store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from attrs import frozen

from aion_core.model.conditions import Condition, Query
from aion_core.model.ids import BlobKey, RunId, Shard, Version, WorkflowId
from aion_core.model.packages import PackageRecord, Route
from aion_core.model.status import Status
from aion_core.model.summaries import RunEntry, Summary
from aion_core.model.times import Instant
from aion_core.spi.capabilities import Capability
from aion_core.spi.records import (
    AppendResult,
    Batch,
    Commit,
    CommitLimits,
    Cursor,
    EngineInfo,
    FeedEntry,
    Lease,
    LeaseTable,
    Message,
    Outcome,
    OutcomeKey,
    Page,
    PageToken,
    Posted,
    Settled,
    Wake,
    WorkflowState,
)


@frozen(kw_only=True)
class StoreHealth:
    """How a store is doing, for `health()`."""

    place: str = ""
    """Where it is, for people: without passwords and keys."""
    remarks: Sequence[str] = ()
    """What its operator should know although it works: a promise of the disk or the server that may not be one."""
    sync_seconds: float | None = None
    """What a write took, when the store was opened, until the disk said that it was safe. None: it was not timed."""


class Store(ABC):
    """What both kinds of store share. Drivers take `(settings, platform)`; nothing is touched before `open`."""

    contract: ClassVar[int] = 1
    """The contract this class implements. The core refuses another one."""
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[type[Any]]
    """A frozen attrs class: what the driver's table in `aion.toml` may hold. Unknown keys are refused by the core."""

    @abstractmethod
    def open(self) -> None:
        """Connect, create what is missing, check what is there. Opening an open store does nothing.

        Raises `StoreUnavailable` when the place can not be reached, `StoreRefused` when what is there can not be used
        (a newer format, another program's data, a server that breaks a promise this store needs).
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. What was acknowledged stays. Closing twice is fine; afterwards `open` works again."""

    @abstractmethod
    def health(self) -> StoreHealth:
        """How it is doing, from what it knows: nothing is asked of the database. On any thread, while it is open."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class EventStore(Store):
    """Keeps histories, messages, ownership, packages and blobs.

    With `Capability.ATOMIC_VISIBILITY` the class is a `VisibilityStore` too, and `append` and `trim` keep its summaries
    in the same atom.
    """

    limits: CommitLimits = CommitLimits()

    @property
    @abstractmethod
    def store_id(self) -> str:
        """Made when the store was created and kept for ever, also by a restore from a backup. Known once open."""

    @property
    @abstractmethod
    def shards(self) -> int:
        """The number of shards, recorded when the store was created. Known once open. See `ids.shard_of`."""

    # ---- histories

    @abstractmethod
    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        """Apply commits; one answer each, in order. What is `Committed` survives any crash from here on.

        Each commit is an atom of its own: it is applied whole or not at all, and a conflict of one disturbs no other
        in the call. A call holds at most one commit per workflow. In this order, for each:

        1. `fence` is not the epoch of the shard's lease, or nobody has one: `Fenced`. The check is part of the atom, so
           a lease that is taken over meanwhile can not slip in between. A lease that expired and that nobody took
           since still counts: safety is the epoch's, time only says when others may take it.
        2. The head's `op_id` is this commit's: it was applied before; `Committed`, and nothing is done.
        3. The head is not `expected_seq`: `Conflict`.
        4. Otherwise batch, state, run entries, blobs, outcomes and posts become durable together, the batch gets the
           next position of its shard's feed, and readers see all of it or nothing.

        A commit without a batch moves no head and makes no entry in the feed; its `op_id` becomes the head's.
        Messages named by `outcomes` leave the inbox with the commit. Posts reach the inboxes of their targets at once
        or by `deliver`; a post whose id the target has settled is dropped.

        Raises `StoreRefused` for the whole call, having applied nothing, when a commit contradicts itself (its batch
        does not begin after `expected_seq` or is empty, its state names another head or workflow) or breaks
        `limits`. Raises `StoreUnavailable` when nothing was applied. Answers `Unknown` where it can not tell.
        """

    @abstractmethod
    def read(self, workflow_id: WorkflowId, *, after: int = 0, limit: int | None = None) -> Page[Batch, int]:
        """Batches that hold events after seq `after`, oldest first, with their `op_id` and blob keys.

        The first one may begin before `after + 1`: batches are not cut. `limit` counts batches; None is the store's
        choice of a page. `next` is the last seq of the page when there may be more. An unknown workflow and a position
        beyond the head give an empty page. Everything committed before the call is seen.
        """

    @abstractmethod
    def state(self, workflow_ids: Sequence[WorkflowId]) -> Sequence[WorkflowState | None]:
        """The rows of these workflows, in order, None for unknown ones. Sees everything committed before the call."""

    @abstractmethod
    def states(
        self,
        shards: Collection[Shard],
        *,
        status: Collection[Status] | None = None,
        after: PageToken | None = None,
        limit: int,
    ) -> Page[WorkflowState, PageToken]:
        """All rows of these shards (with one of these statuses), in an order of the store's own.

        Every row that exists during the whole paging is met exactly once, as of some moment after the first call.
        """

    @abstractmethod
    def runs(self, workflow_id: WorkflowId, *, after: PageToken | None = None, limit: int) -> Page[RunEntry, PageToken]:
        """The runs of a workflow that are kept, oldest first, each as it was last written."""

    @abstractmethod
    def wakes(
        self, shards: Collection[Shard], until: Instant, *, after: PageToken | None = None, limit: int
    ) -> Page[Wake, PageToken]:
        """Workflows of these shards whose `next_wake` is at or before `until`, earliest first, then by id.

        A workflow that can not be woken does not hide the ones behind it: page on with `after`.
        """

    @abstractmethod
    def trim(self, workflow_id: WorkflowId, before_run: RunId | None, *, head: int | None = None) -> None:
        """Remove the closed runs before this one: batches, blobs, run entries, summaries. None: everything, state too.

        Whole runs, oldest first; `floor` becomes the seq before this run's first. A batch that holds events of both
        stays whole. Removing again does nothing, and so does an unknown workflow. An unknown `before_run` and (with
        None) an open workflow are `StoreRefused`, and so is a history that does not end at `head`, where one is given:
        whoever decided to remove it has not seen what was added. Unsettled messages and tombstones stay.
        """

    # ---- messages

    @abstractmethod
    def post(self, messages: Sequence[Message]) -> Sequence[Posted | Settled]:
        """Put messages into inboxes; one answer each, in order. `Posted` is durable, and wakes `wait` of the owner.

        Idempotent by (workflow id, message id): one that is in the inbox stays as it was first posted; one that was
        settled is answered by its outcome while its tombstone is kept. Needs no lease, and no workflow to exist.
        """

    @abstractmethod
    def inbox(
        self, shards: Collection[Shard], *, after: PageToken | None = None, limit: int
    ) -> Page[Message, PageToken]:
        """Unsettled messages of these shards; per workflow, those of each poster in the order of their `n`.

        Never returns a message that has a tombstone. Paging meets every message that is there throughout.
        """

    @abstractmethod
    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Settle messages without a history: answers and refusals. Durable on return.

        Each leaves the inbox and gets its tombstone, whether or not it ever was in the inbox. An id that has a
        tombstone keeps its first outcome, except that `ACCEPTED` is replaced. The same holds in `append`.
        """

    @abstractmethod
    def outcomes(self, keys: Sequence[OutcomeKey]) -> Sequence[Outcome | None]:
        """The tombstones of these messages, in order; None for one that is unsettled, unknown or expired."""

    @abstractmethod
    def deliver(self, leases: Collection[Lease]) -> int:
        """Bring posts of the caller's commits to their inboxes; how many are still on their way.

        Called after appends with posts until it answers 0. A store whose append delivers at once answers 0.
        """

    @abstractmethod
    def wait(self, timeout: float) -> None:
        """Return when there may be news in `inbox`, `wakes`, `outcomes` or the packages, at the latest after `timeout`.

        Seconds. News that came since the last call count. Waking for nothing is fine; the truth is in the reads.
        """

    # ---- ownership

    @abstractmethod
    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """Heartbeat: renew my leases for `ttl` seconds of the store's clock, take free ones up to `want`, look around.

        A shard is free when nobody holds it or another engine's lease on it expired. Taking it raises its epoch, and
        from then on no commit under an older one is applied. Renewing keeps the epoch, also of a lease of mine that
        expired and that nobody took since: nothing can have been written under another one. Never takes a lease that is
        in force, and never gives one up: with `want` below what I hold, nothing is taken. Never blocks for others. A
        `ttl` that is not a positive number of seconds, or lasts a year, is `StoreRefused`.
        """

    @abstractmethod
    def release(self, leases: Collection[Lease]) -> None:
        """Give up leases that I hold under these fences, so that others need not wait for their end. Idempotent."""

    # ---- packages and blobs

    @abstractmethod
    def put_package(self, package: PackageRecord, *, route: Sequence[str] = ()) -> None:
        """Keep a package (replacing one of the same version) and route these types to it, in one step.

        Raises `InvalidPackage`, having done nothing, for a record that contradicts itself (`InvalidId` for a malformed
        version): `check_package` makes these checks.
        """

    @abstractmethod
    def get_package(self, version: Version) -> PackageRecord | None:
        """The package, or None."""

    @abstractmethod
    def list_packages(self) -> Sequence[PackageRecord]:
        """All packages without their archives (`archive` is empty), in the order of deployment, then of version."""

    @abstractmethod
    def delete_package(self, version: Version) -> None:
        """Remove one package and nothing else: routes stay. Removing what is not there does nothing."""

    @abstractmethod
    def put_routes(self, routes: Sequence[Route]) -> None:
        """Point these types at these versions, all in one step. A version need not be stored."""

    @abstractmethod
    def list_routes(self) -> Sequence[Route]:
        """All routes, ordered by workflow type."""

    @abstractmethod
    def get_blob(self, key: BlobKey) -> bytes:
        """The bytes of a commit's blob. Raises `BlobNotFound`."""

    @abstractmethod
    def sweep_blobs(self, leases: Collection[Lease]) -> int:
        """Remove blobs of these shards that no commit refers to, and expired tombstones; how many were removed.

        Never removes a blob of a commit that may still land.
        """

    # ---- observers

    @abstractmethod
    def feed(self, after: Cursor | None, *, limit: int) -> Page[FeedEntry, Cursor]:
        """Committed batches after the cursor. `next` is always set: read on from it.

        None begins in each shard behind the last entry that was trimmed, so that a new reader is never late; what older
        batches are kept is found by `states()` and `read()`.
        Within a shard in the order of the commits, and complete: whoever has seen (s, m) never later finds (s, n<m).
        Between shards there is no order. Raises `CursorTooOld` when entries after the cursor were trimmed.
        """


class VisibilityStore(Store):
    """Finds runs by what their summaries show."""

    @abstractmethod
    def record(self, summaries: Sequence[Summary], *, cursor: Cursor | None = None) -> None:
        """Keep these summaries, replacing older ones of the same (id, run id); with them, in one step, the cursor.

        The cursor is where the projection of a separate event store's feed has come to.
        """

    @abstractmethod
    def cursor(self) -> Cursor | None:
        """The cursor that was recorded last."""

    @abstractmethod
    def list(self, query: Query, *, after: PageToken | None = None, limit: int) -> Page[Summary, PageToken]:
        """Runs that match, in the query's order; runs without a value for it last; ties by run id, newest first.

        Keyset paging: a token stays valid while rows come and go, and rows that stay are met exactly once.
        A token of another query is `StoreRefused`.
        """

    @abstractmethod
    def count(self, where: Condition | None, *, limit: int | None = None) -> int:
        """How many match; with `limit`, counting may stop there."""

    @abstractmethod
    def delete(self, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """Forget these runs. Forgetting what is not there does nothing."""
