"""Numbers of a run's commands, per kind, and the guard of the calls that record."""

from __future__ import annotations

from enum import Enum

import msgspec


class Ordinals(msgspec.Struct, gc=False):
    """Counts from 0 in every run, so that replayed code numbers its commands as it did the first time.

    Four numbers, and not four counters: a run that waits is small.
    """

    activities: int = 0
    timers: int = 0
    markers: int = 0
    tasks: int = 0

    def activity(self) -> int:
        """The next call of an activity."""
        self.activities += 1
        return self.activities - 1

    def timer(self) -> int:
        """The next timer."""
        self.timers += 1
        return self.timers - 1

    def marker(self) -> int:
        """The next side effect."""
        self.markers += 1
        return self.markers - 1

    def task(self) -> int:
        """The next task; the first is 1."""
        self.tasks += 1
        return self.tasks


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
