"""What crosses the border between the engine and a store: commits, states, messages, leases, entries of the feed.

A store keeps these as they are. `Batch.body`, `WorkflowState.open`, `Message.body` and `Outcome.body` are opaque to it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from aion_core.model.ids import BlobKey, EngineId, Fence, MessageId, OpId, RunId, Shard, WorkflowId
from aion_core.model.summaries import RunEntry, Summary
from aion_core.model.times import Instant

T = TypeVar("T")
C = TypeVar("C")
_POSITION: Final = re.compile(r"(?:0|[1-9][0-9]{0,18})\.(?:0|[1-9][0-9]{0,18})")


class Page(msgspec.Struct, Generic[T, C], frozen=True):
    """Part of a longer answer. Pass `next` as `after` to read on; None when there is no more."""

    items: tuple[T, ...]
    next: C | None = None


PageToken: TypeAlias = str
"""Where a page ended. Only the store that gave it can read it."""


# ---- histories


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The events of one turn as one piece of bytes.

    As written it has neither `op_id` nor `blobs`: the store takes them from the commit and returns them when reading.
    """

    first_seq: int
    last_seq: int
    body: bytes
    codec: str = "json"
    crc: int
    """CRC-32 of `body`, computed by whoever encoded it, checked by whoever decodes it."""
    op_id: OpId = OpId("")
    blobs: tuple[BlobKey, ...] = ()

    @classmethod
    def of(cls, first_seq: int, last_seq: int, body: bytes, *, codec: str = "json") -> Batch:
        """A batch with its checksum."""
        return cls(first_seq=first_seq, last_seq=last_seq, body=body, codec=codec, crc=zlib.crc32(body))


class WorkflowState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row per workflow id: the current run, and what the engine must know without reading the history."""

    workflow_id: WorkflowId
    summary: Summary
    """Of the current run; its status is the row's status."""
    head: int
    """The last seq of the history. The store checks that it is where this commit leads."""
    floor: int = 0
    """Everything up to it was trimmed. Kept by the store: what a commit says here is ignored."""
    run_start: int
    """The seq of the current run's `WorkflowStarted`."""
    drained_seq: int
    """Events up to it are replay, events after it are live."""
    start_hash: str | None = None
    """Of the first run's type and arguments, for the start policies."""
    next_wake: Instant | None = None
    """The earliest of its timers, retries and timeouts. Indexed by the store."""
    open: bytes = b""
    """Attempts, last errors and heartbeat details of its open activities."""
    op_id: OpId = OpId("")
    """Of the commit that wrote this row. Set by the store."""


class Commit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything that one turn changes about one workflow: an atom.

    The store applies all of it or nothing. It belongs to the shard of its workflow id, and `fence` is the epoch of
    the caller's lease on that shard.
    """

    workflow_id: WorkflowId
    expected_seq: int
    """The head that the caller knows; 0 for a workflow that does not exist."""
    op_id: OpId
    fence: Fence
    batch: Batch | None
    """Its first seq is `expected_seq + 1`. None: only state, outcomes and posts; the head does not move."""
    state: WorkflowState
    runs: tuple[RunEntry, ...] = ()
    """Of runs that begin or end with this commit."""
    blobs: tuple[bytes, ...] = ()
    """Payloads that its events refer to by their position here. A store keeps them before or with the commit."""
    outcomes: tuple[Outcome, ...] = ()
    """Settles these messages: they leave the inbox, and their tombstones stay."""
    posts: tuple[Message, ...] = ()
    """To other workflows: durable with this commit, in their inboxes later, at least once, in order."""
    visible: bool = True
    """Whether it changes anything that a summary shows; a store may skip its visibility rows when not."""

    @property
    def head(self) -> int:
        """Where this commit leads."""
        return self.batch.last_seq if self.batch else self.expected_seq


class Committed(msgspec.Struct, frozen=True, gc=False):
    """It is durable, and so is everything it carries."""

    head: int
    blobs: tuple[BlobKey, ...] = ()
    """Keys of the commit's blobs, in order."""


class Conflict(msgspec.Struct, frozen=True, gc=False):
    """The history's head is not where the caller believed. Nothing of this commit was applied."""

    head: int
    op_id: OpId | None
    """Of the commit that is the head; None when there is none."""


class Fenced(msgspec.Struct, frozen=True, gc=False):
    """The caller's lease on this shard is over. Nothing of this commit will be applied by this call.

    On a store without transactions across shards it may follow a commit that landed: `op_id` decides.
    """

    shard: Shard
    fence: Fence
    """The shard's epoch now."""


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """The store can not say whether it was applied. Ask `state()` and compare `op_id` before anything else is sent."""

    reason: str


AppendResult: TypeAlias = Committed | Conflict | Fenced | Unknown


class CommitLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of `append` and one commit may hold; the engine cuts to fit.

    The bytes of a commit are those of its batch, its blobs and its `open` record.
    """

    call_commits: int = 256
    call_bytes: int = 4 * 1024 * 1024
    """Of all commits of a call of several; one that stands alone is bound by `commit_bytes` only."""
    commit_bytes: int = 16 * 1024 * 1024
    commit_outcomes: int = 1000
    commit_posts: int = 1000


# ---- messages


class MessageKind(StrEnum):
    """What a message asks of the workflow it is addressed to."""

    START = "start"
    SIGNAL = "signal"
    SIGNAL_WITH_START = "signal_with_start"
    UPDATE = "update"
    UPDATE_WITH_START = "update_with_start"
    QUERY = "query"
    CANCEL = "cancel"
    TERMINATE = "terminate"
    PAUSE = "pause"
    RESUME = "resume"
    REOPEN = "reopen"
    RESET = "reset"
    CONTINUE_AS_NEW = "continue_as_new"
    DELETE = "delete"
    ACTIVITY = "activity"
    """A result, failure or heartbeat of an activity that completes later."""
    CHILD = "child"
    """The outcome of a child workflow."""
    SCHEDULE = "schedule"
    """A verb on a schedule, or the end of a run that it started."""


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something for a workflow, from another process or another workflow."""

    workflow_id: WorkflowId
    message_id: MessageId
    kind: MessageKind
    body: bytes = b""
    run_id: RunId | None = None
    """Set when it is for one run only."""
    poster: str
    """Who posted it. Messages of one poster to one workflow are read in the order of `n`."""
    n: int
    posted_at: Instant


class OutcomeKind(StrEnum):
    """How a message was settled."""

    RECORDED = "recorded"
    """It is in the history."""
    ACCEPTED = "accepted"
    """An update that runs; replaced when it is completed."""
    ANSWERED = "answered"
    """The body is the answer; nothing was recorded."""
    REFUSED = "refused"
    """The body is the error; nothing was recorded."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tombstone of a settled message. Posting its id again returns this and records nothing."""

    workflow_id: WorkflowId
    message_id: MessageId
    kind: OutcomeKind
    body: bytes = b""
    expires_at: Instant
    """Until then the id is remembered."""


OutcomeKey: TypeAlias = tuple[WorkflowId, MessageId]


class Posted(msgspec.Struct, frozen=True, gc=False):
    """It is durable in the inbox (it may have been there already)."""


class Settled(msgspec.Struct, frozen=True, gc=False):
    """It was settled before, with this outcome. Nothing was posted."""

    outcome: Outcome


# ---- ownership


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An engine as the others see it."""

    engine_id: EngineId
    host: str = ""
    pid: int = 0
    types: tuple[str, ...] = ()
    """The workflow types it can run."""
    note: str = ""


class Lease(msgspec.Struct, frozen=True, gc=False):
    """The right to append to a shard, until another engine gets it."""

    shard: Shard
    fence: Fence


class LeaseTable(msgspec.Struct, frozen=True, kw_only=True):
    """The whole picture, as of one moment of the store's clock."""

    mine: tuple[Lease, ...]
    owners: Mapping[Shard, EngineId | None]
    """Every shard of the store; None where no lease is in force."""
    engines: tuple[EngineInfo, ...]
    """Those that were heard of within their time to live, the caller included."""
    now: Instant
    """The store's time."""


# ---- the feed


class Cursor(msgspec.Struct, frozen=True, gc=False):
    """A position in every shard's feed. Positions that are not named are at the beginning."""

    positions: Mapping[Shard, int] = {}

    def position(self, shard: Shard) -> int:
        """The last entry of the shard that was seen."""
        return self.positions.get(shard, 0)

    def at(self, shard: Shard, n: int) -> Cursor:
        """This cursor after the entry (shard, n)."""
        return msgspec.structs.replace(self, positions={**self.positions, shard: n})

    def __str__(self) -> str:
        """A text that survives URLs and shells."""
        return ",".join(f"{shard}.{n}" for shard, n in sorted(self.positions.items())) or "0"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor of `str(cursor)`. A malformed one is a ValueError."""
        if text == "0":
            return cls()
        parts = text.split(",")
        if not all(map(_POSITION.fullmatch, parts)):
            raise ValueError(f"{text[:80]!r} is not a cursor: write 0, or positions such as 3.17,5.2.")
        pairs = [part.split(".") for part in parts]
        positions = {Shard(int(shard)): int(n) for shard, n in pairs}
        if len(positions) < len(parts):
            raise ValueError(f"{text[:80]!r} is not a cursor: it names a shard twice.")
        return cls(positions)


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One committed batch. Within a shard, n rises in the order of the commits."""

    shard: Shard
    n: int
    workflow_id: WorkflowId
    run_id: RunId
    """The run that was current after the commit."""
    batch: Batch


class Wake(msgspec.Struct, frozen=True, gc=False):
    """A workflow that has something due."""

    at: Instant
    workflow_id: WorkflowId
