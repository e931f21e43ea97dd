"""A workflow that the engine is busy with: what arrived for it, and how far its turn has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TypeAlias

from attrs import define, field, frozen

from aion_core.client.reply import Reply
from aion_core.client.requests import AnyReaction, StartRequest
from aion_core.engine.recorder import AttemptFailed, Recording
from aion_core.ledger import RunLedger
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.ids import MessageId, OpId, RunId, WorkflowId
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


@frozen(kw_only=True)
class Caller:
    """Who is told what became of an arrival: somebody in this process, or whoever posted a message."""

    reply: Reply[AnyReaction | None] | None = None
    message: Message | None = None
    message_id: MessageId | None = None
    """Remembered, so that the same request is not taken twice."""

    def answer(self, reaction: AnyReaction) -> None:
        """It is durable."""
        if self.reply is not None:
            self.reply.set(reaction)

    def refuse(self, error: BaseException) -> None:
        """It is not recorded, nor will be."""
        if self.reply is not None:
            self.reply.fail(error)


@frozen
class AttemptBegins:
    """An activity that had to queue has its slot."""

    ordinal: int


What: TypeAlias = e.Event | StartRequest | AttemptFailed | AttemptBegins


@frozen(kw_only=True)
class Arrived:
    """Something that came for a workflow, and whom to tell."""

    what: What
    caller: Caller | None = None


@frozen(kw_only=True)
class Asked:
    """A question that leaves no event."""

    ask: Ask
    reply: Reply[Answer]


@define
class Turn:
    """One turn under way."""

    arrived: Sequence[Arrived]
    now: Instant
    """The time of all its events: what the code saw is what is recorded."""
    events: list[e.Event | None] = field(factory=list[e.Event | None])
    """Per arrival, what the code is given; None for what it never sees."""
    following: list[Arrived] = field(factory=list[Arrived])
    """What these bring along: the signal of a `signal_with_start` that began a run."""
    asked: Sequence[Asked] = ()
    replaces: RunId | None = None
    """The open run that its start terminates."""
    ticket: Ticket | None = None
    commands: Sequence[Sequence[c.Command] | None] = ()
    answers: Sequence[Answer] = ()
    recording: Recording | None = None
    reactions: list[tuple[Caller, AnyReaction | BaseException]] = field(
        factory=list[tuple[Caller, AnyReaction | BaseException]]
    )
    """What to tell whom, once it is durable."""
    op_id: OpId = OpId("")

    def steps(self) -> Iterator[tuple[Arrived, e.Event | None]]:
        """Every arrival, and what the code is given of it."""
        return zip((*self.arrived, *self.following), self.events, strict=True)


@define(eq=False)
class Resident:
    """A workflow in memory. Belongs to the engine's thread."""

    workflow_id: WorkflowId
    phase: Phase = Phase.IDLE
    known: bool = False
    """Its row was read: without a ledger there is no such workflow."""
    ledger: RunLedger | None = None
    history: Sequence[Batch] | None = None
    """Of the current run, for a runtime that does not hold it yet."""
    arrivals: deque[Arrived] = field(factory=deque[Arrived])
    asks: list[Asked] = field(factory=list[Asked])
    turn: Turn | None = None
    losses: int = 0
    """How many workers in a row were lost with its code."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do for it."""
        return self.phase is Phase.IDLE and not self.arrivals and not self.asks

    def forget(self) -> None:
        """Drop what is ahead of the store, or may be: it is read anew before the next turn."""
        self.known = False
        self.ledger = None
        self.history = None
