"""What the configuration asks of the plugins: a driver's class and its settings, by kind and name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from attrs import field, frozen


class FoundDriver(Protocol):
    """A driver that was found, imported and checked."""

    @property
    def cls(self) -> type[Any]:
        """The class that implements the contract."""
        ...

    @property
    def settings(self) -> type[Any]:
        """Its settings: a frozen attrs class."""
        ...

    @property
    def provider(self) -> str:
        """Distribution and version."""
        ...


class DriverLookup(Protocol):
    """Where drivers are found. Raises `PluginError`."""

    def driver(self, kind: str, name: str, needs: Collection[Any] = ()) -> FoundDriver:
        """The driver of a kind (`event_store`, …) that `aion.toml` calls `name`."""
        ...

    def resolve_secret(self, reference: Mapping[str, object]) -> object:
        """What an extension makes of a reference; None when no extension knows it."""
        ...


@frozen(kw_only=True)
class DriverTable:
    """A driver that was chosen, and its settings: `cls(settings, platform)` makes one."""

    use: str
    settings: Any = field(repr=False, default=None)
    cls: type[Any] | None = None
    """None only for `visibility_store` with `use = "event_store"`: the event store's own."""
    provider: str = ""
