"""The types that settings classes are written with: secrets, sizes, durations, rates, bounds.

A driver's settings are a frozen attrs class; the text below a field is its documentation:

    @frozen(kw_only=True)
    class Settings:
        url: str = "sqlite:///aion.db"
        '''Where the database is.'''
        password: Secret | None = None
        '''Of the database's user.'''
        timeout: Annotated[Seconds, AtLeast(0.1)] = 5.0
        '''How long to wait for a connection.'''

A class with a method `relative_to(folder: Path) -> Self` is asked for the settings it means when it was written in
that folder: a relative file name must not depend on where a program was started.
"""

from __future__ import annotations

import hmac
from enum import Enum
from typing import Annotated, Final, TypeAlias, final

from attrs import frozen

HIDDEN: Final = "****"
"""What is shown in a secret's place."""


@final
class Secret:
    """A text that shows itself to nobody who does not ask: `reveal()` gives it, everything else `****`.

    Equal to a secret of the same text. Not hashable, so that it does not end up as a key or a cache's argument.
    """

    __slots__ = ("_text",)
    __hash__ = None  # type: ignore[assignment] # the way Python spells "not hashable"

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call it where it is used, and keep the result nowhere."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_comparable(self._text), _comparable(other._text))

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a Secret does not leave its process: hand over the reference it came from.")


def _comparable(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class Unit(Enum):
    """What the number of an annotated field counts."""

    BYTES = "bytes"
    SECONDS = "seconds"


@frozen
class AtLeast:
    """The smallest value that a field takes: `Annotated[int, AtLeast(1)]`."""

    minimum: float


@frozen
class AtMost:
    """The largest value that a field takes."""

    maximum: float


Size: TypeAlias = Annotated[int, Unit.BYTES]
"""Bytes. Written as a number, or as text: `"64KB"`, `"2MB"`, `"1GB"` (powers of 1024)."""

Seconds: TypeAlias = Annotated[float, Unit.SECONDS]
"""A duration. Written as a number of seconds, or as text: `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`, `"2w"`."""


@frozen
class Rate:
    """So many in so many seconds. Written as text: `"25/s"`, `"100/m"`, `"1000/h"`."""

    count: float
    seconds: float

    @property
    def per_second(self) -> float:
        """How many in one second."""
        return self.count / self.seconds

    def __str__(self) -> str:
        unit = {1.0: "s", 60.0: "m", 3600.0: "h"}.get(self.seconds, f"{self.seconds:g}s")
        return f"{self.count:g}/{unit}"
