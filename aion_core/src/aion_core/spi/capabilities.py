"""What a driver may be able to do beyond its contract."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """Makes something faster or available; never changes what a history means.

    A driver declares its capabilities in `capabilities: ClassVar[frozenset[Capability]]`. Asking for one that the
    driver lacks fails when the engine opens, not later.
    """

    ATOMIC_VISIBILITY = "atomic_visibility"
    """An event store that is a visibility store too, and keeps summaries in the transaction of the append."""
    MULTI_ENGINE = "multi_engine"
    """Several engines may own shards of one store at the same time."""
    NOTIFY = "notify"
    """`wait` returns within milliseconds of news from another process, not only at the next poll."""
    SHARDED_WRITERS = "sharded_writers"
    """Shards are independent logs: one writer per shard may append at the same time."""
    DURABLE = "durable"
    """What was acknowledged survives the process."""
    CANCELS_RUNNING = "cancels_running"
    """A runtime that can stop a running body without its cooperation."""
    ISOLATES_CRASHES = "isolates_crashes"
    """A runtime whose workers may die without the engine."""
    HARD_LIMITS = "hard_limits"
    """A runtime that enforces limits of memory, CPU and access."""
