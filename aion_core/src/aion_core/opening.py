"""`Client` and `AsyncClient`: opened from a configuration, they reach workflows through its stores."""

from __future__ import annotations

import asyncio
import threading
import tomllib
import warnings
from collections.abc import Generator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeAlias

from aion_core.client.aio import AsyncVerbs
from aion_core.client.through_store import StoreBackend
from aion_core.client.verbs import Verbs
from aion_core.client.waiting import seconds_of
from aion_core.config import Config, load
from aion_core.model.times import Duration
from aion_core.platform import SYSTEM, Platform
from aion_core.plugins import Plugins
from aion_core.spi.interceptors import Interceptor

Configuration: TypeAlias = str | Path | Mapping[str, object] | Config | None
"""What `open` takes: a path, a dict of the same shape, what `load` made of either, or None to look for one."""

_GRACE: Final = 5.0


class Client(Verbs):
    """The verbs over a store, without executing anything: an engine in another process does, now or later.

    with aion.Client.open() as client:
        client.handle("order-42").signal("approve", True)
    """

    def __init__(self, backend: StoreBackend) -> None:
        """Over an open backend, which it closes. Use `open`."""
        super().__init__(backend)
        self._backend = backend

    @classmethod
    def open(cls, config: Configuration = None) -> Self:
        """Connect to the stores of a configuration. Runtimes and loaders need not be installed.

        Raises `ConfigError`, a `PluginError`, `StoreUnavailable` or `StoreRefused`.
        """
        return cls(_opened(config, SYSTEM))

    def close(self, grace: Duration = _GRACE) -> None:
        """End what waits with `EngineClosed`, and let go of the stores. What was posted stays. Twice is fine."""
        self._backend.close(seconds_of(grace, what="grace") or _GRACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        _forgotten(self, getattr(self, "_backend", None))


class AsyncClient(AsyncVerbs):
    """The verbs of `Client`, awaited. `async with aion.AsyncClient.open() as client`, or `await AsyncClient.open()`."""

    _what: ClassVar[str] = "client"

    def __init__(self, config: Configuration = None, *, platform: Platform = SYSTEM) -> None:
        """Nothing is opened yet. Use `open`."""
        super().__init__()
        self._make = partial(_opened, config, platform)
        self._backend: StoreBackend | None = None
        self._opening = threading.Lock()

    @classmethod
    def open(cls, config: Configuration = None) -> Self:
        """As `Client.open`; the stores are opened when this is awaited or entered, on a thread."""
        return cls(config)

    async def close(self, grace: Duration = _GRACE) -> None:
        """See `Client.close`."""
        backend, self._backend = self._backend, None
        self._serve(None)
        if backend is not None:
            await asyncio.to_thread(backend.close, seconds_of(grace, what="grace") or _GRACE)

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _opened(self) -> Self:
        await asyncio.to_thread(self._open_once)
        return self

    def _open_once(self) -> None:
        with self._opening:  # a cancelled wait may be followed by another one
            if self._backend is None:
                self._backend = self._make()
                self._serve(self._backend)

    def __del__(self) -> None:
        _forgotten(self, getattr(self, "_backend", None))


def _opened(config: Configuration, platform: Platform) -> StoreBackend:
    loaded = load(config, stores_only=True)
    own = loaded.visibility_store
    backend = StoreBackend(
        loaded.event_store.make(platform),
        None if own.driver is None else own.make(platform),
        platform=platform,
        limits=loaded.limits,
        attributes=loaded.search_attributes,
        interceptors=_interceptors(loaded),
    )
    backend.open()
    return backend


def _interceptors(config: Config) -> tuple[Interceptor, ...]:
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


def _forgotten(client: object, backend: StoreBackend | None) -> None:
    if backend is not None and not backend.closed:
        warnings.warn(f"{type(client).__name__} was never closed: use `with`.", ResourceWarning, stacklevel=2)
        backend.close(0.0)
