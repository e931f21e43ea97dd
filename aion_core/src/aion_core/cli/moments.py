"""Points in time, as people and as programs read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def iso(when: datetime | None) -> str | None:
    """For programs: ISO 8601 in UTC."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clock(when: datetime) -> str:
    """For people: to the second, in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def age(when: datetime, now: datetime) -> str:
    """How long ago, in the one unit that matters: `3 min`."""
    seconds = abs((now - when).total_seconds())
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def told(when: datetime, now: datetime) -> str:
    """Both ways: `2026-01-01 12:00:00 UTC, 3 min ago`."""
    relative = f"{age(when, now)} ago" if when <= now else f"in {age(when, now)}"
    return f"{clock(when)} UTC, {relative}"
