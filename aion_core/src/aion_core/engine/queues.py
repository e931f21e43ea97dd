"""Queues of activities: who has a slot, and who waits for one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from attrs import frozen

from aion_core.model.settings import Rate

T = TypeVar("T", bound=Hashable)


@frozen(kw_only=True)
class QueueLimits:
    """What a queue is held to, per engine. None is no limit."""

    concurrency: int | None = None
    """Attempts running at once."""
    rate: Rate | None = None
    """Attempts begun in a time. After a quiet time so many of them may begin at once."""


@frozen(kw_only=True)
class QueueLoad:
    """What goes on in a queue, for `health()`."""

    running: int
    waiting: int


class Queue(Generic[T]):
    """One queue: slots for what runs, and first come, first served for what waits."""

    __slots__ = ("_clock", "_filled_at", "_limits", "_tokens", "closed", "name", "running", "waiting")

    def __init__(self, name: str, limits: QueueLimits, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self.name = name
        self.running = 0
        self.closed = False
        """It gives no slots any more."""
        self.waiting: OrderedDict[T, None] = OrderedDict()
        """In their order; leaving from the middle costs no more than from the head."""
        self._limits = limits
        self._clock = clock
        self._tokens = 0.0 if limits.rate is None else max(1.0, limits.rate.count)
        self._filled_at = clock()

    def reserve(self) -> bool:
        """Take a slot, unless somebody waits for one already."""
        return not self.waiting and self._take()

    def next(self) -> T | None:
        """Give a slot to whoever waits the longest. None: nobody waits, or there is none."""
        if not self.waiting or not self._take():
            return None
        return self.waiting.popitem(last=False)[0]

    def free(self) -> None:
        """What had a slot is over."""
        self.running -= 1

    def give_back(self) -> None:
        """What had a slot never began: it does not count towards the rate either."""
        self.running -= 1
        self._tokens += 1

    @property
    def ready_at(self) -> float | None:
        """When the rate allows the next to begin, if that alone is what those wait for."""
        rate = self._limits.rate
        if rate is None or not self.waiting or self._full:
            return None
        self._fill(rate)
        missing = 1.0 - self._tokens
        return self._filled_at if missing <= 0 else self._filled_at + missing / rate.per_second

    @property
    def _full(self) -> bool:
        most = self._limits.concurrency
        return self.closed or (most is not None and self.running >= most)

    def _take(self) -> bool:
        if self._full:
            return False
        rate = self._limits.rate
        if rate is not None:
            self._fill(rate)
            if self._tokens < _ONE:
                return False
            self._tokens -= 1
        self.running += 1
        return True

    def _fill(self, rate: Rate) -> None:
        now = self._clock()
        self._tokens = min(max(1.0, rate.count), self._tokens + (now - self._filled_at) * rate.per_second)
        self._filled_at = now


_ONE = 1.0 - 1e-9
"""Of a sum of small floats: a token that was waited for to the moment is there."""


class Queues(Generic[T]):
    """All queues of an engine. One that nothing is said of has no limits."""

    def __init__(self, limits: Mapping[str, QueueLimits], clock: Callable[[], float]) -> None:
        """Queues are made when they are first asked for."""
        self._limits = limits
        self._clock = clock
        self._queues: dict[str, Queue[T]] = {}
        self._closed = False

    def close(self) -> None:
        """Give no slots any more: what waits is for the engine that comes next."""
        self._closed = True
        for queue in self._queues.values():
            queue.closed = True

    def __getitem__(self, name: str) -> Queue[T]:
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name, self._limits.get(name, _UNLIMITED), self._clock)
            queue.closed = self._closed
        return queue

    def load(self) -> Mapping[str, QueueLoad]:
        """What goes on in those where something does."""
        return {
            name: QueueLoad(running=queue.running, waiting=len(queue.waiting))
            for name, queue in self._queues.items()
            if queue.running or queue.waiting
        }


_UNLIMITED = QueueLimits()
