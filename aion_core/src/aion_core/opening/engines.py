"""`Engine` and `AsyncEngine`: opened from a configuration and code, they run workflows in this process."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from importlib.metadata import version
from typing import ClassVar, Final, Self

from aion_core.client.aio import Suspending
from aion_core.client.waiting import seconds_of
from aion_core.config import Config, load
from aion_core.engine.catalog import Catalog
from aion_core.engine.core import EngineCore, Parts
from aion_core.engine.health import Health
from aion_core.engine.janitor import RetentionSettings
from aion_core.engine.queues import QueueLimits
from aion_core.engine.settings import EngineSettings
from aion_core.model.ids import EngineId
from aion_core.model.times import SECOND, Duration, Micros
from aion_core.opening.clients import Configuration, interceptors_of, stores_of
from aion_core.opening.faces import AsyncFace, Face
from aion_core.opening.settling import origins, settling
from aion_core.opening.stopping import Stop
from aion_core.platform import SYSTEM, Platform
from aion_core.plugins import Plugins, compose
from aion_core.spi.hookspecs import RunningEngine
from aion_core.spi.runtime import Runtime

_GRACE: Final = 30.0
_HEALTH: Final = 10.0


class Engine(Face[EngineCore]):
    """Runs workflows in this process, durably: what a verb acknowledged survives its end.

    with aion.Engine.open(workflows=[checkout]) as engine:
        print(engine.run(checkout, order, id="order-42"))
    """

    @classmethod
    def open(
        cls,
        config: Configuration = None,
        *,
        workflows: Sequence[object] = (),
        activities: Sequence[object] = (),
        plugins: Sequence[object] = (),
        standby: bool = False,
    ) -> Self:
        """Open stores and runtimes, take over what is unfinished, and run it.

        `config`: a path, a dict of the same shape, a `Config`, or None to look for `aion.toml`. `workflows` and
        `activities`: functions, modules (every decorated object in them) or dotted names. `plugins`: extensions, as
        objects or names. Raises `ConfigError`, a `PluginError`, `DuplicateName`, `StoreUnavailable`, `StoreRefused`,
        or `StoreInUse` where another engine owns a store that takes one only; with `standby` it waits for the end of
        that engine in the background, and takes over: until then it is as a `Client`.
        """
        return cls(
            opened_core(config, SYSTEM, workflows=workflows, activities=activities, plugins=plugins, standby=standby)
        )

    def health(self) -> Health:
        """How it is doing: the store, the leases, the queues, and what needs attention."""
        self._backend.complain()
        return self._backend.health().wait(self._backend.platform, _HEALTH, what="the engine's answer")

    def serve(self, grace: Duration = _GRACE, *, stop: Stop | None = None) -> None:
        """Run until SIGINT or SIGTERM, then close. On the main thread; a second signal does not wait.

        `stop`: one that is entered, and has listened since before the engine was opened. Raises what has stopped the
        engine, should it stop by itself.
        """
        with Stop() if stop is None else nullcontext(stop) as asked:
            try:
                asked.wait(self._backend.complain)
                asked.listening(partial(self.close, grace))
            except KeyboardInterrupt:
                self.close(0)  # before `with` does, which would give bodies their time
                raise

    def close(self, grace: Duration = _GRACE) -> None:
        """Take nothing new, let activities end within the grace, and let go. What is unfinished goes on next time.

        Later verbs raise `EngineClosed`. Twice is fine.
        """
        self._backend.close(seconds_of(grace, what="grace") or 0.0)


class AsyncEngine(AsyncFace[EngineCore]):
    """The verbs of `Engine`, awaited: `async with aion.AsyncEngine.open(workflows=[checkout]) as engine`.

    Workflows and async activities run on Aion's own threads, not on the caller's loop.
    """

    _what: ClassVar[str] = "engine"

    def __init__(
        self,
        config: Configuration = None,
        *,
        workflows: Sequence[object] = (),
        activities: Sequence[object] = (),
        plugins: Sequence[object] = (),
        standby: bool = False,
        platform: Platform = SYSTEM,
    ) -> None:
        """Nothing is opened yet. Use `open`."""
        super().__init__(
            partial(
                opened_core,
                config,
                platform,
                workflows=workflows,
                activities=activities,
                plugins=plugins,
                standby=standby,
            )
        )

    @classmethod
    def open(
        cls,
        config: Configuration = None,
        *,
        workflows: Sequence[object] = (),
        activities: Sequence[object] = (),
        plugins: Sequence[object] = (),
        standby: bool = False,
    ) -> Self:
        """As `Engine.open`; everything is opened when this is awaited or entered, on a thread."""
        return cls(config, workflows=workflows, activities=activities, plugins=plugins, standby=standby)

    async def health(self) -> Health:
        """See `Engine.health`."""
        core = self._backend
        if core is None:
            raise RuntimeError("the engine is not open: `async with` it, or await `open()`.")
        core.complain()
        return await Suspending().answer(core.health(), _HEALTH, what="the engine's answer")

    async def close(self, grace: Duration = _GRACE) -> None:
        """See `Engine.close`."""
        await self._let_go(seconds_of(grace, what="grace") or 0.0)


def opened_core(
    config: Configuration,
    platform: Platform,
    *,
    workflows: Sequence[object] = (),
    activities: Sequence[object] = (),
    plugins: Sequence[object] = (),
    standby: bool = False,
) -> EngineCore:
    """An engine behind its face. `platform` is the real one but in simulations."""
    catalog = Catalog(workflows, activities)
    loaded = load(config, compose=partial(compose, extras=tuple(plugins)) if plugins else None)
    core = EngineCore(parts_of(loaded, catalog, platform))
    core.open(standby=standby)
    if isinstance(loaded.lookup, Plugins):  # a lookup of another kind, as tests have, tells nobody
        _tell(loaded.lookup, core, loaded)
    return core


def _tell(extensions: Plugins, core: EngineCore, config: Config) -> None:
    """Tell the extensions that the engine runs. One that raises closes it again."""
    info = RunningEngine(
        engine_id=core.info.engine_id,
        namespace=config.aion.namespace,
        store_id=core.store_id,
        event_store=config.event_store.use,
        visibility_store=config.visibility_store.use,
        runtimes=(config.runtime.use, *(table.use for table in config.runtimes.values())),
        workflow_types=core.info.types,
        core_version=version("aion-durable-core"),
    )
    core.before_closing(partial(extensions.stopping, info))
    try:
        extensions.started(info)
    except BaseException:
        core.close(0.0)
        raise


def parts_of(loaded: Config, catalog: Catalog, platform: Platform) -> Parts:
    """The parts that a configuration names, made and not opened."""
    named: dict[str, Runtime] = {}
    runtimes: dict[str, Runtime] = {}
    for queue, section in loaded.queues.items():
        if section.runtime is not None:
            if section.runtime not in named:
                named[section.runtime] = loaded.runtimes[section.runtime].make(platform)
            runtimes[queue] = named[section.runtime]
    store, visibility = stores_of(loaded, platform)
    return Parts(
        store=store,
        visibility=visibility,
        runtime=loaded.runtime.make(platform),
        runtimes=runtimes,
        catalog=catalog,
        settings=EngineSettings(
            engine_id=EngineId(f"engine-{platform.random_bytes(8).hex()}"),
            host=socket.gethostname(),
            pid=os.getpid(),
            settle=settling(loaded.activities),
            origin=origins(loaded),
            resident=loaded.engine.resident,
            turn_deadline=loaded.engine.turn_deadline,
            lease=loaded.engine.lease,
            guard=loaded.guard.calls,
            limits=loaded.limits,
            attributes=loaded.search_attributes,
            keep=Micros(round(loaded.inbox.keep * SECOND)),
            queues={
                name: QueueLimits(concurrency=section.concurrency, rate=section.rate)
                for name, section in loaded.queues.items()
            },
            interceptors=interceptors_of(loaded),
            retention=RetentionSettings(
                closed=None if loaded.retention.closed is None else Micros(round(loaded.retention.closed * SECOND)),
                archive=loaded.retention.archive,
            ),
        ),
        platform=platform,
    )
