"""What is installed, and what is wrong with it: for `aion plugins list` and `info`, which show broken plugins too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from attrs import frozen

from aion_core.model.errors import PluginError
from aion_core.plugins.drivers import Driver, DriverKind, load_driver
from aion_core.plugins.extensions import GROUP, KIND, Extension, checked, implemented
from aion_core.plugins.offers import InstalledOffer, installed_offers, load_in_order, the_one
from aion_core.spi.capabilities import Capability


@frozen(kw_only=True)
class InstalledPlugin:
    """An entry point of an installed distribution.

    Name, provider and path are known without importing anything. `problem` and what comes after it import the plugin,
    once, when they are asked for; none of them raises.
    """

    kind: str
    """A `DriverKind`, or `plugin`."""
    name: str
    provider: str
    """`acme-store 2.0`, or `core (built in)`."""
    path: str
    """`acme_store.redis:RedisEventStore`."""
    rivals: Sequence[InstalledOffer]
    """Everything of its kind, itself included."""

    @property
    def problem(self) -> str | None:
        """Why an engine would refuse it, as the error says; None when it is fine."""
        return str(self._found) if isinstance(self._found, PluginError) else None

    @property
    def contract(self) -> int | None:
        """The contract that a driver implements, once it is known to be fine."""
        return getattr(self._found.cls, "contract", None) if isinstance(self._found, Driver) else None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What a driver declares."""
        return self._found.capabilities if isinstance(self._found, Driver) else frozenset()

    @property
    def settings(self) -> type | None:
        """A driver's settings class."""
        return self._found.settings if isinstance(self._found, Driver) else None

    @property
    def hooks(self) -> tuple[str, ...]:
        """What an extension implements, by name."""
        return tuple(self._found) if isinstance(self._found, tuple) else ()

    @cached_property
    def _found(self) -> Driver[object] | tuple[str, ...] | PluginError:
        try:
            offer = the_one(self.kind, self.name, self.rivals)
            if self.kind != KIND:
                return load_driver(DriverKind(self.kind), offer)
            [plugin] = load_in_order(GROUP, [offer])
            extension = checked(Extension(name=self.name, provider=self.provider, plugin=plugin))
        except PluginError as error:
            return error
        return tuple(sorted({one.hook for one in implemented(extension.plugin)}))


def installed_plugins(kind: str, group: str) -> tuple[InstalledPlugin, ...]:
    """Everything that is installed of this kind, by name. Imports nothing."""
    offers = installed_offers(kind, group)
    return tuple(
        InstalledPlugin(
            kind=kind, name=offer.name, provider=offer.provider, path=offer.entry_point.value, rivals=offers
        )
        for offer in offers
    )
