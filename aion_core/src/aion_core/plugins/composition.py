"""The plugins of one engine, client or command: loaded, checked, and asked at its edges."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast, overload

from aion_core.model.errors import AionError, PluginConflict
from aion_core.model.failures import Failure
from aion_core.plugins.drivers import Driver, DriverKind, load_driver
from aion_core.plugins.extensions import GROUP, KIND, Extension, load_extensions, register
from aion_core.plugins.installed import InstalledPlugin, installed_plugins
from aion_core.plugins.offers import APPLICATION, HandedOffer, Offer, installed_offers, the_one
from aion_core.spi.capabilities import Capability
from aion_core.spi.codecs import PayloadCodec
from aion_core.spi.hookspecs import ErrorClass, RunningEngine
from aion_core.spi.interceptors import Interceptor
from aion_core.spi.loaders import Loader
from aion_core.spi.observers import Observer
from aion_core.spi.runtime import Runtime
from aion_core.spi.stores import EventStore, VisibilityStore

if TYPE_CHECKING:
    from types import TracebackType

    import click
    import pluggy

T = TypeVar("T")

_log = logging.getLogger("aion.plugins")


def compose(enabled: Sequence[str] = (), *, extras: Sequence[object] = ()) -> Plugins:
    """Load these extensions and register them with a manager of their own.

    `enabled` are names of installed extensions, outermost first; `extras` are what an application hands over: names,
    modules, classes or objects, inside of those. Everything is checked before anything is registered, and the first
    `PluginError` ends it. What is installed and not named is neither imported nor asked.
    """
    return Plugins(load_extensions(enabled, extras))


class Plugins:
    """The extensions that take part, and the drivers that can be chosen from.

    All methods may be called from any thread, one at a time; `classify` at any time. Interceptors, observers and codecs
    are collected once, by whoever opens the engine.
    """

    def __init__(self, extensions: Sequence[Extension]) -> None:
        """Takes checked extensions, outermost first."""
        self.extensions = tuple(extensions)
        self._manager = register(self.extensions)
        self._handed = {
            kind: [offer for extension in self.extensions for offer in self._registered(kind, extension)]
            for kind in DriverKind
        }
        self._classifies = bool(self.hook.aion_classify_error.get_hookimpls())
        self._started: list[Extension] = []

    @property
    def hook(self) -> pluggy.HookRelay:
        """Calls a hook of all extensions: `plugins.hook.aion_engine_started(info=…)`. Errors are the extensions' own.

        The methods below do the same for one hook each, check the answers, and name the extension in errors.
        """
        return self._manager.hook

    # ---- drivers

    @overload
    def driver(
        self, kind: Literal[DriverKind.EVENT_STORE], name: str, *, needs: Iterable[Capability] = ()
    ) -> Driver[EventStore]: ...
    @overload
    def driver(
        self, kind: Literal[DriverKind.VISIBILITY_STORE], name: str, *, needs: Iterable[Capability] = ()
    ) -> Driver[VisibilityStore]: ...
    @overload
    def driver(
        self, kind: Literal[DriverKind.RUNTIME], name: str, *, needs: Iterable[Capability] = ()
    ) -> Driver[Runtime]: ...
    @overload
    def driver(
        self, kind: Literal[DriverKind.LOADER], name: str, *, needs: Iterable[Capability] = ()
    ) -> Driver[Loader]: ...
    @overload
    def driver(self, kind: DriverKind, name: str, *, needs: Iterable[Capability] = ()) -> Driver[Any]: ...
    def driver(self, kind: DriverKind, name: str, *, needs: Iterable[Capability] = ()) -> Driver[Any]:
        """The driver of this name, imported and checked, with at least these capabilities.

        Installed distributions and extensions share one space of names. Raises the five `PluginError`s.
        """
        return load_driver(kind, the_one(kind, name, self._offers(kind)), needs)

    def names(self, kind: DriverKind) -> tuple[str, ...]:
        """What `use = …` may say, sorted. Imports nothing."""
        return tuple(sorted({offer.name for offer in self._offers(kind)}))

    @staticmethod
    def installed(kind: DriverKind) -> tuple[InstalledPlugin, ...]:
        """The drivers that installed distributions provide, broken ones included."""
        return installed_plugins(kind, kind.group)

    @staticmethod
    def installed_extensions() -> tuple[InstalledPlugin, ...]:
        """The extensions that installed distributions provide, whether enabled or not."""
        return installed_plugins(KIND, GROUP)

    # ---- what is collected once

    def interceptors(self, config: Mapping[str, object]) -> tuple[Interceptor, ...]:
        """All interceptors, outermost first."""
        return tuple(one for _, one in self._collected("aion_register_interceptors", Interceptor, config))

    def observers(self, config: Mapping[str, object]) -> tuple[Observer, ...]:
        """All observers, in the order in which they are told."""
        # mypy wants a concrete class for type[T]; here it only meets isinstance
        found = self._collected("aion_register_observers", Observer, config)  # type: ignore[type-abstract]
        return tuple(one for _, one in found)

    def codecs(self, config: Mapping[str, object]) -> tuple[PayloadCodec, ...]:
        """All payload codecs, in the order of encoding. Raises `PluginConflict` for two of one name."""
        found: dict[str, tuple[Extension, PayloadCodec]] = {}
        # as above
        for extension, codec in self._collected("aion_register_codecs", PayloadCodec, config):  # type: ignore[type-abstract]
            name: object = getattr(codec, "name", None)
            if not isinstance(name, str) or not name:
                raise extension.wrong(f"gave a codec without a name: {_shown(codec)}.")
            if name in found:
                raise PluginConflict("codec", name, [found[name][0].provider, extension.provider])
            found[name] = (extension, codec)
        return tuple(codec for _, codec in found.values())

    def register_commands(self, cli: click.Group) -> None:
        """Let every extension add its commands. Raises `PluginConflict` for one that replaces a command."""
        owners = dict.fromkeys(cli.commands, "core (built in)")
        for extension in self.extensions:
            before = dict(cli.commands)
            self._ask(extension, "aion_register_commands", cli=cli)
            for name, command in cli.commands.items():
                if name in before and before[name] is not command:
                    raise PluginConflict("command", name, [owners[name], extension.provider])
                owners.setdefault(name, extension.provider)

    # ---- what is asked: the first answer counts

    def resolve_secret(self, reference: Mapping[str, object]) -> str | None:
        """The secret's value, or None when no extension knows this kind of reference."""
        for extension in self.extensions:
            value = self._ask(extension, "aion_resolve_secret", reference=reference)
            if value is not None and not isinstance(value, str):
                raise extension.wrong(f"gave {_shown(value)} for a secret, which is a str.")
            if value is not None:
                return value
        return None

    def classify(self, error: Failure) -> ErrorClass | None:
        """What the extensions say of a failure, or None. An extension that raises or errs has no say, and is logged."""
        if not self._classifies:
            return None
        for extension in self.extensions:
            try:
                answer = self._ask(extension, "aion_classify_error", error=error)
            except AionError:
                _log.exception("plugin %r failed to classify an error: it has no say", extension.name)
                continue
            if isinstance(answer, ErrorClass):
                return answer
            if answer is not None:
                _log.error("plugin %r classified an error as %r: it has no say", extension.name, answer)
        return None

    # ---- what is told

    def started(self, info: RunningEngine) -> None:
        """Tell every extension, the first one first. The first that raises ends it: call `stopping` then, too."""
        for extension in self.extensions:
            self._ask(extension, "aion_engine_started", info=info)
            self._started.append(extension)

    def stopping(self, info: RunningEngine) -> None:
        """Tell those that were told of the start, in reverse order. What they raise is logged; twice is fine."""
        while self._started:
            extension = self._started.pop()
            try:
                self._ask(extension, "aion_engine_stopping", info=info)
            except AionError:
                _log.exception("plugin %r failed while the engine was stopping", extension.name)

    def close(self) -> None:
        """Let go of the extensions: no hook has an implementation any more. Twice is fine."""
        for extension in self.extensions:
            self._manager.unregister(extension.plugin)
        self.extensions = ()
        self._handed.clear()
        self._classifies = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- inside

    def _offers(self, kind: DriverKind) -> list[Offer]:
        return [*installed_offers(kind, kind.group), *self._handed.get(kind, ())]

    def _registered(self, kind: DriverKind, extension: Extension) -> list[HandedOffer]:
        offers: list[HandedOffer] = []
        provider = extension.provider
        if provider != APPLICATION:
            provider = f"{provider} (plugin {extension.name!r})"

        def register(name: str, cls: type[object], /) -> None:
            offers.append(HandedOffer(kind=kind, name=name, provider=provider, offered=cls))

        self._ask(extension, kind.hook, register=register)
        return offers

    def _collected(self, hook: str, kind: type[T], config: Mapping[str, object]) -> Iterator[tuple[Extension, T]]:
        for extension in self.extensions:
            for answer in cast("list[object]", self._ask(extension, hook, config=config)):
                if isinstance(answer, str) or not isinstance(answer, Iterable):
                    raise extension.wrong(f"returned {_shown(answer)} from {hook}, not several {kind.__name__}s.")
                for one in cast("Iterable[object]", answer):
                    if not isinstance(one, kind):
                        raise extension.wrong(f"gave {_shown(one)} to {hook}, which takes {kind.__name__}s.")
                    yield extension, one

    def _ask(self, extension: Extension, hook: str, **arguments: object) -> object:
        """What one extension answers: a list, or one answer for a hook of which the first counts.

        What it raises becomes an error that names it; an `AionError` says enough by itself.
        """
        others = [other.plugin for other in self.extensions if other is not extension]
        call = self._manager.subset_hook_caller(hook, remove_plugins=others)
        try:
            answer: object = call(**arguments)
        except AionError:
            raise
        except Exception as exc:
            raise extension.wrong(f"failed in {hook}: {type(exc).__name__}: {exc}.") from exc
        return answer


def _shown(value: object) -> str:
    return f"an object of type {type(value).__name__}" if not isinstance(value, type) else f"the class {value.__name__}"
