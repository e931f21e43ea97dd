"""`[limits]`: how much of anything one workflow, message or query may hold."""

from __future__ import annotations

from typing import Final

from attrs import frozen

KILOBYTE: Final = 1024
MEGABYTE: Final = 1024 * KILOBYTE


@frozen(kw_only=True)
class Limits:
    """Every limit has a default that ordinary programs never meet. Sizes are bytes."""

    payload: int = 2 * MEGABYTE
    inline: int = 64 * KILOBYTE
    memo: int = 64 * KILOBYTE
    attributes: int = 64
    signals: int = 10_000
    history_events: int = 50_000
    history_size: int = 64 * MEGABYTE
    query: int = 4096
    depth: int = 64
