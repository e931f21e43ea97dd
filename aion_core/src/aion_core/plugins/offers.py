"""What installed distributions and extensions offer under a name: found afresh, checked, and only then imported."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Final, NoReturn, TypeVar

from attrs import frozen
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from stevedore.driver import DriverManager
from stevedore.extension import ExtensionManager
from stevedore.named import NamedExtensionManager

from aion_core.model.errors import PluginConflict, PluginIncompatible, PluginLoadError, PluginNotFound

CORE: Final = "aion-durable-core"
BUILT_IN: Final = "core (built in)"
APPLICATION: Final = "the application"

FIRST_PARTY: Final = {
    ("event_store", "sql"): "aion-store-sql",
    ("event_store", "s3"): "aion-store-s3",
    ("visibility_store", "sql"): "aion-store-sql",
    ("runtime", "thread"): "aion-runtime-thread",
    ("runtime", "process"): "aion-runtime-process",
    ("runtime", "isolated"): "aion-runtime-process",
}
"""Which distribution to install for a name that is not there."""


@frozen(kw_only=True)
class Offer(ABC):
    """Something that goes by this name, not imported yet."""

    kind: str
    name: str
    provider: str
    """Who brings it, as errors say it: `acme-store 2.0`."""

    @abstractmethod
    def check(self) -> None:
        """Raise `PluginIncompatible` when it is for another version of the core. Imports nothing."""

    @abstractmethod
    def load(self) -> object:
        """Import it. Raises `PluginLoadError`."""


@frozen(kw_only=True)
class InstalledOffer(Offer):
    """An entry point of an installed distribution."""

    entry_point: metadata.EntryPoint

    def check(self) -> None:
        """Compare what the distribution requires of the core with the core that is installed."""
        dist = self.entry_point.dist
        installed = _core_version()
        if dist is None or installed is None:
            return
        for requirement in _requirements_of_core(dist.requires or ()):
            if not requirement.specifier.contains(installed, prereleases=True):
                # Lower bounds first, as people write them; the set itself has no order.
                bounds = sorted((str(bound) for bound in requirement.specifier), key=lambda b: (b.startswith("<"), b))
                needs = f"{requirement.name}{','.join(bounds)}"
                raise PluginIncompatible(self.kind, self.name, self.provider, needs=needs, installed=installed)

    def load(self) -> object:
        """Import it alone."""

        def fail(_manager: object, _entry_point: object, exc: BaseException) -> NoReturn:
            raise self.failure(exc) from exc

        try:
            manager = _OneOfN(
                self.entry_point.group,
                self.name,
                on_load_failure_callback=fail,
                on_missing_entrypoints_callback=None,
            )
        except (AssertionError, SystemExit) as exc:  # stevedore lets these two pass
            raise self.failure(exc) from exc
        return manager.extensions[0].plugin

    def failure(self, exc: BaseException) -> PluginLoadError:
        """What to raise when the import raised `exc`."""
        reason = str(exc) if isinstance(exc, ImportError) else f"{type(exc).__name__}: {exc}"
        return PluginLoadError(self.kind, self.name, self.provider, reason)


@frozen(kw_only=True)
class HandedOffer(Offer):
    """An object that is here already: a driver that an extension registered."""

    offered: object

    def check(self) -> None:
        """It came with an extension that was checked, or with the application."""

    def load(self) -> object:
        """The object."""
        return self.offered


def installed_offers(kind: str, group: str) -> list[InstalledOffer]:
    """Everything that installed distributions offer in this group, by name."""
    offers = [
        InstalledOffer(kind=kind, name=entry_point.name, provider=_provider(entry_point), entry_point=entry_point)
        for entry_point in metadata.entry_points(group=group)
    ]
    return sorted(offers, key=lambda offer: (offer.name, offer.provider))


AnOffer = TypeVar("AnOffer", bound=Offer)


def the_one(kind: str, name: str, offers: Iterable[AnOffer]) -> AnOffer:
    """The only offer of this name, compatible with this core. Raises the `PluginError` that says why there is none."""
    offers = list(offers)
    matching = [offer for offer in offers if offer.name == name]
    if not matching:
        raise PluginNotFound(kind, name, (offer.name for offer in offers), distribution=FIRST_PARTY.get((kind, name)))
    if len(matching) > 1:
        raise PluginConflict(kind, name, sorted(offer.provider for offer in matching))
    matching[0].check()
    return matching[0]


def load_in_order(group: str, offers: Sequence[InstalledOffer]) -> list[object]:
    """Import these, in their order. Raises `PluginLoadError` for the first that fails."""
    by_name = {offer.name: offer for offer in offers}

    def fail(_manager: object, entry_point: metadata.EntryPoint, exc: BaseException) -> NoReturn:
        raise by_name[entry_point.name].failure(exc) from exc

    try:
        manager = _SomeOfN(
            group,
            list(by_name),
            name_order=True,
            on_load_failure_callback=fail,
            on_missing_entrypoints_callback=None,
        )
    except (AssertionError, SystemExit):  # stevedore lets these two pass, and does not say whose they are
        for offer in offers:
            offer.load()
        raise
    return [extension.plugin for extension in manager.extensions]


class _Fresh(ExtensionManager[object]):
    """Reads entry points from the environment as it is now."""

    def list_entry_points(self) -> list[metadata.EntryPoint]:
        # stevedore's own list comes from a cache on disk that is stale for minutes after an editable reinstall, and
        # whose entry points have lost their distribution.
        return list(metadata.entry_points(group=self.namespace))


class _OneOfN(_Fresh, DriverManager[object]):
    """Loads the driver of one name."""


class _SomeOfN(_Fresh, NamedExtensionManager[object]):
    """Loads the extensions that are named, and imports no other."""


def _core_version() -> str | None:
    """None when the core runs from a checkout that was never installed: then there is nothing to compare."""
    try:
        return metadata.version(CORE)
    except metadata.PackageNotFoundError:
        return None


def _requirements_of_core(lines: Iterable[str]) -> Iterable[Requirement]:
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # old metadata of a distribution that is none of our business
            continue
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and canonicalize_name(requirement.name) == CORE:
            yield requirement


def _provider(entry_point: metadata.EntryPoint) -> str:
    dist = entry_point.dist
    if dist is None:
        return "an unknown distribution"
    return BUILT_IN if canonicalize_name(dist.name) == CORE else f"{dist.name} {dist.version}"
