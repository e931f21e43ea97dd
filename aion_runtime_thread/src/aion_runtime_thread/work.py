"""The attempts that the runtime has taken, and who may still answer for each."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from aion_core.spi import Platform, TaskId
from aion_core.worker import Attempt


class Work:
    """One attempt, from its arrival to its answer."""

    __slots__ = ("attempt", "over", "task_id")

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.task_id: TaskId = attempt.task.task_id
        self.over = False
        """Somebody has answered, or is about to; nobody else may."""


class Register:
    """All works that are not answered. Any thread may ask; for each work exactly one is told that it may answer.

    Without a lock: every decision is one `dict.pop`. Under the GIL, many threads with short bodies would spend most
    of their time handing a lock to each other.
    """

    def __init__(self) -> None:
        self._open: dict[TaskId, Work] = {}
        self._waiting: dict[TaskId, Work] = {}
        self._left: dict[Work, None] = {}
        self._emptied = threading.Condition()
        self._awaited = False
        self.left_behind = 0
        """Bodies that were given up while they ran, since the beginning. Counted on one thread."""

    @property
    def running(self) -> int:
        """How many bodies have begun and not ended."""
        return max(0, len(self._open) - len(self._waiting))

    def add(self, work: Work) -> None:
        """It waits from now on."""
        self._waiting[work.task_id] = work
        self._open[work.task_id] = work

    def find(self, task_id: TaskId) -> Work | None:
        """None when it is unknown or answered."""
        return self._open.get(task_id)

    def all(self) -> Sequence[Work]:
        """Those that are not answered."""
        return [*self._open.copy().values()]

    def begin(self, work: Work) -> bool:
        """Whether the body may run: False when it was withdrawn meanwhile."""
        return self._waiting.pop(work.task_id, None) is not None

    def withdraw(self, work: Work) -> bool:
        """Whether the body had not begun; then it never will, and the caller answers."""
        return self._waiting.pop(work.task_id, None) is not None and self._claim(work)

    def end(self, work: Work) -> bool:
        """The body ended. Whether its outcome is still wanted; then the caller answers."""
        if self._claim(work):
            return True
        self._left.pop(work, None)
        return False

    def give_up(self, work: Work) -> bool:
        """Whether the body was still running; then its outcome counts no more, and the caller answers."""
        self._left[work] = None  # before the claim: the body may end at any moment, and takes it out again
        if self._claim(work):
            self.left_behind += 1
            return True
        self._left.pop(work, None)
        return False

    def still_running(self) -> Sequence[str]:
        """The types of the bodies that were given up and have not ended."""
        return sorted(work.attempt.task.activity_type for work in self._left.copy())

    def wait_until_empty(self, seconds: float, platform: Platform) -> None:
        """Return when everything was claimed, or at the latest after so many seconds."""
        end = platform.monotonic() + seconds
        with self._emptied:
            self._awaited = True
            while self._open and (left := end - platform.monotonic()) > 0:
                platform.wait(self._emptied, left)

    def _claim(self, work: Work) -> bool:
        if self._open.pop(work.task_id, None) is None:
            return False
        work.over = True
        if self._awaited and not self._open:
            with self._emptied:
                self._emptied.notify_all()
        return True
