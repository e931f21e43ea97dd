"""The in-memory event store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import ClassVar

import msgspec

from aion_core.memory.world import History, MemorySettings, World, page
from aion_core.model.conditions import Condition, Query
from aion_core.model.errors import BlobNotFound, StoreClosed, StoreRefused
from aion_core.model.ids import BlobKey, RunId, Shard, Version, WorkflowId
from aion_core.model.packages import PackageRecord, Route, check_package
from aion_core.model.status import Status
from aion_core.model.summaries import RunEntry, Summary
from aion_core.model.times import Instant
from aion_core.platform import SYSTEM, Platform
from aion_core.spi.capabilities import Capability
from aion_core.spi.checks import check_commits, check_limit, check_shards
from aion_core.spi.records import (
    AppendResult,
    Batch,
    Commit,
    Committed,
    Conflict,
    Cursor,
    EngineInfo,
    FeedEntry,
    Fenced,
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
from aion_core.spi.stores import EventStore, StoreHealth, VisibilityStore

_READ_PAGE = 1000


class MemoryEventStore(EventStore, VisibilityStore):
    """Keeps everything in this process's memory. Each method does what the contract says, under one lock.

    See `EventStore` for the contract of every method.
    """

    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.ATOMIC_VISIBILITY, Capability.MULTI_ENGINE, Capability.NOTIFY}
    )
    settings: ClassVar[type[MemorySettings]] = MemorySettings

    def __init__(self, settings: MemorySettings | None = None, platform: Platform = SYSTEM) -> None:
        """Nothing is shared or made before `open`."""
        self._settings = settings or MemorySettings()
        self._platform = platform
        self._world: World | None = None
        self._open = False
        self._news_seen = 0

    def open(self) -> None:
        """Find or make the world of this name."""
        if self._world is None:
            self._world = World.of(self._settings, self._platform)
        self._open = True

    def close(self) -> None:
        """Keep everything for the next opening."""
        self._open = False

    def health(self) -> StoreHealth:
        """See `Store.health`."""
        _ = self.world  # StoreClosed
        return StoreHealth(place="the memory of this process")

    @property
    def world(self) -> World:
        """What the store holds; StoreClosed when it is not open."""
        if self._world is None or not self._open:
            raise StoreClosed("event store")
        return self._world

    @property
    def store_id(self) -> str:
        """See `EventStore.store_id`."""
        return self.world.store_id

    @property
    def shards(self) -> int:
        """See `EventStore.shards`."""
        return self.world.shards

    # ---- histories

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        """See `EventStore.append`."""
        world = self.world
        check_commits(commits, self.limits)
        with world.lock:
            return [self._append(world, commit) for commit in commits]

    def read(self, workflow_id: WorkflowId, *, after: int = 0, limit: int | None = None) -> Page[Batch, int]:
        """See `EventStore.read`."""
        with self.world.lock:
            history = self.world.history(workflow_id)
            batches = history.after(after) if history else ()
            if limit is not None:
                check_limit(limit)
            found = tuple(batches[: limit or _READ_PAGE])
            return Page(found, found[-1].last_seq if len(found) < len(batches) else None)

    def state(self, workflow_ids: Sequence[WorkflowId]) -> Sequence[WorkflowState | None]:
        """See `EventStore.state`."""
        with self.world.lock:
            histories = (self.world.history(workflow_id) for workflow_id in workflow_ids)
            return [history.row() if history else None for history in histories]

    def states(
        self,
        shards: Collection[Shard],
        *,
        status: Collection[Status] | None = None,
        after: PageToken | None = None,
        limit: int,
    ) -> Page[WorkflowState, PageToken]:
        """See `EventStore.states`. In the order of shard and id."""
        with self.world.lock:
            found = (
                ((shard, history.state.workflow_id), history)
                for shard, history in self._histories(shards)
                if status is None or history.state.summary.status in status
            )
            rows = page(sorted(found, key=lambda row: row[0]), after, limit)
            return Page(tuple(history.row() for history in rows.items), rows.next)

    def runs(self, workflow_id: WorkflowId, *, after: PageToken | None = None, limit: int) -> Page[RunEntry, PageToken]:
        """See `EventStore.runs`."""
        with self.world.lock:
            history = self.world.history(workflow_id)
            entries = history.runs.values() if history else ()
            return page(sorted(((run.first_seq,), run) for run in entries), after, limit)

    def wakes(
        self, shards: Collection[Shard], until: Instant, *, after: PageToken | None = None, limit: int
    ) -> Page[Wake, PageToken]:
        """See `EventStore.wakes`."""
        with self.world.lock:
            due = (
                ((at, history.state.workflow_id), Wake(at, history.state.workflow_id))
                for _, history in self._histories(shards)
                if (at := history.state.next_wake) is not None and at <= until
            )
            return page(sorted(due, key=lambda row: row[0]), after, limit)

    def trim(self, workflow_id: WorkflowId, before_run: RunId | None, *, head: int | None = None) -> None:
        """See `EventStore.trim`."""
        world = self.world
        with world.lock:
            history = world.history(workflow_id)
            if history is None:
                return
            if head not in {None, history.state.head}:
                raise StoreRefused(f"workflow {workflow_id!r} has {history.state.head} events, and not {head}.")
            if before_run is not None:
                batches, runs = history.trim(before_run)
            elif history.state.summary.status.open:
                raise StoreRefused(f"workflow {workflow_id!r} is open: close it before it is removed.")
            else:
                batches, runs = history.batches, list(history.runs.values())
                del world.histories[world.shard(workflow_id)][workflow_id]
            world.feed.remove(world.shard(workflow_id), workflow_id, batches)
            world.summaries.delete([(workflow_id, run.run_id) for run in runs])
            for batch in batches:
                for key in batch.blobs:
                    del world.blobs[key]

    # ---- messages

    def post(self, messages: Sequence[Message]) -> Sequence[Posted | Settled]:
        """See `EventStore.post`."""
        world = self.world
        with world.lock:
            posted = [world.mail.post(message, world.platform.now()) for message in messages]
            world.tell()
            return posted

    def inbox(
        self, shards: Collection[Shard], *, after: PageToken | None = None, limit: int
    ) -> Page[Message, PageToken]:
        """See `EventStore.inbox`."""
        world = self.world
        with world.lock:
            mine = [entry for entry in world.mail.unsettled() if world.shard(entry[1].workflow_id) in shards]
            return page(mine, after, limit)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """See `EventStore.settle`."""
        world = self.world
        with world.lock:
            for outcome in outcomes:
                world.mail.settle(outcome, world.platform.now())
            world.tell()

    def outcomes(self, keys: Sequence[OutcomeKey]) -> Sequence[Outcome | None]:
        """See `EventStore.outcomes`."""
        world = self.world
        with world.lock:
            return [world.mail.outcome(key, world.platform.now()) for key in keys]

    def deliver(self, leases: Collection[Lease]) -> int:
        """See `EventStore.deliver`: here posts arrive with their commit."""
        del leases
        _ = self.world  # StoreClosed, if it is
        return 0

    def wait(self, timeout: float) -> None:
        """See `EventStore.wait`."""
        world = self.world
        with world.lock:
            if world.news == self._news_seen:
                self._platform.wait(world.lock, timeout)
            self._news_seen = world.news

    # ---- ownership

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """See `EventStore.lease`."""
        world = self.world
        with world.lock:
            return world.leases.lease(me, want, ttl, world.platform.now())

    def release(self, leases: Collection[Lease]) -> None:
        """See `EventStore.release`."""
        world = self.world
        with world.lock:
            for lease in leases:
                world.leases.release(lease)
            world.tell()

    # ---- packages and blobs

    def put_package(self, package: PackageRecord, *, route: Sequence[str] = ()) -> None:
        """See `EventStore.put_package`."""
        world = self.world
        check_package(package)
        with world.lock:
            world.packages[package.version] = package
            world.routes.update((name, Route(name, package.version)) for name in route)
            world.tell()

    def get_package(self, version: Version) -> PackageRecord | None:
        """See `EventStore.get_package`."""
        with self.world.lock:
            return self.world.packages.get(version)

    def list_packages(self) -> Sequence[PackageRecord]:
        """See `EventStore.list_packages`."""
        with self.world.lock:
            packages = sorted(self.world.packages.values(), key=lambda p: (p.deployed_at, p.version))
            return [msgspec.structs.replace(package, archive=b"") for package in packages]

    def delete_package(self, version: Version) -> None:
        """See `EventStore.delete_package`."""
        with self.world.lock:
            self.world.packages.pop(version, None)

    def put_routes(self, routes: Sequence[Route]) -> None:
        """See `EventStore.put_routes`."""
        world = self.world
        with world.lock:
            world.routes.update((route.workflow_type, route) for route in routes)
            world.tell()

    def list_routes(self) -> Sequence[Route]:
        """See `EventStore.list_routes`."""
        with self.world.lock:
            return sorted(self.world.routes.values(), key=lambda route: route.workflow_type)

    def get_blob(self, key: BlobKey) -> bytes:
        """See `EventStore.get_blob`."""
        with self.world.lock:
            if key not in self.world.blobs:
                raise BlobNotFound(key)
            return self.world.blobs[key]

    def sweep_blobs(self, leases: Collection[Lease]) -> int:
        """See `EventStore.sweep_blobs`: blobs go with their batch here, so only tombstones are left to sweep."""
        world = self.world
        with world.lock:
            shards = {lease.shard for lease in leases if world.leases.holds(lease.shard, lease.fence)}
            return world.mail.sweep(world.platform.now(), mine=lambda workflow_id: world.shard(workflow_id) in shards)

    # ---- observers

    def feed(self, after: Cursor | None, *, limit: int) -> Page[FeedEntry, Cursor]:
        """See `EventStore.feed`. Over all shards in the order of the commits."""
        with self.world.lock:
            return self.world.feed.read(after, limit)

    # ---- visibility

    def record(self, summaries: Sequence[Summary], *, cursor: Cursor | None = None) -> None:
        """See `VisibilityStore.record`."""
        with self.world.lock:
            self.world.summaries.record(summaries, cursor)

    def cursor(self) -> Cursor | None:
        """See `VisibilityStore.cursor`."""
        with self.world.lock:
            return self.world.summaries.cursor

    def list(self, query: Query, *, after: PageToken | None = None, limit: int) -> Page[Summary, PageToken]:
        """See `VisibilityStore.list`."""
        with self.world.lock:
            return self.world.summaries.list(query, after, limit)

    def count(self, where: Condition | None, *, limit: int | None = None) -> int:
        """See `VisibilityStore.count`."""
        with self.world.lock:
            return self.world.summaries.count(where, limit)

    def delete(self, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """See `VisibilityStore.delete`."""
        with self.world.lock:
            self.world.summaries.delete(runs)

    # ---- one commit

    def _append(self, world: World, commit: Commit) -> AppendResult:
        shard = world.shard(commit.workflow_id)
        if not world.leases.holds(shard, commit.fence):
            return Fenced(shard, world.leases.fence(shard))
        history = world.histories[shard].get(commit.workflow_id)
        if history and history.op_id == commit.op_id:
            return Committed(history.state.head, history.batches[-1].blobs if commit.batch else ())
        head = history.state.head if history else 0
        if head != commit.expected_seq:
            return Conflict(head, history.op_id if history else None)
        if history is None:
            history = world.histories[shard][commit.workflow_id] = History(commit.state, commit.op_id)

        keys: tuple[BlobKey, ...] = ()
        if commit.blobs:
            keys = tuple(BlobKey(f"{commit.workflow_id}/{commit.op_id}/{n}") for n in range(len(commit.blobs)))
            world.blobs.update(zip(keys, commit.blobs, strict=True))
        history.apply(commit, keys)
        if commit.batch:
            world.feed.add(shard, commit.workflow_id, commit.state.summary.run_id, history.batches[-1])
        if commit.visible:
            world.summaries.record([commit.state.summary])
        if commit.runs:
            world.summaries.record([run.summary for run in commit.runs])

        if commit.outcomes or commit.posts:
            now = world.platform.now()
            for outcome in commit.outcomes:
                world.mail.settle(outcome, now)
            for message in commit.posts:
                world.mail.post(message, now)
            world.tell()
        return Committed(commit.head, keys)

    def _histories(self, shards: Collection[Shard]) -> Iterator[tuple[Shard, History]]:
        check_shards(shards, self.world.shards)
        for shard in sorted(shards):
            for history in self.world.histories[shard].values():
                yield shard, history
