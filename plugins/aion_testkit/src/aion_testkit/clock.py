"""A clock that tests move, and how time passes for a store that has its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from aion_core.spi import (
    SYSTEM,
    EventStore,
    Handle,
    Instant,
    Lane,
    OpId,
    RunId,
)
from aion_testkit.builders import SECOND, engine, moment

PassTime: TypeAlias = Callable[[float], None]
"""Lets so many seconds pass for a store."""

_OBSERVER: Final = engine("aion-testkit-observer")
_POLL: Final = 0.02


class SteppedPlatform:
    """A platform whose clock stands still until `advance`, and begins at `builders.T0`. The rest of it is real."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed = 0.0
        self._lanes: list[_SteppedLane] = []

    def advance(self, seconds: float) -> None:
        """Let time pass. Lanes whose time has come are called soon, on their own threads."""
        with self._lock:
            self._passed += seconds
            lanes = [*self._lanes]
        for lane in lanes:
            lane.look()

    def now(self) -> Instant:
        """`T0` and what was advanced."""
        with self._lock:
            return moment(self._passed)

    def monotonic(self) -> float:
        """The seconds that were advanced."""
        with self._lock:
            return self._passed

    def sleep(self, seconds: float) -> None:
        """Advance instead of blocking."""
        self.advance(seconds)

    def random_bytes(self, count: int) -> bytes:
        """As the real one."""
        return SYSTEM.random_bytes(count)

    def run_id(self) -> RunId:
        """As the real one."""
        return SYSTEM.run_id()

    def op_id(self) -> OpId:
        """As the real one."""
        return SYSTEM.op_id()

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """As the real one, in real time."""
        return SYSTEM.wait(condition, timeout)

    def thread(self, target: Callable[[], None], *, name: str) -> threading.Thread:
        """As the real one."""
        return SYSTEM.thread(target, name=name)

    def lane(self, handle: Handle[Any], *, name: str) -> Lane[Any]:
        """As the real one, but what it asks to be called for later comes when the clock was moved there."""
        lane = _SteppedLane(self, handle, name)
        with self._lock:
            self._lanes.append(lane)
        return lane


class _SteppedLane:
    """A lane of the real platform, on a clock that a test moves."""

    def __init__(self, clock: SteppedPlatform, handle: Handle[Any], name: str) -> None:
        self._clock = clock
        self._handle = handle
        self._due: float | None = None
        self._lane = SYSTEM.lane(self._run, name=name)
        self.close = self._lane.close
        self.join = self._lane.join
        self.put = self._lane.put

    def look(self) -> None:
        """The clock was moved."""
        if self._due is not None:
            self._lane.put(_LOOK)

    def _run(self, items: list[Any]) -> None:
        items = [item for item in items if item is not _LOOK]
        if items:
            self._due = self._handle(items)
        # Asked again each time: the clock may be moved while the lane decides when it wants to be called.
        while self._due is not None and self._clock.monotonic() >= self._due:
            self._due = self._handle([])


_LOOK: Final = object()


def wait_for_the_clock_of(store: EventStore, seconds: float) -> None:
    """Return when the store's own clock has moved on by so many seconds.

    The clock is read from the lease table, since it may be a database's and differ from ours.
    """
    end = store.lease(_OBSERVER, 0, 1.0).now + round(seconds * SECOND)
    while store.lease(_OBSERVER, 0, 1.0).now <= end:
        SYSTEM.sleep(_POLL)
