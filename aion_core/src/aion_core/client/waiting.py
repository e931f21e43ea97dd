"""How a verb waits, so that everything else about verbs is written once, for blocking and for asynchronous callers.

What a verb does is a coroutine that waits only through a `Waiting`. With `Blocking` its awaits block the thread and
never suspend, so that `at_once` runs it to its end; the asynchronous face awaits it on the caller's loop.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, Protocol, TypeVar, cast

from aion_core.client.reply import Reply
from aion_core.model.times import SECOND, Duration, micros
from aion_core.platform import Platform

T = TypeVar("T")


class Waiting(Protocol):
    """The two things that verbs wait for."""

    async def answer(self, reply: Reply[T], limit: float | None = None, *, what: str = "the answer") -> T:
        """What the reply is settled with. `WaitTimeout` after so many seconds; it may still come."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time pass before looking again."""
        ...


class Blocking:
    """Waits by blocking the calling thread."""

    def __init__(self, platform: Platform) -> None:
        """On this clock."""
        self._platform = platform

    async def answer(self, reply: Reply[T], limit: float | None = None, *, what: str = "the answer") -> T:
        """See `Waiting.answer`."""
        return reply.wait(self._platform, limit, what=what)

    async def pause(self, seconds: float) -> None:
        """See `Waiting.pause`."""
        self._platform.sleep(seconds)


def at_once(verb: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine whose awaits block."""
    try:
        verb.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    verb.close()
    raise AssertionError("a verb that blocks was suspended")


def each(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The items of a generator whose awaits block. Closing this one closes that one."""
    try:
        while True:
            try:
                item = at_once(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        at_once(items.aclose())


def seconds_of(timeout: Duration | None, *, what: str = "timeout") -> float | None:
    """A user's limit of a wait, in seconds. None and infinity are no limit, 0 takes what is there."""
    if timeout is None or timeout == math.inf:
        return None
    return micros(timeout, what=what, zero=True) / SECOND


class Countdown:
    """What is left of a limit that holds for several waits together."""

    def __init__(self, platform: Platform, seconds: float | None) -> None:
        """Runs from now on; None never ends."""
        self._platform = platform
        self._end = None if seconds is None else platform.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds, at least 0; None without a limit."""
        return None if self._end is None else max(0.0, self._end - self._platform.monotonic())


class Patience:
    """How long to wait before looking again: briefly after news, longer the longer there is none."""

    SHORTEST = 0.02
    LONGEST = 0.25

    def __init__(self) -> None:
        """As after news."""
        self._next = self.SHORTEST

    def news(self) -> None:
        """Something was there."""
        self._next = self.SHORTEST

    def pause(self) -> float:
        """Nothing was there: seconds until it is worth looking again."""
        pause, self._next = self._next, min(self._next * 1.5, self.LONGEST)
        return pause
