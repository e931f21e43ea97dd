"""All sources of one configuration, laid over each other: defaults, file, profile, environment, argument."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Final, cast

from attrs import frozen

from aion_core.config.environment import lay_environment
from aion_core.config.layers import DEFAULT, Kind, Layers, Origin, Table, dotted
from aion_core.config.sections import SECTIONS
from aion_core.config.sources import Source, schema_problem, source_of
from aion_core.config.structuring import unknown_key
from aion_core.model.errors import ConfigError

DEFAULTS: Final[Mapping[str, object]] = {
    "event_store": {"use": "sql", "url": "sqlite:///aion.db"},
    "visibility_store": {"use": "event_store"},
    "runtime": {"use": "thread"},
}


@frozen(kw_only=True)
class Sources:
    """What the sources say, before any of it is judged."""

    layers: Layers
    problems: list[str]
    environ: Mapping[str, str]
    folder: FilePath
    name: str | None
    profile: str | None

    @classmethod
    def gather(
        cls,
        config: str | FilePath | Mapping[str, object] | None,
        *,
        environ: Mapping[str, str] | None,
        cwd: FilePath | None,
        profile: str | None,
    ) -> Sources:
        """Read the sources. Raises `ConfigError` when one can not be read at all."""
        environ = os.environ if environ is None else environ
        cwd = _current_folder() if cwd is None else cwd
        home = FilePath(environ["HOME"]) if environ.get("HOME") else None
        source = source_of(config, environ=environ, cwd=cwd, home=home)
        chosen = profile or environ.get("AION_PROFILE") or None
        layers = Layers()
        layers.lay(DEFAULTS, DEFAULT)
        problems = list(_lay_sources(layers, source, chosen, environ))
        return cls(
            layers=layers,
            problems=problems,
            environ=environ,
            folder=source.folder if source else cwd,
            name=source.name if source else None,
            profile=chosen,
        )


def _current_folder() -> FilePath:
    try:
        return FilePath.cwd()
    except OSError as error:
        raise ConfigError([f"the current folder can not be read: {error.strerror}"]) from None


def _lay_sources(
    layers: Layers, source: Source | None, profile: str | None, environ: Mapping[str, str]
) -> Iterator[str]:
    """Lay them, the weakest first. A dict that was handed over, with its profile, beats the environment."""
    table = dict(source.table) if source else {}
    origin = source.origin if source else DEFAULT
    if "schema" in table and (problem := schema_problem(table)):
        yield f"schema: {problem}"
    table.pop("schema", None)
    profiles = table.pop("profiles", {})
    chosen = _Profile(profile, origin)
    yield from chosen.choose(profiles)
    file = [(table, origin), (chosen.table, chosen.origin)]
    is_argument = origin.kind is Kind.ARGUMENT
    if not is_argument:
        for each, its_origin in file:
            layers.lay(each, its_origin)
    yield from lay_environment(layers, environ, SECTIONS)
    if is_argument:
        for each, its_origin in file:
            layers.lay(each, its_origin)


class _Profile:
    """The one of `[profiles]` that is asked for."""

    def __init__(self, name: str | None, source: Origin) -> None:
        self.table: Table = {}
        self._name = name
        self.origin = source if source.kind is Kind.ARGUMENT else Origin(Kind.PROFILE, name or "")

    def choose(self, profiles: object) -> Iterator[str]:
        """Set `table`; yield what is wrong with the profiles, also with those that are not asked for."""
        if not isinstance(profiles, Mapping):
            yield "profiles: expected a table"
            return
        known = cast("Mapping[str, object]", profiles)
        for name, table in known.items():
            path = ("profiles", name)
            if not isinstance(table, Mapping):
                yield f"{dotted(path)}: expected a table"
                continue
            for key in cast("Table", table):
                if key not in SECTIONS:
                    yield f"{dotted((*path, key))}: {unknown_key(key, SECTIONS)}"
        if self._name is None:
            return
        if self._name not in known:
            listed = f"known: {', '.join(sorted(known))}" if known else "there are none"
            yield f"profiles.{self._name}: there is no such profile ({listed})"
        elif isinstance(table := known[self._name], Mapping):
            self.table = {key: value for key, value in cast("Table", table).items() if key in SECTIONS}
