"""The contract of loaders: where the code of workflows and activities comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from attrs import frozen

from aion_core.model.ids import Version
from aion_core.model.packages import PackageRecord
from aion_core.spi.capabilities import Capability


@frozen(kw_only=True)
class LoadedPackage:
    """One version of some code, imported and ready to run."""

    version: Version
    """Runs that began with this version go on with it, so the same code always has the same version."""
    workflows: tuple[object, ...] = ()
    """Objects decorated with `@aion.workflow`. The core refuses anything else, naming it."""
    activities: tuple[object, ...] = ()
    """Objects decorated with `@aion.activity`. Those that the workflows call need not be listed."""
    manifest: bytes | None = None
    """Of a package as it was built; None for code that was never packed."""


class LoaderHost(Protocol):
    """What an engine offers a loader. All methods may be called from any thread, between `open` and `close`."""

    @property
    def folder(self) -> Path:
        """Where relative paths of the configuration begin: the folder of `aion.toml`, or the current one without."""
        ...

    def list_packages(self) -> Sequence[PackageRecord]:
        """The packages in the event store, without their archives, in the order of deployment."""
        ...

    def get_package(self, version: Version) -> PackageRecord | None:
        """A package of the event store with its archive, or None."""
        ...


class Loader(ABC):
    """Brings code. Drivers take `(settings, platform)`; nothing is read or imported before `load`.

    All methods are called by one thread at a time. A runtime with processes of its own makes a loader of the same
    settings in each of them: `load` must give the same versions there.
    """

    contract: ClassVar[int] = 1
    """The contract this class implements. The core refuses another one; write the number into your class."""
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[type[Any]]
    """A frozen attrs class: what the loader's table in `aion.toml` may hold. Unknown keys are refused by the core."""

    @abstractmethod
    def open(self, host: LoaderHost) -> None:
        """Prepare; check the settings against the world, all of them. Opening an open loader does nothing.

        Raises `ConfigError` when the settings name what is not there.
        """

    @abstractmethod
    def load(self) -> Sequence[LoadedPackage]:
        """Everything there is now, the newest of a type last: it is what new runs get.

        Called after `open`, and again whenever `changed` says so. Versions that were loaded before may be left out:
        what the engine has, it keeps. An import that fails raises `InvalidPackage` with the original as `__cause__`;
        then the engine does not open, or goes on with what it has.
        """

    @abstractmethod
    def changed(self) -> bool:
        """Whether `load` would now give something it has not given before. Asked every few seconds: make it cheap."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything. Imported code stays imported. Closing twice is fine; afterwards `open` works again."""
