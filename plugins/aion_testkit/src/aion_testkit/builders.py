"""Valid commits, states, messages and packages for tests of stores, at fixed times.

Every function gives something that a correct engine could have sent; a test changes what it is about with
`msgspec.structs.replace`. Bodies are small pieces of JSON text, since a store never reads them.

    first = start_commit("order-42", fence=fence)
    second = next_commit(first, events=3)
    last = closing_commit(second)
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from aion_core.spi import (
    AttributeValue,
    Batch,
    Commit,
    EngineId,
    EngineInfo,
    Fence,
    Instant,
    Message,
    MessageId,
    MessageKind,
    OpId,
    Outcome,
    OutcomeKind,
    PackageRecord,
    RunEntry,
    RunId,
    Status,
    Summary,
    Version,
    WorkflowId,
    WorkflowState,
    as_datetime,
)

SECOND: Final = 1_000_000
"""In the microseconds that instants count."""
T0: Final = Instant(1_700_000_000 * SECOND)
"""Where all fixed times begin: 2023-11-14 22:13:20 UTC."""
NEVER: Final = Instant(4_102_444_800 * SECOND)
"""A time that no test reaches (the year 2100): tombstones that expire then are kept."""
LONG_AGO: Final = Instant(SECOND)
"""A time that every clock has passed: tombstones that expire then are forgotten already."""
VERSION: Final = Version("a" * 64)

_op_ids = itertools.count(1)


def moment(seconds: float) -> Instant:
    """So many seconds after `T0`."""
    return Instant(T0 + round(seconds * SECOND))


def op_id() -> OpId:
    """An id that no other commit of this process has."""
    return OpId(f"op-{next(_op_ids):08d}")


def run_id(workflow_id: str, number: int = 1) -> RunId:
    """The id of a workflow's run, counted from 1: a UUIDv7 that sorts by `number`, always the same."""
    tail = hashlib.sha256(workflow_id.encode()).hexdigest()
    return RunId(f"018bcfe5-6800-7{number:03x}-8{tail[:3]}-{tail[3:15]}")


def engine(name: str = "engine-1", *, types: tuple[str, ...] = ("order",)) -> EngineInfo:
    """An engine as it introduces itself to a store."""
    return EngineInfo(engine_id=EngineId(name), host="host.example", pid=4711, types=types)


def events_body(workflow_id: str, first_seq: int, last_seq: int, *, mark: str = "") -> bytes:
    """What stands for the bytes of events: different for every workflow, place and `mark`."""
    return f'{{"of":"{workflow_id}","first":{first_seq},"last":{last_seq},"mark":"{mark}"}}'.encode()


def summary(
    workflow_id: str,
    *,
    number: int = 1,
    status: Status = Status.RUNNING,
    workflow_type: str = "order",
    started: Instant | None = None,
    closed: Instant | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Summary:
    """One run as it is listed: started `number` seconds after `T0`, closed when its status says so."""
    began = moment(number) if started is None else started
    ended = Instant(began + SECOND) if closed is None else closed
    return Summary(
        id=WorkflowId(workflow_id),
        run_id=run_id(workflow_id, number),
        type=workflow_type,
        status=status,
        started=as_datetime(began),
        closed=None if status.open else as_datetime(ended),
        version=VERSION,
        attributes=dict(attributes or {}),
    )


def start_commit(
    workflow_id: str,
    *,
    fence: int = 0,
    events: int = 1,
    body: bytes | None = None,
    mark: str = "",
    next_wake: Instant | None = None,
    blobs: Iterable[bytes] = (),
    outcomes: Iterable[Outcome] = (),
    posts: Iterable[Message] = (),
    workflow_type: str = "order",
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Commit:
    """The first commit of a workflow that does not exist yet."""
    id = WorkflowId(workflow_id)
    shown = summary(workflow_id, workflow_type=workflow_type, attributes=attributes)
    state = WorkflowState(
        workflow_id=id, summary=shown, head=events, run_start=1, drained_seq=events, start_hash="5a" * 32,
        next_wake=next_wake,
    )  # fmt: skip
    return Commit(
        workflow_id=id,
        expected_seq=0,
        op_id=op_id(),
        fence=Fence(fence),
        batch=Batch.of(1, events, events_body(id, 1, events, mark=mark) if body is None else body),
        state=state,
        runs=(RunEntry(summary=shown, first_seq=1),),
        blobs=tuple(blobs),
        outcomes=tuple(outcomes),
        posts=tuple(posts),
    )


def next_commit(
    before: Commit,
    *,
    events: int = 1,
    body: bytes | None = None,
    mark: str = "",
    status: Status | None = None,
    next_wake: Instant | None = None,
    open_record: bytes = b"",
    blobs: Iterable[bytes] = (),
    outcomes: Iterable[Outcome] = (),
    posts: Iterable[Message] = (),
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Commit:
    """What follows a commit in the same run. With `events=0` it has no batch: only state, outcomes and posts."""
    head, last = before.head, before.head + events
    text = events_body(before.workflow_id, head + 1, last, mark=mark) if body is None else body
    shown = before.state.summary
    if status is not None:
        shown = replace(shown, status=status, closed=None if status.open else as_datetime(moment(last)))
    if attributes is not None:
        shown = replace(shown, attributes=dict(attributes))
    state = replace(
        before.state, summary=shown, head=last, drained_seq=last, next_wake=next_wake, open=open_record
    )  # fmt: skip
    return Commit(
        workflow_id=before.workflow_id,
        expected_seq=head,
        op_id=op_id(),
        fence=before.fence,
        batch=Batch.of(head + 1, last, text) if events else None,
        state=state,
        blobs=tuple(blobs),
        outcomes=tuple(outcomes),
        posts=tuple(posts),
        visible=shown != before.state.summary,
    )


def closing_commit(before: Commit, status: Status = Status.COMPLETED, *, blobs: Iterable[bytes] = ()) -> Commit:
    """The end of a run: one event, and the run's entry with its last seq."""
    commit = next_commit(before, status=status, blobs=blobs)
    ended = RunEntry(
        summary=commit.state.summary,
        first_seq=commit.state.run_start,
        last_seq=commit.head,
        previous_run=_previous_run(before),
    )
    return replace(commit, runs=(ended,))


def new_run_commit(before: Commit, *, events: int = 1, blobs: Iterable[bytes] = ()) -> Commit:
    """The start of the next run of a workflow whose last run is closed."""
    number = _number(before) + 1
    shown = summary(before.workflow_id, number=number, workflow_type=before.state.summary.type)
    head = before.head
    commit = next_commit(before, events=events, blobs=blobs)
    state = replace(commit.state, summary=shown, run_start=head + 1)
    entry = RunEntry(summary=shown, first_seq=head + 1, previous_run=before.state.summary.run_id)
    return replace(commit, state=state, runs=(entry,), visible=True)


def continuing_commit(before: Commit) -> Commit:
    """Continue-as-new: the end of one run and the start of the next in one batch of two events."""
    end = closing_commit(before, Status.CONTINUED_AS_NEW)
    start = new_run_commit(end)
    batch = Batch.of(end.head, start.head, events_body(before.workflow_id, end.head, start.head))
    return replace(start, expected_seq=before.head, batch=batch, runs=end.runs + start.runs)


def message(
    workflow_id: str,
    message_id: str,
    *,
    n: int = 1,
    poster: str = "client-1",
    body: bytes = b'{"go":true}',
    kind: MessageKind = MessageKind.SIGNAL,
) -> Message:
    """A message from a client."""
    return Message(
        workflow_id=WorkflowId(workflow_id),
        message_id=MessageId(message_id),
        kind=kind,
        body=body,
        poster=poster,
        n=n,
        posted_at=moment(min(n, 1_000_000)),  # a date that every store can keep
    )


def outcome(
    of: Message,
    kind: OutcomeKind = OutcomeKind.RECORDED,
    *,
    body: bytes = b"",
    expires_at: Instant = NEVER,
) -> Outcome:
    """How a message was settled."""
    return Outcome(workflow_id=of.workflow_id, message_id=of.message_id, kind=kind, body=body, expires_at=expires_at)


def package(
    digit: str, *, types: tuple[str, ...] = ("order",), deployed: float = 0, archive: bytes = b""
) -> PackageRecord:
    """A package whose version is one hexadecimal digit, 64 times."""
    content = archive or f"archive {digit}".encode()
    return PackageRecord(
        version=Version(digit * 64),
        types=types,
        archive=content,
        manifest=f'{{"name":"package {digit}"}}'.encode(),
        archive_digest=hashlib.sha256(content).hexdigest(),
        deployed_at=moment(deployed),
    )


def _number(commit: Commit) -> int:
    """Which run of its workflow a commit of these builders left current."""
    return int(commit.state.summary.run_id[15:18], 16)


def _previous_run(commit: Commit) -> RunId | None:
    number = _number(commit)
    return run_id(commit.workflow_id, number - 1) if number > 1 else None
