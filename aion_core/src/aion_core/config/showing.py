"""Values as people may see them: as one would write them in the file, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, time
from enum import Enum
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, TypeAlias, TypeGuard, cast, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from aion_core.config.layers import DEFAULT, Kind, Origin, Path, Text, dotted
from aion_core.config.structuring import HiddenText
from aion_core.config.units import shown_seconds, shown_size
from aion_core.model.settings import HIDDEN, Rate, Secret, Unit

Shown: TypeAlias = str | int | float | bool | list["Shown"] | dict[str, "Shown"] | None
OriginOf: TypeAlias = Callable[[Path], Origin]

_SECRET_NAME: Final = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|(api|access|private|account|signing)_?key", re.IGNORECASE
)
_IN_URL: Final = re.compile(r"(?<=://)([^:/?#\s]*):(\S*)@")
_IN_QUERY: Final = re.compile(
    r"(?<=[?&;])([\w-]*(?:pass|pwd|secret|token|key|credential)[\w-]*)=[^&;\s]*", re.IGNORECASE
)


@frozen
class Value:
    """One value of the configuration."""

    path: str
    shown: Shown
    """As one would write it; `****` for a secret."""
    origin: Origin


def without_passwords(text: str) -> str:
    """The text with the passwords inside its URLs hidden."""
    return _IN_QUERY.sub(rf"\1={HIDDEN}", _IN_URL.sub(rf"\1:{HIDDEN}@", text))


def values_of(settings: object, path: Path, origin_of: OriginOf) -> Iterator[Value]:
    """The values of an instance of a settings class. What is None is not set, and not shown."""
    kind = type(settings)
    if not is_settings(kind):
        return
    hints = get_type_hints(kind, include_extras=True)
    for field in attrs.fields(kind):
        value: object = getattr(settings, field.name)
        at = (*path, field.name)
        if attrs.has(type(value)) and not isinstance(value, Rate):
            yield from values_of(value, at, origin_of)
        elif value is not None:
            yield Value(dotted(at), shown(value, field.name, hints.get(field.name)), origin_of(at))


def is_settings(kind: type[object]) -> TypeGuard[type[attrs.AttrsInstance]]:
    """Whether a class is one of attrs, typed as such."""
    return attrs.has(kind)


def unread_values(table: Mapping[str, object], path: Path, origin_of: OriginOf) -> Iterator[Value]:
    """The values of a table whose types are not known: every text that somebody wrote may be a secret."""
    for key, value in table.items():
        at = (*path, key)
        origin = origin_of(at)
        is_open = isinstance(value, bool | int | float) or key == "use" or origin.kind is Kind.DEFAULT
        yield Value(dotted(at), shown(value, key) if is_open else HIDDEN, origin)


def shown(value: object, name: str, hint: Any = None) -> Shown:
    """A value as one would write it. `name` is its key: what is called a password is one, whatever its type."""
    match value:
        case Secret() | HiddenText():
            return HIDDEN
        case Enum():
            return shown(value.value, name)
        case Text():
            return shown(value.text, name)
        case bool() | None:
            return value
        case int() | float():
            return _number(value, hint)
        case str():
            return HIDDEN if _SECRET_NAME.search(name) else without_passwords(value)
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {str(key): shown(item, str(key)) for key, item in items}
        case list() | tuple() | set() | frozenset():
            plain = [shown(item, name) for item in cast("Iterable[object]", value)]
            return plain if isinstance(value, list | tuple) else sorted(plain, key=str)
        case FilePath() | Rate() | date() | time():
            return str(value)
        case _ if attrs.has(type(value)):
            inner = values_of(value, (), lambda _: DEFAULT)
            return {each.path: each.shown for each in inner}
        case _:
            return f"<{type(value).__name__}>"


def _number(value: float, hint: Any) -> Shown:
    for unit in _units(hint):
        return shown_size(int(value)) if unit is Unit.BYTES else shown_seconds(value)
    return value


def _units(hint: Any) -> Iterator[Unit]:
    """The unit of an annotated type, also of `Seconds | None`."""
    if get_origin(hint) is Annotated:
        yield from (fact for fact in get_args(hint)[1:] if isinstance(fact, Unit))
    for inner in get_args(hint) if get_origin(hint) is not Annotated else ():
        yield from _units(inner)
