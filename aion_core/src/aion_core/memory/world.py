"""What an in-memory store holds. Small parts, each obviously right; the stores put a lock around them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import ClassVar, TypeVar

import msgspec
from attrs import define, field, frozen
from msgspec.structs import replace

from aion_core.memory.summaries import SummaryTable
from aion_core.model.errors import CursorTooOld, StoreRefused
from aion_core.model.ids import BlobKey, EngineId, Fence, OpId, RunId, Shard, Version, WorkflowId, shard_of
from aion_core.model.packages import PackageRecord, Route
from aion_core.model.summaries import RunEntry
from aion_core.model.times import SECOND, Instant
from aion_core.platform import Platform
from aion_core.spi.checks import check_limit, check_ttl
from aion_core.spi.records import (
    Batch,
    Commit,
    Cursor,
    EngineInfo,
    FeedEntry,
    Lease,
    LeaseTable,
    Message,
    Outcome,
    OutcomeKey,
    OutcomeKind,
    Page,
    PageToken,
    Posted,
    Settled,
    WorkflowState,
)

T = TypeVar("T")


@frozen(kw_only=True)
class MemorySettings:
    """What `[event_store]` or `[visibility_store]` may say with `use = "memory"`."""

    name: str | None = None
    """All openings of this name in the process share one store."""
    shards: int = 64
    """Recorded when the store is created; an existing one keeps its number."""


@define
class History:
    """One workflow: its row, its batches and its runs."""

    state: WorkflowState
    op_id: OpId
    floor: int = 0
    batches: list[Batch] = field(factory=list[Batch])
    runs: dict[RunId, RunEntry] = field(factory=dict[RunId, RunEntry])

    def row(self) -> WorkflowState:
        """The state as readers see it."""
        return replace(self.state, floor=self.floor, op_id=self.op_id)

    def after(self, seq: int) -> Sequence[Batch]:
        """Batches with events after `seq`."""
        return self.batches[bisect_right(self.batches, seq, key=lambda batch: batch.last_seq) :]

    def apply(self, commit: Commit, blobs: tuple[BlobKey, ...]) -> None:
        """The commit's part of the history; checks are over."""
        self.state = commit.state
        self.op_id = commit.op_id
        if commit.batch:
            self.batches.append(replace(commit.batch, op_id=commit.op_id, blobs=blobs))
        for run in commit.runs:
            self.runs[run.run_id] = run

    def trim(self, before: RunId) -> tuple[list[Batch], list[RunEntry]]:
        """Remove whole runs; what was removed."""
        if before not in self.runs:
            raise StoreRefused(f"workflow {self.state.workflow_id!r} has no run {before}: nothing was trimmed.")
        border = self.runs[before].first_seq
        gone = [run for run in self.runs.values() if run.first_seq < border]
        kept = self.after(border - 1)
        batches = self.batches[: len(self.batches) - len(kept)]
        self.batches = list(kept)
        self.runs = {run.run_id: run for run in self.runs.values() if run.first_seq >= border}
        self.floor = max(self.floor, border - 1)
        return batches, gone


@define
class Mailroom:
    """Inboxes and tombstones of all workflows."""

    _waiting: dict[OutcomeKey, Message] = field(factory=dict[OutcomeKey, Message])
    _places: dict[OutcomeKey, tuple[int, str, int]] = field(factory=dict[OutcomeKey, tuple[int, str, int]])
    _settled: dict[OutcomeKey, Outcome] = field(factory=dict[OutcomeKey, Outcome])
    _arrivals: int = 0

    def post(self, message: Message, now: Instant) -> Posted | Settled:
        """Keep a message, unless it is there already or was settled."""
        key = (message.workflow_id, message.message_id)
        if outcome := self.outcome(key, now):
            return Settled(outcome)
        if key not in self._waiting:
            self._places[key] = self._place(message)
            self._waiting[key] = message
        return Posted()

    def settle(self, outcome: Outcome, now: Instant) -> None:
        """Take a message out of the inbox and leave its tombstone."""
        key = (outcome.workflow_id, outcome.message_id)
        self._waiting.pop(key, None)
        self._places.pop(key, None)
        before = self.outcome(key, now)
        if before is None or before.kind is OutcomeKind.ACCEPTED:
            self._settled[key] = outcome

    def outcome(self, key: OutcomeKey, now: Instant) -> Outcome | None:
        """The tombstone, while it is kept."""
        outcome = self._settled.get(key)
        return outcome if outcome and outcome.expires_at > now else None

    def unsettled(self) -> list[tuple[tuple[int, str, int, str], Message]]:
        """Messages with their places, in order."""
        placed = (((*self._places[key], key[1]), message) for key, message in self._waiting.items())
        return sorted(placed, key=lambda entry: entry[0])

    def sweep(self, now: Instant, *, mine: Callable[[WorkflowId], bool]) -> int:
        """Forget expired tombstones of workflows that are mine."""
        expired = [key for key, outcome in self._settled.items() if outcome.expires_at <= now and mine(key[0])]
        for key in expired:
            del self._settled[key]
        return len(expired)

    def _place(self, message: Message) -> tuple[int, str, int]:
        """In order of arrival, but before later messages of the same poster that were faster.

        Fixed when the message comes, so that paging is not disturbed by what is settled meanwhile.
        """
        self._arrivals += 1
        overtaken = (
            self._places[key][0]
            for key, other in self._waiting.items()
            if other.workflow_id == message.workflow_id and other.poster == message.poster and other.n > message.n
        )
        return (min([self._arrivals, *overtaken]), message.poster, message.n)


@define
class _Holder:
    fence: Fence = field(default=Fence(0))
    owner: EngineId | None = None
    until: Instant = Instant(0)


@define
class LeaseBook:
    """Who owns which shard, and until when."""

    _shards: dict[Shard, _Holder]
    _engines: dict[EngineId, tuple[EngineInfo, Instant]] = field(factory=dict[EngineId, tuple[EngineInfo, Instant]])

    @classmethod
    def of(cls, shards: int) -> LeaseBook:
        """All shards free."""
        return cls({Shard(shard): _Holder() for shard in range(shards)})

    def lease(self, me: EngineInfo, want: int, ttl: float, now: Instant) -> LeaseTable:
        """Renew, take what is free, and look around."""
        check_ttl(ttl)
        until = Instant(now + round(ttl * SECOND))
        self._engines[me.engine_id] = (me, until)
        held = [holder for holder in self._shards.values() if holder.owner == me.engine_id]
        free = [
            holder
            for holder in self._shards.values()
            if holder.owner is None or (holder.until <= now and holder.owner != me.engine_id)
        ]
        for holder in held:
            holder.until = until
        for holder in free[: max(0, want - len(held))]:
            holder.fence = Fence(holder.fence + 1)
            holder.owner = me.engine_id
            holder.until = until
        return self._table(me, now)

    def release(self, lease: Lease) -> None:
        """Give up one lease, if it is still the one in force."""
        holder = self._shards.get(lease.shard)
        if holder and holder.fence == lease.fence:
            holder.owner = None

    def fence(self, shard: Shard) -> Fence:
        """The shard's epoch."""
        return self._shards[shard].fence

    def holds(self, shard: Shard, fence: Fence) -> bool:
        """Whether this epoch is the one that may append."""
        holder = self._shards[shard]
        return holder.owner is not None and holder.fence == fence

    def _table(self, me: EngineInfo, now: Instant) -> LeaseTable:
        in_force = {shard: holder for shard, holder in self._shards.items() if holder.owner and holder.until > now}
        return LeaseTable(
            mine=tuple(Lease(shard, h.fence) for shard, h in in_force.items() if h.owner == me.engine_id),
            owners={shard: in_force[shard].owner if shard in in_force else None for shard in self._shards},
            engines=tuple(info for info, until in self._engines.values() if until > now),
            now=now,
        )


@define
class FeedLog:
    """The feed of every shard, and how far retention has come in it."""

    _entries: dict[Shard, list[tuple[int, FeedEntry]]]
    _last: dict[Shard, int]
    _floor: dict[Shard, int]
    _commits: int = 0

    @classmethod
    def of(cls, shards: int) -> FeedLog:
        """All empty."""
        every = [Shard(shard) for shard in range(shards)]
        return cls({shard: [] for shard in every}, dict.fromkeys(every, 0), dict.fromkeys(every, 0))

    def add(self, shard: Shard, workflow_id: WorkflowId, run_id: RunId, batch: Batch) -> None:
        """The next entry of the shard."""
        self._commits += 1
        self._last[shard] += 1
        entry = FeedEntry(shard=shard, n=self._last[shard], workflow_id=workflow_id, run_id=run_id, batch=batch)
        self._entries[shard].append((self._commits, entry))

    def remove(self, shard: Shard, workflow_id: WorkflowId, batches: Iterable[Batch]) -> None:
        """Entries of trimmed batches; who has not read them yet will be told."""
        gone = {batch.first_seq for batch in batches}
        kept: list[tuple[int, FeedEntry]] = []
        for commit, entry in self._entries[shard]:
            if entry.workflow_id == workflow_id and entry.batch.first_seq in gone:
                self._floor[shard] = max(self._floor[shard], entry.n)
            else:
                kept.append((commit, entry))
        self._entries[shard] = kept

    def read(self, after: Cursor | None, limit: int) -> Page[FeedEntry, Cursor]:
        """Entries after the cursor, in the order of their commits."""
        check_limit(limit)
        if after is None:
            # A newcomer is not late: it begins behind what was trimmed before it came.
            after = Cursor({shard: floor for shard, floor in self._floor.items() if floor})
        for shard, floor in self._floor.items():
            if after.position(shard) < floor:
                raise CursorTooOld(shard, after.position(shard), floor)
        unseen = [
            entries[bisect_right(entries, after.position(shard), key=lambda pair: pair[1].n) :]
            for shard, entries in self._entries.items()
        ]
        found = tuple(entry for _, entry in islice(merge(*unseen, key=lambda pair: pair[0]), limit))
        positions = dict(after.positions)
        positions.update((entry.shard, entry.n) for entry in found)
        return Page(found, Cursor(positions))


@define
class World:
    """Everything one in-memory event store holds."""

    store_id: str
    platform: Platform
    """Of whoever created the store: its clock is the store's clock."""
    shards: int
    lock: threading.Condition = field(factory=threading.Condition)
    """Held during every call; notified when there is news."""
    news: int = 0
    histories: dict[Shard, dict[WorkflowId, History]] = field(init=False)
    summaries: SummaryTable = field(factory=SummaryTable)
    mail: Mailroom = field(factory=Mailroom)
    leases: LeaseBook = field(init=False)
    feed: FeedLog = field(init=False)
    packages: dict[Version, PackageRecord] = field(factory=dict[Version, PackageRecord])
    routes: dict[str, Route] = field(factory=dict[str, Route])
    blobs: dict[BlobKey, bytes] = field(factory=dict[BlobKey, bytes])

    named: ClassVar[dict[str, World]] = {}
    naming: ClassVar[threading.Lock] = threading.Lock()

    def __attrs_post_init__(self) -> None:
        if self.shards < 1:
            raise StoreRefused(f"a store of {self.shards} shards was asked for; it needs at least 1.")
        self.histories = {Shard(shard): {} for shard in range(self.shards)}
        self.leases = LeaseBook.of(self.shards)
        self.feed = FeedLog.of(self.shards)

    @classmethod
    def of(cls, settings: MemorySettings, platform: Platform) -> World:
        """The world of this name, made by whoever asks first; a new one without a name."""
        with cls.naming:
            world = cls.named.get(settings.name) if settings.name else None
            if world is None:
                world = cls(platform.random_bytes(16).hex(), platform, settings.shards)
                if settings.name:
                    cls.named[settings.name] = world
            return world

    def shard(self, workflow_id: WorkflowId) -> Shard:
        """The shard of a workflow in this store."""
        return shard_of(workflow_id, self.shards)

    def history(self, workflow_id: WorkflowId) -> History | None:
        """A workflow's history, if it has one."""
        return self.histories[self.shard(workflow_id)].get(workflow_id)

    def tell(self) -> None:
        """Wake everybody who waits for news. The lock is held."""
        self.news += 1
        self.lock.notify_all()


def page(items: Sequence[tuple[tuple[object, ...], T]], after: PageToken | None, limit: int) -> Page[T, PageToken]:
    """The items behind the token; `items` are sorted by their unique keys, which make the tokens."""
    check_limit(limit)
    try:
        start = bisect_right(items, _key(after), key=lambda item: item[0]) if after is not None else 0
    except TypeError:  # of another method: its keys have other types
        raise StoreRefused(f"{after!r} is not a page token of this store.") from None
    found = items[start : start + limit]
    more = start + limit < len(items)
    return Page(tuple(item for _, item in found), msgspec.json.encode(found[-1][0]).decode() if more else None)


def _key(token: PageToken) -> tuple[object, ...]:
    try:
        return msgspec.json.decode(token, type=tuple[object, ...])
    except msgspec.MsgspecError:
        raise StoreRefused(f"{token!r} is not a page token of this store.") from None
