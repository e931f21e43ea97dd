"""`[limits]`: how much of anything one workflow, message or query may hold."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from attrs import frozen

from aion_core.model.settings import AtLeast, Size

KILOBYTE: Final = 1024
MEGABYTE: Final = 1024 * KILOBYTE

_Count: TypeAlias = Annotated[int, AtLeast(1)]
_Bytes: TypeAlias = Annotated[Size, AtLeast(1)]


@frozen(kw_only=True)
class Limits:
    """How much of anything is accepted. Every limit has a default that ordinary programs never meet."""

    payload: _Bytes = 2 * MEGABYTE
    """One value: an input, a result, a signal."""
    inline: Annotated[Size, AtLeast(0)] = 64 * KILOBYTE
    """A larger payload is kept beside the history, as a blob."""
    memo: _Bytes = 64 * KILOBYTE
    """All notes of one run together."""
    attributes: _Count = 64
    """Search attributes of one run."""
    signals: _Count = 10_000
    """Signals waiting, per workflow."""
    history_events: _Count = 50_000
    """Events of one run. A run that comes near is asked to continue as new."""
    history_size: _Bytes = 64 * MEGABYTE
    """Bytes of one run's events."""
    query: _Count = 4096
    """Characters of a query."""
    depth: _Count = 64
    """Nesting of values, and of children."""
