"""The only place that touches clock, randomness, ids, sleeping and threads.

Everything else takes a `Platform` as a parameter, so that the real code runs under a virtual clock in tests.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from uuid_utils.compat import uuid7

from aion_core.model.ids import OpId, RunId
from aion_core.model.times import Instant

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

Handle: TypeAlias = Callable[[list[T]], float | None]
"""What a lane does with everything that came since the last time: at least one item, or none when its time has come.

It answers when it wants to be called again without items, on the monotonic clock; None: not before there are some.
"""


class Lane(Protocol[T_contra]):
    """One after the other: a queue, and somebody who takes all that is in it."""

    def put(self, item: T_contra) -> None:
        """Add an item. From any thread, never blocks; dropped after `close`."""
        ...

    def close(self) -> None:
        """Handle what is there, then end. Returns at once; closing twice is fine."""
        ...

    def join(self, timeout: float) -> bool:
        """Wait for the end; whether it came within these seconds. True at once when called by the lane itself."""
        ...


class Platform(Protocol):
    """What the world offers. All methods may be called from any thread."""

    def now(self) -> Instant:
        """Wall-clock time in UTC. May jump; for what people read and for due times, never for order."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps. For leases and timeouts within this process."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Bytes from the system's generator."""
        ...

    def run_id(self) -> RunId:
        """A new UUIDv7: later ones sort after earlier ones of this process."""
        ...

    def op_id(self) -> OpId:
        """A new id of a commit."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        ...

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """Wait on a condition that the caller holds; False when the timeout passed. Wakes early for no reason, too."""
        ...

    def thread(self, target: Callable[[], None], *, name: str) -> threading.Thread:
        """Start a daemon thread."""
        ...

    def lane(self, handle: Handle[Any], *, name: str) -> Lane[Any]:
        """A lane of its own: `handle` is called on one thread, never twice at once."""
        ...


class _ThreadLane(Generic[T]):
    """A lane on a thread of its own."""

    def __init__(self, handle: Handle[T], platform: Platform, name: str) -> None:
        self._handle = handle
        self._clock = platform.monotonic
        self._queue: SimpleQueue[T | _End] = SimpleQueue()
        self._closed = False
        self.put = self._queue.put
        self._thread = platform.thread(self._run, name=name)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.put(_END)

    def join(self, timeout: float) -> bool:
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        queue, handle = self._queue, self._handle
        due: float | None = None
        while True:
            items: list[T] = []
            ended = False
            try:
                item = queue.get(timeout=None if due is None else max(0.0, due - self._clock()))
                while True:
                    if isinstance(item, _End):
                        ended = True
                        break
                    items.append(item)
                    item = queue.get_nowait()
            except Empty:
                pass
            if items or not ended:
                due = handle(items)
            if ended:
                return


class _End:
    """The last item of a lane."""


_END: Final = _End()


class _Process:
    """What makes the ids of this process its own. Drawing each from the system would hand the interpreter's lock on."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.prefix = os.urandom(12).hex()
        self.numbers = itertools.count()


_process = _Process()
os.register_at_fork(after_in_child=_process.begin)


class SystemPlatform:
    """The real one."""

    def now(self) -> Instant:
        """See `Platform.now`."""
        return Instant(time.time_ns() // 1000)

    def monotonic(self) -> float:
        """See `Platform.monotonic`."""
        return time.monotonic()

    def random_bytes(self, count: int) -> bytes:
        """See `Platform.random_bytes`."""
        return os.urandom(count)

    def run_id(self) -> RunId:
        """See `Platform.run_id`."""
        return RunId(str(uuid7()))

    def op_id(self) -> OpId:
        """See `Platform.op_id`."""
        return OpId(f"{_process.prefix}{next(_process.numbers):016x}")

    def sleep(self, seconds: float) -> None:
        """See `Platform.sleep`."""
        time.sleep(seconds)

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """See `Platform.wait`."""
        return condition.wait(timeout)

    def thread(self, target: Callable[[], None], *, name: str) -> threading.Thread:
        """See `Platform.thread`."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread

    def lane(self, handle: Handle[Any], *, name: str) -> Lane[Any]:
        """See `Platform.lane`."""
        return _ThreadLane(handle, self, name)


SYSTEM: Platform = SystemPlatform()
