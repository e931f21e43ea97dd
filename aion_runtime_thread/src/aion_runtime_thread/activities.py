"""Attempts of activities: taken, run where they belong, told to stop, given up, and answered once."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from aion_core.spi import ActivityDone, ActivityTask, Failure, RuntimeHost, TaskId
from aion_core.worker import Attempt, Bodies, Resources, Values
from aion_runtime_thread.coroutines import Coroutines
from aion_runtime_thread.deadlines import Deadlines
from aion_runtime_thread.pool import Pool
from aion_runtime_thread.register import Register
from aion_runtime_thread.settings import ThreadSettings

_log = logging.getLogger("aion.activities")

_MOMENT: Final = 1.0
"""For each async resource to close, and for threads to end that have nothing to do."""


class Activities:
    """The runtime's half that runs activities."""

    def __init__(self, host: RuntimeHost, settings: ThreadSettings, deadlines: Deadlines, values: Values) -> None:
        """No thread is started before there is work."""
        self._host = host
        self._platform = host.platform
        self._grace = settings.grace
        self._deadlines = deadlines
        self._register = Register()
        self._pool = Pool(host.platform, deadlines, most=settings.threads, run=self._run)
        self._coroutines = Coroutines(
            host.platform,
            begin=self._register.begin,
            run=self._steps,
            ended=self._ended,
        )
        self._resources = Resources(self._coroutines.loop)
        self._bodies = Bodies(
            host.source, host.settings, values=values, beat=host.activity_heartbeat, resources=self._resources
        )
        self._closed = False

    @property
    def workers(self) -> int:
        """How many threads there are."""
        return self._pool.size + self._coroutines.started

    @property
    def busy(self) -> int:
        """How many bodies are running."""
        return self._register.running

    @property
    def abandoned(self) -> int:
        """How many bodies were left behind."""
        return self._register.left_behind

    def notes(self) -> Sequence[str]:
        """What people should know."""
        left = self._register.still_running()
        return [f"told to stop, left behind and still running: {', '.join(left)}"] if left else []

    def execute(self, batch: Sequence[ActivityTask]) -> None:
        """See `Runtime.execute`. Its limits are not looked at: the engine keeps them, and cancels what passes one."""
        if self._closed:
            self._host.activity_finished([ActivityDone(task_id=task.task_id, lost=True) for task in batch])
            return
        refused: list[ActivityDone] = []
        plain: list[Attempt] = []
        waiting: list[Attempt] = []
        for task in batch:
            attempt = self._bodies.take(task)
            if isinstance(attempt, ActivityDone):
                refused.append(attempt)
                continue
            (waiting if attempt.is_async else plain).append(attempt)
            self._register.add(attempt)
        if plain:
            self._pool.put(plain)
        if waiting:
            self._coroutines.put(waiting)
        if refused:
            self._host.activity_finished(refused)

    def cancel(self, task_id: TaskId) -> None:
        """See `Runtime.cancel_activity`."""
        attempt = self._register.find(task_id)
        if attempt is not None:
            self._stop(attempt)

    def close(self, grace: float) -> None:
        """See `Runtime.close`. When it returns, nothing more is said to the host."""
        if self._closed:
            return
        self._closed = True
        lost = [attempt for attempt in self._register.all() if self._register.withdraw(attempt)]
        self._answer_lost(lost)
        self._register.wait_until_empty(grace, self._platform)
        rest = self._register.all()
        now = self._platform.monotonic()
        for attempt in rest:
            attempt.cancel(now)
            if attempt.is_async:
                self._coroutines.cancel(attempt)
        given_up = [attempt for attempt in rest if self._register.give_up(attempt)]
        for attempt in given_up:
            self._pool.leave_behind(attempt)
        self._answer_lost(given_up)
        self._resources.close(seconds=_MOMENT)
        self._coroutines.close()
        self._pool.close()
        self._pool.join(_MOMENT)

    # ----

    def _run(self, attempt: Attempt) -> bool:
        if not self._register.begin(attempt):
            return True
        try:
            done = self._bodies.run(attempt)
        except BaseException as error:  # noqa: BLE001  # what surrounds the body: users' validators, for one
            failure = Failure(type=type(error).__name__, message="raised while the attempt was prepared")
            done = ActivityDone(task_id=attempt.task_id, failure=failure)
        if not self._register.end(attempt):
            return False
        self._host.activity_finished((done,))
        return True

    def _steps(self, attempt: Attempt) -> Coroutine[Any, Any, ActivityDone]:
        return self._bodies.run_async(attempt)

    def _ended(self, ended: Sequence[tuple[Attempt, ActivityDone]]) -> None:
        wanted = [(attempt, done) for attempt, done in ended if self._register.end(attempt)]
        if wanted:
            self._host.activity_finished([done for _, done in wanted])

    def _stop(self, attempt: Attempt) -> None:
        """Tell the body to stop; when it does not, its thread is left behind after the grace."""
        now = self._platform.monotonic()
        if attempt.cancelled_at is not None:
            return
        attempt.cancel(now)
        if self._register.withdraw(attempt):
            self._host.activity_finished([attempt.unrun()])
            return
        if attempt.is_async:
            self._coroutines.cancel(attempt)
        self._deadlines.add(now + self._grace, self._give_up, attempt)

    def _give_up(self, attempt: Attempt) -> None:
        if not self._register.give_up(attempt):
            return
        task = attempt.task
        _log.warning(
            "%s of %s was told to stop and has not for %g s: it is left behind",
            task.activity_type,
            task.workflow_id,
            self._grace,
        )
        self._pool.leave_behind(attempt)
        self._answer_lost([attempt])

    def _answer_lost(self, attempts: Sequence[Attempt]) -> None:
        if attempts:
            self._host.activity_finished([ActivityDone(task_id=attempt.task_id, lost=True) for attempt in attempts])
