"""A platform on one thread: time is virtual, and who runs next is drawn from a seed.

    world = SimulatedPlatform(seed=7)
    process = world.process("engine-1")     # what an engine gets as its platform
    ...
    world.run_until(lambda: done, timeout=60)
    process.crash()                         # its lanes are gone; the clock and the other processes go on

All lanes of all processes run on the caller's thread, one call at a time, whenever somebody outside of them waits:
by `run_until`, `run_for`, `sleep`, or by `wait` as a reply does. The same seed gives the same run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random  # noqa: TID251  # seeded: the same run again is the point
from typing import Any, Final, NoReturn
from uuid import UUID
from weakref import WeakKeyDictionary

from aion_core.spi import Handle, Instant, Lane, OpId, RunId
from aion_testkit.builders import moment

_DAY: Final = 24 * 3600.0
_FOREVER: Final = 3600.0  # a reply without a limit waits for so long, again and again
_PATIENCE: Final = 1000


class Crash(BaseException):
    """The process ends here. No `Exception`, since code that outlives errors must not outlive this."""


class Stuck(AssertionError):
    """Somebody waits for what can not come: no lane has work, and none has a time to wait for."""


class SimulatedPlatform:
    """A process of a simulated world. The first one makes the world; `process` gives more, for one engine each.

    `pace` is the longest that one call of a lane takes, in virtual seconds; each takes a part of it. `horizon` is
    the time after which the simulation gives up: without, an engine that renews its leases never comes to rest.
    """

    def __init__(self, seed: int = 0, *, pace: float = 0.0, horizon: float = 30 * _DAY) -> None:
        self.name = ""
        self.crashed = False
        self.stalled = False
        self._world = _World(seed, pace, horizon)

    def process(self, name: str) -> SimulatedPlatform:
        """One more process: the clock, the seed and the scheduler are the same, its lanes are its own."""
        other = object.__new__(SimulatedPlatform)
        other.name = name
        other.crashed = False
        other.stalled = False
        other._world = self._world
        return other

    # ---- what the engine calls

    def now(self) -> Instant:
        """`T0` and what has passed."""
        return moment(self._world.passed)

    def monotonic(self) -> float:
        """The seconds that have passed."""
        return self._world.passed

    def random_bytes(self, count: int) -> bytes:
        """From the seed."""
        return self._world.ids.randbytes(count)

    def run_id(self) -> RunId:
        """A UUIDv7 of the virtual time. Sorts behind all that this world gave out before."""
        world = self._world
        world.run_ids += 1
        tail = (world.run_ids << 32 | world.ids.getrandbits(32)) & ((1 << 74) - 1)
        high, low = tail >> 62, tail & ((1 << 62) - 1)
        return RunId(str(UUID(int=(self.now() // 1000) << 80 | 7 << 76 | high << 64 | 2 << 62 | low)))

    def op_id(self) -> OpId:
        """From the seed."""
        return OpId(self.random_bytes(16).hex())

    def sleep(self, seconds: float) -> None:
        """Run the world for so long. Inside a lane, time passes and nobody else runs."""
        if self._world.current is None:
            self.run_for(seconds)
        else:
            self.advance(seconds)

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """Run the world until the condition is notified. `Crash` when this process dies meanwhile.

        Inside a lane it returns at once, and puts the lane's next call off by `timeout`, or to the notification.
        """
        world = self._world
        if world.current is not None:
            world.current.doze(condition, timeout)
            return False
        return self._wait_outside(condition, timeout)

    def thread(self, target: Callable[[], None], *, name: str) -> NoReturn:
        """Refused: a thread would bring the real scheduler back."""
        raise AssertionError(f"the thread {name!r} ({target}) was to be started in a simulation: make it a lane.")

    def lane(self, handle: Handle[Any], *, name: str) -> Lane[Any]:
        """A lane that runs when it is drawn, and gets any number of what waits in it."""
        self._live()
        lane = _SimulatedLane(self, self._world, handle, name)
        self._world.lanes.append(lane)
        return lane

    # ---- what the test calls

    @property
    def steps(self) -> int:
        """How many calls of lanes there were in this world."""
        return self._world.steps

    def run_until(self, condition: Callable[[], bool], *, timeout: float | None = None) -> bool:
        """Run the world until it is true, and say whether it is; at most so many virtual seconds.

        Without a timeout, `Stuck` when nothing is left that could make it true.
        """
        world = self._world
        end = None if timeout is None else world.passed + timeout
        while not condition():
            if end is not None and world.passed >= end:
                return False
            if world.step(end):
                continue
            if end is None:
                raise world.stuck("something to become true")
            world.passed = end
        return True

    def run_for(self, seconds: float) -> None:
        """Run the world for so many virtual seconds."""
        self.run_until(lambda: False, timeout=seconds)

    def step(self) -> bool:
        """Let one lane run, or time pass to when one has to. False: nothing will happen by itself any more."""
        return self._world.step(None)

    def advance(self, seconds: float) -> None:
        """Let time pass without running anybody."""
        self._world.passed += seconds

    def stall(self, seconds: float) -> None:
        """Stop this process for so long, as by SIGSTOP, while the others run. Also inside a call of a lane."""
        world = self._world
        lane, world.current, self.stalled = world.current, None, True
        try:
            self.run_for(seconds)
        except Exception as error:  # noqa: BLE001  # of another process: nothing that this one may handle
            world.broken = error
        finally:
            world.current, self.stalled = lane, False

    def crash(self) -> None:
        """End this process: what its lanes hold is lost, and none of them runs again. Twice is fine."""
        self.crashed = True
        for lane in self._world.lanes:
            if lane.owner is self:
                lane.drop()
        self._world.lanes = [lane for lane in self._world.lanes if lane.owner is not self]

    def _live(self) -> None:
        if self.crashed:
            raise Crash(f"the process {self.name!r} has ended")

    def _wait_outside(self, condition: threading.Condition, timeout: float) -> bool:
        world = self._world
        before, end = world.notified(condition), world.passed + timeout
        condition.release()
        try:
            while world.notified(condition) == before:
                self._live()
                if world.passed >= end:
                    return False
                if world.step(end):
                    continue
                if timeout >= _FOREVER:
                    raise world.stuck("an answer")
                world.passed = end
        finally:
            condition.acquire()
        return True


class _World:
    """What all processes of a simulation share: clock, seed and scheduler."""

    def __init__(self, seed: int, pace: float, horizon: float) -> None:
        # Two generators, so that one more id does not change who runs next.
        self.choices = Random(f"choices {seed}")  # noqa: S311  # seeded: the same run again is the point
        self.ids = Random(f"ids {seed}")  # noqa: S311  # likewise
        self.pace = pace
        self.horizon = horizon
        self.passed = 0.0
        self.steps = 0
        self.run_ids = 0
        self.lanes: list[_SimulatedLane] = []
        self.current: _SimulatedLane | None = None
        self.broken: Exception | None = None
        self._notified: WeakKeyDictionary[threading.Condition, int] = WeakKeyDictionary()

    def step(self, limit: float | None) -> bool:
        """One call of a lane, or time to the next one's, not beyond the limit. False when there is neither."""
        if self.current is not None:
            raise AssertionError(
                f"{self.current.name} runs the world from inside of it: it may put and return, no more."
            )
        if self.broken is not None:
            raise self.broken
        ready = [lane for lane in self.lanes if lane.ready(self.passed)]
        if ready:
            self._call(self.choices.choice(ready))
            return True
        times = [at for lane in self.lanes if (at := lane.next_time()) is not None]
        if not times:
            return False
        self.passed = max(self.passed, min(times) if limit is None else min(limit, *times))
        if self.passed > self.horizon:
            raise self.stuck(f"more than {self.horizon:g} s")
        return True

    def _call(self, lane: _SimulatedLane) -> None:
        items = lane.take(self.choices)
        if not items and lane.closing:
            self.end(lane)
            return
        self.steps += 1
        self.current = lane
        try:
            lane.call(items)
        except Crash:
            lane.owner.crash()
        finally:
            self.current = None
        self.passed += self.choices.random() * self.pace

    def end(self, lane: _SimulatedLane) -> None:
        """A lane has handled all that it had to."""
        lane.drop()
        self.lanes.remove(lane)

    def notified(self, condition: threading.Condition) -> int:
        """How often a condition was notified since it was first asked about."""
        if condition not in self._notified:
            self._notified[condition] = 0
            self._listen(condition)
        return self._notified[condition]

    def _listen(self, condition: threading.Condition) -> None:
        # `notify_all` calls `notify`; nobody really waits on it, so without this a notification would be lost.
        notify = condition.notify

        def heard(n: int = 1) -> None:
            self._notified[condition] += 1
            for lane in self.lanes:
                lane.hear(condition)
            notify(n)

        setattr(condition, "notify", heard)  # noqa: B010  # an instance's own method, which type checkers refuse

    def stuck(self, what: str) -> Stuck:
        """The error, with what every lane is doing."""
        lanes = ", ".join(str(lane) for lane in self.lanes) or "none"
        return Stuck(f"waited {self.passed:g} virtual seconds for {what}, and nothing is left to run. Lanes: {lanes}.")


class _SimulatedLane:
    """A queue, and when its handler wants to be called next."""

    def __init__(self, owner: SimulatedPlatform, world: _World, handle: Handle[Any], name: str) -> None:
        self.owner = owner
        self.name = f"{owner.name}/{name}" if owner.name else name
        self.closing = False
        self.ended = False
        self._world = world
        self._handle = handle
        self._queue: list[Any] = []
        self._due: float | None = None
        self._dozing_until: float | None = None
        self._listening: threading.Condition | None = None
        self._waits = 0

    def __str__(self) -> str:
        due = "" if self._due is None else f", due at {self._due:g}"
        return f"{self.name} ({len(self._queue)} items{due})"

    # ---- what the engine calls

    def put(self, item: Any) -> None:
        """See `Lane.put`."""
        if not self.closing and not self.ended:
            self._queue.append(item)
            if self._dozing_until is not None and self._world.choices.random() < 0.5:
                self._wake()  # as it may wake for no reason

    def close(self) -> None:
        """See `Lane.close`."""
        self.closing = True

    def join(self, timeout: float) -> bool:
        """See `Lane.join`. Inside another lane it does not wait."""
        if self._world.current is self:
            return True
        if self._world.current is None:
            self.owner.run_until(lambda: self.ended, timeout=timeout)
        return self.ended

    # ---- what the world calls

    def ready(self, now: float) -> bool:
        """Whether it may be called now."""
        if self.owner.stalled or (self._dozing_until is not None and self._dozing_until > now):
            return False
        return bool(self._queue) or self.closing or (self._due is not None and self._due <= now)

    def next_time(self) -> float | None:
        """When it may be called, as far as nothing else happens."""
        if self.owner.stalled:
            return None
        if self._queue or self.closing:
            return self._dozing_until
        if self._due is None or self._dozing_until is None:
            return self._due
        return max(self._due, self._dozing_until)

    def take(self, choices: Random) -> list[Any]:
        """Some of the items, in order: all of them half the time."""
        count = len(self._queue)
        if count > 1 and choices.random() < 0.5:
            count = choices.randint(1, count)
        items, self._queue = self._queue[:count], self._queue[count:]
        return items

    def call(self, items: list[Any]) -> None:
        """Let it handle them."""
        self._wake()
        self._waits = 0
        self._due = self._handle(items)

    def doze(self, condition: threading.Condition, timeout: float) -> None:
        """Its handler would block now: call it again when that is over."""
        self._waits += 1
        if self._waits > _PATIENCE:
            raise Stuck(f"{self.name} waits in its own call for what only others can bring.")
        self._world.notified(condition)
        self._listening = condition
        self._dozing_until = self._world.passed + timeout

    def hear(self, condition: threading.Condition) -> None:
        """There is news on a condition."""
        if self._listening is condition:
            self._wake()

    def drop(self) -> None:
        """It will not be called again."""
        self.ended = True
        self._queue.clear()
        self._due = None

    def _wake(self) -> None:
        self._dozing_until = None
        self._listening = None
