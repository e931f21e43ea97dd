"""Strict readers of single values: nothing is coerced, except from the environment, where everything is text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, Literal, cast, get_args, get_origin

from aion_core.config import units
from aion_core.config.layers import Text
from aion_core.model.settings import Rate, Secret


class Mistyped(ValueError):
    """A value is not what its place takes; the message is the rest of a sentence."""


def boolean(value: object, _: object) -> bool:
    """True or false."""
    if isinstance(value, Text):
        if value.text.lower() in {"true", "false"}:
            return value.text.lower() == "true"
        raise Mistyped(f"expected true or false, got {units.shown(value.text)}")
    if not isinstance(value, bool):
        raise Mistyped(expected("a boolean", value))
    return value


def integer(value: object, _: object) -> int:
    """A whole number; a boolean is none."""
    if isinstance(value, Text):
        try:
            return int(value.text)
        except ValueError:
            raise Mistyped(f"expected an integer, got {units.shown(value.text)}") from None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Mistyped(expected("an integer", value))
    return value


def floating(value: object, _: object) -> float:
    """A number, with or without a fraction."""
    if isinstance(value, Text):
        try:
            return float(value.text)
        except ValueError:
            raise Mistyped(f"expected a number, got {units.shown(value.text)}") from None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Mistyped(expected("a number", value))
    try:
        return float(value)
    except OverflowError:
        raise Mistyped("the number is larger than anything can be") from None


def rate(value: object, _: object) -> Rate:
    """A rate such as `"25/s"`."""
    match value:
        case Rate():
            return value
        case Text():
            return units.rate(value.text)
        case str():
            return units.rate(value)
        case _:
            raise Mistyped(expected('a rate like "25/s"', value))


def size(value: object) -> int:
    """Bytes, from a number or a text such as `"64KB"`."""
    text = value.text if isinstance(value, Text) else value
    if isinstance(text, str):
        return int(text) if isinstance(value, Text) and text.isascii() and text.isdigit() else units.size(text)
    if not isinstance(text, int) or isinstance(text, bool):
        raise Mistyped(expected('a size like "64KB"', value))
    return text


def seconds(value: object) -> float:
    """A duration, from seconds, a timedelta or a text such as `"30s"`."""
    text = value.text if isinstance(value, Text) else value
    if isinstance(text, timedelta):
        return units.duration(text.total_seconds())
    if isinstance(text, str):
        try:
            number = float(text) if isinstance(value, Text) else None
        except ValueError:
            number = None
        return units.seconds(text) if number is None else units.duration(number)
    if not isinstance(text, int | float) or isinstance(text, bool):
        raise Mistyped(expected('a duration like "30s"', value))
    try:
        return units.duration(float(text))
    except OverflowError:
        raise Mistyped("the duration is longer than a thousand years") from None


def choice_of(target: Any) -> Callable[[object, object], object]:
    """A reader for a `Literal` or an `Enum`."""
    if get_origin(target) is Literal:
        choices: dict[object, object] = {choice: choice for choice in get_args(target)}
    else:
        choices = {choice.value: choice for choice in cast("type[Enum]", target)}
    listed = " or ".join(f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in choices)

    def structure(value: object, _: object) -> object:
        plain = value.text if isinstance(value, Text) else value
        for choice, meaning in choices.items():
            if value is meaning or (type(plain) is type(choice) and plain == choice):
                return meaning
            if isinstance(value, Text) and value.text == str(choice):
                return meaning
        if not isinstance(plain, str):
            raise Mistyped(f"expected {listed}, got {kind_of(value)}")
        raise Mistyped(f"expected {listed}, got {units.shown(plain)}")

    return structure


def expected(what: str, value: object) -> str:
    """The sentence about a value of another type. It never quotes the value, which may be a secret."""
    return f"expected {what}, got {kind_of(value)}"


def kind_of(value: object) -> str:
    """The type of a value in TOML's words."""
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str() | Text():
            return "a string"
        case Secret():
            return "a secret"
        case Mapping():
            return "a table"
        case list() | tuple() | set() | frozenset():
            return "an array"
        case datetime():
            return "a date-time"
        case date():
            return "a date"
        case time():
            return "a time"
        case None:
            return "None"
        case _:
            return f"a Python object of type {type(value).__name__}"
