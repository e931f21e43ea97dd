"""Sizes, durations and rates: from what people write to numbers."""

from __future__ import annotations

import math
import re
from typing import Final

from aion_core.model.settings import Rate

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_SIZE: Final = re.compile(rf"{_NUMBER} ?(B|KB|MB|GB|TB)", re.ASCII)
_SIZES: Final = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_DURATION: Final = re.compile(rf"{_NUMBER} ?(ms|s|m|h|d|w)", re.ASCII)
_DURATIONS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_RATE: Final = re.compile(rf"{_NUMBER} ?/ ?(s|m|h)", re.ASCII)
_LONGEST: Final = 1000 * 366 * 86400.0
_LARGEST: Final = 2**63 - 1


class UnitError(ValueError):
    """A text is not a size, duration or rate; the message is the rest of a sentence about it."""


def size(text: str) -> int:
    """Bytes of `"64KB"`, `"2MB"`, `"1.5GB"`; units are powers of 1024."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise UnitError(f'{shown(text)} is not a size: write bytes, or a number with B, KB, MB, GB or TB, like "64KB"')
    # Whole numbers are multiplied as such: a float is exact only up to 2**53.
    approximate = _finite(found[1], text)
    number = int(found[1]) if found[1].isdigit() and approximate < _LARGEST else approximate
    bytes_ = number * _SIZES[found[2]]
    if bytes_ > _LARGEST:
        raise UnitError(f"{shown(text)} is larger than anything can be")
    if bytes_ != int(bytes_):
        raise UnitError(f"{shown(text)} is not a whole number of bytes")
    return int(bytes_)


def seconds(text: str) -> float:
    """Seconds of `"500ms"`, `"30s"`, `"7d"`."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise UnitError(
            f'{shown(text)} is not a duration: write seconds, or a number with ms, s, m, h, d or w, like "30s"'
        )
    return duration(_finite(found[1], text) * _DURATIONS[found[2]])


def duration(value: float) -> float:
    """A number of seconds, checked."""
    if not math.isfinite(value):
        raise UnitError(f"{value} is not a duration: write a finite number of seconds")
    if value < 0:
        raise UnitError(f"{value:g} s is negative: a duration is not")
    if value > _LONGEST:
        raise UnitError(f"{value:g} s is longer than a thousand years")
    return float(value)


def rate(text: str) -> Rate:
    """The rate of `"25/s"`, `"100/m"`, `"1000/h"`."""
    found = _RATE.fullmatch(text)
    if not found:
        raise UnitError(f'{shown(text)} is not a rate: write a number per s, m or h, like "25/s"')
    count = _finite(found[1], text)
    if count == 0:
        raise UnitError(f"{shown(text)} would never start anything: write a rate above 0")
    return Rate(count, _DURATIONS[found[2]])


def shown_size(value: int) -> str:
    """The shortest exact way to write it: `"64KB"`."""
    for unit in ("TB", "GB", "MB", "KB"):
        if value and value % _SIZES[unit] == 0:
            return f"{value // _SIZES[unit]}{unit}"
    return str(value)


def shown_seconds(value: float) -> str:
    """The shortest exact way to write it: `"7d"`, `"90s"`, `"0.5s"`."""
    for unit in ("d", "h", "m"):
        if value and value % _DURATIONS[unit] == 0:
            return f"{value / _DURATIONS[unit]:.0f}{unit}"
    return f"{value:g}s"


_SHOWN: Final = 60


def shown(text: str) -> str:
    """A text as an error quotes it: never longer than a line."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}… ({len(text)} characters)"


def _finite(digits: str, text: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise UnitError(f"{shown(text)} is larger than anything can be")
    return number
