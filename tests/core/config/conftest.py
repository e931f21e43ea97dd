from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from attrs import field, frozen

from aion_core.config import AtLeast, AtMost, Config, Rate, Seconds, Secret, Size, examine, load
from aion_core.model.errors import AionError, PluginNotFound
from aion_core.plugins import Driver, DriverKind


@frozen(kw_only=True)
class Pool:
    size: Annotated[int, AtLeast(1), AtMost(100)] = 5
    """Connections."""


@frozen(kw_only=True)
class Settings:
    """A driver's settings with a field of every kind."""

    url: str = "sqlite:///default.db"
    """Where the data is."""
    password: Secret | None = None
    token_file: Path | None = None
    access_key: str | None = None
    bucket: str | None = None
    workers: Annotated[int, AtLeast(1)] = 1
    timeout: Seconds = 5.0
    cache: Size = 0
    rate: Rate | None = None
    fast: bool = False
    ratio: float = 0.5
    durability: Literal["disk", "process"] = "disk"
    modules: tuple[str, ...] = ()
    labels: Mapping[str, int] = field(factory=dict)
    network: str | None = None
    pool: Pool = Pool()


@frozen(kw_only=True)
class Strict:
    """Settings with a key that has no default, and a rule of their own."""

    path: str
    first: int = 0
    last: int = 10

    def __attrs_post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"first ({self.first}) is after last ({self.last})")


@frozen(kw_only=True)
class Relative:
    url: str = "db"

    def relative_to(self, folder: Path) -> Relative:
        return Relative(url=f"{folder}/{self.url}")


SETTINGS: dict[str, type[Any]] = {"strict": Strict, "relative": Relative}
MISSING = {"s3"}


class FakeLookup:
    def __init__(self, enabled) -> None:
        self.enabled = tuple(enabled)

    def driver(self, kind: DriverKind, name: str) -> Driver[Any]:
        if name in MISSING:
            raise PluginNotFound(kind, name, ["sql"], distribution="aion-store-s3")
        settings = SETTINGS.get(name, Settings)
        return Driver(kind=kind, name=name, provider="acme 1", cls=object, settings=settings, capabilities=frozenset())

    def resolve_secret(self, reference: Mapping[str, object]) -> str | None:
        if reference.get("keyring") == "broken":
            raise RuntimeError("the keyring is locked")
        return "from-keyring" if "keyring" in reference else None


class Loading:
    """Loads in a folder of its own, with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {"HOME": str(folder)}

    def write(self, text: str, name: str = "aion.toml", *, schema: bool = True) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(("schema = 1\n" if schema else "") + text, encoding="utf-8")
        return file

    def load(self, config=None, *, cwd: Path | None = None, profile: str | None = None, **environ: str) -> Config:
        return load(
            config, compose=FakeLookup, environ={**self.environ, **environ}, cwd=cwd or self.folder, profile=profile
        )

    def examine(self, config=None, **environ: str):
        return examine(config, compose=FakeLookup, environ={**self.environ, **environ}, cwd=self.folder)

    def error(self, config=None, **keywords) -> AionError:
        with pytest.raises(AionError) as caught:
            self.load(config, **keywords)
        return caught.value

    def problems(self, config=None, **keywords) -> list[str]:
        error = self.error(config, **keywords)
        assert error.code == "config", error
        return list(error.problems)

    def shown(self, config=None, **environ: str) -> dict[str, object]:
        return {value.path: value.shown for value in self.load(config, **environ).values()}


@pytest.fixture
def aion(tmp_path) -> Loading:
    return Loading(tmp_path)
