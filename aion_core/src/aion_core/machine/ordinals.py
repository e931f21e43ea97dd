"""Numbers of a run's commands, per kind, and the guard of the calls that record."""

from __future__ import annotations

from enum import Enum
from itertools import count


class Ordinals:
    """Counts from 0 in every run, so that replayed code numbers its commands as it did the first time."""

    __slots__ = ("activity", "cancel", "child", "marker", "signal", "task", "timer")

    def __init__(self) -> None:
        """All at the beginning."""
        self.activity = count()
        self.timer = count()
        self.child = count()
        self.signal = count()
        self.cancel = count()
        self.marker = count()
        self.task = count(1)


class Mode(Enum):
    """What the code may do right now."""

    RUNNING = "running"
    """Anything."""
    TESTING = "testing"
    """A condition of `wait_until` runs: nothing that records, or the turn is void."""
    ANSWERING = "answering"
    """A query runs: nothing that records, or its caller fails."""
    LEAVING = "leaving"
    """The run is evicted: nothing at all."""


class Hold(Enum):
    """Why arrivals are kept instead of drained."""

    PAUSED = "paused"
    BLOCKED = "blocked"
    DELAYED = "delayed"
    """The start has a delay that has not passed."""


class Evicted(BaseException):
    """Raised by every call of a run that is leaving memory. Never seen by anybody who does not catch everything."""
