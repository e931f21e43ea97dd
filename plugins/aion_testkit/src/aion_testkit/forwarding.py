"""Wrappers of stores that can not swallow a method, and the check that any wrapper forwards all of them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, cast

from aion_core.spi import (
    AppendResult,
    Batch,
    BlobKey,
    Commit,
    Condition,
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
    Query,
    Route,
    RunEntry,
    RunId,
    Settled,
    Shard,
    Status,
    Store,
    StoreHealth,
    Summary,
    Version,
    VisibilityStore,
    Wake,
    WorkflowId,
    WorkflowState,
)


class NotForwarded(TypeError):
    """A wrapper leaves methods of the contract to the base class, so calls of them would never reach the store."""


def require_forwarding(wrapper: type, contract: type) -> None:
    """Refuse a wrapper class that does not define every method of the contract itself, abstract or not."""
    missing = [name for name in methods_of(contract) if _definer(wrapper, name) in contract.__mro__]
    if missing:
        raise NotForwarded(f"{wrapper.__name__} does not forward {', '.join(missing)} to the store that it wraps.")


def methods_of(contract: type) -> list[str]:
    """Every public method and property of a contract, in its order."""
    found: dict[str, None] = {}
    for owner in reversed(contract.__mro__):
        for name, member in vars(owner).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                found[name] = None
    return list(found)


class ForwardingEventStore(EventStore):
    """Hands every call to another event store. Subclasses override what they are about."""

    def __init__(self, store: EventStore) -> None:
        self.store: Final = store
        # A wrapper can do what its store can do; the class itself can not know.
        vars(self).update(capabilities=store.capabilities, limits=store.limits, contract=store.contract)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        require_forwarding(cls, EventStore)

    def open(self) -> None:
        """Forwarded."""
        self.store.open()

    def close(self) -> None:
        """Forwarded."""
        self.store.close()

    def health(self) -> StoreHealth:
        """Forwarded."""
        return self.store.health()

    @property
    def store_id(self) -> str:
        """Forwarded."""
        return self.store.store_id

    @property
    def shards(self) -> int:
        """Forwarded."""
        return self.store.shards

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        """Forwarded."""
        return self.store.append(commits)

    def read(self, workflow_id: WorkflowId, *, after: int = 0, limit: int | None = None) -> Page[Batch, int]:
        """Forwarded."""
        return self.store.read(workflow_id, after=after, limit=limit)

    def state(self, workflow_ids: Sequence[WorkflowId]) -> Sequence[WorkflowState | None]:
        """Forwarded."""
        return self.store.state(workflow_ids)

    def states(
        self,
        shards: Collection[Shard],
        *,
        status: Collection[Status] | None = None,
        after: PageToken | None = None,
        limit: int,
    ) -> Page[WorkflowState, PageToken]:
        """Forwarded."""
        return self.store.states(shards, status=status, after=after, limit=limit)

    def runs(self, workflow_id: WorkflowId, *, after: PageToken | None = None, limit: int) -> Page[RunEntry, PageToken]:
        """Forwarded."""
        return self.store.runs(workflow_id, after=after, limit=limit)

    def wakes(
        self, shards: Collection[Shard], until: Instant, *, after: PageToken | None = None, limit: int
    ) -> Page[Wake, PageToken]:
        """Forwarded."""
        return self.store.wakes(shards, until, after=after, limit=limit)

    def trim(self, workflow_id: WorkflowId, before_run: RunId | None, *, head: int | None = None) -> None:
        """Forwarded."""
        self.store.trim(workflow_id, before_run, head=head)

    def post(self, messages: Sequence[Message]) -> Sequence[Posted | Settled]:
        """Forwarded."""
        return self.store.post(messages)

    def inbox(
        self, shards: Collection[Shard], *, after: PageToken | None = None, limit: int
    ) -> Page[Message, PageToken]:
        """Forwarded."""
        return self.store.inbox(shards, after=after, limit=limit)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Forwarded."""
        self.store.settle(outcomes)

    def outcomes(self, keys: Sequence[OutcomeKey]) -> Sequence[Outcome | None]:
        """Forwarded."""
        return self.store.outcomes(keys)

    def deliver(self, leases: Collection[Lease]) -> int:
        """Forwarded."""
        return self.store.deliver(leases)

    def wait(self, timeout: float) -> None:
        """Forwarded."""
        self.store.wait(timeout)

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """Forwarded."""
        return self.store.lease(me, want, ttl)

    def release(self, leases: Collection[Lease]) -> None:
        """Forwarded."""
        self.store.release(leases)

    def put_package(self, package: PackageRecord, *, route: Sequence[str] = ()) -> None:
        """Forwarded."""
        self.store.put_package(package, route=route)

    def get_package(self, version: Version) -> PackageRecord | None:
        """Forwarded."""
        return self.store.get_package(version)

    def list_packages(self) -> Sequence[PackageRecord]:
        """Forwarded."""
        return self.store.list_packages()

    def delete_package(self, version: Version) -> None:
        """Forwarded."""
        self.store.delete_package(version)

    def put_routes(self, routes: Sequence[Route]) -> None:
        """Forwarded."""
        self.store.put_routes(routes)

    def list_routes(self) -> Sequence[Route]:
        """Forwarded."""
        return self.store.list_routes()

    def get_blob(self, key: BlobKey) -> bytes:
        """Forwarded."""
        return self.store.get_blob(key)

    def sweep_blobs(self, leases: Collection[Lease]) -> int:
        """Forwarded."""
        return self.store.sweep_blobs(leases)

    def feed(self, after: Cursor | None, *, limit: int) -> Page[FeedEntry, Cursor]:
        """Forwarded."""
        return self.store.feed(after, limit=limit)


class ForwardingVisibilityStore(VisibilityStore):
    """Hands every call to another visibility store. Subclasses override what they are about."""

    def __init__(self, store: VisibilityStore) -> None:
        self.store: Final = store
        vars(self).update(capabilities=store.capabilities, contract=store.contract)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        require_forwarding(cls, VisibilityStore)

    def open(self) -> None:
        """Forwarded."""
        self.store.open()

    def close(self) -> None:
        """Forwarded."""
        self.store.close()

    def health(self) -> StoreHealth:
        """Forwarded."""
        return self.store.health()

    def record(self, summaries: Sequence[Summary], *, cursor: Cursor | None = None) -> None:
        """Forwarded."""
        self.store.record(summaries, cursor=cursor)

    def cursor(self) -> Cursor | None:
        """Forwarded."""
        return self.store.cursor()

    def list(self, query: Query, *, after: PageToken | None = None, limit: int) -> Page[Summary, PageToken]:
        """Forwarded."""
        return self.store.list(query, after=after, limit=limit)

    def count(self, where: Condition | None, *, limit: int | None = None) -> int:
        """Forwarded."""
        return self.store.count(where, limit=limit)

    def delete(self, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """Forwarded."""
        self.store.delete(runs)


def check_forwarding(contract: type, wrap: Callable[[Any], Store]) -> None:
    """Fail unless a wrapper hands every method of the contract to its store, with the arguments and the answer.

    `wrap` gets a store that records calls. For the tests of whoever writes a wrapper.
    """
    heard: list[tuple[str, dict[str, object]]] = []
    spy = _spy(contract, heard)
    wrapped = wrap(spy)
    for name in methods_of(contract):
        del heard[:]
        answers = True
        if isinstance(inspect.getattr_static(contract, name), property):
            arguments, answer = {}, getattr(wrapped, name)
        else:
            method = getattr(contract, name)
            answers = inspect.signature(method).return_annotation not in {None, "None"}
            arguments = _arguments(method)
            answer = _call(getattr(wrapped, name), arguments)
        if (name, arguments) not in heard:
            raise NotForwarded(f"{type(wrapped).__name__}.{name} does not reach the store that it wraps: heard {heard}")
        if answers and answer != f"answer of {name}":
            raise NotForwarded(f"{type(wrapped).__name__}.{name} does not return what the store answered: {answer!r}")


def _spy(contract: type, heard: list[tuple[str, dict[str, object]]]) -> Store:
    """An object of the contract that writes down every call."""

    def recording(name: str) -> object:
        method = inspect.getattr_static(contract, name)

        def answer(self: object, *given: object, **named: object) -> str:
            arguments: dict[str, object] = {}
            if not isinstance(method, property):
                arguments.update(inspect.signature(method).bind(self, *given, **named).arguments)
                del arguments["self"]
            heard.append((name, arguments))
            return f"answer of {name}"

        return property(answer) if isinstance(method, property) else answer

    members = {name: recording(name) for name in methods_of(contract)}
    spy = types.new_class(f"Spy{contract.__name__}", (contract,), exec_body=lambda body: body.update(members))
    return cast("Store", spy())


def _arguments(method: Callable[..., object]) -> dict[str, object]:
    parameters = [name for name in inspect.signature(method).parameters if name != "self"]
    return {name: f"value of {name}" for name in parameters}


def _call(method: Callable[..., object], arguments: dict[str, object]) -> object:
    parameters = inspect.signature(method).parameters
    plain = [arguments[name] for name, p in parameters.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = {name: arguments[name] for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    return method(*plain, **named)


def _definer(cls: type, name: str) -> type:
    return next(owner for owner in cls.__mro__ if name in vars(owner))


require_forwarding(ForwardingEventStore, EventStore)
require_forwarding(ForwardingVisibilityStore, VisibilityStore)
