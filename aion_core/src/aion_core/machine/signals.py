"""Signals of a run: kept in order per name until the code receives them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from aion_core.model.events import SignalReceived


class _Box:
    """The signals of one name. What there is none of takes no room: a run that waits for one has a box."""

    __slots__ = ("arrived", "handler", "waiters")

    def __init__(self) -> None:
        self.arrived: deque[SignalReceived] | None = None
        self.handler: Callable[[SignalReceived], None] | None = None
        self.waiters: list[asyncio.Future[None]] | None = None
        """None until the code has received this name."""


class Mailbox:
    """Early signals wait; a cancelled receive has consumed nothing, as with `asyncio.Queue.get`."""

    __slots__ = ("_boxes", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Empty."""
        self._loop = loop
        self._boxes: dict[str, _Box] | None = None

    def put(self, event: SignalReceived) -> None:
        """A signal arrives: to its handler, or to the first who waits for its name."""
        box = self._box(event.name)
        if box.handler is not None:
            box.handler(event)
            return
        box.arrived = box.arrived or deque()
        box.arrived.append(event)
        _wake(box)

    def handle(self, name: str, handler: Callable[[SignalReceived], None]) -> None:
        """From now on every signal of this name, those that wait included, goes to the handler."""
        box = self._box(name)
        if box.waiters is not None:
            raise ValueError(f"signal {name!r} is received already: handle it or receive it, not both.")
        box.handler = handler
        arrived, box.arrived = box.arrived, None
        for event in arrived or ():
            handler(event)

    async def get(self, name: str) -> SignalReceived:
        """The next signal of this name, in the order of arrival."""
        box, waiters = self._received(name)
        while not box.arrived:
            waiter: asyncio.Future[None] = self._loop.create_future()
            waiters.append(waiter)
            try:
                await waiter
            except BaseException:
                if waiter in waiters:
                    waiters.remove(waiter)
                elif box.arrived:  # woken and cancelled at once: the signal is for the next in line
                    _wake(box)
                raise
        return _next(box, box.arrived)

    def take(self, name: str) -> SignalReceived | None:
        """What is there, without waiting."""
        box, _ = self._received(name)
        return _next(box, box.arrived) if box.arrived else None

    def waiting(self) -> list[SignalReceived]:
        """What nobody has received, in the order of arrival."""
        arrived = (event for box in (self._boxes or {}).values() for event in box.arrived or ())
        return sorted(arrived, key=lambda event: event.seq)

    def _box(self, name: str) -> _Box:
        boxes = self._boxes = self._boxes or {}
        box = boxes.get(name)
        if box is None:
            box = boxes[name] = _Box()
        return box

    def _received(self, name: str) -> tuple[_Box, list[asyncio.Future[None]]]:
        """The box of this name and who waits for it, from here on never handled."""
        box = self._box(name)
        if box.handler is not None:
            raise ValueError(f"signal {name!r} has a handler: handle it or receive it, not both.")
        if box.waiters is None:
            box.waiters = []
        return box, box.waiters


def _next(box: _Box, arrived: deque[SignalReceived]) -> SignalReceived:
    event = arrived.popleft()
    if not arrived:
        box.arrived = None  # an empty one takes more memory than all else of a run that waits
    return event


def _wake(box: _Box) -> None:
    while box.waiters:
        waiter = box.waiters.pop(0)
        if not waiter.done():
            waiter.set_result(None)
            return
