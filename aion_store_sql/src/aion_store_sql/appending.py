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
from aion_store_sql.ownership import lock
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
        found = _lock_shards(session, sorted(set(homes)))
        heads = _heads(session, found, [commit.workflow_id for commit in commits])
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
        summaries = {(s.id, s.run_id): s for commit, _ in winners for s in (run.summary for run in commit.runs)}
        summaries |= {(s.id, s.run_id): s for commit, _ in winners if commit.visible for s in (commit.state.summary,)}
        if summaries:
            begun = {
                (commit.workflow_id, run.run_id)
                for commit, _ in winners
                for run in commit.runs
                if run.first_seq > commit.expected_seq
            }
            self._visible.forget_attributes(session, [run for run in summaries if run not in begun])
        session.write(
            (self._history, rows.history),
            (self._states, rows.states),
            (self._shown, rows.shown),
            (self._runs, rows.runs),
            (self._blobs, rows.blobs),
            *self._visible.puts(list(summaries.values())),
        )
        if outcomes := [outcome for commit, _ in winners for outcome in commit.outcomes]:
            self._mail.settle(session, outcomes)
        if posts := [post for commit, _ in winners for post in commit.posts]:
            self._mail.post(session, posts)


def _lock_shards(session: Session, shards: Sequence[Shard]) -> dict[Shard, _Shard]:
    """Hold these shards against take-overs."""
    return {
        Shard(shard): _Shard(Fence(epoch), owner is not None, floor)
        for shard, epoch, owner, floor in lock(session, shards)
    }


def _heads(session: Session, shards: dict[Shard, _Shard], ids: Sequence[str]) -> dict[str, tuple[int, OpId]]:
    """Of these workflows; and see where the feeds of these shards are.

    Not with the lock: in PostgreSQL that may have waited for a commit that its own snapshot does not show.
    """
    array = session.dialect.array
    heads: dict[str, tuple[int, OpId]] = {}
    rows = session.rows(
        "SELECT workflow_id, head, op_id, NULL FROM aion_workflow WHERE workflow_id {among} UNION ALL"
        f" SELECT NULL, {LAST_OF_FEED}, NULL, s.shard FROM aion_shard s WHERE s.shard {{among}}",
        array(ids),
        array([*shards]),
    )
    for workflow_id, last, op_id, shard in rows:
        if shard is None:
            heads[workflow_id] = (last, OpId(op_id))
        else:
            found = shards[Shard(shard)]
            found.last = max(found.last, last or 0)
    return heads


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
