"""The verbs that ask a workflow for something: requests out through the interceptors, and reactions in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgspec
from attrs import frozen

from aion_core.authoring.queries import Query
from aion_core.authoring.signals import Signal
from aion_core.client.backend import Backend
from aion_core.client.reply import Reply
from aion_core.client.requests import (
    ActivityRequest,
    ActivityVerb,
    Answered,
    AnyReaction,
    AnyRequest,
    CancelRequest,
    DeleteRequest,
    Ending,
    QueryRequest,
    SignalRequest,
    StackRequest,
    Started,
    TerminateRequest,
)
from aion_core.client.starting import PreparedStart, StartOptions, prepared
from aion_core.client.waiting import Countdown, Waiting, seconds_of
from aion_core.codec.failures import failure_of
from aion_core.model import events as e
from aion_core.model import ids
from aion_core.model.errors import InvalidInput, WaitTimeout
from aion_core.model.failed import (
    ActivityError,
    QueryTimeout,
    WorkflowCancelled,
    WorkflowContinuedAsNew,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
)
from aion_core.model.failures import Failure
from aion_core.model.ids import MessageId, RunId, WorkflowId
from aion_core.model.payloads import Payload
from aion_core.model.times import SECOND, Duration, Instant
from aion_core.model.tokens import TaskToken
from aion_core.spi.calls import SendQuery, SendSignal, StartWorkflow
from aion_core.spi.interceptors import Interceptor, chain

R = TypeVar("R", bound=AnyReaction)


@frozen(kw_only=True)
class Begun:
    """What a start came to."""

    id: WorkflowId
    run_id: RunId | None
    """None while it is only posted."""
    created: bool
    returns: Any


@frozen
class Target:
    """Whom a verb is for: a workflow's current run, or one run of it."""

    id: WorkflowId
    run_id: RunId | None = None


class Sending:
    """Builds requests, sends them, and makes results and errors of what comes back."""

    def __init__(self, backend: Backend, waiting: Waiting) -> None:
        """Over this backend, waiting in this way."""
        self._backend = backend
        self._waiting = waiting

    # ---- starting

    async def start(
        self,
        workflow: object,
        args: Sequence[object],
        options: StartOptions,
        *,
        signal: tuple[object, object] | None = None,
    ) -> Begun:
        """Start a workflow, or join it; with a signal in the same step."""
        self._backend.complain()
        first = None if signal is None else self._signal_request(*signal)
        ready = prepared(self._backend, workflow, args, options, signal=first)
        return await self._started(ready)

    async def _started(self, ready: PreparedStart) -> Begun:
        reply = self._send_start(ready)
        reaction = await self._reaction(reply, Started, f"the start of {ready.workflow_id!r}")
        if reaction is None:
            return Begun(id=ready.workflow_id, run_id=None, created=True, returns=ready.returns)
        return Begun(id=ready.workflow_id, run_id=reaction.run_id, created=reaction.created, returns=ready.returns)

    def _send_start(self, ready: PreparedStart) -> Reply[AnyReaction | None]:
        interceptors = self._backend.interceptors
        signal = ready.request.signal

        def send(call: StartWorkflow, request: SignalRequest | None) -> Reply[AnyReaction | None]:
            complete = msgspec.structs.replace(ready.request, headers=dict(call.headers), signal=request)
            return self._backend.submit(ready.workflow_id, complete, message_id=ready.message_id)

        def last(call: StartWorkflow) -> Reply[AnyReaction | None]:
            if signal is None:
                return send(call, None)
            first = signal

            def with_signal(inner: SendSignal) -> Reply[AnyReaction | None]:
                return send(call, msgspec.structs.replace(first, headers=dict(inner.headers)))

            around = chain(interceptors, Interceptor.signal, with_signal)
            return around(SendSignal(workflow_id=ready.workflow_id, name=signal.name))

        around = chain(interceptors, Interceptor.start, last)
        return around(StartWorkflow(workflow_id=ready.workflow_id, workflow_type=ready.request.workflow_type))

    # ---- messages

    async def signal(self, target: Target, signal: object, value: object, *, message_id: str | None) -> bool:
        """Send a signal; whether it is recorded already."""
        self._backend.complain()
        request = self._signal_request(signal, value)
        checked = None if message_id is None else ids.message_id(message_id)

        def last(call: SendSignal) -> Reply[AnyReaction | None]:
            complete = msgspec.structs.replace(request, headers=dict(call.headers))
            return self._submit(target, complete, message_id=checked)

        around = chain(self._backend.interceptors, Interceptor.signal, last)
        reply = around(SendSignal(workflow_id=target.id, run_id=target.run_id, name=request.name))
        return await self._waiting.answer(reply, what=f"the receipt of signal {request.name!r}") is not None

    async def query(
        self, target: Target, query: object, args: Sequence[object], *, kind: Any, limit: Duration | None
    ) -> Any:
        """Ask a query's handler."""
        self._backend.complain()
        seconds = seconds_of(limit)
        name, payload, returns = self._query_call(query, args)
        expires_at = None if seconds is None else Instant(self._backend.platform.now() + round(seconds * SECOND))
        request = QueryRequest(name=name, input=payload, expires_at=expires_at)

        def last(call: SendQuery) -> Reply[AnyReaction | None]:
            return self._submit(target, msgspec.structs.replace(request, headers=dict(call.headers)))

        around = chain(self._backend.interceptors, Interceptor.query, last)
        reply = around(SendQuery(workflow_id=target.id, run_id=target.run_id, name=name))
        answer = await self._asked(reply, seconds, f"query {name!r} of workflow {target.id!r}")
        return self._backend.values.decode(answer.value, returns if kind is Any else kind)

    async def stack(self, target: Target, *, limit: Duration | None) -> str:
        """Where the run's tasks wait."""
        self._backend.complain()
        seconds = seconds_of(limit)
        reply = self._submit(target, StackRequest())
        answer = await self._asked(reply, seconds, f"the stack of workflow {target.id!r}")
        return self._backend.values.decode(answer.value, str)

    async def cancel(self, target: Target, reason: str) -> bool:
        """Ask the code to stop; whether that is recorded already."""
        return await self._record(target, CancelRequest(reason=_text("reason", reason)))

    async def terminate(self, target: Target, reason: str) -> bool:
        """End the run; whether that is recorded already."""
        return await self._record(target, TerminateRequest(reason=_text("reason", reason)))

    async def delete(self, workflow_id: str) -> None:
        """Remove a closed workflow."""
        await self._record(Target(ids.workflow_id(workflow_id)), DeleteRequest())

    # ---- activities that complete later

    async def complete_activity(self, task_token: str, value: object) -> None:
        """Its result."""
        await self._activity(task_token, ActivityVerb.COMPLETE, value=value)

    async def fail_activity(self, task_token: str, error: BaseException) -> None:
        """Its failure."""
        if not isinstance(error, BaseException):
            raise TypeError(f"fail_activity takes an exception, such as ActivityError('…'); {error!r} is none.")
        await self._activity(task_token, ActivityVerb.FAIL, failure=self._failure(error))

    async def heartbeat_activity(self, task_token: str, details: object) -> None:
        """A sign of life."""
        await self._activity(task_token, ActivityVerb.HEARTBEAT, value=details)

    async def _activity(
        self, task_token: str, verb: ActivityVerb, *, value: object = None, failure: Failure | None = None
    ) -> None:
        token = TaskToken.parse(task_token)
        request = ActivityRequest(
            verb=verb,
            ordinal=token.ordinal,
            attempt=token.attempt,
            value=self._backend.values.encode(value),
            failure=failure,
        )
        await self._record(Target(token.workflow_id, token.run_id), request)

    def _failure(self, error: BaseException) -> Failure:
        values = self._backend.values
        if isinstance(error, ActivityError):
            values.encode(error.details)  # refused here: later they would be left out
        return failure_of(error, values=values)

    # ---- results

    async def result(self, target: Target, returns: Any, *, limit: Duration | None, follow: bool) -> Any:
        """Wait for the end of a run, and of those that go on where it ended; decode what came of it."""
        seconds = seconds_of(limit)
        countdown = Countdown(self._backend.platform, seconds)
        run_id = target.run_id
        while True:
            self._backend.complain()
            reply = self._backend.ending(target.id, run_id)
            try:
                ending = await self._waiting.answer(reply, countdown.left, what=f"the end of {target.id!r}")
            except WaitTimeout:
                raise WaitTimeout(f"workflow {target.id!r} did not end within {seconds:g} s; it goes on.") from None
            run_id = _next_run(ending)
            if run_id is None or not follow:
                return self._outcome(target.id, ending, returns)

    def _outcome(self, workflow_id: WorkflowId, ending: Ending, returns: Any) -> Any:
        run_id, event = ending.run_id, ending.event
        match event:
            case e.WorkflowCompleted():
                return self._backend.values.decode(event.result, returns)
            case e.WorkflowFailed():
                raise WorkflowFailed(event.failure, workflow_id=workflow_id, run_id=run_id)
            case e.WorkflowCancelled():
                raise WorkflowCancelled(workflow_id, run_id, reason=event.reason)
            case e.WorkflowTerminated():
                raise WorkflowTerminated(workflow_id, run_id, reason=event.reason)
            case e.WorkflowTimedOut():
                raise WorkflowTimedOut(workflow_id, run_id)
            case e.WorkflowContinuedAsNew():
                raise WorkflowContinuedAsNew(workflow_id, run_id, next_run=event.next_run)
            case _:
                raise AssertionError(f"{type(event).__name__} ends no run")

    # ---- inside

    async def _record(self, target: Target, request: AnyRequest) -> bool:
        """Send what is only recorded; whether it is already, and not only posted."""
        self._backend.complain()
        reply = self._submit(target, request)
        return await self._waiting.answer(reply, what=f"the receipt by workflow {target.id!r}") is not None

    def _submit(
        self, target: Target, request: AnyRequest, *, message_id: MessageId | None = None
    ) -> Reply[AnyReaction | None]:
        return self._backend.submit(target.id, request, run_id=target.run_id, message_id=message_id)

    async def _asked(self, reply: Reply[AnyReaction | None], seconds: float | None, what: str) -> Answered:
        try:
            answer = await self._reaction(reply, Answered, what, seconds)
        except WaitTimeout:
            raise QueryTimeout(
                f"{what} was not answered within {seconds:g} s: the workflow is busy, or no engine runs it. "
                "Nothing was changed."
            ) from None
        if answer is None:
            raise AssertionError("a question was posted and not answered")
        return answer

    async def _reaction(
        self, reply: Reply[AnyReaction | None], kind: type[R], what: str, seconds: float | None = None
    ) -> R | None:
        reaction = await self._waiting.answer(reply, seconds, what=what)
        if reaction is None or isinstance(reaction, kind):
            return reaction
        raise AssertionError(f"a {kind.__name__} was to come, and not a {type(reaction).__name__}")

    def _signal_request(self, signal: object, value: object) -> SignalRequest:
        payload = self._backend.values.encode(value)
        if isinstance(signal, Signal):
            typed = cast("Signal[Any]", signal)  # type: ignore[redundant-cast]  # pyright says Unknown without it
            self._backend.values.decode(payload, typed.type)  # what the receiver could not take is refused here
            return SignalRequest(name=typed.name, payload=payload)
        return SignalRequest(name=_name("signal", signal), payload=payload)

    def _query_call(self, query: object, args: Sequence[object]) -> tuple[str, Payload, Any]:
        if isinstance(query, Query):
            typed = cast("Query[..., Any]", query)
            return typed.name, self._backend.values.encode(list(args)), typed.returns
        return _name("query", query), self._backend.values.encode(list(args)), Any


def _next_run(ending: Ending) -> RunId | None:
    if isinstance(ending.event, e.WorkflowContinuedAsNew):
        return ending.event.next_run
    return ending.next_run


def _name(kind: str, given: object) -> str:
    if not isinstance(given, str):
        shown = getattr(given, "__name__", None) or type(given).__name__
        raise TypeError(f"a {kind} is named by a str or an aion.{kind.title()}; {shown!r} is neither.")
    return _text(f"the name of a {kind}", given, empty=False)


def _text(what: str, given: object, *, empty: bool = True) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{what} is a str, and not of type {type(given).__name__}.")
    if not (given or empty) or "\x00" in given or any("\ud800" <= char <= "\udfff" for char in given):
        raise InvalidInput(f"{what} is {given!r}, which is empty or holds what no database keeps.")
    return given
