"""The runtime `thread`, as the engine sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from aion_core.spi import (
    Activation,
    ActivityTask,
    Capability,
    Platform,
    RunId,
    Runtime,
    RuntimeHealth,
    RuntimeHost,
    TaskId,
)
from aion_core.worker import Driver, Values
from aion_runtime_thread.activities import Activities
from aion_runtime_thread.deadlines import Deadlines
from aion_runtime_thread.scheduler import Scheduler
from aion_runtime_thread.settings import ThreadSettings


class ThreadRuntime(Runtime):
    """Runs workflow code on one thread, plain activities in a pool of threads, async ones on an asyncio thread.

    It declares no capability: what does not listen is left behind, not stopped, and shares the engine's process.
    """

    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[type[Any]] = ThreadSettings

    def __init__(self, settings: ThreadSettings, platform: Platform) -> None:
        """Nothing starts. From `open` on, clock and threads are the host's."""
        del platform
        self._settings = settings
        self._parts: tuple[Scheduler, Activities, Deadlines] | None = None

    def open(self, host: RuntimeHost) -> None:
        """See `Runtime.open`."""
        values = Values(host.settings.limits)
        deadlines = Deadlines(host.platform)
        scheduler = Scheduler(host, deadlines, lambda: Driver(host.source, host.settings, values=values))
        self._parts = scheduler, Activities(host, self._settings, deadlines, values), deadlines

    def activate(self, batch: Sequence[Activation]) -> None:
        """See `Runtime.activate`. Answered in batches like the ones that came."""
        self._open[0].activate(batch)

    def evict(self, runs: Sequence[RunId]) -> None:
        """See `Runtime.evict`."""
        self._open[0].evict(runs)

    def execute(self, batch: Sequence[ActivityTask]) -> None:
        """See `Runtime.execute`. Bodies begin in this order."""
        self._open[1].execute(batch)

    def cancel_activity(self, task_id: TaskId) -> None:
        """See `Runtime.cancel_activity`. A body that goes on for longer than `grace` is left behind, and lost."""
        self._open[1].cancel(task_id)

    def health(self) -> RuntimeHealth:
        """See `Runtime.health`."""
        if self._parts is None:
            return RuntimeHealth(workers=0, busy=0, residents=0)
        scheduler, activities, _ = self._parts
        return RuntimeHealth(
            workers=1 + activities.workers,
            busy=scheduler.busy + activities.busy,
            residents=scheduler.residents,
            abandoned=scheduler.abandoned + activities.abandoned,
            notes=activities.notes(),
        )

    def close(self, grace: float) -> None:
        """See `Runtime.close`. Resources of activities are closed; what is left behind has no say any more."""
        if self._parts is None:
            return
        scheduler, activities, deadlines = self._parts
        activities.close(grace)
        scheduler.close(grace)
        deadlines.close()
        deadlines.join(grace)

    @property
    def _open(self) -> tuple[Scheduler, Activities, Deadlines]:
        if self._parts is None:
            raise RuntimeError("the runtime is not open")
        return self._parts
