"""The writer: brings commits to the store in groups, and finds out what became of each of them.

There is no delay to gather more: while one call is under way, the next group comes together in the lane.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec
from attrs import field, frozen

from aion_core.client.reply import Reply
from aion_core.model.errors import StoreRefused, StoreUnavailable
from aion_core.model.ids import shard_of
from aion_core.platform import Platform
from aion_core.spi.records import AppendResult, Commit, CommitLimits, Committed, Conflict, Fenced, Lease, Unknown
from aion_core.spi.stores import EventStore

_log = logging.getLogger("aion.store")

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_START_EVERY: Final = 4
"""Of the places in a full group, every fourth is a start's: a backlog of starts never stops what is running."""


class Write(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A commit to be written. `start` when it begins a workflow: those yield to what has begun already."""

    commit: Commit
    start: bool = False


@frozen(kw_only=True)
class Chore:
    """Another call that writes: a settlement, a trim, a package. Done between groups, in order."""

    call: Callable[[EventStore], None]
    reply: Reply[None] = field(factory=Reply[None])


@frozen
class StoreWork:
    """What was written since the engine was opened."""

    commits: int = 0
    appends: int = 0
    """Calls of the store that these took."""
    append_seconds: float = 0.0
    """How long the last of them took."""


Verdict: TypeAlias = Committed | Conflict | Fenced | StoreRefused
"""What became of a commit, for certain."""


class Written(msgspec.Struct, frozen=True, gc=False):
    """A commit and what became of it."""

    commit: Commit
    verdict: Verdict


class Writer:
    """Owns the writing side of a store. `handle` is its lane's."""

    def __init__(
        self,
        store: EventStore,
        platform: Platform,
        *,
        written: Callable[[Sequence[Written]], None],
        leases: Callable[[], Sequence[Lease]],
        may_write: Callable[[], bool],
    ) -> None:
        """`written` hears the verdicts of each group. `may_write` says whether the leases still hold, by our clock."""
        self._store = store
        self._platform = platform
        self._written = written
        self._leases = leases
        self._may_write = may_write
        self._running: deque[Commit] = deque()
        self._starts: deque[Commit] = deque()
        self._doubtful: list[Commit] = []
        """Their call did not say what became of them: that is asked before anything else is sent."""
        self._chores: deque[Chore] = deque()
        self._undelivered = False
        self._pause = _FIRST_PAUSE
        self.trouble: str | None = None
        """Why nothing can be written at the moment, for `health()`."""
        self.work = StoreWork()

    @property
    def waiting(self) -> int:
        """Commits that were not written yet."""
        return len(self._running) + len(self._starts) + len(self._doubtful)

    def handle(self, items: Sequence[Write | Chore]) -> float | None:
        """Take these, and write all there is. When the store can not be reached, the time of the next try."""
        for item in items:
            if isinstance(item, Chore):
                self._chores.append(item)
            else:
                (self._starts if item.start else self._running).append(item.commit)
        try:
            self._write_all()
        except StoreUnavailable as error:
            return self._wait_for_it(error)
        if self.trouble is not None:
            _log.warning("the event store is back: %s", self.trouble)
            self.trouble, self._pause = None, _FIRST_PAUSE
        return None

    def _write_all(self) -> None:
        while self._doubtful or self._running or self._starts or self._chores or self._undelivered:
            if self._doubtful:
                self._decide()
            if group := self._next_group():
                self._append(group)
            if self._chores:
                self._do(self._chores[0])
            if self._undelivered:
                self._undelivered = self._store.deliver(self._leases()) > 0

    def _wait_for_it(self, error: StoreUnavailable) -> float:
        if self.trouble is None:
            _log.error("the event store can not be reached; nothing is lost, and it is tried again: %s", error)
        self.trouble = str(error)
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return self._platform.monotonic() + pause

    # ---- commits

    def _next_group(self) -> list[Commit]:
        """As many as one call takes. They stay in their queues' order, and are out of them."""
        limits = self._store.limits
        group: list[Commit] = []
        size = 0
        while len(group) < limits.call_commits:
            queue = self._queue_for(len(group), limits)
            if queue is None:
                break
            weight = _weight(queue[0])
            if group and size + weight > limits.call_bytes:
                break
            size += weight
            group.append(queue.popleft())
        return group

    def _queue_for(self, place: int, limits: CommitLimits) -> deque[Commit] | None:
        first, second = self._running, self._starts
        if place % _START_EVERY == _START_EVERY - 1 and len(first) + place >= limits.call_commits:
            first, second = second, first
        return first or second or None

    def _append(self, group: Sequence[Commit]) -> None:
        if not self._may_write():
            # Our own clock says that the leases may be over: the store is not even asked.
            self._written([Written(commit, self._fenced(commit)) for commit in group])
            return
        began = self._platform.monotonic()
        try:
            results = self._store.append(group)
        except StoreUnavailable:
            # Nothing was done. They go back to the front with the op_id they have: a repeat changes nothing.
            self._running.extendleft(reversed(group))
            raise
        except StoreRefused as refusal:
            self._halve(group, refusal)
            return
        except Exception as error:  # a driver's bug: what it did is unknown
            self._doubtful.extend(group)
            raise StoreUnavailable(f"the event store raised {error!r}, which is an error of its driver.") from error
        seconds = self._platform.monotonic() - began
        self.work = StoreWork(self.work.commits + len(group), self.work.appends + 1, seconds)
        self._sort(group, results)

    def _fenced(self, commit: Commit) -> Fenced:
        return Fenced(shard_of(commit.workflow_id, self._store.shards), commit.fence)

    def _halve(self, group: Sequence[Commit], refusal: StoreRefused) -> None:
        """Nothing of the group was written: find the one that is to blame, and let the others pass."""
        if len(group) == 1:
            self._written([Written(group[0], refusal)])
            return
        middle = len(group) // 2
        try:
            self._append(group[:middle])
        except StoreUnavailable:
            self._running.extend(group[middle:])
            raise
        self._append(group[middle:])

    def _sort(self, group: Sequence[Commit], results: Sequence[AppendResult]) -> None:
        certain: list[Written] = []
        for commit, result in zip(group, results, strict=True):
            if isinstance(result, Unknown):
                self._doubtful.append(commit)
                continue
            certain.append(Written(commit, result))
            if commit.posts and isinstance(result, Committed):
                self._undelivered = True
        if certain:
            self._written(certain)

    def _decide(self) -> None:
        """Commits of an unknown outcome: those that are the head were written, and the others are tried again."""
        doubtful = self._doubtful
        states = self._store.state([commit.workflow_id for commit in doubtful])
        self._doubtful = []
        again: list[Commit] = []
        certain: list[Written] = []
        for commit, state in zip(doubtful, states, strict=True):
            if state is not None and state.op_id == commit.op_id and not commit.blobs:
                certain.append(Written(commit, Committed(state.head)))
                self._undelivered = self._undelivered or bool(commit.posts)
            else:
                again.append(commit)  # the same op_id: had it been written after all, the store says so
        self._running.extendleft(reversed(again))
        if certain:
            self._written(certain)

    # ---- chores

    def _do(self, chore: Chore) -> None:
        try:
            chore.call(self._store)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whoever asked for it hears of it
            self._chores.popleft()
            chore.reply.fail(error)
        else:
            self._chores.popleft()
            chore.reply.set(None)


def _weight(commit: Commit) -> int:
    batch = len(commit.batch.body) if commit.batch else 0
    return batch + len(commit.state.open) + sum(map(len, commit.blobs))
