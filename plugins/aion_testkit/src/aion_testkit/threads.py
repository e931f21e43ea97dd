"""Several threads at the same moment, for cases about concurrency."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from aion_core.spi import (
    SYSTEM,
)

T = TypeVar("T")

_WATCHDOG: Final = 120.0


class Runner(Generic[T]):
    """One call in a thread of its own."""

    def __init__(self, call: Callable[[], T], *, gate: threading.Barrier | None = None) -> None:
        self._call = call
        self._gate = gate
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = SYSTEM.thread(self._run, name="aion-testkit")

    def _run(self) -> None:
        try:
            if self._gate is not None:
                self._gate.wait(_WATCHDOG)
            self._result.append(self._call())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread of the test
            self._error = error

    def result(self) -> T:
        """What the call returned; what it raised is raised here."""
        self._thread.join(_WATCHDOG)
        if self._error is not None:
            raise self._error
        if not self._result:
            raise AssertionError(f"a call is still running after {_WATCHDOG:.0f} s: the store blocks")
        return self._result[0]


def race(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls at the same moment, each in its thread; their results, in order."""
    gate = threading.Barrier(len(calls))
    runners = [Runner(call, gate=gate) for call in calls]
    return [runner.result() for runner in runners]
