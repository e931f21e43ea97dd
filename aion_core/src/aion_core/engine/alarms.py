"""One time per thing at which somebody must look at it: set, moved and taken back a million times over."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Generic, Protocol, TypeVar


class Alarmed(Protocol):
    """What can have an alarm: it remembers which one is its own."""

    alarm: int
    """The number of its alarm, 0 for none. Nobody but `Alarms` changes it."""


A = TypeVar("A", bound=Alarmed)

_SURPLUS: Final = 1024


class Alarms(Generic[A]):
    """A heap of alarms. One that is taken back stays in it until it is met, or until too many of those are there.

    Attempts with a limit of ten minutes that end at once would otherwise be kept for ten minutes each.
    """

    def __init__(self) -> None:
        """Nothing is set."""
        self._heap: list[tuple[float, int, A]] = []
        self._numbers = count(1)
        self._set = 0

    def __len__(self) -> int:
        """How many are set."""
        return self._set

    def set(self, thing: A, at: float) -> None:
        """In place of the one that it had."""
        if not thing.alarm:
            self._set += 1
        thing.alarm = next(self._numbers)
        heappush(self._heap, (at, thing.alarm, thing))
        if len(self._heap) > 2 * self._set + _SURPLUS:
            self._heap = [entry for entry in self._heap if entry[2].alarm == entry[1]]
            heapify(self._heap)

    def clear(self, thing: A) -> None:
        """Take it back, if there is one."""
        if thing.alarm:
            thing.alarm = 0
            self._set -= 1

    def due(self, now: float) -> Iterator[A]:
        """Those whose time has come, earliest first. Each is taken back before it is given."""
        while (first := self.next()) is not None and first <= now:
            thing = heappop(self._heap)[2]
            self.clear(thing)
            yield thing

    def next(self) -> float | None:
        """When the earliest is due."""
        heap = self._heap
        while heap:
            at, number, thing = heap[0]
            if thing.alarm == number:
                return at
            heappop(heap)
        return None
