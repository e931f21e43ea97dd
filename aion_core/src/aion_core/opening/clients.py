"""`Client` and `AsyncClient`: opened from a configuration, they reach workflows through its stores."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypeAlias

from aion_core.client.through_store import StoreBackend
from aion_core.client.waiting import seconds_of
from aion_core.config import Config, load
from aion_core.model.times import Duration
from aion_core.opening.faces import AsyncFace, Face
from aion_core.platform import SYSTEM, Platform
from aion_core.plugins import Plugins
from aion_core.spi.interceptors import Interceptor
from aion_core.spi.stores import EventStore, VisibilityStore

Configuration: TypeAlias = str | Path | Mapping[str, object] | Config | None
"""What `open` takes: a path, a dict of the same shape, what `load` made of either, or None to look for one."""

_GRACE: Final = 5.0


class Client(Face[StoreBackend]):
    """The verbs over a store, without executing anything: an engine in another process does, now or later.

    with aion.Client.open() as client:
        client.handle("order-42").signal("approve", True)
    """

    @classmethod
    def open(cls, config: Configuration = None) -> Self:
        """Connect to the stores of a configuration. Runtimes and loaders need not be installed.

        Raises `ConfigError`, a `PluginError`, `StoreUnavailable` or `StoreRefused`.
        """
        return cls(_opened(config, SYSTEM))

    def close(self, grace: Duration = _GRACE) -> None:
        """End what waits with `EngineClosed`, and let go of the stores. What was posted stays. Twice is fine."""
        self._backend.close(seconds_of(grace, what="grace") or _GRACE)


class AsyncClient(AsyncFace[StoreBackend]):
    """The verbs of `Client`, awaited. `async with aion.AsyncClient.open() as client`, or `await AsyncClient.open()`."""

    _what: ClassVar[str] = "client"

    def __init__(self, config: Configuration = None, *, platform: Platform = SYSTEM) -> None:
        """Nothing is opened yet. Use `open`."""
        super().__init__(partial(_opened, config, platform))

    @classmethod
    def open(cls, config: Configuration = None) -> Self:
        """As `Client.open`; the stores are opened when this is awaited or entered, on a thread."""
        return cls(config)

    async def close(self, grace: Duration = _GRACE) -> None:
        """See `Client.close`."""
        await self._let_go(seconds_of(grace, what="grace") or _GRACE)


def _opened(config: Configuration, platform: Platform) -> StoreBackend:
    loaded = load(config, stores_only=True)
    backend = StoreBackend(
        *stores_of(loaded, platform),
        platform=platform,
        limits=loaded.limits,
        attributes=loaded.search_attributes,
        interceptors=interceptors_of(loaded),
    )
    backend.open()
    return backend


def stores_of(config: Config, platform: Platform) -> tuple[EventStore, VisibilityStore | None]:
    """The stores that a configuration names, not opened. None: the event store finds runs itself."""
    own = config.visibility_store
    return config.event_store.make(platform), None if own.driver is None else own.make(platform)


def interceptors_of(config: Config) -> tuple[Interceptor, ...]:
    """Those of the enabled extensions; a lookup of another kind, as tests have, has none."""
    return config.lookup.interceptors(_plain(config)) if isinstance(config.lookup, Plugins) else ()


def _plain(config: Config) -> Mapping[str, object]:
    """The configuration as nested mappings of plain values."""
    whole: dict[str, Any] = {}
    for value in config.values():
        with suppress(tomllib.TOMLDecodeError):  # places in lists have no key of their own
            _merge(whole, tomllib.loads(f"{value.path} = true"), value.shown)
    return whole


def _merge(into: dict[str, Any], path: dict[str, Any], value: object) -> None:
    for key, rest in path.items():  # there is one
        if rest is True:
            into[key] = value
        else:
            _merge(into.setdefault(key, {}), rest, value)
