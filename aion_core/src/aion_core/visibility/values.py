"""The values of one query, literals and parameters alike, each checked against the field it is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Final, cast

from aion_core.model.attributes import AttributeType, AttributeValue
from aion_core.model.conditions import Field
from aion_core.model.errors import InvalidQuery, InvalidTime
from aion_core.model.status import Status
from aion_core.model.times import Instant, as_datetime, instant
from aion_core.visibility.tokens import Kind, Token, cut

MAX_VALUES: Final = 1000
"""Values of one `in`."""

UNITS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds of a relative time's units."""

_MICROSECOND: Final = timedelta(microseconds=1)
_INT64: Final = 2**63
_LISTS: Final = (list, tuple, set, frozenset)
_LONGEST_INT: Final = 400  # digits: beyond every float, and short of where Python refuses to convert
_OUTSIDE: Final = "{} lies outside the calendar (years 1 to 9999)"
_CONSTANTS: Final[Mapping[str, object]] = {"true": True, "false": False, "now": timedelta(0), "null": None}
_STATUSES: Final = frozenset(status.value for status in Status)
_WRITTEN: Final[Mapping[AttributeType, str]] = {
    AttributeType.STR: "write it in quotes, 'acme'",
    AttributeType.INT: "write digits, 42",
    AttributeType.FLOAT: "write a number, 4.2",
    AttributeType.BOOL: "write true or false",
    AttributeType.DATETIME: "write '2026-01-31', '2026-01-31T10:00:00Z', -2h or now",
    AttributeType.KEYWORDS: "write one keyword in quotes, 'vip'",
}
_CALLED: Final[Mapping[type, str]] = {
    str: "a str",
    int: "an int",
    float: "a float",
    bool: "a bool",
    timedelta: "a relative time",
}


class Values:
    """Reads values, and keeps account of which parameters were used."""

    def __init__(self, text: str, *, now: Instant, params: Mapping[str, object]) -> None:
        """`now` is what relative times are relative to."""
        self._text = text
        self._now = now
        self._params = params
        self._used: set[str] = set()

    def one(self, token: Token, field: Field) -> AttributeValue:
        """A literal or parameter as a value of the field."""
        return self._value(self._given(token), field, token, name=token.text)

    def many(self, token: Token, field: Field) -> tuple[AttributeValue, ...]:
        """A parameter that is the whole list of an `in`."""
        given = self._given(token)
        if not isinstance(given, _LISTS):
            problem = f"in compares with a list, and {token.shown} is {_called(given)}: write in ({token.shown})"
            raise self._refused(token, problem)
        values = list(cast("Iterable[object]", given))
        self.check_length(len(values), token)
        typed = [self._value(value, field, token, name=f"{token.text}[{place}]") for place, value in enumerate(values)]
        if isinstance(given, set | frozenset):
            typed.sort(key=str)  # the order of a set is not the same in every process
        return tuple(typed)

    def check_length(self, length: int, token: Token) -> None:
        """Refuse a list that is too long; `token` is where it begins."""
        if length > MAX_VALUES:
            problem = f"in compares with at most {MAX_VALUES:,} values, and these are {length:,}"
            raise self._refused(token, problem)

    def prefix(self, token: Token, field: Field) -> str:
        """The characters that a `like` pattern begins with. Its only wildcard is one % at the end."""
        pattern = str(self._typed(self._given(token), field, token, name=token.text))
        prefix: list[str] = []
        rest = iter(pattern)
        for char in rest:
            if char == "\\":
                escaped = next(rest, "")
                if escaped not in {"%", "\\"}:
                    raise self._refused(token, r"a backslash in a like pattern is followed by % or \: write \% or \\")
                prefix.append(escaped)
            elif char == "%":
                if next(rest, None) is not None:
                    raise self._refused(
                        token, r"like finds prefixes only: its one % stands at the end (a real % is \%)"
                    )
                return "".join(prefix)
            else:
                prefix.append(char)
        raise self._refused(token, "like finds prefixes only: end the pattern with %, or compare with =")

    def check_used(self) -> None:
        """Refuse parameters that the query does not mention: one of the names is wrong."""
        unused = sorted(f"${name}" for name in self._params.keys() - self._used)
        if unused:
            what = "parameter" if len(unused) == 1 else "parameters"
            problem = f"the query does not mention the {what} {', '.join(unused)}"
            raise InvalidQuery(self._text, len(self._text), problem)

    def _given(self, token: Token) -> object:
        """What was written or handed over, of whatever type it is."""
        match token.kind:
            case Kind.TEXT:
                return token.text[1:-1].replace("''", "'")
            case Kind.NAME if token.word in _CONSTANTS:
                return _CONSTANTS[token.word]
            case Kind.INT:
                return self._int(token)
            case Kind.FLOAT:
                return float(token.text)
            case Kind.RELATIVE:
                return self._relative(token)
            case Kind.PARAMETER:
                return self._parameter(token)
            case Kind.NAME:
                raise self._refused(token, f"{token.shown} is not a value: write text in quotes, '{token.shown}'")
            case _:
                raise self._refused(token, f"a value is missing: {token.shown} came instead")

    def _int(self, token: Token) -> int:
        if len(token.text) > _LONGEST_INT:
            raise self._refused(token, f"a number of {len(token.text)} digits is more than any field holds")
        return int(token.text)

    def _relative(self, token: Token) -> timedelta:
        if token.text[0] not in "+-":
            raise self._refused(token, f"a relative time has a sign: write -{token.shown} or +{token.shown}")
        try:
            return timedelta(seconds=int(token.text[:-1]) * UNITS[token.text[-1]])
        except (OverflowError, ValueError):  # a ValueError where Python refuses to convert so many digits
            raise self._refused(token, _OUTSIDE.format(token.shown)) from None

    def _parameter(self, token: Token) -> object:
        name = token.text[1:]
        if name not in self._params:
            known = ", ".join(f"${given}" for given in sorted(self._params)) or "none"
            problem = (
                f"the parameter {token.shown} was not given{did_you_mean(name, self._params, '$')} (given: {known})"
            )
            raise self._refused(token, problem)
        self._used.add(name)
        return self._params[name]

    def _value(self, given: object, field: Field, token: Token, *, name: str) -> AttributeValue:
        """A value that a run can have; a pattern's, being only the beginning of one, is not checked so far."""
        value = self._typed(given, field, token, name=name)
        if field.name == "status" and value not in _STATUSES:
            hint = did_you_mean(str(value), _STATUSES)
            known = ", ".join(Status)
            raise self._refused(token, f"{cut(repr(value))} is not a status{hint} (statuses: {known})")
        return value

    def _typed(self, given: object, field: Field, token: Token, *, name: str) -> AttributeValue:
        """The value as the field's type, or a refusal. `name` is what a message calls a parameter."""
        if isinstance(given, Enum) and isinstance(given, str):
            given = given.value
        match field.type, given:
            case AttributeType.STR | AttributeType.KEYWORDS, str():
                return self._checked_text(given, token)
            case AttributeType.DATETIME, datetime() | timedelta() | str():
                return self._time(given, token)
            case AttributeType.BOOL, bool():
                return given
            case AttributeType.INT, int() if not isinstance(given, bool):
                if not -_INT64 <= given < _INT64:
                    raise self._refused(token, "this number does not fit into 64 bits")
                return int(given)
            case AttributeType.FLOAT, float() | int() if not isinstance(given, bool):
                return self._finite(given, token)
            case _:
                raise self._mismatch(given, field, token, name)

    def _mismatch(self, given: object, field: Field, token: Token, name: str) -> InvalidQuery:
        if given is None:
            whose = f" ({cut(name)} is None)" if token.kind is Kind.PARAMETER else ""
            return self._refused(
                token, f"null is not compared with{whose}, write: {field.name} is null, or is not null"
            )
        declared = f"{field.name} {'is declared as' if field.attribute else 'is a'} {field.type}"
        called = _called(given)
        if token.kind is not Kind.PARAMETER:
            return self._refused(token, f"{declared} and was given {called}: {_WRITTEN[field.type]}")
        instead = "; a whole list goes with in" if isinstance(given, _LISTS) else ""
        return self._refused(token, f"{declared}, and {cut(name)} is {called}{instead}")

    def _checked_text(self, given: str, token: Token) -> str:
        text = str.__str__(given)
        if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise self._refused(token, "this text holds a NUL or a lone surrogate, which no run has")
        return text

    def _finite(self, given: float, token: Token) -> float:
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self._refused(token, "this number is not finite, or beyond what a float holds")
        return number

    def _time(self, given: datetime | timedelta | str, token: Token) -> datetime:
        if isinstance(given, str):
            given = self._iso(given, token)
        try:
            at = self._now + given // _MICROSECOND if isinstance(given, timedelta) else instant(given, what=token.shown)
        except InvalidTime as exc:
            raise self._refused(token, str(exc).removesuffix(".")) from None
        try:
            return as_datetime(Instant(at))
        except InvalidTime:
            raise self._refused(token, _OUTSIDE.format(token.shown)) from None

    def _iso(self, given: str, token: Token) -> datetime:
        try:
            day = date.fromisoformat(given)
        except ValueError:
            pass
        else:
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        try:
            when = datetime.fromisoformat(given)
        except ValueError:
            expected = _WRITTEN[AttributeType.DATETIME]
            raise self._refused(token, f"{cut(repr(given))} is not a date or time: {expected}") from None
        if when.tzinfo is None:
            problem = f"{cut(repr(given))} has no time zone: write {given}Z for UTC, or an offset as in {given}+01:00"
            raise self._refused(token, problem)
        return when

    def _refused(self, token: Token, problem: str) -> InvalidQuery:
        return InvalidQuery(self._text, token.position, problem)


def did_you_mean(word: str, known: Iterable[str], sign: str = "") -> str:
    """The middle of a sentence that proposes the known name nearest to a wrong one, or nothing."""
    by_folded = {name.casefold(): name for name in known}
    nearest = get_close_matches(word.casefold(), by_folded, n=1)
    return f", did you mean {sign}{by_folded[nearest[0]]}?" if nearest else ""


def _called(given: object) -> str:
    return _CALLED.get(type(given), f"a {type(given).__name__}")
