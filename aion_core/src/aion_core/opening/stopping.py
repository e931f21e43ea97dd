"""`Stop`: SIGINT and SIGTERM as a request to close in peace."""

from __future__ import annotations

import select
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final, Self

_RING: Final = b"!"
_LOOK: Final = 1.0
"""Seconds between looks whether there is still a reason to wait."""


class Stop:
    """While it is entered, the first signal is kept in mind, and a second one is a `KeyboardInterrupt`.

    On the main thread, which is the only one that hears of signals.
    """

    def __init__(self, heard: Callable[[], None] | None = None) -> None:
        """Hears nothing before it is entered. `heard` is called by `wait`, once the first signal has come."""
        self._heard = heard
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # A signal may come while the main thread holds a lock, any lock: a byte on a wire needs none.
        self._ear, self._bell = socket.socketpair()
        self._before = {each: signal.signal(each, self._ask) for each in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._ear.close()
        self._bell.close()

    def wait(self, complain: Callable[[], None]) -> None:
        """Block until a signal has come. `complain` is asked now and then, and raises when waiting is in vain."""
        while not self._rung():
            complain()
        if self._heard is not None:  # not where the signal came in: it may have interrupted a print
            self._heard()

    def listening(self, call: Callable[[], None]) -> None:
        """Make a call on another thread, so that the next signal is heard at once, wherever that call waits."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is the caller's
                done.set_exception(error)
            else:
                done.set_result(None)
            with suppress(OSError):  # nobody listens any more
                self._bell.send(_RING)

        threading.Thread(target=run, name="aion-closing", daemon=True).start()
        while not done.done():
            self._rung()
        done.result()

    def _rung(self) -> bool:
        heard = bool(select.select([self._ear], [], [], _LOOK)[0])
        return heard and bool(self._ear.recv(1))

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._bell.send(_RING)
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
