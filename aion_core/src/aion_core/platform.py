"""The only place that touches clock, randomness, ids, sleeping and threads.

Everything else takes a `Platform` as a parameter, so that the real code runs under a virtual clock in tests.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from uuid_utils.compat import uuid7

from aion_core.model.ids import OpId, RunId
from aion_core.model.times import Instant


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
        return OpId(os.urandom(16).hex())

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


SYSTEM: Platform = SystemPlatform()
