"""`load`: the door of this room."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TypeVar

from aion_core.config.config import Config
from aion_core.config.gathering import Sources
from aion_core.config.layers import ARGUMENT, Layers, Text, dotted
from aion_core.config.reading import Compose, Examined, Reader
from aion_core.config.references import References
from aion_core.config.sections import ExtensionList
from aion_core.config.structuring import Structurer
from aion_core.model.errors import ConfigError

T = TypeVar("T")


def load(
    config: str | FilePath | Mapping[str, object] | Config | None = None,
    *,
    compose: Compose | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: FilePath | None = None,
    profile: str | None = None,
    stores_only: bool = False,
) -> Config:
    """The configuration of a path, a dict or the nearest `aion.toml`; a `Config` is returned as it is.

    `compose` makes plugins of the names in `[plugins] enabled`; default: of what is installed. `environ` and `cwd` are
    those of the process unless given. `stores_only` is for clients: runtimes and loaders need not be installed, and
    their tables are not read. Raises `ConfigError` with every problem; the `PluginError` of a driver that can
    not be used when that is all.
    """
    if isinstance(config, Config):
        return config
    found = examine(config, compose=compose, environ=environ, cwd=cwd, profile=profile, stores_only=stores_only)
    if found.config is None:
        raise found.error or AssertionError("no configuration and no error")
    return found.config


def examine(
    config: str | FilePath | Mapping[str, object] | None = None,
    *,
    compose: Compose | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: FilePath | None = None,
    profile: str | None = None,
    stores_only: bool = False,
) -> Examined:
    """Like `load`, but tells what is wrong instead of raising it, beside the values that could be read.

    Raises `ConfigError` when not even the sources can be read.
    """
    sources = Sources.gather(config, environ=environ, cwd=cwd, profile=profile)
    return Reader(sources, stores_only=stores_only).read(compose)


def enabled_extensions(
    config: str | FilePath | Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: FilePath | None = None,
    profile: str | None = None,
) -> tuple[str, ...]:
    """Only `[plugins] enabled`: nothing is looked up, imported or resolved."""
    reader = Reader(Sources.gather(config, environ=environ, cwd=cwd, profile=profile))
    plugins = reader.section("plugins", ExtensionList)
    if plugins is None:
        raise reader.error()
    return plugins.enabled


def settings_of(kind: type[T], table: Mapping[str, object], *, folder: FilePath, name: str) -> T:
    """Settings outside of any file: texts are read as those of the environment are, paths are meant from `folder`."""
    layers = Layers()
    layers.lay({key: Text(value, key) if isinstance(value, str) else value for key, value in table.items()}, ARGUMENT)
    structurer = Structurer(References(environ=os.environ, folder=folder), folder=folder)
    settings = structurer.structure(layers.table, kind, (name,))
    if settings is None:
        raise ConfigError([f"{dotted(path)}: {text}" for path, text in structurer.problems])
    return settings
