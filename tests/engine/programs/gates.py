"""What tests and the bodies of activities tell each other: a body says that it is there, and waits to be let go on."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

PATIENCE = 20.0
"""Seconds after which a test that waits has failed."""


class Gate:
    """A place that bodies come to. They wait there until the test opens it; open, it stays so."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen = 0
        self._open = False
        self.notes: list[Any] = []
        """What bodies left here, in order."""

    def pass_through(self, note: Any = None) -> None:
        """For bodies: say that it is here, and wait."""
        with self._changed:
            self.notes.append(note)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._open, 3 * PATIENCE), "nobody opened this gate"

    def note(self, note: Any) -> None:
        """For bodies: say that it is here, and go on."""
        with self._changed:
            self.notes.append(note)
            self._changed.notify_all()

    def reached(self, times: int = 1) -> list[Any]:
        """For tests: wait until bodies came so many times; what they left."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.notes) >= times, PATIENCE)
            assert came, f"{len(self.notes)} bodies came, and {times} were to come"
            return list(self.notes)

    def open(self) -> None:
        """For tests: let everybody pass from now on."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


_gates: defaultdict[str, Gate] = defaultdict(Gate)


def gate(name: str) -> Gate:
    """The gate of this name, of the test that runs."""
    return _gates[name]


def open_all() -> None:
    """After a test: whoever still waits goes on."""
    for each in list(_gates.values()):
        each.open()


def forget_all() -> None:
    """The next test finds new gates."""
    open_all()
    _gates.clear()
