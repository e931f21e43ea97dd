"""`subscribe`: committed events of many runs, one after the other, from any place on.

The cursor of an event that is not the last of its batch is `BEFORE/SHARD.N.K`: where the feed stood before the batch,
and how many of the batch's events were seen. So a reader can stop anywhere, though a store's feed moves by batches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from aion_core.client.events import event_view
from aion_core.client.stored import events_of, runs_of
from aion_core.client.views import FeedEntry
from aion_core.model import events as e
from aion_core.model.conditions import Condition
from aion_core.model.errors import InvalidInput
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.summaries import Summary
from aion_core.spi.records import Cursor, WorkflowState
from aion_core.spi.records import FeedEntry as Entry
from aion_core.spi.stores import EventStore
from aion_core.visibility import matches

_PAGE: Final = 100
_SEEN: Final = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})\.([0-9]{1,9})")


@frozen
class FeedPlace:
    """Where a reader of the feed is. None: at the oldest entry that is kept."""

    cursor: Cursor | None = None
    shard: int = 0
    n: int = 0
    """With `seen`: the entry that was seen in part."""
    seen: int = 0

    def __str__(self) -> str:
        """The text that users hand on."""
        cursor = str(self.cursor or Cursor())
        return f"{cursor}/{self.shard}.{self.n}.{self.seen}" if self.seen else cursor

    @classmethod
    def parse(cls, text: str | None) -> FeedPlace:
        """The place of `str(place)`. Raises `InvalidInput`."""
        if text is None:
            return cls()
        try:
            cursor, slash, part = text.partition("/")
            place = cls(Cursor.parse(cursor))
        except (AttributeError, ValueError):
            raise _no_cursor(text) from None
        if not slash:
            return place
        seen = _SEEN.fullmatch(part)
        if seen is None:
            raise _no_cursor(text)
        shard, n, count = map(int, seen.groups())
        return cls(place.cursor, shard, n, count)


def next_entries(store: EventStore, where: Condition | None, place: FeedPlace) -> tuple[list[FeedEntry], FeedPlace]:
    """Matching events behind the place, and the place behind all that was read. A job for `Backend.reading`."""
    page = store.feed(place.cursor, limit=_PAGE)
    if not page.items:
        return [], place if place.seen else FeedPlace(page.next)
    runs = _Runs(store, [entry.workflow_id for entry in page.items])
    cursor = place.cursor or Cursor()
    found: list[FeedEntry] = []
    for entry in page.items:
        before, cursor = cursor, cursor.at(entry.shard, entry.n)
        seen = place.seen if (entry.shard, entry.n) == (place.shard, place.n) else 0
        found += _matching(store, runs, where, entry, before=before, behind=cursor, seen=seen)
    return found, FeedPlace(page.next)


def _matching(
    store: EventStore, runs: _Runs, where: Condition | None, entry: Entry, *, before: Cursor, behind: Cursor, seen: int
) -> Iterator[FeedEntry]:
    if where is not None and not any(runs.match(where, entry.workflow_id, run) for run in runs.of(entry)):
        return  # not decoded: most of a busy feed is of no interest to most readers
    events = events_of(store, entry.workflow_id, entry.batch)
    run_id = _first_run(entry, events)
    for count, event in enumerate(events, 1):
        if isinstance(event, e.WorkflowStarted):
            run_id = event.run_id
        if count <= seen or (where is not None and not runs.match(where, entry.workflow_id, run_id)):
            continue
        place = FeedPlace(behind) if count == len(events) else FeedPlace(before, entry.shard, entry.n, count)
        yield FeedEntry(cursor=str(place), id=entry.workflow_id, run_id=run_id, event=event_view(event))


def _first_run(entry: Entry, events: list[e.Event]) -> RunId:
    """The run of a batch's first event: a batch may end one run and begin the next."""
    for event in events:
        if isinstance(event, e.WorkflowStarted):
            return event.previous_run or event.run_id
    return entry.run_id


class _Runs:
    """The summaries of the runs of one page, as they are now: one read for most of them."""

    def __init__(self, store: EventStore, workflow_ids: list[WorkflowId]) -> None:
        self._store = store
        known = list(dict.fromkeys(workflow_ids))
        self._states: dict[WorkflowId, WorkflowState | None] = dict(zip(known, store.state(known), strict=True))
        self._older: dict[WorkflowId, dict[RunId, Summary]] = {}

    def of(self, entry: Entry) -> list[RunId]:
        """The runs that the batch of an entry may be of."""
        older = self._chain(entry.workflow_id).values() if self._changed(entry) else ()
        return [entry.run_id, *(summary.run_id for summary in older)]

    def match(self, where: Condition, workflow_id: WorkflowId, run_id: RunId) -> bool:
        """Whether the run matches. One that was removed meanwhile matches nothing."""
        state = self._states[workflow_id]
        if state is None:
            return False
        current = state.summary
        summary = current if current.run_id == run_id else self._chain(workflow_id).get(run_id)
        return summary is not None and matches(where, summary)

    def _changed(self, entry: Entry) -> bool:
        state = self._states[entry.workflow_id]
        return state is not None and entry.batch.first_seq < state.run_start

    def _chain(self, workflow_id: WorkflowId) -> dict[RunId, Summary]:
        if workflow_id not in self._older:
            self._older[workflow_id] = {run.run_id: run.summary for run in runs_of(self._store, workflow_id)}
        return self._older[workflow_id]


def _no_cursor(text: object) -> InvalidInput:
    return InvalidInput(f"{str(text)[:80]!r} is not a cursor of a feed: hand on `entry.cursor` as it is.")
