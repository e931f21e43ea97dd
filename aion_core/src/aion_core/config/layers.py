"""Where values come from, and how a later source lies over an earlier one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias, cast

from attrs import frozen

Path: TypeAlias = tuple[str, ...]
Table: TypeAlias = dict[str, object]

DRIVER_TABLES: Final = frozenset({"event_store", "visibility_store", "runtime"})
"""Sections whose keys, but for `use`, belong to a driver."""


class Kind(Enum):
    """The kinds of origin, the weakest first."""

    DEFAULT = "default"
    FILE = "file"
    PROFILE = "profile"
    ENVIRONMENT = "environment"
    ARGUMENT = "argument"


@frozen
class Origin:
    """Where one value comes from."""

    kind: Kind
    name: str = ""
    """The file, the profile, or the environment variable."""

    def __str__(self) -> str:
        match self.kind:
            case Kind.ENVIRONMENT | Kind.FILE:
                return self.name
            case Kind.PROFILE:
                return f"profile {self.name}"
            case _:
                return str(self.kind.value)


DEFAULT: Final = Origin(Kind.DEFAULT)
ARGUMENT: Final = Origin(Kind.ARGUMENT)


@frozen
class Text:
    """A value of the environment: text, until it is known of which type it has to be."""

    text: str
    variable: str

    def __repr__(self) -> str:
        return f"Text(from {self.variable})"  # it may be a secret


class Layers:
    """The tables of all sources in one, and the origin of every value in it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.table: Table = {}
        self._origins: dict[Path, Origin] = {}

    def lay(self, table: Mapping[str, object], origin: Origin) -> None:
        """Lay a stronger source over what there is.

        Tables are merged key by key. A table of a driver with another `use` replaces the one below: the keys of one
        driver mean nothing to another.
        """
        self._lay(self.table, table, (), origin)

    def origin(self, path: Path) -> Origin:
        """Where the value at `path` comes from; of a part, where the whole comes from."""
        for length in range(len(path), 0, -1):
            if found := self._origins.get(path[:length]):
                return found
        below = [origin for at, origin in self._origins.items() if at[: len(path)] == path]
        return max(below, key=lambda origin: list(Kind).index(origin.kind), default=DEFAULT)

    def _lay(self, below: Table, table: Mapping[str, object], path: Path, origin: Origin) -> None:
        if _is_driver(path) and _changes_driver(below, table):
            below.clear()
            self._forget(path)
        for key, value in table.items():
            at = (*path, key)
            existing = below.get(key)
            if isinstance(value, Mapping) and not _is_whole(at, cast("Mapping[str, object]", value)):
                if not isinstance(existing, dict) or _is_whole(at, cast("Table", existing)):
                    self._forget(at)
                    existing = below[key] = {}
                self._lay(cast("Table", existing), cast("Mapping[str, object]", value), at, origin)
            else:
                self._forget(at)
                below[key] = value
                self._origins[at] = origin
        if not table and path:
            self._origins.setdefault(path, origin)

    def _forget(self, path: Path) -> None:
        for at in [at for at in self._origins if at[: len(path)] == path]:
            del self._origins[at]


def _is_driver(path: Path) -> bool:
    match path:
        case (section,):
            return section in DRIVER_TABLES
        case ("runtimes", _):
            return True
        case _:
            return False


def _changes_driver(below: Table, table: Mapping[str, object]) -> bool:
    if "use" not in table or not below:
        return False
    given = table["use"]
    return below.get("use") != (given.text if isinstance(given, Text) else given)


def _is_whole(path: Path, table: Mapping[str, object]) -> bool:
    """Whether a table is one value, such as `{ env = "NAME" }`, and not a place for several."""
    return _is_driver(path[:-1]) or is_reference(table)


def is_reference(value: object) -> bool:
    """Whether a value has the shape of a reference that the core itself resolves."""
    if not isinstance(value, Mapping) or len(cast("Mapping[object, object]", value)) != 1:
        return False
    table = cast("Mapping[object, object]", value)
    return isinstance(table.get("env", table.get("file")), str)


_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")
_INDEX: Final = re.compile(r"\[\d+\]")


def dotted(path: Path) -> str:
    """A path as TOML writes it: `queues."my queue".rate`. Places in a list are parts like `[0]`."""
    text = ""
    for part in path:
        if _INDEX.fullmatch(part):
            text += part
            continue
        text += "." * bool(text) + (part if _PLAIN.fullmatch(part) else _quoted(part))
    return text


def _quoted(part: str) -> str:
    escaped = part.encode("unicode_escape").decode().replace('"', '\\"')
    return f'"{escaped}"'
