"""Extensions: the many of `[plugins] enabled` and what an application hands over, loaded, checked and registered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Final

import pluggy
from attrs import evolve, frozen

from aion_core.model.errors import PluginContractError
from aion_core.plugins.offers import APPLICATION, installed_offers, load_in_order, the_one
from aion_core.spi import hookspecs

GROUP: Final = "aion.plugins"
KIND: Final = "plugin"

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if name.startswith("aion_") and inspect.isfunction(spec)
}
"""The hooks there are, each with its arguments."""


@frozen(kw_only=True, eq=False)
class Extension:
    """An object with hook implementations, and where it comes from."""

    name: str
    provider: str
    plugin: object
    """A module or an instance."""

    def wrong(self, *problems: str) -> PluginContractError:
        """The error that says what is wrong with it."""
        return PluginContractError(KIND, self.name, self.provider, problems)


def load_extensions(enabled: Sequence[str], extras: Sequence[object] = ()) -> tuple[Extension, ...]:
    """The extensions of these names, then those of the application, in order. A name or object counts once.

    Modules and instances are taken as they are. A class is made into an instance here, without arguments, so that every
    engine has its own. Raises the `PluginError` of the first that can not be used.
    """
    wanted = [*dict.fromkeys(enabled), *extras]
    names = list(dict.fromkeys(item for item in wanted if isinstance(item, str)))
    offers = installed_offers(KIND, GROUP) if names else []
    chosen = [the_one(KIND, name, offers) for name in names]
    loaded = load_in_order(GROUP, chosen)
    by_name = {
        offer.name: Extension(name=offer.name, provider=offer.provider, plugin=plugin)
        for offer, plugin in zip(chosen, loaded, strict=True)
    }
    extensions: dict[int, Extension] = {}
    for item in wanted:
        found = by_name[item] if isinstance(item, str) else _handed(item)
        extensions.setdefault(id(found.plugin), found)
    return tuple(checked(extension) for extension in extensions.values())


def checked(extension: Extension) -> Extension:
    """The extension with its object made, if it is a class. Raises `PluginContractError` with all that is wrong."""
    if isinstance(extension.plugin, type):
        try:
            extension = evolve(extension, plugin=extension.plugin())
        except Exception as exc:
            raise extension.wrong(f"can not be made without arguments: {type(exc).__name__}: {exc}.") from exc
    if problems := [*_problems(extension.plugin)]:
        raise extension.wrong(*problems)
    return extension


def register(extensions: Sequence[Extension]) -> pluggy.PluginManager:
    """A manager of its own with these extensions, which calls the first one first."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        # pluggy calls what was registered last first.
        for number, extension in reversed([*enumerate(extensions)]):
            manager.register(extension.plugin, name=f"{number}: {extension.name}")
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        [culprit] = [extension for extension in extensions if extension.plugin is exc.plugin]
        raise culprit.wrong(f"was refused: {str(exc).splitlines()[-1]}.") from exc
    return manager


@frozen(kw_only=True)
class Implementation:
    """A function that is marked as the implementation of a hook."""

    hook: str
    function: Callable[..., object]
    optional: bool
    """Written for cores that may not know the hook."""


def implemented(plugin: object) -> Iterator[Implementation]:
    """What an object marks as implementations, whether or not there are such hooks."""
    marks = pluggy.PluginManager(hookspecs.PROJECT)  # it reads marks; nothing is registered with it
    for attribute in dir(plugin):
        options = marks.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            yield Implementation(
                hook=options.get("specname") or attribute,
                function=getattr(plugin, attribute),
                optional=bool(options.get("optionalhook")),
            )


def _handed(plugin: object) -> Extension:
    name = plugin.__name__ if isinstance(plugin, ModuleType | type) else type(plugin).__name__
    return Extension(name=name, provider=APPLICATION, plugin=plugin)


def _problems(plugin: object) -> Iterator[str]:
    if type(plugin).__eq__ is not object.__eq__:
        yield "compares by value, so two engines could not tell theirs apart: give its class eq=False."
    implementations = [*implemented(plugin)]
    marked = {one.hook for one in implementations}
    for name in HOOKS:
        if name not in marked and inspect.isroutine(getattr(plugin, name, None)):
            yield f"defines {name} without @hookimpl."
            marked.add(name)
    if not marked:
        yield "implements no hook: mark its functions with @hookimpl."
    for one in implementations:
        yield from _implementation_problems(one)


def _implementation_problems(one: Implementation) -> Iterator[str]:
    if one.hook not in HOOKS:
        if not one.optional:
            near = get_close_matches(one.hook, HOOKS, 1)
            guess = f" Did you mean {near[0]}?" if near else ""
            yield f"implements {one.hook}, which is not a hook of this core.{guess}"
        return
    parameters = inspect.signature(one.function).parameters.values()
    taken = {
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty
    }
    unknown = sorted(taken - {*HOOKS[one.hook]})
    if unknown:
        yield f"takes {', '.join(unknown)} in {one.hook}, which has only {', '.join(HOOKS[one.hook])}."
