"""Search attributes: typed values that runs are found by, and the schema that declares them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias, cast

import msgspec

from aion_core.model.errors import AttributeConflict, InvalidAttribute, LimitExceeded, UnknownAttribute
from aion_core.model.times import Instant, as_datetime, instant

AttributeValue: TypeAlias = str | int | float | bool | datetime | tuple[str, ...]
"""What a search attribute holds. Datetimes are aware; keywords are a tuple."""


class AttributeType(StrEnum):
    """The declared type of a search attribute."""

    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    KEYWORDS = "keywords"


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """A value as an event records it, with its type, so that a history can be read without its schema."""

    type: AttributeType
    value: str | int | float | bool | tuple[str, ...]
    """A datetime is its instant."""

    @property
    def plain(self) -> AttributeValue:
        """The value as users see it."""
        if self.type is AttributeType.DATETIME and isinstance(self.value, int):
            return as_datetime(Instant(self.value))
        return self.value


_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_INT64: Final = 2**63
_LONGEST_SHOWN: Final = 256
"""Bits."""
MAX_TEXT: Final = 2048
"""Characters of a text attribute, or of one keyword."""
MAX_KEYWORDS: Final = 100
BUILT_IN_FIELDS: Final = frozenset(
    {"id", "run_id", "type", "status", "started", "closed", "version", "parent", "schedule", "blocked_reason"}
)
"""Names that every run has; an attribute can not be called so."""


class AttributeSchema:
    """The declared search attributes: names and types. Immutable; `declaring` gives a larger one."""

    __slots__ = ("_types",)

    def __init__(self, types: Mapping[str, AttributeType | str] | None = None) -> None:
        """Check every name and type."""
        self._types: dict[str, AttributeType] = {}
        for name, kind in (types or {}).items():
            self._types[name] = _declared(name, kind)

    @property
    def types(self) -> Mapping[str, AttributeType]:
        """Name to type."""
        return dict(self._types)

    def declaring(self, name: str, kind: AttributeType | str) -> AttributeSchema:
        """A schema with one more attribute. Declaring it again with the same type changes nothing."""
        declared = _declared(name, kind)
        existing = self._types.get(name, declared)
        if existing is not declared:
            raise AttributeConflict(name, existing, declared)
        return AttributeSchema({**self._types, name: declared})

    def type_of(self, name: str) -> AttributeType | None:
        """The declared type, or None."""
        return self._types.get(name)

    def check(self, name: str, value: object) -> Attribute:
        """The attribute as an event records it. Nothing is converted: an int is no float, and a str no keyword."""
        declared = self._types.get(name)
        if declared is None:
            raise UnknownAttribute(name, self._types)
        return Attribute(declared, _recorded(name, declared, value))

    def check_all(self, values: Mapping[str, object], *, limit: int) -> dict[str, Attribute | None]:
        """Check every value before any is used. None unsets an attribute."""
        if len(values) > limit:
            raise LimitExceeded("search attributes of one run", len(values), limit, setting="attributes")
        checked: dict[str, Attribute | None] = {}
        for name, value in values.items():
            if value is None and name not in self._types:
                raise UnknownAttribute(name, self._types)
            checked[name] = None if value is None else self.check(name, value)
        return checked

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttributeSchema) and self._types == other._types

    def __hash__(self) -> int:
        return hash(frozenset(self._types.items()))

    def __repr__(self) -> str:
        return f"AttributeSchema({ {name: str(kind) for name, kind in self._types.items()} })"


def _declared(name: str, kind: AttributeType | str) -> AttributeType:
    if not _NAME.fullmatch(str(name)) or name != str(name):
        raise InvalidAttribute(name, "is not a name: letters, digits, underscores and dots between words")
    if name.lower() == "not":
        raise InvalidAttribute(name, "has a name that a query could not tell from the word: choose another")
    if name in BUILT_IN_FIELDS:
        raise InvalidAttribute(name, "has the name of a field that every run has: choose another")
    try:
        return AttributeType(kind)
    except ValueError:
        known = ", ".join(AttributeType)
        raise InvalidAttribute(name, f"is declared as {kind!r}; the types are {known}") from None


def _shown(value: int) -> str:
    return f"is {value}" if value.bit_length() < _LONGEST_SHOWN else "is an int of very many digits"


def _recorded(name: str, declared: AttributeType, value: object) -> str | int | float | bool | tuple[str, ...]:
    match declared, value:
        case AttributeType.BOOL, bool():
            return value
        case AttributeType.INT, int() if not isinstance(value, bool):
            if not -_INT64 <= value < _INT64:
                raise InvalidAttribute(name, f"{_shown(value)}, which does not fit into 64 bits")
            return int.__int__(value)  # of an IntEnum: the number
        case AttributeType.FLOAT, float():
            if not math.isfinite(value):
                raise InvalidAttribute(name, f"is {value}; NaN and infinities can not be ordered")
            return value
        case AttributeType.STR, str():
            return _text(name, value)
        case AttributeType.DATETIME, datetime():
            return instant(value, what=f"search attribute {name!r}")
        case AttributeType.KEYWORDS, list() | tuple() | set() | frozenset():
            return _keywords(name, cast("Collection[object]", value))
        case _:
            raise InvalidAttribute(name, f"is declared as {declared} and was given {type(value).__name__}")


def _keywords(name: str, given: Collection[object]) -> tuple[str, ...]:
    if len(given) > MAX_KEYWORDS:
        raise InvalidAttribute(name, f"has {len(given)} keywords; {MAX_KEYWORDS} are allowed")
    words = [word for word in given if isinstance(word, str)]
    if len(words) < len(given):
        odd = next(word for word in given if not isinstance(word, str))
        raise InvalidAttribute(name, f"is a list of keywords, and {odd!r} is of type {type(odd).__name__}")
    if isinstance(given, set | frozenset):
        words.sort()  # the order of a set is not the same in every process
    return tuple(dict.fromkeys(_text(name, word) for word in words))


def _text(name: str, value: str) -> str:
    if len(value) > MAX_TEXT:
        raise InvalidAttribute(name, f"has {len(value)} characters; {MAX_TEXT} are allowed")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise InvalidAttribute(name, "holds a NUL or a lone surrogate, which no database keeps")
    return str(value)
