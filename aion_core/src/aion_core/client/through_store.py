"""`StoreBackend`: the way to workflows through the store's inbox, for processes that execute nothing.

Messages are posted and their outcomes waited for. Nothing here appends, and nothing is leased: a client looks at the
table of leases to tell whether anybody is there who will answer.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeAlias, TypeVar, cast

from attrs import define, field, frozen

from aion_core.client.outcomes import settle
from aion_core.client.refusals import error_of
from aion_core.client.reply import Reply
from aion_core.client.requests import (
    ActivityRequest,
    AnyReaction,
    AnyRequest,
    CancelRequest,
    DeleteRequest,
    Ending,
    QueryRequest,
    SignalRequest,
    StackRequest,
    StartRequest,
    TerminateRequest,
    request_bytes,
)
from aion_core.client.stored import ending_of
from aion_core.client.waiting import Patience
from aion_core.codec import Values
from aion_core.model.attributes import AttributeSchema
from aion_core.model.errors import AionError, StoreClosed, StoreRefused, StoreUnavailable
from aion_core.model.failed import EngineClosed, EngineForked, WorkflowNotFound
from aion_core.model.ids import EngineId, MessageId, RunId, WorkflowId, shard_of
from aion_core.model.limits import Limits
from aion_core.model.times import SECOND, Instant
from aion_core.platform import Platform
from aion_core.spi.interceptors import Interceptor
from aion_core.spi.records import (
    EngineInfo,
    LeaseTable,
    Message,
    MessageKind,
    Outcome,
    OutcomeKey,
    OutcomeKind,
    Settled,
)
from aion_core.spi.stores import EventStore, Store, VisibilityStore

T = TypeVar("T")

_log = logging.getLogger("aion.client")

_LOOK_TTL: Final = 5.0
"""Seconds that a client is seen in the table of engines after it looked into it."""
_LOOK_AGAIN: Final = 1.0
"""Seconds that a look at the leases is good for."""
_KINDS: Final[dict[type, MessageKind]] = {
    StartRequest: MessageKind.START,
    SignalRequest: MessageKind.SIGNAL,
    CancelRequest: MessageKind.CANCEL,
    TerminateRequest: MessageKind.TERMINATE,
    QueryRequest: MessageKind.QUERY,
    StackRequest: MessageKind.QUERY,
    ActivityRequest: MessageKind.ACTIVITY,
    DeleteRequest: MessageKind.DELETE,
}
_QUESTIONS: Final = (QueryRequest, StackRequest)
"""What is worth nothing without its answer: to post it is not enough."""


class StoreBackend:
    """A `Backend` that posts. Owns the stores it was given: it opens and closes them."""

    def __init__(
        self,
        store: EventStore,
        visibility: VisibilityStore | None = None,
        *,
        platform: Platform,
        limits: Limits,
        attributes: AttributeSchema,
        interceptors: Sequence[Interceptor] = (),
        owned: bool = True,
    ) -> None:
        """Closed until `open`. Without a visibility store, the event store is one itself.

        Stores that are not `owned` are opened and closed by somebody else.
        """
        if visibility is None and not isinstance(store, VisibilityStore):
            raise TypeError(f"{type(store).__name__} lists no runs: give it a visibility store.")
        self.platform = platform
        self.limits = limits
        self.values = Values(limits)
        self.attributes = attributes
        self.interceptors = interceptors
        self._store = store
        self._visibility = visibility or cast("VisibilityStore", store)
        self._stores: tuple[Store, ...] = (store,) if visibility is None else (store, visibility)
        if not owned:
            self._stores = ()
        self._owner = os.getpid()
        self._closing = threading.Lock()
        self._closed = True

    def open(self) -> None:
        """Open the stores and begin to serve. Raises what `Store.open` does."""
        with ExitStack() as opened:
            for store in self._stores:
                store.open()
                opened.callback(store.close)
            opened.pop_all()
        me = self.platform.random_bytes(8).hex()
        platform = self.platform
        self._watch = _Watch(self._store, platform, me)
        self._post = _Post(self._store, platform, me, posted=self._posted)
        self._watching = platform.lane(self._watch.handle, name="aion-client-watch")
        self._posting = platform.lane(self._post.handle, name="aion-client-post")
        self._reading = platform.lane(self._read, name="aion-client-read")
        self._closed = False

    def close(self, grace: float = 5.0) -> None:
        """End every wait with `EngineClosed` and close the stores. What was posted stays posted. Twice is fine.

        In a forked child nothing is done: it is the parent's to close.
        """
        if os.getpid() != self._owner:
            return
        with self._closing:
            if self._closed:
                return
            self._closed = True
        for lane in (self._posting, self._reading):
            lane.close()
        for lane in (self._posting, self._reading):
            lane.join(grace)
        self._watching.close()  # the last one, since the others hand on to it
        self._watching.join(grace)
        self._watch.end(EngineClosed("client"))
        for store in reversed(self._stores):
            store.close()

    @property
    def closed(self) -> bool:
        """Whether it serves nobody. In a forked child it never did."""
        return self._closed or os.getpid() != self._owner

    # ---- see `Backend`

    def submit(
        self,
        workflow_id: WorkflowId,
        request: AnyRequest,
        *,
        run_id: RunId | None = None,
        message_id: MessageId | None = None,
    ) -> Reply[AnyReaction | None]:
        """See `Backend.submit`. None for everything but questions, when no engine holds the workflow's shard."""
        reply: Reply[AnyReaction | None] = Reply()
        self._posting.put(_Letter(reply, workflow_id, request, run_id, message_id))
        self._fail_if_closed(reply)
        return reply

    def ending(self, workflow_id: WorkflowId, run_id: RunId | None) -> Reply[Ending]:
        """See `Backend.ending`. A start that was only posted through this client is waited for, too."""
        reply: Reply[Ending] = Reply()

        def look() -> None:
            # A run that has ended is told at once: the watch may be in the middle of a wait.
            waiting = _Awaited(weakref.ref(reply), workflow_id, run_id)
            if not self._watch.tell_ending(waiting):
                self._watching.put(waiting)
                self._fail_if_closed(reply)

        self._reading.put(_Job(reply, look))
        self._fail_if_closed(reply)
        return reply

    def reading(self, job: Callable[[EventStore, VisibilityStore], T]) -> Reply[T]:
        """See `Backend.reading`."""
        reply: Reply[T] = Reply()
        self._reading.put(_Job(reply, lambda: reply.set(job(self._store, self._visibility))))
        self._fail_if_closed(reply)
        return reply

    def complain(self) -> None:
        """See `Backend.complain`."""
        if os.getpid() != self._owner:
            raise EngineForked(self._owner)
        if self._closed:
            raise EngineClosed("client")

    # ---- inside

    def _posted(self, letter: _Letter, key: OutcomeKey) -> None:
        expires_at = letter.request.expires_at if isinstance(letter.request, QueryRequest) else None
        self._watching.put(
            _Asked(
                weakref.ref(letter.reply),
                key,
                question=isinstance(letter.request, _QUESTIONS),
                start=isinstance(letter.request, StartRequest),
                expires_at=expires_at,
            )
        )
        self._fail_if_closed(letter.reply)

    def _read(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            try:
                job.run()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
                job.reply.fail(error)

    def _fail_if_closed(self, reply: Reply[Any]) -> None:
        if self._closed:  # the lane may have dropped it
            reply.fail(EngineClosed("client"))


@frozen
class _Job:
    reply: Reply[Any]
    run: Callable[[], None]


@frozen
class _Letter:
    """A request on its way into the inbox."""

    reply: Reply[AnyReaction | None]
    workflow_id: WorkflowId
    request: AnyRequest
    run_id: RunId | None
    message_id: MessageId | None


class _Post:
    """Posts letters in the order in which they were submitted. On a lane of its own."""

    def __init__(
        self, store: EventStore, platform: Platform, poster: str, *, posted: Callable[[_Letter, OutcomeKey], None]
    ) -> None:
        """`posted` hears of every letter whose outcome is still to come."""
        self._store = store
        self._platform = platform
        self._poster = poster
        self._posted = posted
        self._n = 0

    def handle(self, letters: Sequence[_Letter]) -> float | None:
        """Post them in one call."""
        if not letters:
            return None
        messages = [self._message(letter) for letter in letters]
        try:
            answers = self._store.post(messages)
        except Exception as error:  # noqa: BLE001  # nothing was posted; the caller may try again
            if isinstance(error, StoreRefused) and len(letters) > 1:
                for letter in letters:  # one of them is the culprit
                    self.handle([letter])
                return None
            for letter in letters:
                letter.reply.fail(EngineClosed("client") if isinstance(error, StoreClosed) else error)
            return None
        for letter, message, answer in zip(letters, messages, answers, strict=True):
            if not (isinstance(answer, Settled) and settle(letter.reply, answer.outcome)):
                self._posted(letter, (message.workflow_id, message.message_id))
        return None

    def _message(self, letter: _Letter) -> Message:
        self._n += 1
        kind = _KINDS[type(letter.request)]
        if isinstance(letter.request, StartRequest) and letter.request.signal is not None:
            kind = MessageKind.SIGNAL_WITH_START
        return Message(
            workflow_id=letter.workflow_id,
            message_id=letter.message_id or MessageId(f"{self._poster}/{self._n}"),
            kind=kind,
            body=request_bytes(letter.request),
            run_id=letter.run_id,
            poster=self._poster,
            n=self._n,
            posted_at=self._platform.now(),
        )


@define(eq=False)
class _Asked:
    """A message whose outcome is waited for."""

    reply: weakref.ref[Reply[AnyReaction | None]]
    key: OutcomeKey
    question: bool = field(kw_only=True)
    start: bool = field(kw_only=True)
    expires_at: Instant | None = field(kw_only=True)
    looked: bool = False
    """Once in vain: from then on it counts whether anybody is there."""


@frozen(eq=False)
class _Awaited:
    """A run whose end is waited for."""

    reply: weakref.ref[Reply[Ending]]
    workflow_id: WorkflowId
    run_id: RunId | None


_Watched: TypeAlias = _Asked | _Awaited


class _Watch:
    """Looks for outcomes and endings, while there is somebody who waits. On a lane of its own.

    Replies are held weakly: one that nobody holds any more, because its caller was interrupted or cancelled, is not
    looked for any longer.
    """

    def __init__(self, store: EventStore, platform: Platform, name: str) -> None:
        """`name` is how this client shows itself in the table of engines."""
        self._store = store
        self._platform = platform
        self._me = EngineInfo(
            engine_id=EngineId(f"client-{name}"), host=socket.gethostname(), pid=os.getpid(), note="client"
        )
        self._watched: list[_Watched] = []
        self._patience = Patience()
        self._leases: LeaseTable | None = None
        self._leases_at = 0.0
        self._starts: dict[WorkflowId, OutcomeKey] = {}
        """Starts that were posted and that no engine has taken up."""

    def handle(self, news: Sequence[_Watched]) -> float | None:
        """Look, and wait a little for what may come; called again at once while anything is waited for."""
        self._watched += news
        try:
            before = len(self._watched)
            self._look()
            if len(self._watched) < before or news:
                self._patience.news()
            if not self._watched:
                return None
            self._store.wait(self._patience.pause())
        except StoreUnavailable as error:
            _log.warning("the store is away, and is asked again: %s", error)
            return self._platform.monotonic() + self._patience.pause()
        except Exception as error:  # noqa: BLE001  # nobody may wait for ever
            self.end(EngineClosed("client") if isinstance(error, StoreClosed) else error)
            return None
        return self._platform.monotonic()

    def end(self, error: BaseException) -> None:
        """Tell everybody who waits that nothing will come."""
        watched, self._watched = self._watched, []
        for each in watched:
            reply = each.reply()
            if reply is not None:
                reply.fail(error)

    def tell_ending(self, waiting: _Awaited) -> bool:
        """Settle with how the run ended, if it has; whether nobody waits any more. On any thread that reads."""
        reply = waiting.reply()
        if reply is None or reply.done:
            return True
        try:
            ending = ending_of(self._store, waiting.workflow_id, waiting.run_id)
        except WorkflowNotFound as error:
            return self._tell_missing(waiting.workflow_id, reply, error)
        except StoreUnavailable:
            raise
        except AionError as error:
            reply.fail(error)
            return True
        self._starts.pop(waiting.workflow_id, None)
        if ending is not None:
            reply.set(ending)
        return ending is not None

    def _tell_missing(self, workflow_id: WorkflowId, reply: Reply[Ending], error: WorkflowNotFound) -> bool:
        """There is no such workflow; unless its start is waiting for an engine, this is final."""
        key = self._starts.get(workflow_id)
        if key is None:
            reply.fail(error)
            return True
        (outcome,) = self._store.outcomes([key])
        if outcome is None or outcome.kind is not OutcomeKind.REFUSED:
            return False
        reply.fail(error_of(outcome.body))
        return True

    def _look(self) -> None:
        asked = [each for each in self._watched if isinstance(each, _Asked)]
        outcomes = self._store.outcomes([each.key for each in asked]) if asked else ()
        over: set[_Watched] = {
            each for each, outcome in zip(asked, outcomes, strict=True) if self._tell_outcome(each, outcome)
        }
        over |= {each for each in self._watched if isinstance(each, _Awaited) and self.tell_ending(each)}
        self._watched = [each for each in self._watched if each not in over]

    def _tell_outcome(self, asked: _Asked, outcome: Outcome | None) -> bool:
        """Settle with the outcome; whether nobody waits for it any more."""
        reply = asked.reply()
        if reply is None:
            return True
        if outcome is not None and settle(reply, outcome):
            return True
        if asked.question:
            return asked.expires_at is not None and self._platform.now() > asked.expires_at + SECOND
        if not asked.looked:  # most are answered before there is a need to look into the leases
            asked.looked = True
            return False
        if self._held(asked.key[0]):
            return False
        if asked.start:
            self._starts[asked.key[0]] = asked.key
        reply.set(None)
        return True

    def _held(self, workflow_id: WorkflowId) -> bool:
        """Whether an engine holds the workflow's shard."""
        now = self._platform.monotonic()
        if self._leases is None or now - self._leases_at > _LOOK_AGAIN:
            self._leases = self._store.lease(self._me, 0, _LOOK_TTL)
            self._leases_at = now
        return self._leases.owners.get(shard_of(workflow_id, self._store.shards)) is not None
