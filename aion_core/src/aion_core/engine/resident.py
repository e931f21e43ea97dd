"""A workflow that the engine is busy with: what arrived for it, and how far its turn has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TypeAlias

import msgspec
from attrs import define, field

from aion_core.client.reply import Reply
from aion_core.client.requests import AnyReaction, StartRequest
from aion_core.engine.recorder import AttemptFailed, AttemptNoted, Recording
from aion_core.ledger import RunLedger
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import LimitExceeded
from aion_core.model.ids import Fence, MessageId, OpId, RunId, WorkflowId
from aion_core.model.times import Instant
from aion_core.spi.records import Batch, Message
from aion_core.spi.runtime import Answer, Ask, Ticket


class Phase(Enum):
    """Where a workflow's turn is."""

    LOADING = "loading"
    """Its row and history are being read."""
    IDLE = "idle"
    RUNNING = "running"
    """Its code runs: a ticket is out."""
    WRITING = "writing"
    """Its commit is not acknowledged yet."""


# Every turn asks for these several times, and a look into an enum takes longer than a call.
LOADING, IDLE, RUNNING, WRITING = Phase


# Nothing that these hold leads back to them, so the collector has nothing to find in them: `gc=False`.


class Caller(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who is told what became of an arrival: somebody in this process, or whoever posted a message."""

    reply: Reply[AnyReaction | None] | None = None
    message: Message | None = None
    workflow_id: WorkflowId | None = None
    """Given with a message id, which counts within its workflow."""
    message_id: MessageId | None = None
    """Remembered, so that the same request is not taken twice."""


class AttemptBegins(msgspec.Struct, frozen=True, gc=False):
    """An attempt that had to wait for its time or for a slot has both."""

    ordinal: int
    attempt: int


What: TypeAlias = e.Event | StartRequest | AttemptFailed | AttemptBegins | AttemptNoted


class Arrived(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that came for a workflow, and whom to tell."""

    what: What
    caller: Caller | None = None
    run_id: RunId | None = None
    """The run that it is for: any other is none of its business. None: the run that is current."""
    by_clock: bool = False
    """Made when the turn was taken, and not worth keeping: the clock brings it again."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question that leaves no event."""

    ask: Ask
    reply: Reply[Answer]
    run_id: RunId | None = None
    """As in `Arrived`."""


class Turn(msgspec.Struct, gc=False):
    """One turn under way. What most turns do not have is an empty tuple, and takes nothing."""

    arrived: Sequence[Arrived]
    now: Instant
    """The time of all its events: what the code saw is what is recorded."""
    events: Sequence[e.Event | None] = ()
    """Per arrival, what the code is given; None for what it never sees."""
    following: tuple[Arrived, ...] = ()
    """What these bring along: the signal of a `signal_with_start` that began a run."""
    code: Sequence[e.Event] = ()
    """Those that code runs for, numbered."""
    over: frozenset[int] = frozenset()
    """Arrivals (by identity) that found nobody, and are answered already."""
    starting: e.WorkflowStarted | None = None
    held: bool = False
    """What arrives is recorded, and drained later."""
    excess: LimitExceeded | None = None
    """The history has reached a limit: the run is blocked."""
    asked: Sequence[Asked] = ()
    replaces: RunId | None = None
    """The open run that its start terminates."""
    ticket: Ticket | None = None
    commands: Sequence[Sequence[c.Command] | None] = ()
    answers: Sequence[Answer] = ()
    recording: Recording | None = None
    reactions: tuple[tuple[Caller, AnyReaction | BaseException], ...] = ()
    """What to tell whom, once it is durable."""
    op_id: OpId = OpId("")

    def steps(self) -> Iterator[tuple[Arrived, e.Event | None]]:
        """Every arrival, and what the code is given of it."""
        arrived = (*self.arrived, *self.following) if self.following else self.arrived
        return zip(arrived, self.events, strict=True)


@define(eq=False)
class Resident:
    """A workflow in memory. Belongs to the engine's thread."""

    workflow_id: WorkflowId
    phase: Phase = IDLE
    fence: Fence | None = None
    """Of the lease that it is written under. With another one it is another resident."""
    known: bool = False
    """Its row was read: without a ledger there is no such workflow."""
    ledger: RunLedger | None = None
    history: Sequence[Batch] | None = None
    """Of the current run, for a runtime that does not hold it yet."""
    arrivals: list[Arrived] = field(factory=list[Arrived])
    asks: tuple[Asked, ...] = ()
    seen: Ticket | None = None
    """The activation that the code saw last."""
    turn: Turn | None = None
    woken: bool = False
    """Its time may have come."""
    losses: int = 0
    """How many workers in a row were lost with its code."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do for it."""
        return self.phase is IDLE and not self.arrivals and not self.asks and not self.woken

    @property
    def starting(self) -> bool:
        """Whether a start is what comes next: it is a turn of its own."""
        return bool(self.arrivals) and isinstance(self.arrivals[0].what, StartRequest)

    def forget(self) -> None:
        """Drop what is ahead of the store, or may be: it is read anew before the next turn."""
        self.known = False
        self.ledger = None
        self.history = None
        self.seen = None
