"""The way through the store's inbox, with an owner that consumes messages when a test says so."""

import gc
import threading

import pytest

from aion_core import (
    EngineClosed,
    EngineForked,
    QueryTimeout,
    StoreRefused,
    StoreUnavailable,
    UnknownHandler,
    WaitTimeout,
    WorkflowClosed,
    WorkflowFailed,
    WorkflowIdConflict,
    WorkflowNotFound,
)
from aion_core.client.refusals import refusal_bytes
from aion_core.client.reply import Reply
from aion_core.client.requests import Answered, SignalRequest, reaction_bytes, request_of
from aion_core.client.through_store import StoreBackend, _Letter, _Post
from aion_core.client.verbs import Verbs
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.model import events as e
from aion_core.model.attributes import AttributeSchema
from aion_core.model.errors import AionError
from aion_core.model.failures import Failure
from aion_core.model.limits import Limits
from aion_core.model.times import Instant
from aion_core.platform import SYSTEM
from aion_core.spi.records import Lease, MessageKind, Outcome, OutcomeKind

NEVER = Instant(4_102_444_800_000_000)


class Owner:
    """Takes messages out of the inbox and settles them by what the engine of the fixtures answers."""

    def __init__(self, engine, store):
        self.engine = engine
        self.store = store
        self.taken = []
        self.stop = threading.Event()
        self.thread = None

    def work(self):
        """Settle everything that is there, once."""
        for message in self.store.inbox(list(self.engine.fences), limit=100).items:
            self.taken.append(message)
            reply = self.engine.submit(
                message.workflow_id, request_of(message.body), run_id=message.run_id, message_id=message.message_id
            )
            if not reply.done:
                continue
            try:
                reaction = reply.result()
            except AionError as error:
                kind, body = OutcomeKind.REFUSED, refusal_bytes(error)
            else:
                kind = OutcomeKind.ANSWERED if isinstance(reaction, Answered) else OutcomeKind.RECORDED
                body = reaction_bytes(reaction)
            self.settle(message, kind, body)

    def settle(self, message, kind, body):
        outcome = Outcome(
            workflow_id=message.workflow_id,
            message_id=message.message_id,
            kind=kind,
            body=body,
            expires_at=NEVER,
        )
        self.store.settle([outcome])

    def begin(self):
        """Settle what comes, on a thread."""

        def serve():
            while not self.stop.is_set():
                self.work()
                self.store.wait(0.05)

        self.thread = threading.Thread(target=serve)
        self.thread.start()

    def leave(self):
        """Give up every shard, as an engine does that closes."""
        self.store.release([Lease(shard, fence) for shard, fence in self.engine.fences.items()])


@pytest.fixture
def place(request):
    return MemorySettings(name=request.node.name)


@pytest.fixture
def owner(backend_in_place, place):
    store = MemoryEventStore(place)
    store.open()
    owner = Owner(backend_in_place, store)
    yield owner
    owner.stop.set()
    if owner.thread is not None:
        owner.thread.join()


@pytest.fixture
def backend_in_place(place, make_engine):
    return make_engine(MemoryEventStore(place))


@pytest.fixture
def make_client(place):
    clients = []

    def make(store=None):
        client = StoreBackend(
            store or MemoryEventStore(place),
            platform=SYSTEM,
            limits=Limits(),
            attributes=AttributeSchema({"customer": "str"}),
        )
        client.open()
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(make_client, owner):
    return make_client()


@pytest.fixture
def verbs(client):
    return Verbs(client)


# ---- with an engine


def test_a_start_is_recorded_by_the_engine_that_holds_the_shard(verbs, owner):
    owner.begin()
    run = verbs.start("total", 1, id="t", memo={"n": 1})
    assert (run.created, run.pending) == (True, False)
    assert run.run_id == owner.engine.state("t").summary.run_id
    assert not verbs.start("total", 1, id="t").created
    assert [message.kind for message in owner.taken] == [MessageKind.START, MessageKind.START]


def test_every_verb_reaches_the_engine(verbs, owner):
    owner.begin()
    owner.engine.known["sum"] = lambda a, b: a + b
    run = verbs.signal_with_start("total", signal="approve", value=True, id="t")
    run.signal("approve", 5, message_id="m-1")
    assert run.query("sum", 2, 3) == 5
    assert run.stack() == "shop.py:41 in checkout"
    run.cancel("enough")
    verbs.delete("t")
    assert [message.kind for message in owner.taken] == [
        MessageKind.SIGNAL_WITH_START,
        MessageKind.SIGNAL,
        MessageKind.QUERY,
        MessageKind.QUERY,
        MessageKind.CANCEL,
        MessageKind.DELETE,
    ]
    assert owner.taken[1].message_id == "m-1"


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        (lambda verbs: verbs.start("total", 2, id="closed"), WorkflowIdConflict),
        (lambda verbs: verbs.handle("closed").signal("x"), WorkflowClosed),
        (lambda verbs: verbs.handle("nobody").signal("x"), WorkflowNotFound),
        (lambda verbs: verbs.handle("closed").query("x"), UnknownHandler),
        (lambda verbs: verbs.handle("nobody").result(), WorkflowNotFound),
        (lambda verbs: verbs.handle("nobody").status(), WorkflowNotFound),
    ],
)
def test_a_refusal_is_the_error_that_the_engine_raised(verbs, owner, verb, error):
    owner.begin()
    verbs.start("total", 1, id="closed")
    owner.engine.complete("closed")
    with pytest.raises(error):
        verb(verbs)


def test_a_message_that_was_settled_before_gets_the_same_answer(verbs, owner, make_client):
    owner.begin()
    run = verbs.start("total", id="t", request_id="r-1")
    owner.engine.complete("t")
    verbs.start("total", id="t", request_id="r-1")
    again = Verbs(make_client()).start("total", id="t", request_id="r-1")
    assert (again.run_id, again.created) == (run.run_id, True)
    assert len(owner.taken) == 1


def test_a_result_is_waited_for(verbs, owner):
    owner.begin()
    run = verbs.start("total", 1, id="t")
    with pytest.raises(WaitTimeout):
        run.result(timeout=0)
    owner.engine.continue_as_new("t", 2)
    owner.engine.complete("t", [2])
    assert run.result() == [2]
    assert verbs.handle("t").result() == [2]


def test_a_failed_run_is_followed_into_its_next_attempt_only(verbs, owner):
    owner.begin()
    failure = Failure(type="Broken", message="x")
    run = verbs.start("total", 1, id="t")
    owner.engine.retry("t", failure)
    owner.engine.record("t", dict(kind=e.WorkflowFailed, failure=failure))
    fresh = owner.engine.next_run(owner.engine.state("t"), SYSTEM.run_id(), owner.engine.values.encode([]))
    owner.engine.record("t", fresh | {"first_run": None})
    with pytest.raises(WorkflowFailed) as caught:
        run.result()
    assert caught.value.run_id not in {run.run_id, fresh["run_id"]}


def test_a_question_that_nobody_answers_times_out(verbs, owner):
    owner.begin()
    run = verbs.start("total", id="t")
    owner.engine.silent = True
    with pytest.raises(QueryTimeout):
        run.query("status", timeout=0.01)


def test_signals_of_one_client_keep_their_order(verbs, owner):
    owner.begin()
    run = verbs.start("total", id="t")
    for number in range(20):
        run.signal("n", number)
    assert [event.data["payload"] for event in run.events(after=1, wait=False)] == list(range(20))


# ---- without one


def test_what_no_engine_holds_is_posted_and_says_so(verbs, owner):
    owner.leave()
    run = verbs.start("total", 1, id="t")
    assert (run.run_id, run.pending) == ("", True)
    run.signal("approve", True)
    run.cancel()
    owner.engine.lease()
    owner.work()
    assert [message.kind for message in owner.taken] == [MessageKind.START, MessageKind.SIGNAL, MessageKind.CANCEL]


def test_a_pending_start_has_a_result_once_an_engine_takes_it_up(verbs, owner):
    owner.leave()
    run = verbs.start("total", 1, id="t")
    with pytest.raises(WaitTimeout):
        run.result(timeout=0.01)
    owner.engine.lease()
    owner.work()
    owner.engine.complete("t", 7)
    assert run.result() == 7


def test_a_pending_start_that_is_refused_tells_whoever_waits(verbs, owner):
    owner.leave()
    run = verbs.start("totl", 1, id="t")
    (message,) = owner.store.inbox(list(owner.engine.fences), limit=9).items
    owner.settle(
        message, OutcomeKind.REFUSED, refusal_bytes(WorkflowIdConflict("t", "r", status="x", policy="y", problem="z"))
    )
    with pytest.raises(WorkflowIdConflict):
        run.result()


def test_a_question_to_nobody_times_out(verbs, owner):
    owner.leave()
    with pytest.raises(QueryTimeout):
        verbs.handle("t").query("status", timeout=0.01)


def test_a_client_leases_nothing(verbs, owner):
    owner.leave()
    verbs.start("total", id="t")
    table = owner.store.lease(owner.engine.me, 0, 60)
    assert set(table.owners.values()) == {None}
    assert [engine.note for engine in table.engines if engine.engine_id != owner.engine.me.engine_id] == ["client"]


# ---- faults, and the end


def test_a_store_that_is_away_posts_nothing_and_says_so(make_client, owner, place):
    class Away(MemoryEventStore):
        away = True

        def post(self, messages):
            if self.away:
                raise StoreUnavailable("not there")
            return super().post(messages)

    store = Away(place)
    verbs = Verbs(make_client(store))
    owner.begin()
    with pytest.raises(StoreUnavailable):
        verbs.start("total", id="t")
    store.away = False
    assert verbs.start("total", id="t").created


def test_a_message_that_the_store_refuses_disturbs_no_other(owner, place):
    class Picky(MemoryEventStore):
        def post(self, messages):
            if any(message.workflow_id == "bad" for message in messages):
                raise StoreRefused("no")
            return super().post(messages)

    store = Picky(place)
    store.open()
    posted = []
    post = _Post(store, SYSTEM, "p", posted=lambda letter, _: posted.append(letter.workflow_id))
    letters = [_Letter(Reply(), name, SignalRequest(name="x"), None, None) for name in ("a", "bad", "b")]
    post.handle(letters)
    assert posted == ["a", "b"]
    with pytest.raises(StoreRefused):
        letters[1].reply.result()


def test_a_store_that_is_away_while_an_answer_is_awaited_is_asked_again(make_client, owner, place):
    class Flaky(MemoryEventStore):
        failures = 3

        def outcomes(self, keys):
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("not there")
            return super().outcomes(keys)

    store = Flaky(place)
    owner.begin()
    assert Verbs(make_client(store)).start("total", id="t").created
    assert store.failures == 0


def test_an_answer_of_a_newer_version_is_an_error_and_no_hang(verbs, owner):
    run = verbs.handle("t")
    owner.settle(
        type("M", (), {"workflow_id": "t", "message_id": "m-1"}), OutcomeKind.RECORDED, b'{"type":"recorded/9"}'
    )
    with pytest.raises(AionError, match="newer version"):
        run.signal("x", message_id="m-1")


def test_a_wait_that_nobody_holds_any_more_is_forgotten(client, owner):
    owner.begin()
    Verbs(client).start("total", id="t")
    reply = client.ending("t", None)
    done = threading.Event()
    client.reading(lambda *_: None).then(lambda _: done.set())
    assert done.wait(10)
    del reply
    gc.collect()
    for _ in range(200):
        if not client._watch._watched:
            break
        client.reading(lambda store, _: store.post([])).wait(SYSTEM, 10)
    assert client._watch._watched == []


def test_closing_ends_every_wait(client, owner):
    owner.begin()
    Verbs(client).start("total", id="t")
    waiting = client.ending("t", None)
    client.close()
    client.close()
    with pytest.raises(EngineClosed, match="this client is closed"):
        waiting.wait(SYSTEM, 10)
    for reply in (client.ending("t", None), client.reading(lambda *_: 1)):
        with pytest.raises(EngineClosed):
            reply.wait(SYSTEM, 10)
    with pytest.raises(EngineClosed):
        client.complain()


def test_a_client_of_a_parent_process_is_refused(client, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(EngineForked):
        Verbs(client).start("total")


def test_a_store_that_lists_no_runs_needs_another_that_does():
    with pytest.raises(TypeError, match="visibility store"):
        StoreBackend(object(), platform=SYSTEM, limits=Limits(), attributes=AttributeSchema())
