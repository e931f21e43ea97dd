"""One heap of due times: which workflows have to be looked at within the next minute or so, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Final

from aion_core.ledger import RunLedger
from aion_core.model.ids import WorkflowId
from aion_core.model.times import SECOND, Instant, Micros
from aion_core.platform import Platform
from aion_core.spi.records import Wake

HORIZON: Final = Micros(90 * SECOND)
"""How far ahead times are kept. Later ones stand in the store, which is read ahead of the clock."""

_LOOK_AGAIN: Final = 5.0
"""Seconds after which the clock is looked at in any case: it may have been set, or the machine may have slept."""


class Timers:
    """Wakes workflows when a time of theirs has come; at most one entry per workflow counts, its earliest."""

    def __init__(self, platform: Platform, *, wake: Callable[[WorkflowId], None]) -> None:
        """`wake` may be called too often, never too early."""
        self._platform = platform
        self._wake = wake
        self._heap: list[tuple[Instant, WorkflowId]] = []
        self._next: dict[WorkflowId, Instant] = {}

    def __len__(self) -> int:
        """How many workflows wait here."""
        return len(self._next)

    def note(self, ledger: RunLedger) -> None:
        """A turn was recorded, or a run was read: its next time may be another one."""
        first = ledger.next_timer() if ledger.waits and ledger.open else None
        if first is None:
            if self._next:
                self._next.pop(ledger.workflow_id, None)
            return
        # The row of a run with attempts under way says "at once", and hides the times of its timers: those are kept.
        if ledger.activities or first[0] <= self._platform.now() + HORIZON:
            self._add(ledger.workflow_id, first[0])

    def read_ahead(self, wakes: Iterable[Wake]) -> None:
        """What the store has for the next minute."""
        for wake in wakes:
            if wake.workflow_id not in self._next:
                self._add(wake.workflow_id, wake.at)

    def forget(self, of: Callable[[WorkflowId], bool]) -> None:
        """These are another engine's now."""
        for workflow_id in [each for each in self._next if of(each)]:
            del self._next[workflow_id]

    def due(self) -> float | None:
        """Wake those whose time has come; when to be called again, on the monotonic clock."""
        heap, now = self._heap, self._platform.now()
        while heap:
            at, workflow_id = heap[0]
            if self._next.get(workflow_id) != at:
                heappop(heap)
            elif at <= now:
                heappop(heap)
                del self._next[workflow_id]
                self._wake(workflow_id)
            else:
                return self._platform.monotonic() + min((at - now) / SECOND, _LOOK_AGAIN)
        return None

    def _add(self, workflow_id: WorkflowId, at: Instant) -> None:
        if self._next.get(workflow_id) != at:
            self._next[workflow_id] = at
            heappush(self._heap, (at, workflow_id))
