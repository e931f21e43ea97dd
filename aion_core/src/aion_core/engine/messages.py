"""Messages from other processes: taken from the inbox, and answered by their outcomes; and ids that count once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from aion_core.client.outcomes import settle
from aion_core.client.refusals import refusal_bytes
from aion_core.client.reply import Reply
from aion_core.client.requests import (
    Answered,
    AnyReaction,
    AnyRequest,
    StartRequest,
    reaction_bytes,
    request_of,
)
from aion_core.engine.resident import Caller
from aion_core.engine.serving import Submission
from aion_core.model.errors import AionError, InvalidInput, UnknownWorkflow
from aion_core.model.failed import NotOwner
from aion_core.model.ids import MessageId, RunId, WorkflowId
from aion_core.model.times import SECOND, Instant, Micros
from aion_core.platform import Platform
from aion_core.spi.records import Message, Outcome, OutcomeKey, OutcomeKind

_KEEP_ANSWERS: Final = Micros(600 * SECOND)
"""Answers to questions are remembered for as long as somebody may still fetch them."""

AnyReply = Reply[AnyReaction | None]


class Messages:
    """Takes requests with an id once, and tells what became of each. On the engine's thread."""

    def __init__(
        self,
        platform: Platform,
        *,
        keep: Micros,
        serve: Callable[[Submission], None],
        look_up: Callable[[OutcomeKey, Callable[[Outcome | None], None]], None],
        settle: Callable[[Outcome, Callable[[], None]], None],
        settled: Callable[[Sequence[OutcomeKey]], None],
        known_elsewhere: Callable[[str], bool],
    ) -> None:
        """`look_up` asks the store for an outcome and answers on this thread; `settle` writes one, likewise.

        `settled` tells the watcher.
        `known_elsewhere` says whether another live engine has a workflow type.
        """
        self._platform = platform
        self._keep = keep
        self._serve = serve
        self._look_up = look_up
        self._settle = settle
        self._settled = settled
        self._known_elsewhere = known_elsewhere
        self._under_way: dict[OutcomeKey, list[AnyReply]] = {}
        """Requests with an id whose outcome is still to come, and who else in this process waits for it."""

    # ---- in

    def submit(
        self,
        workflow_id: WorkflowId,
        request: AnyRequest,
        *,
        run_id: RunId | None,
        message_id: MessageId | None,
        reply: AnyReply,
    ) -> None:
        """A request of this process. One whose id was settled before is answered as it was then."""
        submission = Submission(
            workflow_id=workflow_id,
            request=request,
            run_id=run_id,
            caller=Caller(reply=reply, workflow_id=workflow_id, message_id=message_id),
        )
        if message_id is None:
            self._serve(submission)
            return
        key = (workflow_id, message_id)
        if (others := self._under_way.get(key)) is not None:
            others.append(reply)
            return
        self._under_way[key] = []

        def looked_up(outcome: Outcome | None) -> None:
            if outcome is None:
                self._serve(submission)
                return
            settle(reply, outcome)
            for other in self._under_way.pop(key, ()):
                settle(other, outcome)

        self._look_up(key, looked_up)

    def take(self, messages: Iterable[Message]) -> None:
        """Messages of the inbox. None of them has an outcome yet."""
        for message in messages:
            key = (message.workflow_id, message.message_id)
            if key in self._under_way:
                continue  # the same id was submitted here: its outcome is this one's, too
            self._under_way[key] = []
            caller = Caller(message=message, workflow_id=message.workflow_id, message_id=message.message_id)
            try:
                request = request_of(message.body)
            except msgspec.MsgspecError as error:
                problem = f"message {message.message_id!r} can not be read: it is of a newer version? ({error})"
                self.tell(caller, InvalidInput(problem), durable=False)
                continue
            self._serve(
                Submission(workflow_id=message.workflow_id, request=request, run_id=message.run_id, caller=caller)
            )

    # ---- out

    def tell(self, caller: Caller, reaction: AnyReaction | BaseException, *, durable: bool) -> None:
        """What became of a request. `durable`: its outcome stands in the commit that recorded it."""
        message_id, message = caller.message_id, caller.message
        if message_id is None:
            _answer(caller.reply, reaction)
            return
        if message is not None and isinstance(reaction, NotOwner):
            # It stays in the inbox, for the engine that has the workflow now. Who waits for it here asks there.
            for other in self._under_way.pop((message.workflow_id, message_id), ()):
                _answer(other, reaction)
            return
        if message is None and isinstance(reaction, BaseException):
            self._done(caller, reaction)  # nothing was recorded, and the same id may be tried again
            return
        if durable:
            self._done(caller, reaction)
            return
        self._settle_aside(caller, reaction)

    def forget(self, of: Callable[[WorkflowId], bool]) -> None:
        """These are another engine's now: their messages are its, too."""
        for key in [key for key, others in self._under_way.items() if of(key[0]) and not others]:
            del self._under_way[key]

    # ---- inside

    def _settle_aside(self, caller: Caller, reaction: AnyReaction | BaseException) -> None:
        """The outcome of what leaves no history: answers and refusals."""
        if self._is_for_another_engine(caller, reaction):
            return
        # What could not be settled stays in the inbox, and its sender may ask again.
        self._settle(self._outcome(caller, reaction), lambda: self._done(caller, reaction))

    def _is_for_another_engine(self, caller: Caller, reaction: AnyReaction | BaseException) -> bool:
        """A type that only others have: the message stays where it is, for the engine that gets the shard."""
        if not isinstance(reaction, UnknownWorkflow) or caller.message is None:
            return False
        request = request_of(caller.message.body)
        return isinstance(request, StartRequest) and self._known_elsewhere(request.workflow_type)

    def _outcome(self, caller: Caller, reaction: AnyReaction | BaseException) -> Outcome:
        key = self._key(caller)
        kind, body, keep = OutcomeKind.RECORDED, b"", self._keep
        if isinstance(reaction, BaseException):
            kind, body = OutcomeKind.REFUSED, refusal_bytes(_as_ours(reaction))
        elif isinstance(reaction, Answered):
            kind, body, keep = OutcomeKind.ANSWERED, reaction_bytes(reaction), min(_KEEP_ANSWERS, self._keep)
        else:
            body = reaction_bytes(reaction)
        return Outcome(
            workflow_id=key[0],
            message_id=key[1],
            kind=kind,
            body=body,
            expires_at=Instant(self._platform.now() + keep),
        )

    def _done(self, caller: Caller, reaction: AnyReaction | BaseException) -> None:
        key = self._key(caller)
        _answer(caller.reply, reaction)
        for other in self._under_way.pop(key, ()):
            _answer(other, reaction)
        if caller.message is not None:
            self._settled([key])

    @staticmethod
    def _key(caller: Caller) -> OutcomeKey:
        if caller.message_id is None or caller.workflow_id is None:
            raise AssertionError("only requests with an id have outcomes")
        return (caller.workflow_id, caller.message_id)


def _answer(reply: AnyReply | None, reaction: AnyReaction | BaseException) -> None:
    if reply is None:
        return
    if isinstance(reaction, BaseException):
        reply.fail(reaction)
    else:
        reply.set(reaction)


def _as_ours(error: BaseException) -> AionError:
    return error if isinstance(error, AionError) else AionError(f"{type(error).__name__}: {error}")
