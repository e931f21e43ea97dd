"""Reading histories, states, runs, wakes and the feed, and removing what nobody keeps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from aion_core.spi import (
    Batch,
    BlobKey,
    BlobNotFound,
    Cursor,
    CursorTooOld,
    FeedEntry,
    Instant,
    Page,
    PageToken,
    RunEntry,
    RunId,
    Shard,
    Status,
    StoreRefused,
    Wake,
    WorkflowId,
    WorkflowState,
)
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Row
from aion_store_sql.paging import key_of, page_of
from aion_store_sql.rows import BATCH, RUN, STATE, batch_of, blob_place, entry_of, state_of
from aion_store_sql.visible import VisibleRows

_READ_PAGE: Final = 500
LAST_OF_FEED: Final = "(SELECT h.n FROM aion_history h WHERE h.shard = s.shard ORDER BY h.n DESC LIMIT 1)"
"""Of shard `s`. Not `max(n)`, for which MariaDB walks through the whole feed of each shard."""


def read(session: Session, workflow_id: WorkflowId, after: int, limit: int | None) -> Page[Batch, int]:
    """See `EventStore.read`."""
    most = limit or _READ_PAGE
    rows = session.rows(
        f"SELECT {BATCH} FROM aion_history WHERE workflow_id = ? AND last_seq > ? ORDER BY last_seq LIMIT ?",
        workflow_id,
        after,
        most + 1,
    )
    found = tuple(map(batch_of, rows[:most]))
    return Page(found, found[-1].last_seq if len(rows) > most else None)


def state(session: Session, workflow_ids: Sequence[WorkflowId]) -> list[WorkflowState | None]:
    """See `EventStore.state`."""
    if not workflow_ids:
        return []
    rows = session.rows(
        f"SELECT {STATE} FROM aion_workflow WHERE workflow_id {{among}}",
        session.dialect.array(workflow_ids),
    )
    found = {row[0]: state_of(row) for row in rows}
    return [found.get(workflow_id) for workflow_id in workflow_ids]


def states(
    session: Session,
    shards: Collection[Shard],
    status: Collection[Status] | None,
    after: PageToken | None,
    limit: int,
) -> Page[WorkflowState, PageToken]:
    """See `EventStore.states`. By id."""
    if not shards or (status is not None and not status):
        return Page(())
    array = session.dialect.array
    key = key_of(after, str)
    only = "" if status is None else " AND status {among}"
    behind = " AND workflow_id > ?" if key else ""
    rows = session.rows(
        f"SELECT {STATE} FROM aion_workflow WHERE shard {{among}}{only}{behind} ORDER BY workflow_id LIMIT ?",
        array(sorted(shards)),
        *([] if status is None else [array([each.value for each in status])]),
        *key,
        limit + 1,
    )
    return page_of(rows, limit, state_of, lambda row: (row[0],))


def runs(session: Session, workflow_id: WorkflowId, after: PageToken | None, limit: int) -> Page[RunEntry, PageToken]:
    """See `EventStore.runs`."""
    key = key_of(after, int)
    behind = " AND first_seq > ?" if key else ""
    rows = session.rows(
        f"SELECT {RUN} FROM aion_run WHERE workflow_id = ?{behind} ORDER BY first_seq LIMIT ?",
        workflow_id,
        *key,
        limit + 1,
    )
    return page_of(rows, limit, entry_of, lambda row: (row[0],))


def wakes(
    session: Session, shards: Collection[Shard], until: Instant, after: PageToken | None, limit: int
) -> Page[Wake, PageToken]:
    """See `EventStore.wakes`."""
    if not shards:
        return Page(())
    key = key_of(after, int, str)
    behind = " AND (next_wake, workflow_id) > (?, ?)" if key else ""
    rows = session.rows(
        "SELECT next_wake, workflow_id FROM aion_workflow"
        f" WHERE next_wake <= ?{behind} AND shard {{among}} ORDER BY next_wake, workflow_id LIMIT ?",
        until,
        *key,
        session.dialect.array(sorted(shards)),
        limit + 1,
    )
    return page_of(rows, limit, lambda row: Wake(Instant(row[0]), WorkflowId(row[1])), lambda row: row)


def feed(session: Session, after: Cursor | None, limit: int) -> Page[FeedEntry, Cursor]:
    """See `EventStore.feed`. Shard by shard."""
    shards = session.rows(f"SELECT s.shard, s.feed_floor, {LAST_OF_FEED} FROM aion_shard s ORDER BY s.shard")
    if after is None:
        # A newcomer is not late: it begins behind what was trimmed before it came.
        after = Cursor({Shard(shard): floor for shard, floor, _ in shards if floor})
    for shard, floor, _ in shards:
        if after.position(shard) < floor:
            raise CursorTooOld(shard, after.position(shard), floor)
    entries: list[FeedEntry] = []
    positions = dict(after.positions)
    for shard, _, last in shards:
        if (last or 0) <= after.position(shard):
            continue
        rows = session.rows(
            f"SELECT {BATCH}, n, run_id FROM aion_history WHERE shard = ? AND n > ? ORDER BY n LIMIT ?",
            shard,
            after.position(shard),
            limit - len(entries),
        )
        entries += [_entry(shard, row) for row in rows]
        if rows:
            positions[shard] = rows[-1][9]
        if len(entries) == limit:
            break
    return Page(tuple(entries), Cursor(positions))


def _entry(shard: Shard, row: Row) -> FeedEntry:
    return FeedEntry(
        shard=shard, n=row[9], workflow_id=WorkflowId(row[0]), run_id=RunId(row[10]), batch=batch_of(row[:9])
    )


def blob(session: Session, key: BlobKey) -> bytes:
    """See `EventStore.get_blob`."""
    place = blob_place(key)
    row = place and session.row("SELECT body FROM aion_blob WHERE workflow_id = ? AND op_id = ? AND number = ?", *place)
    if not row:
        raise BlobNotFound(key)
    body: bytes = row[0]
    return body


def trim(
    session: Session, visible: VisibleRows, workflow_id: WorkflowId, before_run: RunId | None, head: int | None
) -> None:
    """See `EventStore.trim`. In a transaction."""
    home = session.row("SELECT shard FROM aion_workflow WHERE workflow_id = ?", workflow_id)
    if home is None:
        return
    (shard,) = home
    session.rows(f"SELECT shard FROM aion_shard WHERE shard = ?{session.dialect.lock}", shard)
    # Read behind the lock: what is decided on can not be changed by a commit any more.
    row = session.row("SELECT status, head, floor FROM aion_workflow WHERE workflow_id = ?", workflow_id)
    if row is None:
        return
    status, last, floor = row
    if head not in {None, last}:
        raise StoreRefused(f"workflow {workflow_id!r} has {last} events, and not {head}: it went on.")
    if before_run is None and Status(status).open:
        raise StoreRefused(f"workflow {workflow_id!r} is open: close it before it is removed.")
    end = _end_of_trim(session, workflow_id, before_run)
    batches = session.rows(
        "SELECT last_seq, op_id, n FROM aion_history WHERE workflow_id = ? AND last_seq <= ?", workflow_id, end
    )
    gone = session.rows("SELECT run_id FROM aion_run WHERE workflow_id = ? AND first_seq <= ?", workflow_id, end)
    visible.delete(session, [(workflow_id, RunId(run_id)) for (run_id,) in gone])
    session.run("DELETE FROM aion_run WHERE workflow_id = ? AND first_seq <= ?", workflow_id, end)
    session.run("DELETE FROM aion_history WHERE workflow_id = ? AND last_seq <= ?", workflow_id, end)
    if batches:
        session.run(
            "DELETE FROM aion_blob WHERE workflow_id = ? AND op_id {among}",
            workflow_id,
            session.dialect.array([op_id for _, op_id, _ in batches]),
        )
        last = max(n for *_, n in batches)
        session.run("UPDATE aion_shard SET feed_floor = ? WHERE shard = ? AND feed_floor < ?", last, shard, last)
    if before_run is None:
        session.run("DELETE FROM aion_workflow WHERE workflow_id = ?", workflow_id)
    else:
        session.run("UPDATE aion_workflow SET floor = ? WHERE workflow_id = ?", max(floor, end), workflow_id)


def _end_of_trim(session: Session, workflow_id: WorkflowId, before_run: RunId | None) -> int:
    """The last seq that goes."""
    if before_run is None:
        return int(session.rows("SELECT head FROM aion_workflow WHERE workflow_id = ?", workflow_id)[0][0])
    row = session.row("SELECT first_seq FROM aion_run WHERE workflow_id = ? AND run_id = ?", workflow_id, before_run)
    if row is None:
        raise StoreRefused(f"workflow {workflow_id!r} has no run {before_run!r}.")
    return int(row[0]) - 1
