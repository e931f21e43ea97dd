"""`Stop`: SIGINT and SIGTERM as a request to close in peace."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

_LOOK: Final = 1.0
"""Seconds between looks whether there is still a reason to wait."""


class Stop:
    """While it is entered, the first signal is kept in mind, and a second one is a `KeyboardInterrupt`.

    On the main thread, which is the only one that hears of signals.
    """

    def __init__(self, heard: Callable[[], None] | None = None) -> None:
        """Hears nothing before it is entered. `heard` is called by `wait`, once the first signal has come."""
        self._heard = heard
        self._asked = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._ask) for each in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def wait(self, complain: Callable[[], None]) -> None:
        """Block until a signal has come. `complain` is asked now and then, and raises when waiting is in vain."""
        while not self._asked.wait(_LOOK):
            complain()
        if self._heard is not None:  # not where the signal came in: it may have interrupted a print
            self._heard()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
