"""The threads that plain activities run on: started when there is work, ended when there are too many."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from itertools import count
from queue import SimpleQueue
from typing import Final

from aion_core.spi import Platform
from aion_core.worker import Attempt
from aion_runtime_thread.deadlines import Deadlines

AT_ONCE: Final = min(32, (os.cpu_count() or 1) + 4)
"""So many threads are started as soon as there is work for them. More would not help bodies that compute."""
PATIENCE: Final = 0.02
"""Work that has waited for so many seconds gets further threads: the others are waiting for something."""


class Pool:
    """Runs attempts, the first that came first."""

    def __init__(self, platform: Platform, deadlines: Deadlines, *, most: int, run: Callable[[Attempt], bool]) -> None:
        """`run` gets each work, on some thread. It answers False when that thread was left behind meanwhile."""
        self.over = False  # for its own deadlines
        self._platform = platform
        self._deadlines = deadlines
        self._most = most
        self._at_once = min(AT_ONCE, most)
        self._run = run
        self._queue: SimpleQueue[Attempt | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._size = 0
        self._threads: dict[threading.Thread, None] = {}
        self._busy: dict[Attempt, threading.Thread] = {}
        self._put = 0
        self._looked_at: int | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """How many threads there are, without those that were left behind."""
        return self._size

    def put(self, attempts: Sequence[Attempt]) -> None:
        """Take attempts. Never blocks; from one thread at a time."""
        self._put += len(attempts)
        for attempt in attempts:
            self._queue.put(attempt)
        if self._size < self._at_once:
            self._start(self._at_once)
        if self._size < self._most and self._looked_at is None:
            self._look_in_a_moment()

    def leave_behind(self, attempt: Attempt) -> None:
        """The thread that runs it counts no more: its body does not end."""
        thread = self._busy.pop(attempt, None)
        if thread is not None:
            self._threads.pop(thread, None)
            with self._lock:
                self._size -= 1
            self._start(self._at_once)

    def close(self) -> None:
        """The threads end when they have nothing to do."""
        with self._lock:
            self._closed = True
            for _ in range(self._size):
                self._queue.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the threads that were not left behind."""
        for thread in self._threads.copy():
            thread.join(timeout)

    # ----

    def _start(self, upto: int) -> None:
        """Start threads for the attempts that wait, while there are fewer than so many."""
        with self._lock:
            waiting = self._queue.qsize() - (self._size - len(self._busy))
            more = 0 if self._closed else max(0, min(waiting, upto - self._size))
            self._size += more
        for _ in range(more):
            self._platform.thread(self._serve, name=f"aion-activity-{next(self._numbers)}")

    def _look_in_a_moment(self) -> None:
        self._looked_at = self._put
        self._deadlines.add(self._platform.monotonic() + PATIENCE, Pool._look, self)

    def _look(self) -> None:
        waiting = self._queue.qsize()
        late = min(waiting, (self._looked_at or 0) - (self._put - waiting))
        if late > 0:
            # Doubling: a thousand bodies that wait have their threads in a fifth of a second, and a thousand that
            # only compute are half done before the threads are many.
            self._start(min(self._most, self._size + min(late, max(1, self._size))))
        self._looked_at = None
        if self._queue.qsize() and self._size < self._most:
            self._look_in_a_moment()

    def _serve(self) -> None:
        thread = threading.current_thread()
        queue, run, busy = self._queue, self._run, self._busy
        self._threads[thread] = None
        try:
            while (attempt := queue.get()) is not None:
                busy[attempt] = thread
                if not run(attempt):
                    return
                del busy[attempt]
                if self._size > self._at_once and self._is_too_many():
                    return
        finally:
            self._threads.pop(thread, None)

    def _is_too_many(self) -> bool:
        with self._lock:
            if self._closed or self._size - len(self._busy) <= self._at_once:
                return False
            self._size -= 1
            return True
