"""The place under test as a case sees it: an open store, leases on its shards, and reads that page to the end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, TypeAlias, TypeVar

from msgspec.structs import replace

from aion_core.spi import (
    AppendResult,
    Batch,
    Commit,
    Committed,
    Cursor,
    EngineId,
    EngineInfo,
    EventStore,
    FeedEntry,
    Fence,
    Instant,
    Lease,
    Message,
    Page,
    RunEntry,
    Shard,
    Status,
    Wake,
    WorkflowId,
    WorkflowState,
    shard_of,
)
from aion_testkit.builders import engine
from aion_testkit.clock import PassTime, wait_for_the_clock_of
from aion_testkit.expect import eventually, same, true
from aion_testkit.openings import Openings

T = TypeVar("T")
C = TypeVar("C")

MakeEventStore: TypeAlias = Callable[[], EventStore]

LONG: Final = 3600.0
"""A time to live that no case outlasts."""
SHORT: Final = 0.4
"""A time to live that a case waits for; on a real clock it really passes."""
_MARGIN: Final = 0.01
"""A lease may end with its last moment or after it."""
_MOST_PAGES: Final = 100_000


class Place(Openings[EventStore]):
    """Where stores of one factory keep their data. `store` is open; more objects come from `open`."""

    def __init__(self, make_store: MakeEventStore, pass_time: PassTime | None = None) -> None:
        self._pass_time = pass_time
        self._fences: dict[Shard, Fence] = {}
        self.me: EngineInfo = engine()
        super().__init__(make_store)

    def reopen(self) -> EventStore:
        """Also forget the fences: a restarted engine leases anew."""
        self._fences.clear()
        return super().reopen()

    def crash(self) -> EventStore:
        """Also forget the fences, likewise."""
        self._fences.clear()
        return super().crash()

    # ---- ownership

    @property
    def shards(self) -> range:
        """All shards of the place."""
        return range(self.store.shards)

    @property
    def all_shards(self) -> tuple[Shard, ...]:
        """All shards of the place, as reads take them."""
        return tuple(Shard(n) for n in self.shards)

    def shard(self, workflow_id: str) -> Shard:
        """Where a workflow lives."""
        return shard_of(WorkflowId(workflow_id), self.store.shards)

    def hold(self) -> tuple[Lease, ...]:
        """Lease every shard for this place's own engine."""
        table = self.store.lease(self.me, self.store.shards, LONG)
        same(len(table.mine), self.store.shards, "an engine that is alone gets every shard that it wants")
        self._fences = {lease.shard: lease.fence for lease in table.mine}
        return table.mine

    def fence(self, workflow_id: str) -> Fence:
        """The epoch of this place's lease on the workflow's shard."""
        if not self._fences:
            self.hold()
        return self._fences[self.shard(workflow_id)]

    def leases(self) -> tuple[Lease, ...]:
        """The leases that this place's engine holds."""
        if not self._fences:
            self.hold()
        return tuple(Lease(shard, fence) for shard, fence in self._fences.items())

    @property
    def has_a_clock(self) -> bool:
        """Whether `pass_time` costs nothing, so that a case may let hours pass."""
        return self._pass_time is not None

    def pass_time(self, seconds: float) -> None:
        """Let a little more than this pass for the store: by the author's `pass_time` fixture, or really."""
        if self._pass_time is not None:
            self._pass_time(seconds + _MARGIN)
        else:
            wait_for_the_clock_of(self.store, seconds)

    def take_over(self, by: str = "engine-2") -> tuple[Lease, ...]:
        """Another engine gets every shard, after this place's engine has released its own."""
        self.store.release(self.leases())
        table = self.store.lease(engine(by), self.store.shards, LONG)
        same(len(table.mine), self.store.shards, "released shards are free for the next engine")
        return table.mine

    # ---- writing

    def fenced(self, commit: Commit) -> Commit:
        """The commit under this place's lease."""
        return replace(commit, fence=self.fence(commit.workflow_id))

    def append(self, *commits: Commit) -> Sequence[AppendResult]:
        """Send commits in one call, under this place's leases."""
        answers = self.store.append([self.fenced(commit) for commit in commits])
        same(len(answers), len(commits), "append gives one answer for each commit")
        return answers

    def commit(self, *commits: Commit) -> Committed:
        """Send commits one after the other; each must be committed, with its head. The last answer."""
        answer: AppendResult | None = None
        for commit in commits:
            (answer,) = self.append(commit)
            same(
                answer,
                Committed(commit.head, answer.blobs if isinstance(answer, Committed) else ()),
                f"a valid commit at the head of {commit.workflow_id!r} is committed",
            )
        if not isinstance(answer, Committed):
            raise TypeError("commit() was given nothing to commit")
        return answer

    def deliver(self) -> None:
        """Bring all posts of commits to their inboxes."""
        leases = self.leases()
        eventually(lambda: self.store.deliver(leases) == 0, "deliver brings every post to its inbox in the end")

    # ---- reading to the end, in small pages

    def batches(self, workflow_id: str, *, after: int = 0, limit: int | None = 7) -> list[Batch]:
        """The history after a seq."""
        id = WorkflowId(workflow_id)
        first = self.store.read(id, after=after, limit=limit)
        return list(_paged(first, lambda next_: self.store.read(id, after=next_, limit=limit)))

    def state(self, workflow_id: str) -> WorkflowState | None:
        """One row."""
        answers = self.store.state([WorkflowId(workflow_id)])
        same(len(answers), 1, "state gives one answer for each id")
        return answers[0]

    def states(
        self, *, shards: Collection[Shard] | None = None, status: Collection[Status] | None = None, limit: int = 7
    ) -> list[WorkflowState]:
        """All rows of these shards."""
        of = self.all_shards if shards is None else shards
        first = self.store.states(of, status=status, limit=limit)
        return list(_paged(first, lambda next_: self.store.states(of, status=status, after=next_, limit=limit)))

    def ids(self, *, status: Collection[Status] | None = None) -> list[str]:
        """The ids of all rows, sorted."""
        return sorted(row.workflow_id for row in self.states(status=status))

    def runs(self, workflow_id: str, *, limit: int = 2) -> list[RunEntry]:
        """The runs of a workflow."""
        id = WorkflowId(workflow_id)
        first = self.store.runs(id, limit=limit)
        return list(_paged(first, lambda next_: self.store.runs(id, after=next_, limit=limit)))

    def wakes(self, until: Instant, *, shards: Collection[Shard] | None = None, limit: int = 3) -> list[Wake]:
        """What is due."""
        of = self.all_shards if shards is None else shards
        first = self.store.wakes(of, until, limit=limit)
        return list(_paged(first, lambda next_: self.store.wakes(of, until, after=next_, limit=limit)))

    def inbox(self, workflow_id: str | None = None, *, limit: int = 3) -> list[Message]:
        """Unsettled messages, of one workflow or all."""
        of = self.all_shards if workflow_id is None else (self.shard(workflow_id),)
        first = self.store.inbox(of, limit=limit)
        found = _paged(first, lambda next_: self.store.inbox(of, after=next_, limit=limit))
        return [message for message in found if workflow_id in {None, message.workflow_id}]

    def feed(self, after: Cursor | None = None, *, limit: int = 7) -> tuple[list[FeedEntry], Cursor]:
        """Every entry after a cursor, and the cursor at the end."""
        entries: list[FeedEntry] = []
        cursor = after
        for _ in range(_MOST_PAGES):
            page = self.store.feed(cursor, limit=limit)
            true(page.next is not None, "next of a page of the feed is always set")
            cursor = page.next
            if not page.items:
                return entries, cursor or Cursor()
            entries.extend(page.items)
        raise AssertionError("the feed comes to an end when nothing is written")

    def engines(self) -> set[EngineId]:
        """The engines that the store knows of."""
        return {known.engine_id for known in self.store.lease(self.me, 0, LONG).engines}


def _paged(first: Page[T, C], more: Callable[[C], Page[T, C]]) -> Iterator[T]:
    """All items from the first page on."""
    page = first
    for _ in range(_MOST_PAGES):
        yield from page.items
        if page.next is None:
            return
        page = more(page.next)
    raise AssertionError("a page without more behind it has no `next`")
