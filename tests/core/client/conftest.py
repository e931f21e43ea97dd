"""An engine without turns, code or threads: it answers requests at once, over a memory store, for tests of verbs."""

import asyncio
from collections import defaultdict

import pytest

from aion_core.client.aio import AsyncVerbs
from aion_core.client.reply import Reply
from aion_core.client.requests import (
    ActivityRequest,
    Answered,
    CancelRequest,
    DeleteRequest,
    Ending,
    QueryRequest,
    Recorded,
    SignalRequest,
    StackRequest,
    Started,
    StartPolicy,
    StartRequest,
    TerminateRequest,
)
from aion_core.client.stored import events_between
from aion_core.client.verbs import Verbs
from aion_core.codec import Values, encode_batch
from aion_core.memory import MemoryEventStore
from aion_core.model import events as e
from aion_core.model.attributes import AttributeSchema
from aion_core.model.failed import (
    UnknownHandler,
    WorkflowClosed,
    WorkflowIdConflict,
    WorkflowNotFound,
    WorkflowOpen,
)
from aion_core.model.ids import EngineId, Version
from aion_core.model.limits import Limits
from aion_core.model.summaries import fold_runs
from aion_core.model.times import Instant
from aion_core.platform import SYSTEM
from aion_core.spi.records import Commit, Committed, EngineInfo, WorkflowState

TERMINAL = e.TERMINAL_TYPES
T0 = Instant(1_700_000_000_000_000)


class FakeEngine:
    """A `Backend` that records real events with real commits, and calls no code."""

    def __init__(self, store=None):
        self.platform = SYSTEM
        self.limits = Limits()
        self.values = Values(self.limits)
        self.attributes = AttributeSchema({"customer": "str", "tags": "keywords"})
        self.interceptors = ()
        self.store = store or MemoryEventStore()
        self.store.open()
        self.seen = []
        """Every request, with its target and options."""
        self.closed = None
        """The error that `complain` raises."""
        self.known = {}
        """Handlers of queries."""
        self.silent = False
        """Questions are not answered."""
        self.messages = {}
        self.waiting = defaultdict(list)
        self.me = EngineInfo(engine_id=EngineId("fake"), types=("checkout",))
        self.lease()

    def lease(self):
        table = self.store.lease(self.me, self.store.shards, 3600)
        self.fences = {lease.shard: lease.fence for lease in table.mine}

    # ---- Backend

    def submit(self, workflow_id, request, *, run_id=None, message_id=None):
        self.seen.append((workflow_id, request, run_id, message_id))
        reply = Reply()
        try:
            if message_id is not None and (workflow_id, message_id) in self.messages:
                reply.set(self.messages[workflow_id, message_id])
                return reply
            reaction = self.react(workflow_id, request, run_id, message_id)
            if message_id is not None:
                self.messages[workflow_id, message_id] = reaction
            if reaction is not self:
                reply.set(reaction)
        except Exception as error:
            reply.fail(error)
        return reply

    def ending(self, workflow_id, run_id):
        reply = Reply()
        try:
            events = self.events(workflow_id)
            run_id = run_id or self.state(workflow_id).summary.run_id
            self.waiting[workflow_id, run_id].append(reply)
            self.tell(workflow_id, events)
        except Exception as error:
            reply.fail(error)
        return reply

    def reading(self, job):
        reply = Reply()
        try:
            reply.set(job(self.store, self.store))
        except Exception as error:
            reply.fail(error)
        return reply

    def complain(self):
        if self.closed is not None:
            raise self.closed

    # ---- what an engine does

    def react(self, workflow_id, request, run_id, message_id):
        match request:
            case StartRequest():
                return self.start(workflow_id, request, message_id)
            case SignalRequest():
                self.open_run(workflow_id, run_id)
                return self.record(workflow_id, signal_event(request, message_id))
            case CancelRequest():
                self.open_run(workflow_id, run_id)
                return self.record(workflow_id, dict(kind=e.WorkflowCancelled, reason=request.reason))
            case TerminateRequest():
                self.open_run(workflow_id, run_id)
                return self.record(workflow_id, dict(kind=e.WorkflowTerminated, reason=request.reason))
            case ActivityRequest():
                self.open_run(workflow_id, run_id)
                done = dict(kind=e.ActivityCompleted, ordinal=request.ordinal, result=request.value)
                return self.record(workflow_id, done)
            case DeleteRequest():
                state = self.state(workflow_id)
                if state.summary.status.open:
                    raise WorkflowOpen(workflow_id, state.summary.run_id, status=state.summary.status)
                self.store.trim(workflow_id, None)
                return Recorded(run_id=state.summary.run_id)
            case QueryRequest() | StackRequest() if self.silent:
                return self
            case QueryRequest():
                self.state(workflow_id)
                if request.name not in self.known:
                    raise UnknownHandler("query", request.name, self.known, workflow_id=workflow_id)
                value = self.known[request.name](*self.values.decode(request.input))
                return Answered(value=self.values.encode(value))
            case StackRequest():
                return Answered(value=self.values.encode("shop.py:41 in checkout"))

    def start(self, workflow_id, request, message_id):
        (state,) = self.store.state([workflow_id])
        if state is not None:
            summary = state.summary
            join = request.policy is StartPolicy.EXISTING and summary.status.open
            if join or state.start_hash == request.input_hash:
                if request.signal is not None:
                    self.record(workflow_id, signal_event(request.signal, None))
                return Started(run_id=summary.run_id, created=False, workflow_type=summary.type)
            raise WorkflowIdConflict(
                workflow_id, summary.run_id, status=summary.status, policy=request.policy, problem="with another input"
            )
        begun = dict(
            kind=e.WorkflowStarted,
            run_id=self.platform.run_id(),
            workflow_type=request.workflow_type,
            input=request.input,
            version=Version("env:test"),
            python="3.11",
            machine=1,
            attributes=request.attributes,
            memo=request.memo,
            request_id=message_id,
            headers=request.headers,
        )
        more = [signal_event(request.signal, None)] if request.signal else []
        recorded = self.record(workflow_id, begun, *more, start_hash=request.input_hash)
        return Started(run_id=recorded.run_id, created=True, workflow_type=request.workflow_type)

    def continue_as_new(self, workflow_id, *arguments):
        """End the run and begin the next, in one commit."""
        state = self.state(workflow_id)
        run_id, payload = self.platform.run_id(), self.values.encode(list(arguments))
        ends = dict(kind=e.WorkflowContinuedAsNew, next_run=run_id, workflow_type=state.summary.type, input=payload)
        self.record(workflow_id, ends, self.next_run(state, run_id, payload))
        return run_id

    def retry(self, workflow_id, failure):
        """Fail the run and begin its next attempt, in one commit."""
        state = self.state(workflow_id)
        run_id, payload = self.platform.run_id(), self.values.encode([])
        again = self.next_run(state, run_id, payload) | {"attempt": 2}
        self.record(workflow_id, dict(kind=e.WorkflowFailed, failure=failure), again)
        return run_id

    def next_run(self, state, run_id, payload):
        return dict(
            kind=e.WorkflowStarted,
            run_id=run_id,
            workflow_type=state.summary.type,
            input=payload,
            version=Version("env:test"),
            python="3.11",
            machine=1,
            previous_run=state.summary.run_id,
            first_run=state.summary.run_id,
        )

    def complete(self, workflow_id, value=None):
        return self.record(workflow_id, dict(kind=e.WorkflowCompleted, result=self.values.encode(value)))

    # ---- histories

    def record(self, workflow_id, *wanted, start_hash=None, blobs=()):
        before = self.events(workflow_id, missing=[])
        head = before[-1].seq if before else 0
        new = []
        for number, fields in enumerate(wanted, head + 1):
            given = dict(fields)
            new.append(given.pop("kind")(seq=number, at=Instant(T0 + number * 1_000_000), **given))
        events = [*before, *new]
        (old,) = self.store.state([workflow_id])
        entries = fold_runs(workflow_id, events)
        state = WorkflowState(
            workflow_id=workflow_id,
            summary=entries[-1].summary,
            head=events[-1].seq,
            run_start=entries[-1].first_seq,
            drained_seq=events[-1].seq,
            start_hash=old.start_hash if old else start_hash,
        )
        commit = Commit(
            workflow_id=workflow_id,
            expected_seq=head,
            op_id=self.platform.op_id(),
            fence=self.fences[self.store.world.shard(workflow_id)],
            batch=encode_batch(new),
            state=state,
            runs=tuple(entries),
            blobs=tuple(blobs),
        )
        (done,) = self.store.append([commit])
        assert isinstance(done, Committed), done
        self.tell(workflow_id, events)
        return Recorded(run_id=state.summary.run_id)

    def state(self, workflow_id):
        (state,) = self.store.state([workflow_id])
        if state is None:
            raise WorkflowNotFound(workflow_id)
        return state

    def open_run(self, workflow_id, run_id):
        summary = self.state(workflow_id).summary
        if not summary.status.open or run_id not in {None, summary.run_id}:
            raise WorkflowClosed(workflow_id, summary.run_id, status=summary.status)

    def events(self, workflow_id, *, missing=None):
        found = events_between(self.store, workflow_id, 1, 10**9)
        if not found and missing is None:
            raise WorkflowNotFound(workflow_id)
        return found

    def tell(self, workflow_id, events):
        """Settle whoever waits for the end of a run that has ended."""
        run_id = None
        for event, following in zip(events, [*events[1:], None], strict=True):
            if isinstance(event, e.WorkflowStarted):
                run_id = event.run_id
            if not isinstance(event, TERMINAL):
                continue
            chained = isinstance(following, e.WorkflowStarted) and following.first_run is not None
            status = next(r for r in fold_runs(workflow_id, events) if r.run_id == run_id).summary.status
            ending = Ending(run_id=run_id, status=status, event=event, next_run=following.run_id if chained else None)
            for reply in self.waiting.pop((workflow_id, run_id), ()):
                reply.set(ending)


def signal_event(request, message_id):
    return dict(
        kind=e.SignalReceived,
        name=request.name,
        payload=request.payload,
        message_id=message_id,
        headers=request.headers,
    )


class Both:
    """One face for both: calls the blocking verb, or runs the awaited one on a loop of its own."""

    def __init__(self, target, runner=None):
        self._target = target
        self._runner = runner

    def __getattr__(self, name):
        found = getattr(self._target, name)
        return self._wrapped(found) if callable(found) else found

    def _wrapped(self, verb):
        def call(*args, **kwargs):
            return self._plain(verb(*args, **kwargs))

        return call

    def _plain(self, value):
        if self._runner is None:
            return Both(value) if hasattr(value, "run_id") and hasattr(value, "result") else value
        if asyncio.iscoroutine(value):
            value = self._runner.run(value)
        if hasattr(value, "__anext__"):
            return self._items(value)
        return Both(value, self._runner) if hasattr(value, "run_id") and hasattr(value, "result") else value

    def _items(self, items):
        async def following():
            return await anext(items)

        try:
            while True:
                try:
                    yield self._runner.run(following())
                except StopAsyncIteration:
                    return
        finally:
            self._runner.run(items.aclose())


@pytest.fixture
def make_engine():
    return FakeEngine


@pytest.fixture
def backend():
    return FakeEngine()


@pytest.fixture(params=["blocking", "awaited"])
def verbs(request, backend):
    """The verbs of either face, called alike."""
    if request.param == "blocking":
        yield Both(Verbs(backend))
        return
    with asyncio.Runner() as runner:
        yield Both(AsyncVerbs(backend), runner)
