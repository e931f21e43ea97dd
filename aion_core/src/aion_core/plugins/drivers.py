"""Drivers: what an engine has one of under a name, and the check of a class against the contract of its kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

import attrs
from attrs import frozen
from attrs.exceptions import FrozenInstanceError

from aion_core.model.errors import PluginContractError
from aion_core.platform import Platform
from aion_core.plugins.offers import Offer
from aion_core.spi.capabilities import Capability
from aion_core.spi.loaders import Loader
from aion_core.spi.runtime import Runtime
from aion_core.spi.stores import EventStore, Store, VisibilityStore

D = TypeVar("D")


class DriverKind(StrEnum):
    """The kinds of drivers, by the names that errors and `aion.toml` use."""

    EVENT_STORE = "event_store"
    VISIBILITY_STORE = "visibility_store"
    RUNTIME = "runtime"
    LOADER = "loader"

    @property
    def group(self) -> str:
        """The entry-point group of installed drivers."""
        return f"aion.{self.value}s"

    @property
    def hook(self) -> str:
        """The hook by which an extension offers drivers."""
        return f"aion_{self.value}s"


_Interface: TypeAlias = Store | Runtime | Loader

INTERFACES: Final[Mapping[DriverKind, type[_Interface]]] = {
    DriverKind.EVENT_STORE: EventStore,
    DriverKind.VISIBILITY_STORE: VisibilityStore,
    DriverKind.RUNTIME: Runtime,
    DriverKind.LOADER: Loader,
}
"""What a driver derives from. The interface's own `contract` is the number that this core needs."""

_NONE: Final[frozenset[Capability]] = frozenset()


@frozen(kw_only=True)
class Driver(Generic[D]):
    """A class that was loaded and fulfils the contract of its kind."""

    kind: DriverKind
    name: str
    provider: str
    cls: type[D]
    settings: type[Any]
    """The frozen attrs class of its table in `aion.toml`."""
    capabilities: frozenset[Capability]

    def make(self, settings: object, platform: Platform) -> D:
        """A new one. `settings` is an instance of the driver's settings class; nothing is opened yet."""
        constructor = cast("Callable[[object, Platform], D]", self.cls)
        return constructor(settings, platform)


def load_driver(kind: DriverKind, offer: Offer, needs: Iterable[Capability] = ()) -> Driver[Any]:
    """Import what is offered and hold it against the contract, and against the capabilities that are asked for.

    Raises `PluginLoadError`, or `PluginContractError` with everything that is wrong.
    """
    cls = offer.load()
    if not isinstance(cls, type):
        problem = f"is of type {type(cls).__name__}, and must be a class derived from {_named(kind)}."
        raise PluginContractError(kind, offer.name, offer.provider, [problem])
    problems = [*_problems(cls, kind)]
    if problems:
        raise PluginContractError(kind, offer.name, offer.provider, problems)
    capabilities = cast("frozenset[Capability]", getattr(cls, "capabilities", _NONE))
    lacking = sorted(set(needs) - capabilities)
    if lacking:
        problem = f"lacks the capability {', '.join(lacking)}, which was asked for."
        raise PluginContractError(kind, offer.name, offer.provider, [problem])
    settings = cast("type[Any]", getattr(cls, "settings", None))
    return Driver(
        kind=kind, name=offer.name, provider=offer.provider, cls=cls, settings=settings, capabilities=capabilities
    )


def _problems(cls: type, kind: DriverKind) -> Iterator[str]:
    interface = INTERFACES[kind]
    required: frozenset[str] = getattr(interface, "__abstractmethods__", frozenset())
    lacking = sorted(name for name in required if _is_missing(cls, name))
    if lacking:
        yield f"lacks {', '.join(lacking)}."
    elif not issubclass(cls, interface):
        yield f"does not derive from {_named(kind)}."
    yield from _contract_number(cls, interface)
    yield from _capabilities(cls)
    yield from _settings(cls)
    if not lacking:
        yield from _constructor(cls)


def _contract_number(cls: type, interface: type[_Interface]) -> Iterator[str]:
    needed: int = interface.contract
    # What it inherits from the interface is this core's number, not the one its author wrote it for.
    own = [vars(base)["contract"] for base in cls.__mro__ if base not in interface.__mro__ and "contract" in vars(base)]
    if not own:
        yield f"does not say which contract it implements: write `contract = {needed}` into the class."
    elif own[0] != needed:
        yield f"implements contract {own[0]}; this core needs {needed}."


def _capabilities(cls: type) -> Iterator[str]:
    capabilities = cast("object", getattr(cls, "capabilities", _NONE))
    if not isinstance(capabilities, frozenset) or not all(
        isinstance(one, Capability) for one in cast("frozenset[object]", capabilities)
    ):
        yield "has `capabilities` that are not a frozenset of Capability."
    elif Capability.ATOMIC_VISIBILITY in capabilities and not issubclass(cls, VisibilityStore):
        yield "declares atomic_visibility and is no VisibilityStore."


def _settings(cls: type) -> Iterator[str]:
    settings: object = getattr(cls, "settings", None)
    if not isinstance(settings, type) or not attrs.has(settings) or not _is_frozen(settings):
        yield "has no `settings`: a frozen attrs class of what its table in aion.toml may hold."


def _constructor(cls: type) -> Iterator[str]:
    try:
        inspect.signature(cls).bind("settings", "platform")
    except TypeError:
        yield "can not be made with (settings, platform)."


def _is_missing(cls: type, name: str) -> bool:
    found = getattr(cls, name, None)
    return found is None or getattr(found, "__isabstractmethod__", False)


def _is_frozen(settings: type[Any]) -> bool:
    probe: Any = object.__new__(settings)
    try:
        probe.anything = None  # a frozen class refuses every name
    except FrozenInstanceError:
        return True
    except AttributeError:
        return False
    return False


def _named(kind: DriverKind) -> str:
    return f"aion_core.spi.{INTERFACES[kind].__name__}"
