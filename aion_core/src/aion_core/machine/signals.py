"""Signals of a run: kept in order per name until the code receives them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from aion_core.model.events import SignalReceived


class Mailbox:
    """Early signals wait; a cancelled receive has consumed nothing, as with `asyncio.Queue.get`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Empty."""
        self._loop = loop
        self._arrived: dict[str, deque[SignalReceived]] = {}
        self._waiters: dict[str, list[asyncio.Future[None]]] = {}
        self._handlers: dict[str, Callable[[SignalReceived], None]] = {}

    def put(self, event: SignalReceived) -> None:
        """A signal arrives: to its handler, or to the first who waits for its name."""
        if (handler := self._handlers.get(event.name)) is not None:
            handler(event)
            return
        self._arrived.setdefault(event.name, deque()).append(event)
        self._wake(event.name)

    def handle(self, name: str, handler: Callable[[SignalReceived], None]) -> None:
        """From now on every signal of this name, those that wait included, goes to the handler."""
        if name in self._waiters:
            raise ValueError(f"signal {name!r} is received already: handle it or receive it, not both.")
        self._handlers[name] = handler
        for event in self._arrived.pop(name, ()):
            handler(event)

    async def get(self, name: str) -> SignalReceived:
        """The next signal of this name, in the order of arrival."""
        waiters = self._received(name)
        while not (arrived := self._arrived.get(name)):
            waiter: asyncio.Future[None] = self._loop.create_future()
            waiters.append(waiter)
            try:
                await waiter
            except BaseException:
                if waiter in waiters:
                    waiters.remove(waiter)
                elif self._arrived.get(name):  # woken and cancelled at once: the signal is for the next in line
                    self._wake(name)
                raise
        return self._next(name, arrived)

    def take(self, name: str) -> SignalReceived | None:
        """What is there, without waiting."""
        self._received(name)
        arrived = self._arrived.get(name)
        return self._next(name, arrived) if arrived else None

    def waiting(self) -> list[SignalReceived]:
        """What nobody has received, in the order of arrival."""
        return sorted((event for events in self._arrived.values() for event in events), key=lambda event: event.seq)

    def _next(self, name: str, arrived: deque[SignalReceived]) -> SignalReceived:
        event = arrived.popleft()
        if not arrived:
            del self._arrived[name]  # an empty one takes more memory than all else of a run that waits
        return event

    def _received(self, name: str) -> list[asyncio.Future[None]]:
        """Who waits for this name, from here on never handled."""
        if name in self._handlers:
            raise ValueError(f"signal {name!r} has a handler: handle it or receive it, not both.")
        return self._waiters.setdefault(name, [])

    def _wake(self, name: str) -> None:
        waiters = self._waiters.get(name)
        while waiters:
            waiter = waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return
