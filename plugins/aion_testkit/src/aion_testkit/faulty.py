"""A wrapper that loses requests and replies on purpose, by plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from aion_core.spi import (
    AppendResult,
    Commit,
    EventStore,
    StoreUnavailable,
    Unknown,
)
from aion_testkit.forwarding import ForwardingEventStore


class Fault(Enum):
    """What happens to one call of `append`."""

    NONE = "none"
    LOST_REQUEST = "lost request"
    """Nothing is applied; the answer is `Unknown` for every commit."""
    LOST_REPLY = "lost reply"
    """Everything is applied; the answer is `Unknown` for every commit."""
    UNAVAILABLE = "unavailable"
    """Nothing is applied; `StoreUnavailable`."""
    HALF = "half"
    """As of a store whose shards are separate logs: every other commit is applied, all are answered `Unknown`."""


class FaultyEventStore(ForwardingEventStore):
    """Meets the faults of its plan, one for each call of `append`, and none after the last."""

    def __init__(self, store: EventStore, plan: Iterable[Fault]) -> None:
        super().__init__(store)
        self._plan = iter(tuple(plan))

    def append(self, commits: Sequence[Commit]) -> Sequence[AppendResult]:
        """Append as the plan allows."""
        fault = next(self._plan, Fault.NONE)
        match fault:
            case Fault.NONE:
                return self.store.append(commits)
            case Fault.UNAVAILABLE:
                raise StoreUnavailable("the plan says that the store can not be reached; nothing was done.")
            case Fault.LOST_REPLY:
                self.store.append(commits)
            case Fault.HALF:
                self.store.append(commits[::2])
            case Fault.LOST_REQUEST:
                pass
        return [Unknown(f"the plan says: {fault.value}") for _ in commits]
