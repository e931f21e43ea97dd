"""`load`: the door of this room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath

from aion_core.config.config import Config
from aion_core.config.gathering import Sources
from aion_core.config.reading import Compose, Examined, Reader
from aion_core.config.sections import ExtensionList


def load(
    config: str | FilePath | Mapping[str, object] | Config | None = None,
    *,
    compose: Compose,
    environ: Mapping[str, str] | None = None,
    cwd: FilePath | None = None,
    profile: str | None = None,
) -> Config:
    """The configuration of a path, a dict or the nearest `aion.toml`; a `Config` is returned as it is.

    Raises `ConfigError` with every problem; the `PluginError` of a driver that can not be used when that is all.
    """
    if isinstance(config, Config):
        return config
    found = examine(config, compose=compose, environ=environ, cwd=cwd, profile=profile)
    if found.config is None:
        raise found.error or AssertionError("no configuration and no error")
    return found.config


def examine(
    config: str | FilePath | Mapping[str, object] | None = None,
    *,
    compose: Compose,
    environ: Mapping[str, str] | None = None,
    cwd: FilePath | None = None,
    profile: str | None = None,
) -> Examined:
    """Like `load`, but tells what is wrong instead of raising it, beside the values that could be read.

    Raises `ConfigError` when not even the sources can be read.
    """
    sources = Sources.gather(config, environ=environ, cwd=cwd, profile=profile)
    return Reader(sources).read(compose)


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
