"""One call of `append`: fence, compare, and write what wins, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field

from aion_core.spi import (
    AppendResult,
    Commit,
    Committed,
    Conflict,
    Fence,
    Fenced,
    OpId,
    Shard,
    shard_of,
)
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect, Row
from aion_store_sql.histories import LAST_OF_FEED
from aion_store_sql.messages import Mailroom
from aion_store_sql.ownership import locking
from aion_store_sql.rows import blob_keys, body_columns, summary_text
from aion_store_sql.visible import VisibleRows

_HISTORY: Final = (
    "workflow_id",
    "last_seq",
    "first_seq",
    "shard",
    "n",
    "run_id",
    "op_id",
    "codec",
    "crc",
    "blobs",
    "body",
    "bytes",
)
_STATE: Final = (
    "workflow_id",
    "shard",
    "head",
    "run_start",
    "drained_seq",
    "start_hash",
    "next_wake",
    "open",
    "op_id",
)
_SHOWN: Final = ("run_id", "status", "type", "summary")


@define
class _Shard:
    """A shard as the transaction finds it."""

    epoch: Fence
    owned: bool
    last: int
    """Of its feed."""


@define
class _Rows:
    """What a call of append writes, by table."""

    history: list[Row] = field(factory=list[Row])
    states: list[Row] = field(factory=list[Row])
    """Of workflows whose summary is as it was."""
    shown: list[Row] = field(factory=list[Row])
    """Of workflows whose summary changes."""
    runs: list[Row] = field(factory=list[Row])
    blobs: list[Row] = field(factory=list[Row])


class Appending:
    """The statements of `append` for one database."""

    def __init__(self, dialect: Dialect, mail: Mailroom, visible: VisibleRows) -> None:
        """Compile them."""
        self._mail = mail
        self._visible = visible
        self._history = dialect.insert(schema.history, *_HISTORY)
        self._states = dialect.upsert(schema.workflow, *_STATE)
        self._shown = dialect.upsert(schema.workflow, *_STATE, *_SHOWN)
        self._runs = dialect.upsert(
            schema.run, "workflow_id", "run_id", "first_seq", "last_seq", "previous_run", "summary"
        )
        self._blobs = dialect.insert(schema.blob, "workflow_id", "op_id", "number", "body")

    def append(self, session: Session, commits: Sequence[Commit], shards: int) -> list[AppendResult]:
        """Within a transaction. `shards` is how many the store has."""
        homes = [shard_of(commit.workflow_id, shards) for commit in commits]
        found, heads = _look(session, sorted(set(homes)), [commit.workflow_id for commit in commits])
        answers: list[AppendResult] = []
        winners: list[tuple[Commit, Shard]] = []
        for commit, home in zip(commits, homes, strict=True):
            shard = found[home]
            head, op_id = heads.get(commit.workflow_id, (0, None))
            if not shard.owned or commit.fence != shard.epoch:
                answers.append(Fenced(home, shard.epoch))
            elif op_id == commit.op_id:
                answers.append(Committed(head, blob_keys(commit.workflow_id, commit.op_id, len(commit.blobs))))
            elif head != commit.expected_seq:
                answers.append(Conflict(head, op_id))
            else:
                answers.append(Committed(commit.head, blob_keys(commit.workflow_id, commit.op_id, len(commit.blobs))))
                winners.append((commit, home))
        if winners:
            self._write(session, winners, found)
        return answers

    def _write(self, session: Session, winners: Sequence[tuple[Commit, Shard]], shards: dict[Shard, _Shard]) -> None:
        rows = _Rows()
        for commit, home in winners:
            _collect(rows, commit, home, shards[home])
        session.put(self._history, rows.history)
        session.put(self._states, rows.states)
        session.put(self._shown, rows.shown)
        session.put(self._runs, rows.runs)
        session.put(self._blobs, rows.blobs)
        changed = [commit for commit, _ in winners if commit.visible or commit.runs]
        if changed:
            summaries = {(s.id, s.run_id): s for commit in changed for s in (run.summary for run in commit.runs)}
            summaries |= {(s.id, s.run_id): s for commit in changed if commit.visible for s in (commit.state.summary,)}
            new = {
                (commit.workflow_id, run.run_id)
                for commit in changed
                for run in commit.runs
                if run.first_seq > commit.expected_seq
            }
            self._visible.record(session, list(summaries.values()), new=new)
        if outcomes := [outcome for commit, _ in winners for outcome in commit.outcomes]:
            self._mail.settle(session, outcomes)
        if posts := [post for commit, _ in winners for post in commit.posts]:
            self._mail.post(session, posts)


def _look(
    session: Session, shards: Sequence[Shard], workflow_ids: Sequence[str]
) -> tuple[dict[Shard, _Shard], dict[str, tuple[int, OpId]]]:
    """Hold these shards against take-overs, and see where their feeds and these workflows are.

    The lock is a statement of its own: PostgreSQL's may have waited for a commit that its own snapshot does not show.
    """
    array = session.dialect.array
    locked, feeds, heads = session.ask(
        locking(session.dialect, shards),
        (f"SELECT s.shard, {LAST_OF_FEED} FROM aion_shard s WHERE s.shard {{among}}", array(shards)),
        ("SELECT workflow_id, head, op_id FROM aion_workflow WHERE workflow_id {among}", array(workflow_ids)),
    )
    last: dict[int, int | None] = dict(feeds)
    found = {
        Shard(shard): _Shard(Fence(epoch), owner is not None, max(floor, last[shard] or 0))
        for shard, epoch, owner, floor in locked
    }
    return found, {workflow_id: (head, OpId(op_id)) for workflow_id, head, op_id in heads}


def _collect(rows: _Rows, commit: Commit, home: Shard, shard: _Shard) -> None:
    state, batch = commit.state, commit.batch
    if batch:
        shard.last += 1
        rows.history.append(
            (
                commit.workflow_id,
                batch.last_seq,
                batch.first_seq,
                home,
                shard.last,
                state.summary.run_id,
                commit.op_id,
                batch.codec,
                batch.crc,
                len(commit.blobs),
                *body_columns(batch.body),
            )
        )
    row = (
        commit.workflow_id,
        home,
        commit.head,
        state.run_start,
        state.drained_seq,
        state.start_hash,
        state.next_wake,
        state.open,
        commit.op_id,
    )
    if commit.visible or commit.expected_seq == 0:
        summary = state.summary
        rows.shown.append((*row, summary.run_id, summary.status.value, summary.type, summary_text(summary)))
    else:
        rows.states.append(row)
    rows.runs += [
        (commit.workflow_id, run.run_id, run.first_seq, run.last_seq, run.previous_run, summary_text(run.summary))
        for run in commit.runs
    ]
    rows.blobs += [(commit.workflow_id, commit.op_id, number, body) for number, body in enumerate(commit.blobs)]
