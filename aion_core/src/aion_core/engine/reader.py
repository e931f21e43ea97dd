"""The reader: workflows from the store, as the turn loop needs them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from aion_core.codec import decode_batch
from aion_core.engine.surroundings import Loaded
from aion_core.ledger import RunLedger, record_of
from aion_core.model.errors import AionError, HistoryCorrupt, StoreUnavailable
from aion_core.model.ids import WorkflowId
from aion_core.platform import Platform
from aion_core.spi.records import Batch, WorkflowState
from aion_core.spi.stores import EventStore

_log = logging.getLogger("aion.store")

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0


class Reader:
    """One of the pool. `handle` is its lane's: it reads what is asked for, and asks again while the store is away."""

    def __init__(self, store: EventStore, platform: Platform, *, loaded: Callable[[Sequence[Loaded]], None]) -> None:
        """`loaded` hears of every workflow that was asked for, once."""
        self._store = store
        self._platform = platform
        self._loaded = loaded
        self._waiting: list[WorkflowId] = []
        self._pause = _FIRST_PAUSE

    def handle(self, items: Sequence[WorkflowId]) -> float | None:
        """Read these, and what could not be read before; the time of the next try when the store is away."""
        self._waiting.extend(items)
        try:
            found = load(self._store, self._waiting)
        except StoreUnavailable as error:
            _log.warning("reading %d workflows is tried again: %s", len(self._waiting), error)
            pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
            return self._platform.monotonic() + pause
        self._waiting, self._pause = [], _FIRST_PAUSE
        if found:
            self._loaded(found)
        return None


def load(store: EventStore, workflow_ids: Sequence[WorkflowId]) -> list[Loaded]:
    """The current runs of these workflows. One that can not be read disturbs no other: its error stands in its place.

    Raises `StoreUnavailable`, and then nothing was read.
    """
    states = store.state(workflow_ids)
    return [_load(store, workflow_id, state) for workflow_id, state in zip(workflow_ids, states, strict=True)]


def _load(store: EventStore, workflow_id: WorkflowId, state: WorkflowState | None) -> Loaded:
    if state is None:
        return Loaded(workflow_id=workflow_id)
    try:
        try:
            return _whole(store, state)
        except HistoryCorrupt:
            # What was damaged on its way is sound the next time; what is damaged where it lies is not.
            return _whole(store, state)
    except StoreUnavailable:
        raise
    except AionError as error:
        return Loaded(workflow_id=workflow_id, error=error)


def _whole(store: EventStore, state: WorkflowState) -> Loaded:
    history = _current_run(store, state)
    return Loaded(workflow_id=state.workflow_id, ledger=_fold(state, history), history=history)


def _current_run(store: EventStore, state: WorkflowState) -> list[Batch]:
    """The batches of the run that is current, up to the head that the row names.

    Another engine may append between the two reads: what came after the row is left to the next time.
    """
    batches: list[Batch] = []
    after: int | None = state.run_start - 1
    while after is not None:
        page = store.read(state.workflow_id, after=after)
        batches.extend(batch for batch in page.items if batch.last_seq <= state.head)
        after = page.next if not batches or batches[-1].last_seq < state.head else None
    return batches


def _fold(state: WorkflowState, history: Sequence[Batch]) -> RunLedger:
    ledger = RunLedger(state.workflow_id, head=state.run_start - 1, start_hash=state.start_hash)
    for batch in history:
        for event in decode_batch(batch, workflow_id=state.workflow_id):
            if event.seq >= state.run_start:
                ledger.fold(event)
    if ledger.head != state.head:
        problem = f"ends at event {ledger.head}, and its row says {state.head}"
        raise HistoryCorrupt(problem, workflow_id=state.workflow_id)
    try:
        ledger.restore(record_of(state.open))
    except msgspec.DecodeError as error:
        problem = f"has a record of open activities that can not be read ({error})"
        raise HistoryCorrupt(problem, workflow_id=state.workflow_id) from error
    ledger.drained_seq = state.drained_seq
    ledger.size = sum(len(batch.body) for batch in history)
    return ledger
