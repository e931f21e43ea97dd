"""Opening one place again and again: a second client, a restart, a crash."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from aion_core.spi import Store

S = TypeVar("S", bound=Store)


class Openings(Generic[S]):
    """The store objects that one factory made onto one place. `store` is open."""

    def __init__(self, make_store: Callable[[], S]) -> None:
        self._make_store = make_store
        self._made: list[weakref.ref[S]] = []
        self._open: list[S] = []
        """Kept, so that none is collected while it is open; but for one that crashed: what its destructors let go of,
        such as the lock of a file, a dead process lets go of too."""
        self.store = self.open()

    def new(self) -> S:
        """One more store object onto the same place, not yet opened."""
        store = self._make_store()
        self._made.append(weakref.ref(store))
        return store

    def open(self) -> S:
        """One more open store object onto the same place."""
        store = self.new()
        store.open()
        self._open.append(store)
        return store

    def reopen(self) -> S:
        """Close the store and open the place again with a new object, as after a restart."""
        self.store.close()
        self.store = self.open()
        return self.store

    def crash(self) -> S:
        """Drop the store without closing it and open the place with a new object, as after a crash."""
        self._open.remove(self.store)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # a crash is allowed to leave files and sockets open
            self.store = self.new()
            gc.collect()
        self.store.open()
        self._open.append(self.store)
        return self.store

    def close(self) -> None:
        """Close whatever is still there."""
        for made in self._made:
            store = made()
            if store is not None:
                store.close()
