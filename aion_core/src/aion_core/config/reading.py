"""From the gathered sources to a `Config`: structure every section, look up every driver, collect every problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

import attrs
from attrs import frozen

from aion_core.config.config import Config
from aion_core.config.drivers import DriverLookup, DriverTable
from aion_core.config.gathering import Sources
from aion_core.config.layers import Kind, Path, Table, Text, dotted
from aion_core.config.references import References
from aion_core.config.sections import (
    PLAIN_SECTIONS,
    SECTIONS,
    Activities,
    ActivityDefaults,
    ExtensionList,
    Queue,
)
from aion_core.config.showing import Value, unread_values, values_of, without_passwords
from aion_core.config.structuring import Structurer, unknown_key
from aion_core.model.attributes import AttributeSchema
from aion_core.model.errors import AionError, ConfigError, PluginError

if TYPE_CHECKING:  # see `drivers`
    from aion_core.plugins import DriverKind

T = TypeVar("T")
Compose: TypeAlias = Callable[[Sequence[str]], DriverLookup]
"""From the names in `[plugins] enabled` to the plugins."""

OWN_STORE: Final = "event_store"
"""`[visibility_store] use` for the event store's own."""


@frozen(kw_only=True)
class Examined:
    """What was found: a configuration, or everything that is wrong, and the values as far as they are known."""

    config: Config | None
    error: AionError | None
    values: tuple[Value, ...]
    source: str | None
    profile: str | None


class Reader:
    """Structures the sections of gathered sources, once."""

    def __init__(self, sources: Sources, *, stores_only: bool = False) -> None:
        """Nothing is read yet. `stores_only` looks up no runtimes and loaders: a client needs none installed."""
        self._sources = sources
        self._stores_only = stores_only
        self._layers = sources.layers
        self._references = References(environ=sources.environ, folder=sources.folder)
        self._structurer = Structurer(self._references, folder=sources.folder)
        self._plugin_errors: list[tuple[Path, PluginError]] = []
        self._values: dict[Path, tuple[Value, ...]] = {}

    def read(self, compose: Compose | None) -> Examined:
        """Structure everything; the problems of all sections are found in one go."""
        from aion_core.plugins import DriverKind  # noqa: PLC0415 # see `drivers`
        from aion_core.plugins import compose as compose_installed  # noqa: PLC0415

        table = self._layers.table
        for key in table:
            if key not in SECTIONS:
                self._structurer.report((key,), unknown_key(key, (*SECTIONS, "schema", "profiles")))
        plugins = self.section("plugins", ExtensionList)
        try:
            lookup = (compose or compose_installed)(plugins.enabled if plugins else ())
        except PluginError as error:
            self._plugin_errors.append((("plugins", "enabled"), error))
            return self._examined(None)
        self._references.resolver = lookup.resolve_secret

        plain = {name: self.section(name, kind) for name, kind in PLAIN_SECTIONS.items() if name != "plugins"}
        plain["plugins"] = plugins
        drivers = {
            kind.value: self._driver((kind.value,), kind, table[kind.value], lookup)
            for kind in (DriverKind.EVENT_STORE, DriverKind.VISIBILITY_STORE, DriverKind.RUNTIME)
        }
        runtimes = {
            name: self._driver(("runtimes", name), DriverKind.RUNTIME, each, lookup)
            for name, each in self._named("runtimes").items()
        }
        loaders = self._loaders(DriverKind.LOADER, lookup)
        queues = self._queues(runtimes)
        activities = self._activities()
        attributes = self._search_attributes()
        if self._has_problems():
            return self._examined(None)
        sections: Any = {
            **plain,
            **drivers,
            "runtimes": runtimes,
            "loaders": loaders,
            "queues": queues,
            "activities": activities,
            "search_attributes": attributes,
        }
        return self._examined(
            lambda values: Config(
                **sections,
                source=self._sources.name,
                folder=self._sources.folder,
                profile=self._sources.profile,
                lookup=lookup,
                values=values,
            )
        )

    # ---- sections

    def section(self, name: str, kind: type[T]) -> T | None:
        """A section with fixed keys."""
        table = self._layers.table.get(name, {})
        made = self._structurer.structure(table, kind, (name,))
        if made is not None:
            self._show((name,), values_of(made, (name,), self._layers.origin))
        elif isinstance(table, Mapping):
            self._show((name,), unread_values(cast("Mapping[str, object]", table), (name,), self._layers.origin))
        return made

    def _driver(self, path: Path, kind: DriverKind, given: object, lookup: DriverLookup) -> DriverTable | None:
        if not isinstance(given, Mapping):
            self._structurer.report(path, "expected a table with `use`, the name of a driver")
            return None
        table = dict(cast("Mapping[str, object]", given))
        self._show(path, unread_values(table, path, self._layers.origin))
        use = table.pop("use", None)
        use = use.text if isinstance(use, Text) else use
        if not isinstance(use, str) or not use:
            problem = "missing: name a driver" if use is None else "expected a string, the name of a driver"
            self._structurer.report((*path, "use"), problem)
            return None
        if kind == "visibility_store" and use == OWN_STORE:
            for key in table:
                self._structurer.report((*path, key), f'unknown key (with `use = "{OWN_STORE}"` there are no others)')
            return DriverTable(use=use)
        if self._stores_only and kind not in {"event_store", "visibility_store"}:
            return DriverTable(use=use)
        try:
            found = lookup.driver(kind, use)
        except PluginError as error:
            self._plugin_errors.append((path, error))
            return None
        settings = self._structurer.structure(table, found.settings, path)
        if settings is None:
            return None
        choice = Value(dotted((*path, "use")), use, self._layers.origin((*path, "use")))
        self._show(path, (choice, *values_of(settings, path, self._layers.origin)))
        return DriverTable(use=use, driver=found, settings=settings)

    def _loaders(self, kind: DriverKind, lookup: DriverLookup) -> tuple[DriverTable | None, ...]:
        given = self._layers.table.get("loaders", [])
        if not isinstance(given, list | tuple):
            self._structurer.report(("loaders",), "expected an array of tables: write [[loaders]]")
            return ()
        tables = list(cast("Sequence[object]", given))
        return tuple(self._driver(("loaders", f"[{n}]"), kind, each, lookup) for n, each in enumerate(tables))

    def _queues(self, runtimes: Mapping[str, object]) -> Mapping[str, Queue | None]:
        queues: dict[str, Queue | None] = {}
        for name, table in self._named("queues").items():
            path = ("queues", name)
            queue = queues[name] = self._structurer.structure(table, Queue, path)
            if queue is None:
                continue
            self._show(path, values_of(queue, path, self._layers.origin))
            if queue.runtime is not None and queue.runtime not in runtimes:
                known = f"known: {', '.join(sorted(runtimes))}" if runtimes else "there are none"
                self._structurer.report((*path, "runtime"), f"there is no [runtimes.{queue.runtime}] ({known})")
        return queues

    def _activities(self) -> Activities | None:
        fields = {each.name for each in attrs.fields(ActivityDefaults)}
        table = self._named("activities")
        names = [name for name, each in table.items() if name not in fields and isinstance(each, Mapping)]
        defaults: Table = {name: each for name, each in table.items() if name not in names}
        defaults.setdefault("start_to_close", 600)
        made = self._structurer.structure(defaults, ActivityDefaults, ("activities",))
        if made is None:
            made = ActivityDefaults()
        self._show(("activities",), values_of(made, ("activities",), self._layers.origin))
        named: dict[str, ActivityDefaults] = {}
        for name in names:
            path = ("activities", name)
            if (options := self._structurer.structure(table[name], ActivityDefaults, path)) is not None:
                named[name] = options
                self._show(path, values_of(options, path, self._layers.origin))
        return Activities(defaults=made, named=named)

    def _search_attributes(self) -> AttributeSchema:
        schema = AttributeSchema()
        for name, given in self._named("search_attributes").items():
            path = ("search_attributes", name)
            kind = self._structurer.structure(given, str, path)
            if kind is None:
                continue
            try:
                schema = schema.declaring(name, kind)
            except AionError as error:
                self._structurer.report(path, str(error).removesuffix("."))
            else:
                self._show(path, [Value(dotted(path), kind, self._layers.origin(path))])
        return schema

    def _named(self, section: str) -> Mapping[str, object]:
        """A section whose keys are the user's."""
        given = self._layers.table.get(section, {})
        if isinstance(given, Mapping):
            return cast("Mapping[str, object]", given)
        self._structurer.report((section,), "expected a table")
        return {}

    # ---- what comes of it

    def _show(self, path: Path, values: Iterable[Value]) -> None:
        """Keep what is shown of a table, instead of what was kept of it before."""
        self._values[path] = tuple(values)

    def _examined(self, config: Callable[[tuple[Value, ...]], Config] | None) -> Examined:
        paths = sorted(self._values, key=lambda path: SECTIONS.index(path[0]))  # stable: within a section as written
        values = tuple(value for path in paths for value in self._values[path])
        return Examined(
            config=config(values) if config else None,
            error=self.error() if config is None else None,
            values=values,
            source=self._sources.name,
            profile=self._sources.profile,
        )

    def _has_problems(self) -> bool:
        return bool(self._sources.problems or self._structurer.problems or self._plugin_errors)

    def error(self) -> AionError:
        """Every problem in one; a driver's own error when that is all."""
        problems = [*self._sources.problems, *map(self._said, self._structurer.problems)]
        if not problems and self._plugin_errors:
            (_, first), *others = self._plugin_errors
            for _, other in others:
                first.add_note(str(other))
            return first
        problems += [f"{dotted(path)}: {error}" for path, error in self._plugin_errors]
        return ConfigError([without_passwords(problem) for problem in problems], source=self._sources.name)

    def _said(self, problem: tuple[Path, str]) -> str:
        path, text = problem
        origin = self._layers.origin(path)
        where = f" (from {origin})" if origin.kind in {Kind.ENVIRONMENT, Kind.PROFILE} else ""
        return f"{dotted(path)}: {text}{where}"
