"""A store that fails at chosen calls: errors, lost answers, crashes, delays, damaged reads.

    plan = FaultPlan(PlannedFault.parse("append:7:crash_after"))
    store = FaultInjectingStore(inner, plan, process)

The plan counts the calls of all store objects that share it, so a fault may hit the engine's second life. Without
faults it says how many calls a run makes: one run with a fault for each of them is a sweep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Final, Self, TypeVar

from attrs import frozen
from msgspec.structs import replace

from aion_core.spi import (
    AppendResult,
    Batch,
    BlobKey,
    Commit,
    Committed,
    Conflict,
    Cursor,
    EngineInfo,
    EventStore,
    FeedEntry,
    Instant,
    Lease,
    LeaseTable,
    Message,
    Outcome,
    OutcomeKey,
    PackageRecord,
    Page,
    PageToken,
    Posted,
    Route,
    RunEntry,
    RunId,
    Settled,
    Shard,
    Status,
    StoreUnavailable,
    Unknown,
    Version,
    Wake,
    WorkflowId,
    WorkflowState,
)
from aion_testkit.forwarding import ForwardingEventStore, methods_of
from aion_testkit.simulated import Crash, SimulatedPlatform

T = TypeVar("T")

ANY: Final = "any"
"""In place of a method: the call is counted over all of them."""


class FaultKind(StrEnum):
    """What happens to one call."""

    ERROR_BEFORE = "error_before"
    """`StoreUnavailable`, and nothing was done."""
    ERROR_AFTER = "error_after"
    """It is done and the answer is lost: `Unknown` for every commit of an append, `StoreUnavailable` of any other."""
    UNKNOWN_BEFORE = "unknown_before"
    """Of an append: nothing is done, and the answers are `Unknown`."""
    CRASH_BEFORE = "crash_before"
    """The process ends, and nothing was done."""
    CRASH_AFTER = "crash_after"
    """The process ends, and it is done."""
    DELAY = "delay"
    """The process stands still for longer than a lease lasts, while the others run; then it is done."""
    CONFLICT = "conflict"
    """Of an append: nothing is done, and every commit is answered by a conflict."""
    DUPLICATE = "duplicate"
    """It is done twice, as when a request is sent again; the inbox adds what it answered the last time."""
    TRUNCATED = "truncated"
    """Of a read: the last batch ends too early."""
    FLIPPED = "flipped"
    """Of a read: one bit of the last batch is another."""

    def fits(self, method: str) -> bool:
        """Whether calls of this method can have it."""
        return method in _ONLY.get(self, METHODS)


@frozen
class PlannedFault:
    """The fault of one call, written `append:7:crash_after`: the 7th append, counted from 1."""

    method: str
    call: int
    kind: FaultKind

    @classmethod
    def parse(cls, text: str) -> Self:
        """The fault of a text. ValueError for a malformed one."""
        method, call, kind = text.split(":")
        if method not in {ANY, *METHODS}:
            raise ValueError(f"{text!r}: there is no method {method!r}; write {ANY} or one of {', '.join(METHODS)}.")
        return cls(method, int(call), FaultKind(kind))

    def __str__(self) -> str:
        return f"{self.method}:{self.call}:{self.kind}"


class FaultPlan:
    """Which calls fail, and how many there were so far."""

    def __init__(self, *faults: PlannedFault, delay: float = 120.0) -> None:
        self.delay: Final = delay
        """Seconds of `FaultKind.DELAY`: more than any lease lasts."""
        self.calls: Final[Counter[str]] = Counter()
        """By method; the sum is the number of all."""
        self.met: Final[list[PlannedFault]] = []
        """The faults that happened."""
        self._faults = {(fault.method, fault.call): fault for fault in faults}

    def heal(self) -> None:
        """No faults from here on."""
        self._faults.clear()

    def next(self, method: str) -> FaultKind | None:
        """Count a call; what happens to it."""
        self.calls[method] += 1
        of_method = self._faults.get((method, self.calls[method]))
        fault = of_method or self._faults.get((ANY, self.calls.total()))
        if fault is None or not fault.kind.fits(method):
            return None
        self.met.append(fault)
        return fault.kind


class FaultInjectingStore(ForwardingEventStore):
    """One process's way to a store, with the faults of a plan. `process` is the one that a crash ends.

    Once the process has ended, whatever its code still tries, in a `finally` say, is a `Crash` and does nothing.
    `landed` hears of every commit that the inner store took, also when the answer is lost on the way.
    """

    def __init__(
        self,
        store: EventStore,
        plan: FaultPlan,
        process: SimulatedPlatform,
        *,
        landed: Callable[[Commit], None] | None = None,
    ) -> None:
        super().__init__(store)
        self._plan = plan
        self._process = process
        self._landed = landed
        self._last_inbox: Page[Message, PageToken] = Page(())

    def open(self) -> None:
        """With faults."""
        self._call("open", self.store.open)

    def close(self) -> None:
        """Never fails, and closes nothing for a process that has ended: the store is shared with those that live."""
        if not self._process.crashed:
            self.store.close()

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        """With faults."""

        def append() -> Sequence[AppendResult]:
            answers = self.store.append(commits)
            if self._landed is not None:
                for commit, answer in zip(commits, answers, strict=True):
                    if isinstance(answer, Committed):
                        self._landed(commit)
            return answers

        kind = self._meet("append")
        match kind:
            case FaultKind.CONFLICT:
                return [self._conflict(commit) for commit in commits]
            case FaultKind.ERROR_AFTER:
                append()
            case FaultKind.UNKNOWN_BEFORE:
                pass
            case _:
                return self._done("append", kind, append)
        return [Unknown(f"the plan says: {kind}") for _ in commits]

    def read(self, workflow_id: WorkflowId, *, after: int = 0, limit: int | None = None) -> Page[Batch, int]:
        """With faults, some of which damage the last batch."""
        kind = self._meet("read")
        page = self._done("read", kind, lambda: self.store.read(workflow_id, after=after, limit=limit))
        if kind not in {FaultKind.TRUNCATED, FaultKind.FLIPPED} or not page.items:
            return page
        *sound, last = page.items
        body = last.body[: len(last.body) // 2] if kind is FaultKind.TRUNCATED else _flipped(last.body)
        return Page((*sound, replace(last, body=body)), page.next)

    def state(self, workflow_ids: Sequence[WorkflowId]) -> Sequence[WorkflowState | None]:
        """With faults."""
        return self._call("state", lambda: self.store.state(workflow_ids))

    def states(
        self,
        shards: Collection[Shard],
        *,
        status: Collection[Status] | None = None,
        after: PageToken | None = None,
        limit: int,
    ) -> Page[WorkflowState, PageToken]:
        """With faults."""
        return self._call("states", lambda: self.store.states(shards, status=status, after=after, limit=limit))

    def runs(self, workflow_id: WorkflowId, *, after: PageToken | None = None, limit: int) -> Page[RunEntry, PageToken]:
        """With faults."""
        return self._call("runs", lambda: self.store.runs(workflow_id, after=after, limit=limit))

    def wakes(
        self, shards: Collection[Shard], until: Instant, *, after: PageToken | None = None, limit: int
    ) -> Page[Wake, PageToken]:
        """With faults."""
        return self._call("wakes", lambda: self.store.wakes(shards, until, after=after, limit=limit))

    def trim(self, workflow_id: WorkflowId, before_run: RunId | None, *, head: int | None = None) -> None:
        """With faults."""
        self._call("trim", lambda: self.store.trim(workflow_id, before_run, head=head))

    def post(self, messages: Sequence[Message]) -> Sequence[Posted | Settled]:
        """With faults."""
        return self._call("post", lambda: self.store.post(messages))

    def inbox(
        self, shards: Collection[Shard], *, after: PageToken | None = None, limit: int
    ) -> Page[Message, PageToken]:
        """With faults. A duplicate is what a slow reader has in its hands when the messages were settled meanwhile."""
        kind = self._meet("inbox")
        page = self._done("inbox", kind, lambda: self.store.inbox(shards, after=after, limit=limit))
        before, self._last_inbox = self._last_inbox, page
        return Page(before.items + page.items, page.next) if kind is FaultKind.DUPLICATE else page

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """With faults."""
        self._call("settle", lambda: self.store.settle(outcomes))

    def outcomes(self, keys: Sequence[OutcomeKey]) -> Sequence[Outcome | None]:
        """With faults."""
        return self._call("outcomes", lambda: self.store.outcomes(keys))

    def deliver(self, leases: Collection[Lease]) -> int:
        """With faults."""
        return self._call("deliver", lambda: self.store.deliver(leases))

    def wait(self, timeout: float) -> None:
        """With faults."""
        self._call("wait", lambda: self.store.wait(timeout))

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """With faults."""
        return self._call("lease", lambda: self.store.lease(me, want, ttl))

    def release(self, leases: Collection[Lease]) -> None:
        """With faults."""
        self._call("release", lambda: self.store.release(leases))

    def put_package(self, package: PackageRecord, *, route: Sequence[str] = ()) -> None:
        """With faults."""
        self._call("put_package", lambda: self.store.put_package(package, route=route))

    def get_package(self, version: Version) -> PackageRecord | None:
        """With faults."""
        return self._call("get_package", lambda: self.store.get_package(version))

    def list_packages(self) -> Sequence[PackageRecord]:
        """With faults."""
        return self._call("list_packages", self.store.list_packages)

    def delete_package(self, version: Version) -> None:
        """With faults."""
        self._call("delete_package", lambda: self.store.delete_package(version))

    def put_routes(self, routes: Sequence[Route]) -> None:
        """With faults."""
        self._call("put_routes", lambda: self.store.put_routes(routes))

    def list_routes(self) -> Sequence[Route]:
        """With faults."""
        return self._call("list_routes", self.store.list_routes)

    def get_blob(self, key: BlobKey) -> bytes:
        """With faults."""
        return self._call("get_blob", lambda: self.store.get_blob(key))

    def sweep_blobs(self, leases: Collection[Lease]) -> int:
        """With faults."""
        return self._call("sweep_blobs", lambda: self.store.sweep_blobs(leases))

    def feed(self, after: Cursor | None, *, limit: int) -> Page[FeedEntry, Cursor]:
        """With faults."""
        return self._call("feed", lambda: self.store.feed(after, limit=limit))

    # ----

    def _call(self, method: str, act: Callable[[], T]) -> T:
        return self._done(method, self._meet(method), act)

    def _meet(self, method: str) -> FaultKind | None:
        """Count the call, and meet what comes before it is done."""
        if self._process.crashed:
            raise Crash(f"{method} of a process that has ended")
        kind = self._plan.next(method)
        match kind:
            case FaultKind.ERROR_BEFORE:
                raise StoreUnavailable(f"the plan says that {method} can not reach the store; nothing was done.")
            case FaultKind.CRASH_BEFORE:
                self._crash(method)
            case FaultKind.DELAY:
                self._process.stall(self._plan.delay)
            case _:
                pass
        return kind

    def _done(self, method: str, kind: FaultKind | None, act: Callable[[], T]) -> T:
        """Do it, and meet what comes after."""
        answer = act()
        match kind:
            case FaultKind.ERROR_AFTER:
                raise StoreUnavailable(f"the plan says that the answer of {method} is lost.")
            case FaultKind.CRASH_AFTER:
                self._crash(method)
            case FaultKind.DUPLICATE if method != "inbox":
                answer = act()
            case _:
                pass
        return answer

    def _crash(self, method: str) -> None:
        self._process.crash()
        raise Crash(f"the plan says that the process ends in {method}")

    def _conflict(self, commit: Commit) -> Conflict:
        state = self.store.state([commit.workflow_id])[0]
        return Conflict(state.head, state.op_id) if state else Conflict(0, None)


def _flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


METHODS: Final = tuple(name for name in methods_of(EventStore) if name not in {"close", "store_id", "shards"})
"""The calls that can fail."""

_ONLY: Final[dict[FaultKind, Collection[str]]] = {
    FaultKind.UNKNOWN_BEFORE: ("append",),
    FaultKind.CONFLICT: ("append",),
    FaultKind.TRUNCATED: ("read",),
    FaultKind.FLIPPED: ("read",),
    FaultKind.DUPLICATE: ("append", "post", "inbox", "settle", "deliver", "lease", "release", "trim", "put_package"),
}
