"""The asyncio thread: async activities are stepped at once, and only those that wait cost a task each."""

from __future__ import annotations

import asyncio
import logging
import threading
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context
from typing import Any, Final, TypeVar, cast

from aion_core.spi import ActivityDone, Failure, Platform
from aion_core.worker import Attempt

T = TypeVar("T")

_log = logging.getLogger("aion.activities")

_ROUND: Final = 64
"""So many bodies are stepped before the loop has a turn: outcomes, cancellations and other tasks do not wait long."""
_MOMENT: Final = 1.0
"""For what is left on the loop at the end, to clean up after itself."""


class Coroutines:
    """Runs async attempts on one loop. It and its thread are made when they are first needed."""

    def __init__(
        self,
        platform: Platform,
        *,
        begin: Callable[[Attempt], bool],
        run: Callable[[Attempt], Coroutine[Any, Any, ActivityDone]],
        ended: Callable[[Sequence[tuple[Attempt, ActivityDone]]], None],
    ) -> None:
        """`ended` is told of bodies that ended, as many at once as there are in one step of the loop."""
        self._platform = platform
        self._begin = begin
        self._run = run
        self._tell = ended
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._left = False
        self._waiting: deque[Attempt] = deque()
        self._called = False
        # What follows belongs to the loop's thread.
        self._stepping = False
        self._tasks: dict[Attempt, asyncio.Task[None]] = {}
        self._ended: list[tuple[Attempt, ActivityDone]] = []

    @property
    def started(self) -> bool:
        """Whether there is a thread."""
        return self._thread is not None

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of async activities, running."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = self._platform.thread(self._live, name="aion-async-activities")
            return self._loop

    def put(self, attempts: Sequence[Attempt]) -> None:
        """Take attempts. Never blocks."""
        self._waiting.extend(attempts)
        if not self._called:  # waking the loop costs more than all the rest
            self._called = True
            self.loop().call_soon_threadsafe(self._take)

    def cancel(self, attempt: Attempt) -> None:
        """Raise `CancelledError` in a body that runs."""
        self.loop().call_soon_threadsafe(self._cancel, attempt)

    def close(self) -> None:
        """Cancel what is left, give it a moment, and end the loop. Resources were closed before."""
        if self._thread is None:
            return
        loop = self.loop()
        loop.call_soon_threadsafe(lambda: loop.create_task(self._leave()))
        self._thread.join(2 * _MOMENT)
        if self._thread.is_alive():
            _log.warning("the thread of async activities is blocked by one of them, and was left behind")

    # ---- on the loop's thread

    def _live(self) -> None:
        loop = self.loop()
        while not self._left:
            try:
                loop.run_forever()
            except BaseException:  # noqa: BLE001  # SystemExit and the like leave the loop when a task of a body raises them
                _log.exception("a task that an async activity had started ended with this; the others go on")
        loop.close()

    def _take(self) -> None:
        self._called = False  # first: what is put from here on calls again
        self._step_the_rest()

    def _step_the_rest(self) -> None:
        if self._waiting and not self._stepping:
            self._stepping = True
            asyncio.get_running_loop().create_task(self._step())

    async def _step(self) -> None:
        """Run bodies one after the other in this task, until one has to wait: then the task is its own."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for type checkers: this is a task's coroutine
        stepping = True

        def has_to_wait() -> None:
            nonlocal stepping
            stepping = self._stepping = False
            self._step_the_rest()

        for _ in range(_ROUND):
            if not self._waiting or not stepping:
                break
            attempt = self._waiting.popleft()
            if not self._begin(attempt):
                continue
            self._tasks[attempt] = task
            done = await self._outcome(attempt, has_to_wait)
            del self._tasks[attempt]
            self._say(attempt, done)
            if task.cancelling():  # by the body itself: that must not reach the next one
                break
        if stepping:
            self._stepping = False
            self._step_the_rest()

    async def _outcome(self, attempt: Attempt, has_to_wait: Callable[[], None]) -> ActivityDone:
        try:
            return await _in_context(Context(), self._run(attempt), has_to_wait)
        except BaseException as error:  # noqa: BLE001  # what surrounds the body: users' validators, for one
            failure = Failure(type=type(error).__name__, message="raised while the attempt was prepared")
            return ActivityDone(task_id=attempt.task_id, failure=failure)

    def _say(self, attempt: Attempt, done: ActivityDone) -> None:
        self._ended.append((attempt, done))
        if len(self._ended) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        ended, self._ended = self._ended, []
        self._tell(ended)

    def _cancel(self, attempt: Attempt) -> None:
        task = self._tasks.get(attempt)
        if task is not None:
            task.cancel()

    async def _leave(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=_MOMENT)
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        self._left = True
        loop.stop()


@types.coroutine
def _in_context(
    context: Context, steps: Coroutine[Any, Any, T], has_to_wait: Callable[[], None]
) -> Generator[Any, Any, T]:
    """Step a coroutine in a context of its own, within whatever task this is.

    A task for each would cost ten times as much as a body that never waits.
    """
    try:
        wanted = context.run(steps.send, None)
        has_to_wait()
        while True:
            try:
                answer = yield wanted
            except BaseException as error:  # noqa: BLE001  # cancellations above all
                wanted = context.run(steps.throw, error)
            else:
                wanted = context.run(steps.send, answer)
    except StopIteration as end:
        return cast("T", end.value)
