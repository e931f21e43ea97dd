"""Durable timers: `sleep`, `sleep_until`, and those with a name that can be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from datetime import datetime
from typing import Any

from aion_core.authoring.awaiting import recording, waited
from aion_core.authoring.context import CurrentRun
from aion_core.model.ids import timer_name
from aion_core.model.times import SECOND, Duration, Instant, Micros, instant, micros

_INSTEAD = "elsewhere, write asyncio.sleep()"


def sleep(d: Duration) -> Coroutine[None, None, None]:
    """Sleep so many seconds, or a timedelta, across restarts. Zero lets others run, and records nothing."""
    run = recording("aion.sleep", _INSTEAD)
    return waited(run, asyncio.sleep(micros(d, what="the duration of a sleep", zero=True) / SECOND))


def sleep_until(t: datetime) -> Coroutine[None, None, None]:
    """Sleep until an aware datetime; one that has passed lets others run, and records nothing."""
    run = recording("aion.sleep_until", _INSTEAD)
    return waited(run, _sleep_until(run, instant(t, what="the time to sleep until")))


async def _sleep_until(run: CurrentRun, at: Instant) -> None:
    await asyncio.sleep((at - run.now()) / SECOND)


class Timer:
    """A timer that was started. Await it as often as you like; it shows in `describe()` by its name.

    Cancelling the code that awaits it cancels it, as with a task.
    """

    __slots__ = ("_task", "name")

    def __init__(self, run: CurrentRun, name: str, after: Micros) -> None:
        """Use `aion.timer`."""
        self.name = name
        fired: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def fire() -> None:
            if not fired.done():
                fired.set_result(None)

        def ended(task: asyncio.Task[None]) -> None:
            if task.cancelled():
                handle.cancel()

        handle = run.timer(Instant(run.now() + after), fire, name=name)
        # A task and no bare future: sets of futures are iterated by address.
        self._task = asyncio.get_running_loop().create_task(_waiting(fired), name=f"timer {name}")
        self._task.add_done_callback(ended)

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until it fires."""
        return self._task.__await__()

    def __repr__(self) -> str:
        return f"<timer {self.name}>"

    def cancel(self) -> None:
        """Cancel it; whoever awaits it gets `asyncio.CancelledError`. One that has fired stays so."""
        self._task.cancel()

    def done(self) -> bool:
        """Whether it has fired or was cancelled."""
        return self._task.done()


async def _waiting(fired: asyncio.Future[None]) -> None:
    await fired


def timer(name: str, d: Duration) -> Timer:
    """Start a durable timer now, by a name that people see; names that begin with `aion:` are reserved."""
    run = recording("aion.timer", _INSTEAD)
    return Timer(run, timer_name(name), micros(d, what=f"the duration of timer {name!r}", zero=True))
