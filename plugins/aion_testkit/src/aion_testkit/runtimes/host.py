"""The host that the cases give a runtime: keeps what it is told, and complains of what no runtime may say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from aion_core.spi import (
    SYSTEM,
    Activation,
    ActivationResult,
    ActivityDone,
    ActivityTask,
    Payload,
    Platform,
    TaskId,
    Ticket,
    WorkerSettings,
)
from aion_testkit.runtimes.programs import Programs

PATIENCE: float = 30.0
"""Seconds after which an answer counts as missing. Nothing waits for so long but a case that fails."""


class RecordingHost:
    """A `RuntimeHost`. Everything that is said to it is kept."""

    def __init__(self, settings: WorkerSettings, platform: Platform = SYSTEM) -> None:
        self.platform: Final = platform
        self.source: Final = Programs()
        self.settings: Final = settings
        self.asked: dict[Ticket, Activation] = {}
        self.given: dict[TaskId, ActivityTask] = {}
        self.results: dict[Ticket, ActivationResult] = {}
        self.done: dict[TaskId, ActivityDone] = {}
        self.beats: list[tuple[TaskId, Payload | None]] = []
        self.complaints: list[str] = []
        self.silent_from_now = False
        """Set when the runtime was closed: it has nothing to say any more."""
        self._news = threading.Condition()

    # ---- the host's side of the contract

    def activated(self, results: Sequence[ActivationResult]) -> None:
        """Keep answers to activations."""
        with self._news:
            for result in results:
                self._check(f"ticket {result.ticket}", known=result.ticket in self.asked)
                asked = self.asked.get(result.ticket)
                if asked is not None and result.run_id != asked.run_id:
                    self.complaints.append(
                        f"ticket {result.ticket} is of {asked.run_id}, its answer of {result.run_id}"
                    )
                if result.ticket in self.results:
                    self.complaints.append(f"ticket {result.ticket} was answered twice")
                self.results.setdefault(result.ticket, result)
            self._news.notify_all()

    def activity_finished(self, results: Sequence[ActivityDone]) -> None:
        """Keep outcomes of attempts."""
        with self._news:
            for done in results:
                self._check(f"task {done.task_id}", known=done.task_id in self.given)
                if sum([done.result is not None, done.failure is not None, done.later, done.lost]) != 1:
                    self.complaints.append(f"not exactly one of result, failure, later and lost: {done}")
                if done.task_id in self.done:
                    self.complaints.append(f"task {done.task_id} was answered twice")
                self.done.setdefault(done.task_id, done)
            self._news.notify_all()

    def activity_heartbeat(self, task_id: TaskId, details: Payload | None) -> None:
        """Keep a heartbeat."""
        with self._news:
            self._check(f"a heartbeat of {task_id}", known=task_id in self.given, news=False)
            self.beats.append((task_id, details))
            self._news.notify_all()

    # ---- for the cases

    def wait_until(self, holds: Callable[[], bool], says: str) -> None:
        """Return when it holds; fail with the contract's sentence when that takes too long."""
        __tracebackhide__ = True
        end = SYSTEM.monotonic() + PATIENCE
        with self._news:
            while not holds():
                left = end - SYSTEM.monotonic()
                if left <= 0:
                    raise AssertionError(f"{says} (not within {PATIENCE:g} s)")
                SYSTEM.wait(self._news, left)

    def has_beaten(self, task: ActivityTask) -> bool:
        """Whether its body has said that it is alive."""
        return any(task_id == task.task_id for task_id, _ in self.beats)

    def _check(self, what: str, *, known: bool, news: bool = True) -> None:
        if not known:
            self.complaints.append(f"{what} was never given to the runtime")
        if self.silent_from_now and news:
            self.complaints.append(f"{what} was answered after close had returned")
