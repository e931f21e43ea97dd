"""Requests to workflows, whoever sends them, as what arrives for a run."""

from __future__ import annotations

from typing import Protocol

import msgspec

from aion_core.client.reply import Reply
from aion_core.client.requests import (
    ActivityRequest,
    Answered,
    AnyReaction,
    AnyRequest,
    CancelRequest,
    DeleteRequest,
    QueryRequest,
    SignalRequest,
    StackRequest,
    StartRequest,
    TerminateRequest,
)
from aion_core.engine.resident import Arrived, Asked, Caller
from aion_core.engine.turns import Turns
from aion_core.model import events as e
from aion_core.model.failed import QueryFailed, UnknownHandler
from aion_core.model.failures import Failure
from aion_core.model.ids import MessageId, RunId, WorkflowId
from aion_core.model.payloads import EMPTY
from aion_core.model.times import Instant
from aion_core.platform import Platform
from aion_core.spi.runtime import Answer, Ask, AskKind


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way to a workflow of this engine."""

    workflow_id: WorkflowId
    request: AnyRequest
    run_id: RunId | None = None
    caller: Caller


class Rooms(Protocol):
    """Who else serves requests."""

    def told(self, workflow_id: WorkflowId, run_id: RunId | None, request: ActivityRequest, caller: Caller) -> None:
        """Something about an activity that completes later."""
        ...

    def delete(self, workflow_id: WorkflowId, caller: Caller) -> None:
        """Remove a closed workflow."""
        ...

    def tell(self, caller: Caller, reaction: AnyReaction | BaseException, *, durable: bool) -> None:
        """See `Surroundings.tell`."""
        ...


class Serving:
    """Hands requests over. On the engine's thread."""

    def __init__(self, turns: Turns, rooms: Rooms, platform: Platform) -> None:
        """To these."""
        self._turns = turns
        self._rooms = rooms
        self._platform = platform
        self._asked = 0

    def serve(self, submission: Submission) -> None:
        """Let it arrive."""
        workflow_id, request, run_id = submission.workflow_id, submission.request, submission.run_id
        caller = submission.caller
        match request:
            case StartRequest():
                self._turns.arrive(workflow_id, Arrived(what=request, caller=caller))
            case SignalRequest() | CancelRequest() | TerminateRequest():
                event = _event(request, caller.message_id)
                self._turns.arrive(workflow_id, Arrived(what=event, caller=caller, run_id=run_id))
            case QueryRequest(expires_at=expires_at) if expires_at and expires_at <= self._platform.now():
                pass  # nobody waits any more
            case QueryRequest():
                ask = Ask(
                    ask_id=self._ask_id(),
                    kind=AskKind.QUERY,
                    name=request.name,
                    input=request.input,
                    headers=request.headers,
                )
                self._ask(workflow_id, run_id, ask, caller)
            case StackRequest():
                self._ask(workflow_id, run_id, Ask(ask_id=self._ask_id(), kind=AskKind.STACK), caller)
            case ActivityRequest():
                self._rooms.told(workflow_id, run_id, request, caller)
            case DeleteRequest():
                self._rooms.delete(workflow_id, caller)

    def _ask_id(self) -> MessageId:
        self._asked += 1
        return MessageId(str(self._asked))

    def _ask(self, workflow_id: WorkflowId, run_id: RunId | None, ask: Ask, caller: Caller) -> None:
        reply: Reply[Answer] = Reply()

        def answered(reply: Reply[Answer]) -> None:
            try:
                answer = reply.result()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
                self._rooms.tell(caller, error, durable=False)
                return
            reaction = _answer(workflow_id, ask, answer)
            self._rooms.tell(caller, reaction, durable=False)

        reply.then(answered)
        self._turns.ask(workflow_id, Asked(ask=ask, reply=reply, run_id=run_id))


def _event(request: SignalRequest | CancelRequest | TerminateRequest, message_id: MessageId | None) -> e.Event:
    at = Instant(0)  # the turn's own time takes its place
    match request:
        case SignalRequest():
            return e.SignalReceived(
                seq=0,
                at=at,
                name=request.name,
                payload=request.payload,
                message_id=message_id,
                headers=request.headers,
            )
        case CancelRequest():
            return e.WorkflowCancelRequested(seq=0, at=at, reason=request.reason, message_id=message_id)
        case TerminateRequest():
            return e.WorkflowTerminated(seq=0, at=at, reason=request.reason)


def _answer(workflow_id: WorkflowId, ask: Ask, answer: Answer) -> AnyReaction | BaseException:
    if answer.failure is None:
        return Answered(value=answer.value or EMPTY)
    return _refusal(workflow_id, ask, answer.failure)


def _refusal(workflow_id: WorkflowId, ask: Ask, failure: Failure) -> BaseException:
    if failure.code != UnknownHandler.code:
        return QueryFailed(failure)
    known: list[str] = [] if failure.details is None else msgspec.json.decode(failure.details.content, type=list[str])
    return UnknownHandler(ask.kind.value, ask.name, known, workflow_id=workflow_id)
