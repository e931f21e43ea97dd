"""The visibility store under test as a case sees it: open, with lists that page to the end."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Final, TypeAlias

from aion_core.spi import (
    Condition,
    Query,
    Summary,
    VisibilityStore,
)

MakeVisibilityStore: TypeAlias = Callable[[], VisibilityStore]

_MOST_PAGES: Final = 10_000


class Shelf:
    """Where stores of one factory keep their summaries. `store` is open; more objects come from `open`."""

    def __init__(self, make_store: MakeVisibilityStore) -> None:
        self._make_store = make_store
        self._made: list[weakref.ref[VisibilityStore]] = []
        self.store = self.open()

    def new(self) -> VisibilityStore:
        """One more store object onto the same place, not yet opened."""
        store = self._make_store()
        self._made.append(weakref.ref(store))
        return store

    def open(self) -> VisibilityStore:
        """One more open store object onto the same place."""
        store = self.new()
        store.open()
        return store

    def reopen(self) -> VisibilityStore:
        """Close the store and open the place again with a new object."""
        self.store.close()
        self.store = self.open()
        return self.store

    def crash(self) -> VisibilityStore:
        """Drop the store without closing it and open the place with a new object."""
        self.store = self.new()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a crash is allowed to leave files and sockets open
            gc.collect()
        self.store.open()
        return self.store

    def close(self) -> None:
        """Close whatever is still there."""
        for made in self._made:
            store = made()
            if store is not None:
                store.close()

    def ids(self, where: Condition | None = None) -> list[str]:
        """The workflow ids that match, sorted."""
        return sorted(row.id for row in self.list(Query(where)))

    def list(self, query: Query | None = None, *, limit: int = 4) -> list[Summary]:
        """Every run that a query asks for, in pages."""
        asked = query or Query()
        found: list[Summary] = []
        page = self.store.list(asked, limit=limit)
        for _ in range(_MOST_PAGES):
            found.extend(page.items)
            if page.next is None:
                return found
            page = self.store.list(asked, after=page.next, limit=limit)
        raise AssertionError("a page without more behind it has no `next`")
