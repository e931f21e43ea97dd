"""Points in time and durations as whole microseconds, and the way from and to what users write."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final, NewType, TypeAlias

from aion_core.model.errors import InvalidTime

Instant = NewType("Instant", int)
"""Microseconds since 1970 in UTC: exact, and the same in every database."""

Micros = NewType("Micros", int)
"""A duration in microseconds."""

Duration: TypeAlias = int | float | timedelta
"""What users write for a duration: seconds, or a timedelta."""

SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LONGEST: Final = Micros(1000 * 366 * 24 * 3600 * SECOND)  # a thousand years: every sum with a date stays exact


def instant(when: datetime, *, what: str = "the time") -> Instant:
    """The instant of an aware datetime. A naive one is refused: nobody can say which instant it means."""
    if not isinstance(when, datetime):
        raise InvalidTime(f"{what} is a {type(when).__name__}; write a datetime with a time zone.")
    if when.tzinfo is None or when.utcoffset() is None:
        raise InvalidTime(f"{what} {when.isoformat()} has no time zone: write datetime(..., tzinfo=UTC), say.")
    at = Instant((when - _EPOCH) // _MICROSECOND)
    if not _FIRST <= at <= _LAST:  # at the calendar's ends a time zone can lead out of it
        raise InvalidTime(f"{what} lies outside the calendar (years 1 to 9999).")
    return at


def as_datetime(at: Instant) -> datetime:
    """The aware datetime, in UTC, of an instant."""
    try:
        return _EPOCH + timedelta(microseconds=at)
    except OverflowError:
        raise InvalidTime(f"the instant {at} lies outside the calendar (years 1 to 9999).") from None


def micros(duration: Duration, *, what: str = "the duration", zero: bool = False) -> Micros:
    """A duration in microseconds. Negative and NaN are refused, and so are zero (unless `zero`) and infinity."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidTime(f"{what} is a {type(duration).__name__}; write seconds or a timedelta.")
    if isinstance(seconds, float) and not math.isfinite(seconds):
        raise InvalidTime(f"{what} is {seconds}; write a finite number of seconds.")
    if seconds > _LONGEST // SECOND:
        raise InvalidTime(f"{what} is longer than a thousand years.")
    if seconds < 0 or (seconds == 0 and not zero):
        raise InvalidTime(f"{what} is {seconds} s; it must be {'at least' if zero else 'more than'} 0.")
    exact = duration // _MICROSECOND if isinstance(duration, timedelta) else round(duration * SECOND)
    return Micros(exact if zero else max(exact, 1))
