"""Everything that happens after a while: one heap, and one lane that waits for the earliest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from aion_core.spi import Platform

W = TypeVar("W", bound="Watched")

_SMALL: Final = 1024


class Watched(Protocol):
    """What a deadline is about."""

    @property
    def over(self) -> bool:
        """Whether nobody is interested in its deadlines any more."""
        ...


_Entry: TypeAlias = tuple[float, int, Any, Any]
"""When, which (so that the rest is never compared), what to call, and about what."""


class Deadlines:
    """Calls functions when their time has come, on a lane of its own. They must not block."""

    def __init__(self, platform: Platform) -> None:
        """The lane is started; `close` ends it."""
        self._clock = platform.monotonic
        self._lock = threading.Lock()
        self._heap: list[_Entry] = []
        self._bound = _SMALL
        self._numbers = count()
        self._next = inf
        self._closed = False
        self._lane = platform.lane(self._handle, name="aion-deadlines")

    def add(self, at: float, call: Callable[[W], None], about: W) -> None:
        """Call `call(about)` at this time of the monotonic clock, unless it is over by then."""
        with self._lock:
            heappush(self._heap, (at, next(self._numbers), call, about))
            if len(self._heap) > self._bound:
                # Most attempts end long before their deadline: what they leave here must not add up.
                self._heap = [entry for entry in self._heap if not entry[3].over]
                heapify(self._heap)
                self._bound = max(_SMALL, 2 * len(self._heap))
            sooner = at < self._next and not self._closed
            if sooner:
                self._next = at
        if sooner:
            self._lane.put(None)

    def close(self) -> None:
        """Nothing is called any more, but for what is being called now."""
        with self._lock:
            self._heap.clear()
            self._closed = True
        self._lane.close()

    def join(self, timeout: float) -> bool:
        """Wait for the end of the lane."""
        return self._lane.join(timeout)

    def __len__(self) -> int:
        return len(self._heap)

    def _handle(self, woken: list[None]) -> float | None:
        del woken  # it only made us look
        with self._lock:
            due = [*self._due(self._clock())]
            then = self._next = self._heap[0][0] if self._heap else inf
        for _, _, call, about in due:
            call(about)
        return None if then == inf else then  # what was added by these calls has put the lane to work again

    def _due(self, now: float) -> Iterable[_Entry]:
        while self._heap and (self._heap[0][0] <= now or self._heap[0][3].over):
            entry = heappop(self._heap)
            if not entry[3].over:
                yield entry
