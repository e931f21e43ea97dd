"""What retention removes: whole closed runs, the oldest of each workflow first, once they are old enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Final

from attrs import frozen
from msgspec.structs import replace

from aion_core.client.stored import runs_of
from aion_core.model.attributes import AttributeType
from aion_core.model.conditions import And, Comparison, Condition, Field, Operator, Order, Query
from aion_core.model.errors import StoreRefused
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.summaries import RunEntry, Summary
from aion_core.spi.records import Page, PageToken
from aion_core.spi.stores import EventStore, VisibilityStore
from aion_core.upkeep.archive import Archive

_CLOSED: Final = Field("closed", AttributeType.DATETIME)


@frozen(kw_only=True)
class Removal:
    """Runs of one workflow that may go."""

    workflow_id: WorkflowId
    runs: Sequence[RunEntry]
    """Oldest first; never empty."""
    before_run: RunId | None
    """The first one that stays. None: nothing stays of the workflow."""
    head: int
    """What was looked at: a history that went on since is left alone."""


def due(
    visibility: VisibilityStore,
    closed_before: datetime,
    where: Condition | None,
    *,
    after: PageToken | None,
    limit: int,
) -> Page[Summary, PageToken]:
    """Runs that were closed before this time, the oldest first.

    Visibility is asked, and so nothing is due whose end visibility has not seen.
    """
    old = Comparison(_CLOSED, Operator.LT, closed_before)
    conditions = where.operands if isinstance(where, And) else () if where is None else (where,)
    whole = And((old, *conditions)) if conditions else old
    return visibility.list(Query(where=whole, order=Order(_CLOSED, descending=False)), after=after, limit=limit)


def removal_of(store: EventStore, workflow_id: WorkflowId, closed_before: datetime) -> Removal | None:
    """What may go of a workflow: its runs up to the first one that is open, or closed later."""
    (state,) = store.state([workflow_id])
    if state is None:
        return None
    current = state.summary
    # The entry of a run is written when it begins and ends: what the row says of the current one is newer.
    runs = [
        replace(entry, summary=current) if entry.run_id == current.run_id else entry
        for entry in runs_of(store, workflow_id)
    ]
    old = list(takewhile(lambda entry: _closed_before(entry, closed_before), runs))
    if not old:
        return None
    before_run = None if len(old) == len(runs) else runs[len(old)].run_id
    return Removal(workflow_id=workflow_id, runs=old, before_run=before_run, head=state.head)


def archive_all(removal: Removal, store: EventStore, archive: Archive) -> None:
    """Keep what is about to be removed. Raises what `Archive.keep` does: then nothing may be removed."""
    for entry in removal.runs:
        archive.keep(store, entry)


def remove(removal: Removal, store: EventStore, projected: VisibilityStore | None) -> bool:
    """Remove it; whether that was done. `projected` is a visibility store of its own, which forgets the runs, too."""
    try:
        store.trim(removal.workflow_id, removal.before_run, head=removal.head)
    except StoreRefused:
        return False  # it went on meanwhile; what is still due is found the next time
    if projected is not None:
        projected.delete([(removal.workflow_id, entry.run_id) for entry in removal.runs])
    return True


def trim_store(
    store: EventStore,
    visibility: VisibilityStore,
    closed_before: datetime,
    *,
    where: Condition | None = None,
    archive: Archive | None = None,
    projected: VisibilityStore | None = None,
    dry_run: bool = False,
    removed: Callable[[Removal], None],
) -> None:
    """All that is due, workflow by workflow; `removed` hears of each, also of what a `dry_run` would remove."""
    seen: set[WorkflowId] = set()
    after: PageToken | None = None
    while True:
        page = due(visibility, closed_before, where, after=after, limit=_PAGE)
        for summary in page.items:
            if summary.id in seen:
                continue
            seen.add(summary.id)
            removal = removal_of(store, summary.id, closed_before)
            if removal is None:
                continue
            if not dry_run:
                if archive is not None:
                    archive_all(removal, store, archive)
                if not remove(removal, store, projected):
                    continue
            removed(removal)
        after = page.next
        if after is None:
            return


_PAGE: Final = 200


def _closed_before(entry: RunEntry, moment: datetime) -> bool:
    summary = entry.summary
    return not summary.status.open and summary.closed is not None and summary.closed < moment
