"""The contract of observers: who is told what was committed, in order, after it is durable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from aion_core.spi.records import FeedEntry


class Observer(ABC):
    """Sees the commits of the engine it belongs to, for as long as that engine is open.

    An observer can neither delay nor change what a workflow does: it is told when everything is done. What is committed
    while no engine of the application runs, or by another engine, is not told; whoever must see everything reads the
    feed with a cursor of his own (`Engine.subscribe(after=…)`), from which nothing is missing.
    """

    @abstractmethod
    def committed(self, entries: Sequence[FeedEntry]) -> None:
        """These batches are durable. At least one entry, and never for keeping: copy what outlives the call.

        Within a shard entries come in the order of their `n`; between shards there is no order. An entry may come more
        than once, after an outcome that was unknown or a shard that came back: (shard, n) tells.

        Called on the one thread that serves all observers, one call at a time, in the order of `[plugins] enabled`.
        Taking long keeps the observers behind it waiting, never a workflow. An exception is logged with the plugin's
        name and the call counts as made: the next observer and the next entries follow.
        """
