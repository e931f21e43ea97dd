"""Inbox and tombstones: what others have said to workflows, and how it was settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Final

from aion_core.spi import (
    Instant,
    Lease,
    Message,
    MessageId,
    MessageKind,
    Outcome,
    OutcomeKey,
    OutcomeKind,
    Page,
    PageToken,
    Posted,
    RunId,
    Settled,
    Shard,
    WorkflowId,
    shard_of,
)
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect, Row
from aion_store_sql.ownership import still_held
from aion_store_sql.paging import key_of, page_of

_MESSAGE: Final = "workflow_id, message_id, kind, body, run_id, poster, n, posted_at"
_OUTCOME: Final = "workflow_id, message_id, kind, body, expires_at"
_TOMBSTONE: Final = (
    "SELECT 1 FROM aion_outcome o"
    " WHERE o.workflow_id = aion_inbox.workflow_id AND o.message_id = aion_inbox.message_id AND o.expires_at > ?"
)
_PAGE: Final = 200
"""Of keys in one statement: of more, databases rather walk through the whole table."""


class Mailroom:
    """The statements of messages for one database. All methods work within a session of the caller's."""

    def __init__(self, dialect: Dialect) -> None:
        """Compile them."""
        self.shards = 1
        """Of the store; known when it is open."""
        self._inbox = dialect.insert_missing(
            schema.inbox,
            "workflow_id",
            "message_id",
            "shard",
            "place",
            "poster",
            "n",
            "kind",
            "run_id",
            "body",
            "posted_at",
        )
        self._outcomes = dialect.upsert(
            schema.outcome, "workflow_id", "message_id", "shard", "kind", "body", "expires_at"
        )

    def post(self, session: Session, messages: Sequence[Message]) -> list[Posted | Settled]:
        """Keep messages that were not settled, and that are not there. In a transaction."""
        settled = self.outcomes(session, [(message.workflow_id, message.message_id) for message in messages])
        self.keep(session, [message for message, outcome in zip(messages, settled, strict=True) if outcome is None])
        return [Posted() if outcome is None else Settled(outcome) for outcome in settled]

    def keep(self, session: Session, messages: Sequence[Message]) -> None:
        """Keep messages that are not there, whatever became of them before. In a transaction."""
        now = session.now()
        for message in messages:
            session.put(self._inbox, [self._row(session, message, now)])

    @staticmethod
    def waiting(session: Session, limit: int) -> list[Message]:
        """What is kept for any shard, in the order of its places."""
        rows = session.rows(f"SELECT {_MESSAGE} FROM aion_inbox ORDER BY place, poster, n, message_id LIMIT ?", limit)
        return [_message(row) for row in rows]

    def settle(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        """Take messages out of the inbox and leave their tombstones. In a transaction."""
        before = self.outcomes(session, [(outcome.workflow_id, outcome.message_id) for outcome in outcomes])
        rows: dict[OutcomeKey, Row] = {}
        for outcome, earlier in zip(outcomes, before, strict=True):
            key = (outcome.workflow_id, outcome.message_id)
            kept = earlier is not None and earlier.kind is not OutcomeKind.ACCEPTED
            if not kept and (key not in rows or rows[key][3] == OutcomeKind.ACCEPTED):
                rows[key] = (
                    *key,
                    shard_of(outcome.workflow_id, self.shards),
                    outcome.kind.value,
                    outcome.body,
                    outcome.expires_at,
                )
        session.put(self._outcomes, list(rows.values()))
        self.forget(session, ((outcome.workflow_id, outcome.message_id) for outcome in outcomes))

    def outcomes(self, session: Session, keys: Sequence[OutcomeKey]) -> list[Outcome | None]:
        """The tombstones that are kept, in order."""
        found: dict[OutcomeKey, Outcome] = {}
        for start in range(0, len(keys), _PAGE):
            part = keys[start : start + _PAGE]
            rows = session.rows(
                f"SELECT {_OUTCOME} FROM aion_outcome WHERE message_id {{among}} AND workflow_id {{among}}",
                session.dialect.array([message_id for _, message_id in part]),
                session.dialect.array(sorted({workflow_id for workflow_id, _ in part})),
            )
            if rows:
                now = session.now()
                found.update(((row[0], row[1]), _outcome(row)) for row in rows if row[4] > now)
        return [found.get(key) for key in keys]

    def inbox(
        self, session: Session, shards: Collection[Shard], after: PageToken | None, limit: int
    ) -> Page[Message, PageToken]:
        """Messages in the order of their places.

        One that was posted while it was settled may stand there beside its tombstone until it is swept. Tombstones are
        looked up for what was found only: of a join, databases make a walk through all of both tables.
        """
        if not shards:
            return Page(())
        key = key_of(after, int, str, int, str)
        behind = " AND (place, poster, n, message_id) > (?, ?, ?, ?)" if key else ""
        rows = session.rows(
            f"SELECT {_MESSAGE}, place FROM aion_inbox{session.dialect.through('aion_inbox_place')}"
            f" WHERE shard {{among}}{behind}"
            " ORDER BY place, poster, n, message_id LIMIT ?",
            session.dialect.array(sorted(shards)),
            *key,
            limit + 1,
        )
        page = page_of(rows, limit, _message, lambda row: (row[8], row[5], row[6], row[1]))
        settled = self._settled(session, [(message.workflow_id, message.message_id) for message in page.items])
        if not settled:
            return page
        left = (message for message in page.items if (message.workflow_id, message.message_id) not in settled)
        return Page(tuple(left), page.next)

    def sweep(self, session: Session, leases: Collection[Lease]) -> int:
        """Forget expired tombstones of these shards, and messages beside one, where the lease is in force."""
        shards = still_held(session, leases)
        if not shards:
            return 0
        now, which = session.now(), session.dialect.array(shards)
        session.run(f"DELETE FROM aion_inbox WHERE shard {{among}} AND EXISTS ({_TOMBSTONE})", which, now)
        return session.run("DELETE FROM aion_outcome WHERE shard {among} AND expires_at <= ?", which, now)

    @staticmethod
    def _settled(session: Session, keys: Sequence[OutcomeKey]) -> set[OutcomeKey]:
        """Those of these messages that have a tombstone."""
        found: set[OutcomeKey] = set()
        for start in range(0, len(keys), _PAGE):
            part = keys[start : start + _PAGE]
            found.update(
                session.rows(
                    "SELECT workflow_id, message_id FROM aion_outcome"
                    " WHERE message_id {among} AND workflow_id {among} AND expires_at > ?",
                    session.dialect.array([message_id for _, message_id in part]),
                    session.dialect.array(sorted({workflow_id for workflow_id, _ in part})),
                    session.now(),
                )
            )
        return found.intersection(keys)

    def _row(self, session: Session, message: Message, now: int) -> Row:
        """With a place in order of arrival, but on the right side of the poster's other messages.

        It is fixed when the message comes, so that paging is not disturbed by what is settled meanwhile.
        """
        key = (message.workflow_id, message.poster, message.n)
        which = "FROM aion_inbox WHERE workflow_id = ? AND poster = ?"
        before = session.rows(f"SELECT max(place) {which} AND n < ?", *key)[0][0]
        behind = session.rows(f"SELECT min(place) {which} AND n > ?", *key)[0][0]
        place = max(now, before or 0)
        return (
            message.workflow_id,
            message.message_id,
            shard_of(message.workflow_id, self.shards),
            place if behind is None else min(place, behind),
            message.poster,
            message.n,
            message.kind.value,
            message.run_id,
            message.body,
            message.posted_at,
        )

    @staticmethod
    def forget(session: Session, keys: Iterable[OutcomeKey]) -> int:
        """Take these messages out of the inbox; how many were there. In a transaction."""
        met = 0
        for workflow_id, group in groupby(sorted(keys), key=lambda key: key[0]):
            met += session.run(
                "DELETE FROM aion_inbox WHERE workflow_id = ? AND message_id {among}",
                workflow_id,
                session.dialect.array([message_id for _, message_id in group]),
            )
        return met


def _message(row: Row) -> Message:
    workflow_id, message_id, kind, body, run_id, poster, n, posted_at, *_ = row
    return Message(
        workflow_id=WorkflowId(workflow_id),
        message_id=MessageId(message_id),
        kind=MessageKind(kind),
        body=body,
        run_id=None if run_id is None else RunId(run_id),
        poster=poster,
        n=n,
        posted_at=Instant(posted_at),
    )


def _outcome(row: Row) -> Outcome:
    workflow_id, message_id, kind, body, expires_at = row
    return Outcome(
        workflow_id=WorkflowId(workflow_id),
        message_id=MessageId(message_id),
        kind=OutcomeKind(kind),
        body=body,
        expires_at=Instant(expires_at),
    )
