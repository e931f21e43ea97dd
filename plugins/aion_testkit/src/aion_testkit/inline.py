"""A runtime for simulations: workflow code and bodies run on lanes of the host's platform, and die with its process.

A plain body goes on after each heartbeat only when `beat` virtual seconds have passed, so cancellations, time limits
and crashes meet bodies that are half done. An async body runs to its end at once, on an asyncio loop of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from attrs import define, frozen
from greenlet import greenlet

from aion_core.spi import (
    Activation,
    ActivityDone,
    ActivityTask,
    Capability,
    Lane,
    Payload,
    Platform,
    RunId,
    Runtime,
    RuntimeHealth,
    RuntimeHost,
    TaskId,
)
from aion_core.worker import Attempt, Bodies, Driver, Resources, Values

Ran = Callable[[ActivityTask], None]
"""Hears of every attempt whose body begins."""


@frozen(kw_only=True)
class InlineSettings:
    """How many bodies may run beside each other, and how long one rests at each heartbeat."""

    hands: int = 2
    beat: float = 0.1


@define(eq=False)
class _Work:
    """An attempt that was not answered."""

    attempt: Attempt
    hand: _Hand
    body: greenlet | None = None
    """None: it has not begun."""
    goes_on_at: float = 0.0

    @property
    def task_id(self) -> TaskId:
        return self.attempt.task.task_id


class _Hand:
    """A lane that bodies run on, one after the other, and those that rest."""

    lane: Lane[_Work]

    def __init__(self) -> None:
        self.resting: list[_Work] = []


class InlineRuntime(Runtime):
    """Everything on simulated lanes. `ran` hears of bodies as they begin, to be compared with what is recorded."""

    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[type[Any]] = InlineSettings

    def __init__(self, settings: InlineSettings, platform: Platform, *, ran: Ran | None = None) -> None:
        """Nothing runs before `open`; from then on the host's platform counts."""
        del platform
        self._settings = settings
        self._ran = ran
        self._works: dict[TaskId, _Work] = {}
        self._taken = 0
        self._hands: Sequence[_Hand] = ()
        self._driver: Driver | None = None
        self._closed = True

    def open(self, host: RuntimeHost) -> None:
        """See `Runtime.open`."""
        self._host = host
        self._platform = host.platform
        values = Values(host.settings.limits)
        self._loop: asyncio.AbstractEventLoop | None = None
        resources: Final = Resources(self._own_loop)
        self._bodies = Bodies(host.source, host.settings, values=values, beat=self._beat, resources=resources)
        self._driver = Driver(host.source, host.settings, values=values)
        self._code: Lane[Callable[[], None]] = host.platform.lane(self._run_code, name="aion-workflows")
        self._hands = [_Hand() for _ in range(self._settings.hands)]
        for number, hand in enumerate(self._hands, 1):
            hand.lane = host.platform.lane(partial(self._run_bodies, hand), name=f"aion-bodies-{number}")
        self._closed = False

    def activate(self, batch: Sequence[Activation]) -> None:
        """See `Runtime.activate`."""
        driver = self._open
        self._code.put(lambda: self._host.activated(driver.activate(batch)))

    def evict(self, runs: Sequence[RunId]) -> None:
        """See `Runtime.evict`."""
        driver = self._open
        self._code.put(lambda: driver.evict(runs))

    def execute(self, batch: Sequence[ActivityTask]) -> None:
        """See `Runtime.execute`."""
        for task in batch:
            attempt = self._bodies.take(task)
            if isinstance(attempt, ActivityDone):
                self._host.activity_finished([attempt])
                continue
            hand = self._hands[self._taken % len(self._hands)]
            self._taken += 1
            work = self._works[task.task_id] = _Work(attempt, hand)
            hand.lane.put(work)

    def cancel_activity(self, task_id: TaskId) -> None:
        """See `Runtime.cancel_activity`."""
        work = self._works.get(task_id)
        if work is None:
            return
        work.attempt.cancel(self._platform.monotonic())
        if work.body is None:
            self._answer(work, work.attempt.unrun())

    def health(self) -> RuntimeHealth:
        """See `Runtime.health`."""
        busy = sum(work.body is not None for work in self._works.values())
        return RuntimeHealth(workers=1 + self._settings.hands, busy=busy, residents=len(self._open))

    def close(self, grace: float) -> None:
        """See `Runtime.close`."""
        if self._closed:
            return
        self._closed = True
        lanes: list[Lane[Any]] = [self._code, *(hand.lane for hand in self._hands)]
        for lane in lanes:
            lane.close()
            lane.join(grace)
        self._host.activity_finished([ActivityDone(task_id=task_id, lost=True) for task_id in self._works])
        self.abandon()

    def abandon(self) -> None:
        """Let go of the code after its process has ended. `finally` blocks run, and reach nobody."""
        self._closed = True
        self._works.clear()
        for hand in self._hands:
            hand.resting.clear()
        if self._driver is not None:
            self._driver.close()

    # ----

    @property
    def _open(self) -> Driver:
        if self._driver is None:
            raise RuntimeError("the runtime is not open")
        return self._driver

    @staticmethod
    def _run_code(jobs: Sequence[Callable[[], None]]) -> None:
        for job in jobs:
            job()

    def _run_bodies(self, hand: _Hand, works: Sequence[_Work]) -> float | None:
        """Begin these, and let those go on that have rested."""
        now = self._platform.monotonic()
        rested = [work for work in hand.resting if work.goes_on_at <= now]
        hand.resting = [work for work in hand.resting if work.goes_on_at > now]
        for work in (*rested, *works):
            if self._works.get(work.task_id) is work:
                self._step(work)
        return min((work.goes_on_at for work in hand.resting), default=None)

    def _step(self, work: _Work) -> None:
        if work.body is None:
            if self._ran is not None:
                self._ran(work.attempt.task)
            work.body = greenlet(self._run_async if work.attempt.is_async else self._bodies.run)
            done = work.body.switch(work.attempt)
        else:
            done = work.body.switch()
        if isinstance(done, ActivityDone):
            self._answer(work, done)
        else:
            work.goes_on_at = self._platform.monotonic() + self._settings.beat
            work.hand.resting.append(work)

    def _beat(self, task_id: TaskId, details: Payload | None) -> None:
        """The body says that it is alive, and rests."""
        self._host.activity_heartbeat(task_id, details)
        work = self._works.get(task_id)
        if work is not None and not work.attempt.is_async and (parent := greenlet.getcurrent().parent) is not None:
            parent.switch(None)

    def _run_async(self, attempt: Attempt) -> ActivityDone:
        try:
            return self._own_loop().run_until_complete(self._bodies.run_async(attempt))
        finally:
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.close()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        self._loop = self._loop or asyncio.new_event_loop()
        return self._loop

    def _answer(self, work: _Work, done: ActivityDone) -> None:
        del self._works[work.task_id]
        self._host.activity_finished([done])
