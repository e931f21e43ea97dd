"""An answer that is still to come: set by one thread, waited for by another, or by a coroutine of any loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

from aion_core.model.errors import WaitTimeout
from aion_core.platform import Platform

T = TypeVar("T")

_LOCK: Final = threading.Lock()  # held for a few assignments only; one for each reply would cost more than it saves


class Reply(Generic[T]):
    """Settled once, by `set` or `fail`; what comes later is ignored."""

    # Whoever settles replies may hold them weakly: one that nobody waits for any more need not be watched.
    __slots__ = ("__weakref__", "_callbacks", "_condition", "_error", "_value", "done")

    def __init__(self) -> None:
        """Open."""
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._condition: threading.Condition | None = None
        self._callbacks: list[Callable[[Reply[T]], None]] | None = None

    def set(self, value: T) -> None:
        """The answer."""
        self._settle(value, None)

    def fail(self, error: BaseException) -> None:
        """There is none, and why."""
        self._settle(None, error)

    def wait(self, platform: Platform, timeout: float | None = None, *, what: str = "the answer") -> T:
        """Block until it is there, at most so many seconds: then `WaitTimeout`, and it may still come."""
        if not self.done:
            self._block(platform, timeout, what)
        return self.result()

    def result(self) -> T:
        """What it was settled with."""
        if not self.done:
            raise AssertionError("not settled yet")
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def then(self, callback: Callable[[Reply[T]], None]) -> None:
        """Call it once settled: at once, or later on the thread that settles. It must not block or raise."""
        with _LOCK:
            if not self.done:
                self._callbacks = [*(self._callbacks or ()), callback]
                return
        callback(self)

    def _settle(self, value: T | None, error: BaseException | None) -> None:
        with _LOCK:
            if self.done:
                return
            self._value, self._error, self.done = value, error, True
            condition, callbacks = self._condition, self._callbacks
            self._callbacks = None
        if condition is not None:
            with condition:
                condition.notify_all()
        for callback in callbacks or ():
            callback(self)

    def _block(self, platform: Platform, timeout: float | None, what: str) -> None:
        with _LOCK:
            if self.done:
                return
            condition = self._condition = self._condition or threading.Condition()
        end = None if timeout is None else platform.monotonic() + timeout
        with condition:
            while not self.done:
                left = _FOREVER if end is None else end - platform.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"{what} did not come within {timeout:g} s; it may still come.")
                platform.wait(condition, min(left, _FOREVER))


_FOREVER: Final = 3600.0
