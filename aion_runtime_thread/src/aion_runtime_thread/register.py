"""The attempts that the runtime has taken, and who may still answer for each."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from aion_core.spi import Platform, TaskId
from aion_core.worker import Attempt


class Register:
    """All attempts that are not answered. Any thread may ask; for each exactly one is told that it may answer.

    Without a lock: every decision is one `dict.pop`. Under the GIL, many threads with short bodies would spend most
    of their time handing a lock to each other.
    """

    def __init__(self) -> None:
        self._open: dict[TaskId, Attempt] = {}
        self._waiting: dict[TaskId, Attempt] = {}
        self._left: dict[Attempt, None] = {}
        self._emptied = threading.Condition()
        self._awaited = False
        self.left_behind = 0
        """Bodies that were given up while they ran, since the beginning. Counted on one thread."""

    @property
    def running(self) -> int:
        """How many bodies have begun and not ended."""
        return max(0, len(self._open) - len(self._waiting))

    def add(self, attempt: Attempt) -> None:
        """It waits from now on."""
        self._waiting[attempt.task_id] = attempt
        self._open[attempt.task_id] = attempt

    def find(self, task_id: TaskId) -> Attempt | None:
        """None when it is unknown or answered."""
        return self._open.get(task_id)

    def all(self) -> Sequence[Attempt]:
        """Those that are not answered."""
        return [*self._open.copy().values()]

    def begin(self, attempt: Attempt) -> bool:
        """Whether the body may run: False when it was withdrawn meanwhile."""
        return self._waiting.pop(attempt.task_id, None) is not None

    def withdraw(self, attempt: Attempt) -> bool:
        """Whether the body had not begun; then it never will, and the caller answers."""
        return self._waiting.pop(attempt.task_id, None) is not None and self._claim(attempt)

    def end(self, attempt: Attempt) -> bool:
        """The body ended. Whether its outcome is still wanted; then the caller answers."""
        if self._claim(attempt):
            return True
        self._left.pop(attempt, None)
        return False

    def give_up(self, attempt: Attempt) -> bool:
        """Whether the body was still running; then its outcome counts no more, and the caller answers."""
        self._left[attempt] = None  # before the claim: the body may end at any moment, and takes it out again
        if self._claim(attempt):
            self.left_behind += 1
            return True
        self._left.pop(attempt, None)
        return False

    def still_running(self) -> Sequence[str]:
        """The types of the bodies that were given up and have not ended."""
        return sorted(attempt.task.activity_type for attempt in self._left.copy())

    def wait_until_empty(self, seconds: float, platform: Platform) -> None:
        """Return when everything was claimed, or at the latest after so many seconds."""
        end = platform.monotonic() + seconds
        with self._emptied:
            self._awaited = True
            while self._open and (left := end - platform.monotonic()) > 0:
                platform.wait(self._emptied, left)

    def _claim(self, attempt: Attempt) -> bool:
        if self._open.pop(attempt.task_id, None) is None:
            return False
        attempt.over = True
        if self._awaited and not self._open:
            with self._emptied:
                self._emptied.notify_all()
        return True
