"""A driver that was chosen, and where drivers are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from aion_core.platform import Platform

if TYPE_CHECKING:  # the plugins' room loads stevedore, which whoever only looks at values does without
    from aion_core.plugins import Driver, DriverKind


class DriverLookup(Protocol):
    """What the configuration asks of the plugins; `aion_core.plugins.Plugins` is one."""

    def driver(self, kind: DriverKind, name: str) -> Driver[Any]:
        """The driver that `aion.toml` calls `name`. Raises `PluginError`."""
        ...

    def resolve_secret(self, reference: Mapping[str, object]) -> str | None:
        """What an extension makes of a reference; None when no extension knows it."""
        ...


@frozen(kw_only=True)
class DriverTable:
    """A driver that was chosen, with its settings."""

    use: str
    driver: Driver[Any] | None = None
    """None for `[visibility_store] use = "event_store"`, the event store's own, and for what was not looked up."""
    settings: Any = field(repr=False, default=None)

    def make(self, platform: Platform) -> Any:
        """A new one of it. Nothing is opened yet."""
        if self.driver is None:
            raise TypeError(f"{self.use!r} is no driver of its own")
        return self.driver.make(self.settings, platform)
