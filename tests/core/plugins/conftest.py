"""Fake distributions: installed as pip would leave them, in a folder of their own on `sys.path`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import pytest

STORES = """
    from attrs import frozen
    from aion_core.spi import Capability, EventStore

    @frozen
    class Settings:
        url: str = ""

    def missing(self, *arguments, **more):
        raise LookupError("not in this test")

    class Whole(EventStore):
        contract = 1
        capabilities = frozenset({Capability.DURABLE})
        settings = Settings
        for name in EventStore.__abstractmethods__:
            locals()[name] = missing
        def __init__(self, settings, platform):
            self.made_with = (settings, platform)
"""
"""A module with an event store that fulfils its contract on paper."""


class Install(Protocol):
    def __call__(
        self,
        name: str,
        version: str = "1.0",
        *,
        group: str = "aion.event_stores",
        provides: Mapping[str, str],
        module: str = STORES,
        requires: Sequence[str] = (),
    ) -> Path: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution `acme-x` with one module `acme_x`; entry points name objects in it (`:` is the module)."""
    modules: list[str] = []

    def install(
        name: str,
        version: str = "1.0",
        *,
        group: str = "aion.event_stores",
        provides: Mapping[str, str],
        module: str = STORES,
        requires: Sequence[str] = (),
    ) -> Path:
        imported = name.replace("-", "_")
        modules.append(imported)
        folder = tmp_path / name
        info = folder / f"{imported}-{version}.dist-info"
        info.mkdir(parents=True)
        metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {line}" for line in requires)]
        info.joinpath("METADATA").write_text("\n".join(["Metadata-Version: 2.1", *metadata, ""]))
        lines = [f"{key} = {imported}{'' if value == ':' else ':' + value}" for key, value in provides.items()]
        info.joinpath("entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        folder.joinpath(f"{imported}.py").write_text(dedent(module))
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        return folder

    yield install
    for imported in modules:
        sys.modules.pop(imported, None)


@pytest.fixture
def extend(install: Install) -> Callable[..., Path]:
    """Install a distribution with an extension of the given name."""

    def extend(name: str, module: str, *, extension: str, value: str = ":", version: str = "1.0") -> Path:
        module = dedent("from aion_core.spi import *\n") + dedent(module)
        return install(name, version, group="aion.plugins", provides={extension: value}, module=module)

    return extend
