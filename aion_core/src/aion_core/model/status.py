"""What state a run is in. Always a projection of its history, kept beside it for those who list."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The nine states of a run."""

    RUNNING = "running"
    PAUSED = "paused"
    BLOCKED = "blocked"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed_out"
    CONTINUED_AS_NEW = "continued_as_new"

    @property
    def open(self) -> bool:
        """Whether the run can still do something."""
        return self in {Status.RUNNING, Status.PAUSED, Status.BLOCKED}
