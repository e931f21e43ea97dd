"""The in-memory visibility store, for event stores that do not list runs themselves."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from attrs import define, field, frozen

from aion_core.memory.summaries import SummaryTable
from aion_core.model.conditions import Condition, Query
from aion_core.model.errors import StoreClosed
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.summaries import Summary
from aion_core.platform import SYSTEM, Platform
from aion_core.spi.capabilities import Capability
from aion_core.spi.records import Cursor, Page, PageToken
from aion_core.spi.stores import StoreHealth, VisibilityStore


@frozen(kw_only=True)
class MemoryVisibilitySettings:
    """What `[visibility_store]` may say with `use = "memory"`."""

    name: str | None = None
    """All openings of this name in the process share one store."""


@define
class _Place:
    """What one store holds."""

    lock: threading.Lock = field(factory=threading.Lock)
    table: SummaryTable = field(factory=SummaryTable)

    named: ClassVar[dict[str, _Place]] = {}
    naming: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def of(cls, name: str | None) -> _Place:
        """The place of this name, made by whoever asks first; a new one without a name."""
        if name is None:
            return cls()
        with cls.naming:
            return cls.named.setdefault(name, cls())


class MemoryVisibilityStore(VisibilityStore):
    """A table of summaries in this process's memory, under one lock.

    See `VisibilityStore` for the contract of every method.
    """

    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[type[MemoryVisibilitySettings]] = MemoryVisibilitySettings

    def __init__(self, settings: MemoryVisibilitySettings | None = None, platform: Platform = SYSTEM) -> None:
        """Nothing is shared or made before `open`."""
        del platform  # it has no clock and draws no numbers
        self._settings = settings or MemoryVisibilitySettings()
        self._place: _Place | None = None
        self._open = False

    def open(self) -> None:
        """Find or make the place of this name."""
        if self._place is None:
            self._place = _Place.of(self._settings.name)
        self._open = True

    def close(self) -> None:
        """Keep everything for the next opening."""
        self._open = False

    def health(self) -> StoreHealth:
        """See `Store.health`."""
        with self._table():
            return StoreHealth(place="the memory of this process")

    @contextmanager
    def _table(self) -> Generator[SummaryTable, None, None]:
        if self._place is None or not self._open:
            raise StoreClosed("visibility store")
        with self._place.lock:
            yield self._place.table

    def record(self, summaries: Sequence[Summary], *, cursor: Cursor | None = None) -> None:
        """See `VisibilityStore.record`."""
        with self._table() as table:
            table.record(summaries, cursor)

    def cursor(self) -> Cursor | None:
        """See `VisibilityStore.cursor`."""
        with self._table() as table:
            return table.cursor

    def list(self, query: Query, *, after: PageToken | None = None, limit: int) -> Page[Summary, PageToken]:
        """See `VisibilityStore.list`."""
        with self._table() as table:
            return table.list(query, after, limit)

    def count(self, where: Condition | None, *, limit: int | None = None) -> int:
        """See `VisibilityStore.count`."""
        with self._table() as table:
            return table.count(where, limit)

    def delete(self, runs: Sequence[tuple[WorkflowId, RunId]]) -> None:
        """See `VisibilityStore.delete`."""
        with self._table() as table:
            table.delete(runs)
