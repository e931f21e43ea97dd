"""A clock that tests move, and how time passes for a store that has its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from aion_core.model.times import SECOND, Instant
from aion_core.platform import SYSTEM, SystemPlatform
from aion_core.spi.stores import EventStore
from aion_testkit.builders import T0, engine

PassTime: TypeAlias = Callable[[float], None]
"""Lets so many seconds pass for a store."""

_OBSERVER: Final = engine("aion-testkit-observer")
_POLL: Final = 0.02


class SteppedPlatform(SystemPlatform):
    """The real platform with a clock that stands still until `advance`. It begins at `builders.T0`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = 0.0

    def now(self) -> Instant:
        """`T0` and what was advanced."""
        with self._lock:
            return Instant(T0 + round(self._passed * SECOND))

    def monotonic(self) -> float:
        """The seconds that were advanced."""
        with self._lock:
            return self._passed

    def sleep(self, seconds: float) -> None:
        """Advance instead of blocking."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._passed += seconds


def wait_for_the_clock_of(store: EventStore, seconds: float) -> None:
    """Return when the store's own clock has moved on by so many seconds.

    The clock is read from the lease table, since it may be a database's and differ from ours.
    """
    end = store.lease(_OBSERVER, 0, 1.0).now + round(seconds * SECOND)
    while store.lease(_OBSERVER, 0, 1.0).now <= end:
        SYSTEM.sleep(_POLL)
