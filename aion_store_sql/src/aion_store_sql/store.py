"""The event store in a database, and its visibility store."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, ClassVar, TypeVar

from aion_core.spi import (
    SYSTEM,
    AppendResult,
    Batch,
    BlobKey,
    Capability,
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
    Platform,
    Posted,
    Query,
    Route,
    RunEntry,
    RunId,
    Settled,
    Shard,
    Status,
    StoreClosed,
    StoreHealth,
    Summary,
    Unknown,
    Version,
    VisibilityStore,
    Wake,
    WorkflowId,
    WorkflowState,
    check_commits,
    check_count,
    check_limit,
    check_package,
    check_shards,
)
from aion_store_sql import finding, histories
from aion_store_sql.choosing import place_of
from aion_store_sql.database import CommitUnknown, Session
from aion_store_sql.packages import Packages
from aion_store_sql.places import Place
from aion_store_sql.settings import SqlSettings
from aion_store_sql.upkeep import SqlUpkeep

T = TypeVar("T")

_log = logging.getLogger("aion.store")


class SqlStore(SqlUpkeep):
    """What both stores share: a place that is open or closed."""

    kind: ClassVar[str]

    def __init__(self, settings: SqlSettings | None = None, platform: Platform = SYSTEM) -> None:
        """Nothing is touched before `open`."""
        self._settings = settings or SqlSettings()
        self._platform = platform
        self._opened: Place | None = None
        self._pid = os.getpid()

    def open(self) -> None:
        """Connect, create what is missing, check what is there."""
        if self._opened is None:
            place = place_of(self._settings, self._platform)
            place.open()
            self._opened = place
            for remark in place.server.remarks:
                _log.warning("%s", remark)

    def health(self) -> StoreHealth:
        """See `Store.health`. The remarks were logged as warnings, too."""
        server = self._place.server
        return StoreHealth(place=self._settings.shown(), remarks=server.remarks, sync_seconds=server.sync_seconds)

    def close(self) -> None:
        """Let go of everything."""
        place, self._opened = self._opened, None
        if place is not None:
            place.close()

    def __del__(self) -> None:
        place: Place | None = self.__dict__.get("_opened")  # not there, if it could not be made
        if place is not None and self._pid == os.getpid():
            warnings.warn(f"the {self.kind} was forgotten while it was open: close it.", ResourceWarning, 1, self)
            with suppress(Exception):  # nobody is there who could be told
                place.close()

    @property
    def _place(self) -> Place:
        if self._opened is None:
            raise StoreClosed(self.kind)
        return self._opened

    def _read(self, work: Callable[[Session], T]) -> T:
        return self._place.read(work)

    def _write(self, work: Callable[[Session], T]) -> T:
        return self._place.write(work)


class SqlVisibilityStore(SqlStore, VisibilityStore):
    """Summaries in a database of their own, for event stores that do not list runs themselves.

    See `VisibilityStore` for the contract of every method.
    """

    kind: ClassVar[str] = "visibility store"
    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.DURABLE})
    settings: ClassVar[type[Any]] = SqlSettings

    def record(self, summaries: Sequence[Summary], *, cursor: Cursor | None = None) -> None:
        """See `VisibilityStore.record`."""
        place = self._place

        def work(session: Session) -> None:
            place.visible.record(session, summaries)
            if cursor is not None:
                place.keep_cursor(session, cursor)

        place.write(work)

    def cursor(self) -> Cursor | None:
        """See `VisibilityStore.cursor`."""
        return self._read(self._place.cursor)

    def list(self, query: Query, *, after: PageToken | None = None, limit: int) -> Page[Summary, PageToken]:
        """See `VisibilityStore.list`."""
        check_limit(limit)
        return self._read(lambda session: finding.runs(session, query, after, limit))

    def count(self, where: Condition | None, *, limit: int | None = None) -> int:
        """See `VisibilityStore.count`."""
        check_count(limit)
        return self._read(lambda session: finding.count(session, where, limit))

    def delete(self, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """See `VisibilityStore.delete`."""
        visible = self._place.visible
        self._write(lambda session: visible.delete(session, runs))


class SqlEventStore(SqlVisibilityStore, EventStore):
    """Keeps everything in one database: SQLite, PostgreSQL, MariaDB or MySQL.

    See `EventStore` for the contract of every method.
    """

    kind: ClassVar[str] = "event store"
    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.ATOMIC_VISIBILITY, Capability.MULTI_ENGINE, Capability.NOTIFY, Capability.DURABLE}
    )
    settings: ClassVar[type[Any]] = SqlSettings

    def __init__(self, settings: SqlSettings | None = None, platform: Platform = SYSTEM) -> None:
        """Nothing is touched before `open`."""
        super().__init__(settings, platform)
        if self._settings.is_file:
            # The class says what its databases can do; a file is for one process, and this is known only now.
            vars(self)["capabilities"] = self.capabilities - {Capability.MULTI_ENGINE}

    def open(self) -> None:
        """See `Store.open`."""
        super().open()
        self.limits = self._place.server.limits

    @property
    def store_id(self) -> str:
        """See `EventStore.store_id`."""
        return self._place.store_id

    @property
    def shards(self) -> int:
        """See `EventStore.shards`."""
        return self._place.shards

    # ---- histories

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        """See `EventStore.append`."""
        place = self._place
        check_commits(commits, self.limits)
        if not commits:
            return []
        try:
            answers = place.append(commits)
        except CommitUnknown as error:
            return [Unknown(str(error)) for _ in commits]
        if any(commit.posts or commit.outcomes for commit in commits):
            place.tell()
        return answers

    def read(self, workflow_id: WorkflowId, *, after: int = 0, limit: int | None = None) -> Page[Batch, int]:
        """See `EventStore.read`."""
        if limit is not None:
            check_limit(limit)
        return self._read(lambda session: histories.read(session, workflow_id, after, limit))

    def state(self, workflow_ids: Sequence[WorkflowId]) -> Sequence[WorkflowState | None]:
        """See `EventStore.state`."""
        return self._read(lambda session: histories.state(session, workflow_ids))

    def states(
        self,
        shards: Collection[Shard],
        *,
        status: Collection[Status] | None = None,
        after: PageToken | None = None,
        limit: int,
    ) -> Page[WorkflowState, PageToken]:
        """See `EventStore.states`."""
        self._check(shards, limit)
        return self._read(lambda session: histories.states(session, shards, status, after, limit))

    def runs(self, workflow_id: WorkflowId, *, after: PageToken | None = None, limit: int) -> Page[RunEntry, PageToken]:
        """See `EventStore.runs`."""
        check_limit(limit)
        return self._read(lambda session: histories.runs(session, workflow_id, after, limit))

    def wakes(
        self, shards: Collection[Shard], until: Instant, *, after: PageToken | None = None, limit: int
    ) -> Page[Wake, PageToken]:
        """See `EventStore.wakes`."""
        self._check(shards, limit)
        return self._read(lambda session: histories.wakes(session, shards, until, after, limit))

    def trim(self, workflow_id: WorkflowId, before_run: RunId | None, *, head: int | None = None) -> None:
        """See `EventStore.trim`."""
        visible = self._place.visible
        self._write(lambda session: histories.trim(session, visible, workflow_id, before_run, head))

    # ---- messages

    def post(self, messages: Sequence[Message]) -> Sequence[Posted | Settled]:
        """See `EventStore.post`."""
        place = self._place
        if not messages:
            return []
        answers = place.post(messages)
        place.tell()
        return answers

    def inbox(
        self, shards: Collection[Shard], *, after: PageToken | None = None, limit: int
    ) -> Page[Message, PageToken]:
        """See `EventStore.inbox`."""
        self._check(shards, limit)
        place = self._place
        place.collect()
        return self._read(lambda session: place.mail.inbox(session, shards, after, limit))

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """See `EventStore.settle`."""
        place = self._place
        if outcomes:
            place.settle(outcomes)
            place.tell()

    def outcomes(self, keys: Sequence[OutcomeKey]) -> Sequence[Outcome | None]:
        """See `EventStore.outcomes`."""
        mail = self._place.mail
        return self._read(lambda session: mail.outcomes(session, keys))

    def deliver(self, leases: Collection[Lease]) -> int:
        """See `EventStore.deliver`: here posts arrive with their commit."""
        del leases
        _ = self._place  # StoreClosed, if it is
        return 0

    def wait(self, timeout: float) -> None:
        """See `EventStore.wait`."""
        self._place.wait(timeout)

    # ---- ownership

    def lease(self, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """See `EventStore.lease`."""
        return self._place.lease(me, want, ttl)

    def release(self, leases: Collection[Lease]) -> None:
        """See `EventStore.release`."""
        place = self._place
        if leases:
            place.release(leases)
            place.tell()

    # ---- packages and blobs

    def put_package(self, package: PackageRecord, *, route: Sequence[str] = ()) -> None:
        """See `EventStore.put_package`."""
        place = self._place
        check_package(package)
        place.write(lambda session: place.packages.put(session, package, route))
        place.tell()

    def get_package(self, version: Version) -> PackageRecord | None:
        """See `EventStore.get_package`."""
        return self._read(lambda session: Packages.get(session, version))

    def list_packages(self) -> Sequence[PackageRecord]:
        """See `EventStore.list_packages`."""
        return self._read(Packages.all)

    def delete_package(self, version: Version) -> None:
        """See `EventStore.delete_package`."""
        self._write(lambda session: Packages.delete(session, version))

    def put_routes(self, routes: Sequence[Route]) -> None:
        """See `EventStore.put_routes`."""
        place = self._place
        place.write(lambda session: place.packages.put_routes(session, routes))
        place.tell()

    def list_routes(self) -> Sequence[Route]:
        """See `EventStore.list_routes`."""
        return self._read(Packages.routes)

    def get_blob(self, key: BlobKey) -> bytes:
        """See `EventStore.get_blob`."""
        return self._read(lambda session: histories.blob(session, key))

    def sweep_blobs(self, leases: Collection[Lease]) -> int:
        """See `EventStore.sweep_blobs`: blobs go with their batch here, so only tombstones are left to sweep."""
        mail = self._place.mail
        return self._write(lambda session: mail.sweep(session, leases))

    # ---- observers

    def feed(self, after: Cursor | None, *, limit: int) -> Page[FeedEntry, Cursor]:
        """See `EventStore.feed`. Shard by shard."""
        check_limit(limit)
        return self._read(lambda session: histories.feed(session, after, limit))

    def _check(self, shards: Collection[Shard], limit: int) -> None:
        check_limit(limit)
        check_shards(shards, self._place.shards)
