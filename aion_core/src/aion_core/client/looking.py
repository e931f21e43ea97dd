"""The verbs that only read: status, description, history, events, lists, and the feed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypeVar

from attrs import frozen

from aion_core.client.backend import Backend
from aion_core.client.events import Event, event_view
from aion_core.client.feed import FeedPlace, next_entries
from aion_core.client.history import History
from aion_core.client.listing import Listing, listing, next_page
from aion_core.client.sending import Target
from aion_core.client.stored import FoundRun, events_between, events_of, find_run
from aion_core.client.views import Description, FeedEntry, Summary, described, pending_of
from aion_core.client.waiting import Patience, Waiting
from aion_core.model import events as e
from aion_core.model.conditions import Condition
from aion_core.model.errors import InvalidInput
from aion_core.model.failed import Failed, WorkflowFailed
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.status import Status
from aion_core.spi.stores import EventStore, VisibilityStore
from aion_core.visibility import parse_condition

T = TypeVar("T")


class Looking:
    """Reads what is recorded. What was acknowledged before a verb is called is seen by it."""

    def __init__(self, backend: Backend, waiting: Waiting) -> None:
        """Over this backend, waiting in this way."""
        self._backend = backend
        self._waiting = waiting

    async def status(self, target: Target) -> Status:
        """What state the run is in."""
        found = await self._read(lambda store, _: find_run(store, target.id, target.run_id))
        return found.summary.status

    async def describe(self, target: Target) -> Description:
        """The run, with what it waits for and why it failed."""
        return await self._read(lambda store, _: _description(store, target.id, target.run_id))

    async def history(self, target: Target) -> History:
        """All events of the run."""

        def job(store: EventStore, _: VisibilityStore) -> History:
            found = find_run(store, target.id, target.run_id)
            return History(target.id, events_between(store, target.id, found.first_seq, found.last_seq))

        return await self._read(job)

    async def events(self, target: Target, *, after: int, wait: bool) -> AsyncGenerator[Event, None]:
        """Events as they are committed, until the run is closed; without `wait` those that are there."""
        if after < 0:
            raise InvalidInput(f"events are numbered from 1: after={after} is before all of them; write 0.")
        patience = Patience()
        place = _Place(after)
        while True:
            part = await self._read(_next_events(target.id, target.run_id, place))
            for event in part.events:
                yield event_view(event)
            place = part.place
            if part.ended or (part.complete and not wait):
                return
            if part.events:
                patience.news()
            else:
                await self._waiting.pause(patience.pause())

    async def list(
        self,
        query: str,
        *,
        params: Mapping[str, object] | None,
        order: str | None,
        limit: int | None,
        after: str | None,
    ) -> AsyncGenerator[Summary, None]:
        """Runs that match, page by page."""
        if limit is not None and limit < 0:
            raise InvalidInput(f"limit={limit}: a list has at least 0 runs.")
        self._backend.complain()
        place: Listing | None = listing(self._backend, query, params=params, order=order, after=after)
        left = limit
        while place is not None and left != 0:
            found, place = await self._read(_next_page(place, left))
            for summary in found if left is None else found[:left]:
                yield summary
            left = None if left is None else max(0, left - len(found))

    async def count(self, query: str, *, params: Mapping[str, object] | None) -> int:
        """How many runs match."""
        backend = self._backend
        now = backend.platform.now()
        where = parse_condition(query, schema=backend.attributes, now=now, params=params, limits=backend.limits)
        return await self._read(lambda _, store: store.count(where))

    async def subscribe(
        self, query: str, *, params: Mapping[str, object] | None, after: str | None
    ) -> AsyncGenerator[FeedEntry, None]:
        """Events of matching runs, as they are committed. Never ends by itself."""
        backend = self._backend
        now = backend.platform.now()
        where = parse_condition(query, schema=backend.attributes, now=now, params=params, limits=backend.limits)
        place = FeedPlace.parse(after)
        patience = Patience()
        while True:
            before = place
            found, place = await self._read(_next_entries(where, before))
            for entry in found:
                yield entry
            if place != before:
                patience.news()
            else:
                await self._waiting.pause(patience.pause())

    async def _read(self, job: Callable[[EventStore, VisibilityStore], T]) -> T:
        self._backend.complain()
        return await self._waiting.answer(self._backend.reading(job), what="the store's answer")


@frozen
class _Place:
    """How far a reader of a run's events has come."""

    after: int
    begun: bool = False
    """What comes next is whatever follows in the history, also when another run has begun meanwhile."""


@frozen(kw_only=True)
class _Part:
    events: list[e.Event]
    place: _Place
    complete: bool
    """Nothing more is there now."""
    ended: bool
    """Nothing more will come."""


def _next_page(
    where: Listing, limit: int | None
) -> Callable[[EventStore, VisibilityStore], tuple[list[Summary], Listing | None]]:
    return lambda _, store: next_page(store, where, limit)


def _next_entries(
    where: Condition | None, place: FeedPlace
) -> Callable[[EventStore, VisibilityStore], tuple[list[FeedEntry], FeedPlace]]:
    return lambda store, _: next_entries(store, where, place)


def _next_events(
    workflow_id: WorkflowId, run_id: RunId | None, place: _Place
) -> Callable[[EventStore, VisibilityStore], _Part]:
    def job(store: EventStore, _: VisibilityStore) -> _Part:
        found = find_run(store, workflow_id, run_id)
        after = place.after if place.begun else max(place.after, found.first_seq - 1)
        events: list[e.Event] = []
        for batch in store.read(workflow_id, after=after).items:
            events += (event for event in events_of(store, workflow_id, batch) if event.seq > after)
        if run_id is not None and not found.summary.status.open:
            events = [event for event in events if event.seq <= found.last_seq]
        at = events[-1].seq if events else after
        complete = at >= found.last_seq
        ended = complete and not found.summary.status.open
        return _Part(events=events, place=_Place(at, begun=True), complete=complete, ended=ended)

    return job


def _description(store: EventStore, workflow_id: WorkflowId, run_id: RunId | None) -> Description:
    found = find_run(store, workflow_id, run_id)
    more: dict[str, Any] = {"history_length": found.last_seq - found.first_seq + 1}
    status = found.summary.status
    if status.open:
        events = events_between(store, workflow_id, found.first_seq, found.last_seq)
        more["pending"] = pending_of(workflow_id, events, found.state.open)
        more["failure"] = _blocked(events) if status is Status.BLOCKED else None
    elif status is Status.FAILED:
        more["failure"] = _failure(store, found)
    return described(found.summary, **more)


def _failure(store: EventStore, found: FoundRun) -> Failed | None:
    workflow_id = found.state.workflow_id
    for event in events_between(store, workflow_id, found.last_seq, found.last_seq):
        if isinstance(event, e.WorkflowFailed):
            return WorkflowFailed(event.failure, workflow_id=workflow_id, run_id=found.summary.run_id)
    return None


def _blocked(events: list[e.Event]) -> Failed | None:
    blocked = [event for event in events if isinstance(event, e.WorkflowBlocked)]
    return Failed(blocked[-1].failure) if blocked else None
