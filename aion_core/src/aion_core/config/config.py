"""`Config`: everything that was configured, typed, with the origin of every value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from aion_core.config.drivers import DriverLookup, DriverTable
from aion_core.config.layers import Origin
from aion_core.config.sections import Activities, Aion, Engine, ExtensionList, Guard, Inbox, Queue, Retention
from aion_core.config.showing import Value
from aion_core.model.attributes import AttributeSchema
from aion_core.model.errors import InvalidInput
from aion_core.model.limits import Limits


@frozen(kw_only=True)
class Config:
    """Made by `load`. Immutable; secrets in it show themselves to nobody."""

    aion: Aion
    event_store: DriverTable
    visibility_store: DriverTable
    runtime: DriverTable
    runtimes: Mapping[str, DriverTable]
    queues: Mapping[str, Queue]
    loaders: tuple[DriverTable, ...]
    activities: Activities
    engine: Engine
    guard: Guard
    inbox: Inbox
    limits: Limits
    retention: Retention
    search_attributes: AttributeSchema
    plugins: ExtensionList

    source: str | None
    """The file it was read from; None when there is none."""
    folder: Path
    """Where relative paths are meant from: the file's folder, or the current one."""
    profile: str | None
    lookup: DriverLookup = field(repr=False, eq=False)
    """The composed plugins: the same that the drivers above came from."""
    _values: tuple[Value, ...] = field(repr=False, eq=False, alias="values")

    def values(self) -> Iterator[Value]:
        """Every value that is set, with its path and origin, as one would write it; secrets as `****`."""
        return iter(self._values)

    def origin(self, path: str) -> Origin:
        """Where the value at a path such as `event_store.url` comes from."""
        for value in self._values:
            if value.path == path:
                return value.origin
        raise InvalidInput(f"no value is set at {path!r}: `aion config show` lists the paths.")
