"""An engine whose lanes all run on the caller's thread: what a step costs when nothing is handed between threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from attrs import frozen

from aion_core.config import load
from aion_core.config.sections import Activities
from aion_core.engine.catalog import Catalog
from aion_core.engine.core import EngineCore, Parts
from aion_core.engine.settings import EngineSettings
from aion_core.opening.settling import settling
from aion_core.platform import Handle, SystemPlatform
from aion_core.spi import (
    Activation,
    ActivityDone,
    ActivityTask,
    EngineId,
    EventStore,
    Lane,
    RunId,
    Runtime,
    RuntimeHealth,
    RuntimeHost,
    TaskId,
)
from aion_core.worker import Bodies, Driver, Resources, Values
from benchmarks.places import Place


class _OwnLane:
    """A lane that waits for its turn on the one thread. What it wants to do later never comes."""

    def __init__(self, handle: Handle[Any], ready: deque[_OwnLane]) -> None:
        self._handle = handle
        self._ready = ready
        self._items: list[Any] = []

    def put(self, item: object) -> None:
        if not self._items:
            self._ready.append(self)
        self._items.append(item)

    def run(self) -> None:
        items, self._items = self._items, []
        self._handle(items)

    def close(self) -> None:
        pass

    def join(self, timeout: float) -> bool:
        return timeout >= 0


class OneThread(SystemPlatform):
    """The real platform but for its lanes, which `run` serves in turn; so does whoever waits."""

    def __init__(self) -> None:
        """Nothing is to be done."""
        self._ready: deque[_OwnLane] = deque()

    def lane(self, handle: Handle[Any], *, name: str) -> Lane[Any]:
        """See `Platform.lane`. Nobody looks into the store for what other processes left there."""
        return _OwnLane((lambda _: None) if name == "aion-watcher" else handle, self._ready)

    def wait(self, condition: threading.Condition, timeout: float) -> bool:
        """See `Platform.wait`."""
        del condition, timeout
        self.run()
        return True

    def run(self) -> None:
        """Serve the lanes until they are empty."""
        ready = self._ready
        while ready:
            ready.popleft().run()


class _OneThreadRuntime(Runtime):
    """Code and bodies on lanes of the platform. A batch of bodies is answered at once."""

    contract: ClassVar[int] = 1
    settings: ClassVar[type[Any]] = object

    def open(self, host: RuntimeHost) -> None:
        values = Values(host.settings.limits)
        self._host = host
        self._driver = Driver(host.source, host.settings, values=values)
        self._bodies = Bodies(
            host.source, host.settings, values=values, beat=host.activity_heartbeat, resources=Resources(_no_loop)
        )
        self._code: Lane[Callable[[], None]] = host.platform.lane(_do, name="code")
        self._work: Lane[Sequence[ActivityTask]] = host.platform.lane(self._run, name="bodies")

    def activate(self, batch: Sequence[Activation]) -> None:
        self._code.put(lambda: self._host.activated(self._driver.activate(batch)))

    def evict(self, runs: Sequence[RunId]) -> None:
        self._code.put(lambda: self._driver.evict(runs))

    def execute(self, batch: Sequence[ActivityTask]) -> None:
        self._work.put(batch)

    def _run(self, batches: Sequence[Sequence[ActivityTask]]) -> None:
        for batch in batches:
            taken = [self._bodies.take(task) for task in batch]
            self._host.activity_finished(
                [each if isinstance(each, ActivityDone) else self._bodies.run(each) for each in taken]
            )

    def cancel_activity(self, task_id: TaskId) -> None:
        pass

    def health(self) -> RuntimeHealth:
        return RuntimeHealth(workers=1, busy=0, residents=len(self._driver))

    def close(self, grace: float) -> None:
        pass


def _no_loop() -> Any:
    raise RuntimeError("only plain bodies are run here")


def _do(jobs: Sequence[Callable[[], None]]) -> None:
    for job in jobs:
        job()


@frozen
class Opened:
    """An engine, and what moves it."""

    core: EngineCore
    platform: OneThread
    store: EventStore


def opened(*code: object, place: Place | None = None) -> Opened:
    """An open engine with this code at a place, or on an in-memory store of its own."""
    platform = OneThread()
    plugins = load({"event_store": place.event_store if place else {"use": "memory"}}, stores_only=True)
    store = plugins.event_store.make(platform)
    core = EngineCore(
        Parts(
            store=store,
            runtime=_OneThreadRuntime(),
            runtimes={},
            catalog=Catalog(code),
            settings=EngineSettings(
                engine_id=EngineId("benchmark"),
                host="benchmark",
                pid=0,
                settle=settling(Activities()),
                lease=3600.0,  # nobody renews it: that is one of the things to be done later
            ),
            platform=platform,
        )
    )
    core.open()
    platform.run()
    return Opened(core, platform, store)
