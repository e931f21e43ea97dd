from collections import deque

import pytest

from aion_core.client.reply import Reply
from aion_core.client.requests import Recorded, SignalRequest, Started, StartPolicy, StartRequest, reaction_of
from aion_core.codec import decode_batch
from aion_core.engine.lifecycle import CodeOptions
from aion_core.engine.recorder import AttemptFailed, AttemptNoted, Rules
from aion_core.engine.resident import Arrived, Asked, AttemptBegins, Caller
from aion_core.engine.surroundings import Loaded
from aion_core.engine.turns import Turns
from aion_core.engine.writer import Writer
from aion_core.ledger import fold, record_of
from aion_core.memory import MemoryEventStore
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import StoreRefused, UnknownWorkflow
from aion_core.model.failed import NotOwner, WorkflowBlocked, WorkflowClosed, WorkflowIdConflict, WorkflowNotFound
from aion_core.model.failures import Failure
from aion_core.model.limits import Limits
from aion_core.model.policies import ActivityOptions
from aion_core.model.status import Status
from aion_core.spi import Activated, Answer, Ask, AskKind, EngineId, EngineInfo, NeedHistory, TicketLost, json_payload
from aion_testkit.clock import SteppedPlatform
from aion_testkit.faulty import Fault, FaultyEventStore

ID = "order-42"
OUTAGE = Failure(type="OSError", message="no route")


def sequence(event, number):
    """A workflow that calls one activity after the other until it hears `stop`."""
    match event:
        case e.WorkflowStarted() | e.ActivityCompleted():
            return [c.ScheduleActivity(ordinal=number, activity_type="charge")]
        case e.SignalReceived(name="stop"):
            return [c.CompleteWorkflow()]
        case e.SignalReceived(name="misbehave"):
            return [c.BlockWorkflow(failure=Failure(type="NonDeterministicCall", message="a file"))]
        case e.WorkflowCancelRequested():
            return [c.CancelActivity(ordinal=number - 1), c.CancelWorkflow()]
        case _:
            return []


class Engine:
    """Turns over a real store and writer, one step at a time, with code that is a function of its arrivals."""

    def __init__(self, store=None, *, code=sequence, resident=100):
        inner = MemoryEventStore()
        inner.open()
        self.store = store or FaultyEventStore(inner, ())
        self.platform = SteppedPlatform()
        self.resident = resident
        self.limits = Limits()
        self.keep = 10**15  # the store's own clock is the real one
        self.script = code
        self.table = self.store.lease(EngineInfo(engine_id=EngineId("e1")), self.store.shards, 1e6)
        self.fences = {lease.shard: lease.fence for lease in self.table.mine}
        self.slots = 1000
        self.rules = Rules(
            settle=lambda *_: ("default", ActivityOptions()), reserve=self.reserve, new_run=self.platform.run_id
        )
        self.mine = True
        self.numbers = {}
        self.seen = {}
        self.replayed = []
        self.evicted = []
        self.released = []
        self.given_back = []
        self.met_runs = []
        self.told = []
        self.activations = []
        self.writes = deque()
        self.loads = deque()
        self.answers_come = True
        self.turns = Turns(self)
        self.writer = Writer(
            self.store,
            self.platform,
            written=self.turns.written,
            leases=lambda: self.table.mine,
            may_write=lambda: True,
        )

    # what the turn loop asks

    def reserve(self, queue):
        self.slots -= 1
        return self.slots >= 0

    def load(self, workflow_id):
        self.loads.append(workflow_id)

    def activate(self, batch):
        self.activations += batch

    def evict(self, runs):
        self.evicted += runs
        for run_id in runs:
            self.numbers.pop(run_id, None)
            self.seen.pop(run_id, None)

    def write(self, item):
        self.writes.append(item)

    def fence(self, workflow_id):
        return self.table.mine[0].fence if self.mine else None

    def code(self, workflow_type, version):
        if workflow_type != "t":
            raise UnknownWorkflow(workflow_type, ["t"])
        return CodeOptions(version="env:1")

    def met(self, ledger):
        self.met_runs.append(ledger.run_id)

    def current_version(self):
        return "env:1"

    def release(self, ledger, recording):
        self.released.append(recording)

    def tell(self, caller, reaction, *, durable):
        self.told.append((reaction, durable))
        if isinstance(reaction, BaseException):
            caller.reply.fail(reaction)
        else:
            caller.reply.set(reaction)

    def give_back(self, recording):
        self.given_back.append(recording)

    # what the world does

    def pump(self):
        """Let everything happen that is under way."""
        while True:
            self.turns.flush()
            if self.loads:
                self.turns.loaded(self.read(self.loads.popleft()))
            elif self.activations:
                self.run(self.activations.pop(0))
            elif self.writes:
                batch = [*self.writes]
                self.writes.clear()
                while self.writer.handle(batch) is not None:
                    batch = []
            else:
                return

    def run(self, activation):
        run_id = activation.run_id
        if activation.history is None and self.seen.get(run_id, 0) != activation.after:
            self.turns.activated([NeedHistory(ticket=activation.ticket, run_id=run_id)])
            return
        if activation.history is not None:
            events = [event for batch in activation.history for event in decode_batch(batch)]
            self.replayed.append(len(events))
            self.numbers[run_id] = sum(isinstance(event, e.ActivityScheduled) for event in events)
        commands = []
        for event in activation.arrivals:
            drain = self.script(event, self.numbers[run_id])
            self.numbers[run_id] += sum(isinstance(command, c.ScheduleActivity) for command in drain)
            commands.append(drain)
        answers = [Answer(ask_id=ask.ask_id, value=json_payload(b"7")) for ask in activation.asks]
        self.seen[run_id] = activation.ticket
        self.turns.activated([Activated(ticket=activation.ticket, run_id=run_id, commands=commands, answers=answers)])

    def read(self, workflow_id):
        (state,) = self.store.state([workflow_id])
        if state is None:
            return Loaded(workflow_id=workflow_id)
        batches = self.store.read(workflow_id, after=state.run_start - 1).items
        events = [event for batch in batches for event in decode_batch(batch) if event.seq >= state.run_start]
        ledger = fold(workflow_id, events, record=record_of(state.open))
        ledger.start_hash, ledger.drained_seq, ledger.run_start = state.start_hash, state.drained_seq, state.run_start
        return Loaded(workflow_id=workflow_id, ledger=ledger, history=batches)

    # what users do

    def ask_for(self, what, *, pump=True):
        reply = Reply()
        self.turns.arrive(ID, Arrived(what=what, caller=Caller(reply=reply)))
        if pump:
            self.pump()
        return reply

    def start(self, **fields):
        return self.ask_for(StartRequest(**dict(workflow_type="t", input_hash="same") | fields))

    def signal(self, name="go", **options):
        return self.ask_for(e.SignalReceived(seq=0, at=0, name=name), **options)

    def completed(self, ordinal=0):
        self.turns.arrive(ID, Arrived(what=e.ActivityCompleted(seq=0, at=0, ordinal=ordinal)))
        self.pump()

    def query(self):
        reply = Reply()
        self.turns.ask(ID, Asked(ask=Ask(ask_id="q", kind=AskKind.QUERY, name="x"), reply=reply))
        self.pump()
        return reply

    @property
    def history(self):
        return [type(event).__name__ for batch in self.store.read(ID).items for event in decode_batch(batch)]

    @property
    def state(self):
        return self.store.state([ID])[0]


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def running(engine):
    engine.start()
    return engine


def test_a_start_and_what_its_first_drain_issued_are_one_commit(engine):
    reply = engine.start()
    assert (reply.result().created, reply.result().run_id) == (True, engine.state.summary.run_id)
    assert [(batch.first_seq, batch.last_seq) for batch in engine.store.read(ID).items] == [(1, 2)]


def test_a_step_is_one_commit(running):
    running.completed(0)
    assert running.history[2:] == ["ActivityCompleted", "ActivityScheduled"]
    assert len(running.store.read(ID).items) == 2


def test_nothing_has_an_effect_before_the_store_has_acknowledged(engine):
    reply = engine.ask_for(StartRequest(workflow_type="t", input_hash="same"), pump=False)
    engine.turns.loaded(engine.read(engine.loads.popleft()))
    engine.turns.flush()
    engine.run(engine.activations.pop())
    assert engine.writes
    assert (reply.done, engine.released) == (False, [])
    engine.pump()
    assert reply.done
    assert [activity.ordinal for activity in engine.released[0].dispatch] == [0]


def test_what_arrives_while_a_commit_is_under_way_forms_the_next_turn(engine):
    engine.ask_for(StartRequest(workflow_type="t", input_hash="same"), pump=False)
    replies = [engine.signal(pump=False) for _ in range(3)]
    engine.pump()
    assert engine.history[2:] == ["SignalReceived"] * 3
    assert len(engine.store.read(ID).items) == 2
    assert all(isinstance(reply.result(), Recorded) for reply in replies)


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.LOST_REQUEST, Fault.UNAVAILABLE])
def test_a_fault_of_the_store_neither_loses_nor_repeats_a_turn(fault):
    inner = MemoryEventStore()
    inner.open()
    engine = Engine(FaultyEventStore(inner, [fault]))
    engine.start()
    assert engine.history == ["WorkflowStarted", "ActivityScheduled"]
    assert len(engine.released) == 1


def test_a_workflow_that_left_memory_goes_on_from_its_history():
    engine = Engine(resident=0)
    engine.start()
    assert len(engine.turns) == 0
    engine.completed(0)
    engine.completed(1)
    assert engine.history.count("ActivityScheduled") == 3
    assert engine.replayed == [0, 2, 4]


def test_a_worker_that_does_not_hold_the_run_is_given_its_history(running):
    running.seen.clear()
    running.completed(0)
    assert running.history[2:] == ["ActivityCompleted", "ActivityScheduled"]
    assert running.replayed == [0, 2]


def test_a_commit_that_another_engine_forestalled_is_done_anew_after_replay(running):
    other = Engine(running.store)
    running.signal(pump=False)
    other.table = running.table
    other.signal()
    running.pump()
    assert running.history[2:] == ["SignalReceived", "SignalReceived"]
    assert len(running.given_back) == 1


def test_a_workflow_of_another_engine_is_refused_and_not_kept(engine):
    engine.mine = False
    with pytest.raises(NotOwner):
        engine.signal().result()
    assert len(engine.turns) == 0


def test_a_workflow_whose_lease_is_found_to_be_over_is_refused(running):
    reply = running.signal(pump=False)
    running.mine = False
    running.store.lease(EngineInfo(engine_id=EngineId("e1")), 0, 1e-9)
    running.store.lease(EngineInfo(engine_id=EngineId("e2")), running.store.shards, 1e6)
    running.pump()
    with pytest.raises(NotOwner):
        reply.result()


@pytest.mark.parametrize("losses", [1, 2])
def test_a_lost_worker_loses_nothing(running, losses):
    reply = running.signal(pump=False)
    for _ in range(losses):
        while not running.activations:
            running.turns.flush()
            while running.loads:
                running.turns.loaded(running.read(running.loads.popleft()))
        activation = running.activations.pop()
        running.turns.activated([TicketLost(ticket=activation.ticket, run_id=activation.run_id, reason="killed")])
    running.pump()
    assert isinstance(reply.result(), Recorded)
    assert running.history[2:] == ["SignalReceived"]


def test_the_third_lost_worker_in_a_row_blocks_the_workflow(running, monkeypatch):
    monkeypatch.setattr(
        running,
        "run",
        lambda activation: running.turns.activated(
            [TicketLost(ticket=activation.ticket, run_id=activation.run_id, reason="killed", frame="shop.py:7")]
        ),
    )
    running.signal()
    assert running.history[2:] == ["WorkflowBlocked", "SignalReceived"]
    assert running.state.summary.blocked_reason == "killed in shop.py:7"


def test_an_answer_of_a_worker_that_was_given_up_is_ignored(running):
    running.signal(pump=False)
    running.turns.flush()
    late = running.activations.pop()
    running.turns.activated([TicketLost(ticket=late.ticket, run_id=late.run_id, reason="hangs")])
    running.turns.activated([Activated(ticket=late.ticket, run_id=late.run_id, commands=[[c.CompleteWorkflow()]])])
    running.pump()
    assert running.history[2:] == ["SignalReceived"]


def test_code_that_breaks_a_rule_blocks_its_run_and_loses_no_arrival(running):
    running.signal("misbehave")
    assert running.history[2:] == ["WorkflowBlocked", "SignalReceived"]
    assert isinstance(running.signal("go").result(), Recorded)
    assert running.history[4:] == ["SignalReceived"]
    assert running.state.drained_seq == 2


def test_what_was_recorded_while_a_run_was_held_reaches_its_code_by_replay(running):
    running.ask_for(e.WorkflowPaused(seq=0, at=0))
    running.signal()
    assert running.replayed == [0]
    running.ask_for(e.WorkflowResumed(seq=0, at=0))
    assert running.history[2:] == ["WorkflowPaused", "SignalReceived", "WorkflowResumed"]
    assert running.replayed == [0, 4]


def test_a_blocked_run_answers_no_questions(running):
    running.signal("misbehave")
    with pytest.raises(WorkflowBlocked, match="a file"):
        running.query().result()


def test_a_question_leaves_no_trace(running):
    before = running.state
    assert running.query().result().value == json_payload(b"7")
    assert running.state == before


def test_a_closed_run_answers_questions_by_replay(running):
    running.signal("stop")
    assert len(running.turns) == 0
    assert running.query().result().value == json_payload(b"7")
    assert len(running.turns) == 0


def test_a_question_to_nobody_says_so(engine):
    with pytest.raises(WorkflowNotFound):
        engine.query().result()
    assert engine.turns is not None


def test_a_signal_to_nobody_says_so(engine):
    with pytest.raises(WorkflowNotFound):
        engine.signal().result()
    assert len(engine.turns) == 0


def test_a_signal_to_a_closed_run_is_refused_and_leaves_nothing(running):
    running.signal("stop")
    before = running.state
    with pytest.raises(WorkflowClosed):
        running.signal().result()
    assert running.state == before


def test_a_signal_behind_the_one_that_ends_the_run_is_refused(running):
    stop, late = running.signal("stop", pump=False), running.signal("go", pump=False)
    running.pump()
    assert isinstance(stop.result(), Recorded)
    with pytest.raises(WorkflowClosed):
        late.result()


def test_an_unknown_workflow_type_leaves_nothing(engine):
    with pytest.raises(UnknownWorkflow):
        engine.start(workflow_type="x").result()
    assert engine.state is None


def test_starting_again_with_the_same_input_joins_the_run(running):
    again = running.start().result()
    assert again == Started(run_id=running.state.summary.run_id, created=False, workflow_type="t")
    with pytest.raises(WorkflowIdConflict):
        running.start(input_hash="another").result()


def test_a_restart_terminates_the_open_run_in_the_same_commit(running):
    running.start(policy=StartPolicy.RESTART)
    assert running.history == [
        *("WorkflowStarted", "ActivityScheduled"),
        *("WorkflowTerminated", "WorkflowStarted", "ActivityScheduled"),
    ]
    assert [run.summary.status for run in running.store.runs(ID, limit=9).items] == [Status.TERMINATED, Status.RUNNING]
    assert len(running.store.read(ID).items) == 2


def test_a_signal_with_start_begins_with_the_signal(engine):
    engine.start(signal=SignalRequest(name="go"))
    assert engine.history == ["WorkflowStarted", "ActivityScheduled", "SignalReceived"]


def test_a_signal_with_start_gives_the_signal_to_the_open_run(running):
    assert running.start(signal=SignalRequest(name="go"), input_hash="another").result().created is False
    assert running.history[2:] == ["SignalReceived"]


def test_a_delayed_start_is_recorded_alone_and_begins_when_it_is_resumed(engine):
    engine.start(delay=5_000_000)
    engine.signal()
    assert engine.history == ["WorkflowStarted", "SignalReceived"]
    assert engine.state.next_wake == engine.state.summary.started.timestamp() * 1_000_000 + 5_000_000


def test_terminating_runs_no_code(running):
    running.script = None
    running.ask_for(e.WorkflowTerminated(seq=0, at=0, reason="enough"))
    assert running.history[2:] == ["WorkflowTerminated"]


def test_cancelling_a_run_that_only_ends_is_one_event(running):
    running.ask_for(e.WorkflowCancelRequested(seq=0, at=0, reason="enough"))
    assert running.history[2:] == ["WorkflowCancelled"]


def test_a_failed_attempt_runs_no_code_and_is_noted(running):
    running.script = None
    running.turns.arrive(ID, Arrived(what=AttemptFailed(ordinal=0, attempt=1, failure=OUTAGE)))
    running.pump()
    assert running.history[2:] == ["ActivityFailed"]
    assert running.state.next_wake > running.state.summary.started.timestamp() * 1_000_000


def test_the_last_attempt_is_an_arrival_for_the_code(running):
    bug = Failure(type="TypeError", message="a bug")
    seen = []
    running.script = lambda event, _: seen.append(event) or []
    running.turns.arrive(ID, Arrived(what=AttemptFailed(ordinal=0, attempt=1, failure=bug)))
    running.pump()
    assert [type(event) for event in seen] == [e.ActivityFailed]
    assert running.history[2:] == ["ActivityFailed"]


def test_an_activity_that_had_to_queue_begins_in_a_commit_of_its_own(engine):
    engine.slots = 0
    engine.start()
    engine.turns.arrive(ID, Arrived(what=AttemptBegins(0, 1)))
    engine.pump()
    assert engine.history == ["WorkflowStarted", "ActivityScheduled", "ActivityStarted"]
    assert [activity.ordinal for activity in engine.released[-1].dispatch] == [0]


def test_a_turn_that_the_store_refuses_blocks_its_workflow_and_tells_the_caller(running, monkeypatch):
    append = running.store.append

    def refusing(commits):
        for commit in commits:
            if commit.batch and b"poison" in commit.batch.body:
                raise StoreRefused("a value that no database takes.")
        return append(commits)

    monkeypatch.setattr(running.store, "append", refusing)
    with pytest.raises(StoreRefused):
        running.signal("poison").result()
    assert running.history[2:] == ["WorkflowBlocked"]
    assert "no database takes" in running.state.summary.blocked_reason


def test_what_an_attempt_says_of_itself_is_kept_in_the_row_without_an_event(running):
    from_heartbeat = AttemptNoted(ordinal=0, attempt=1, details=json_payload(b"7"), later=True, ends_at=9)
    assert isinstance(running.ask_for(from_heartbeat).result(), Recorded)
    assert running.history == ["WorkflowStarted", "ActivityScheduled"]
    (kept,) = record_of(running.state.open).activities
    assert (kept.details.content, kept.later, kept.ends_at) == (b"7", True, 9)


def test_what_is_said_of_an_attempt_that_is_over_is_refused(running):
    with pytest.raises(WorkflowClosed):
        running.ask_for(AttemptNoted(ordinal=0, attempt=2)).result()


def test_a_worker_at_another_place_of_the_run_is_given_its_history(running):
    running.seen[running.state.summary.run_id] = 17
    running.completed(0)
    assert running.replayed == [0, 2]


def test_an_open_run_that_was_read_is_made_known(running):
    running.seen.clear()
    running.completed(0)
    assert running.met_runs == [running.state.summary.run_id]


def sleeper(event, number):
    """Sleeps for ten seconds, then ends."""
    match event:
        case e.WorkflowStarted():
            return [c.StartTimer(ordinal=0, fire_at=event.at + 10_000_000)]
        case e.TimerFired():
            return [c.CompleteWorkflow()]
        case e.WorkflowCancelRequested():
            return [c.CancelTimer(ordinal=0), c.CancelWorkflow()]
        case _:
            return []


@pytest.mark.parametrize("resident", [0, 100])
def test_a_timer_fires_when_the_workflow_is_woken_after_its_time(resident):
    engine = Engine(code=sleeper, resident=resident)
    engine.start()
    engine.turns.wake(ID)
    engine.pump()
    assert engine.history == ["WorkflowStarted", "TimerStarted"]
    engine.platform.advance(10)
    engine.turns.wake(ID)
    engine.pump()
    assert engine.history[2:] == ["TimerFired", "WorkflowCompleted"]


def test_a_timer_that_is_due_fires_before_what_arrived_after_it():
    engine = Engine(code=lambda event, _: [c.StartTimer(ordinal=0, fire_at=1)] if event.seq == 1 else [])
    engine.start()
    engine.signal()
    assert engine.history[2:] == ["TimerFired", "SignalReceived"]


def test_a_timer_of_a_turn_that_was_not_written_fires_once():
    engine = Engine(code=sleeper)
    engine.start()
    engine.platform.advance(10)
    engine.turns.wake(ID)
    engine.turns.flush()
    (activation,) = engine.activations
    engine.activations.clear()
    engine.turns.activated([TicketLost(ticket=activation.ticket, run_id=activation.run_id, reason="killed")])
    engine.pump()
    assert engine.history[2:] == ["TimerFired", "WorkflowCompleted"]


def test_a_run_that_has_no_more_time_is_ended_without_its_code(engine):
    engine.start(timeout=5_000_000)
    engine.platform.advance(5)
    engine.turns.wake(ID)
    engine.pump()
    assert engine.history[2:] == ["WorkflowTimedOut"]


def test_a_timer_that_is_due_does_not_come_between_a_restart_and_its_new_run():
    engine = Engine(code=sleeper)
    first = engine.start().result().run_id
    engine.platform.advance(10)
    again = engine.start(policy=StartPolicy.RESTART, input_hash="other").result()
    assert (again.created, again.run_id) == (True, engine.state.summary.run_id)
    assert again.run_id != first
    assert engine.state.start_hash == "other"
    assert again.run_id in engine.numbers  # its code ran as its own, and not as that of the run before
    assert engine.history[2:] == ["WorkflowTerminated", "WorkflowStarted", "TimerStarted"]


def test_a_timer_that_is_due_when_its_run_is_joined_fires_after_that():
    engine = Engine(code=sleeper)
    engine.start()
    engine.platform.advance(10)
    reply = engine.start()
    engine.turns.wake(ID)
    engine.pump()
    assert not reply.result().created
    assert engine.history[2:] == ["TimerFired", "WorkflowCompleted"]


def test_a_wake_that_meets_a_start_is_not_lost():
    engine = Engine(code=sleeper)
    engine.start()
    engine.platform.advance(10)
    reply = engine.ask_for(StartRequest(workflow_type="t", input_hash="same"), pump=False)
    engine.turns.wake(ID)
    engine.pump()
    assert not reply.result().created
    assert engine.history[2:] == ["TimerFired", "WorkflowCompleted"]


def test_a_delayed_start_goes_on_when_its_time_has_come(engine):
    engine.start(delay=5_000_000)
    assert engine.history == ["WorkflowStarted"]
    engine.platform.advance(5)
    engine.turns.wake(ID)
    engine.pump()
    assert engine.history[1:] == ["WorkflowResumed"]
    assert engine.activations == []
    assert engine.state.drained_seq == 2


def test_a_cancellation_does_not_wait_for_a_delayed_start(engine):
    engine.start(delay=5_000_000)
    engine.ask_for(e.WorkflowCancelRequested(seq=0, at=0))
    assert engine.history[1:] == ["WorkflowResumed", "WorkflowCancelled"]


def test_a_cancellation_that_comes_when_a_delayed_start_is_due_resumes_it_once(engine):
    engine.start(delay=5_000_000)
    engine.platform.advance(5)
    engine.ask_for(e.WorkflowCancelRequested(seq=0, at=0))
    assert engine.history.count("WorkflowResumed") == 1
    assert engine.history[-1] == "WorkflowCancelled"


def test_a_cancellation_lifts_a_pause_that_came_in_the_same_turn(running):
    running.signal(pump=False)
    running.ask_for(e.WorkflowPaused(seq=0, at=0), pump=False)
    running.ask_for(e.WorkflowCancelRequested(seq=0, at=0))
    assert running.history[3:6] == ["WorkflowPaused", "WorkflowResumed", "WorkflowCancelled"]


def test_a_failure_names_the_event_that_caused_it_wherever_in_its_turn_that_stands():
    def code(event, number):
        match event:
            case e.WorkflowStarted():
                return [c.ScheduleActivity(ordinal=0, activity_type="charge")]
            case e.SignalReceived():
                return [c.StartTimer(ordinal=number, fire_at=10**18)]
            case e.ActivityFailed():
                return [c.FailWorkflow(failure=event.failure, cause=event.ordinal)]

    engine = Engine(code=code)
    engine.start()
    for _ in range(2):
        engine.signal(pump=False)
    bug = Failure(type="TypeError", message="not a number")
    engine.turns.arrive(ID, Arrived(what=AttemptFailed(ordinal=0, attempt=1, failure=bug)))
    engine.pump()
    *_, failed, ended = (event for batch in engine.store.read(ID).items for event in decode_batch(batch))
    assert engine.history[-4:] == ["SignalReceived", "TimerStarted", "ActivityFailed", "WorkflowFailed"]
    assert ended.cause_seq == failed.seq


def test_what_comes_in_one_go_with_a_block_is_kept(running):
    running.signal(pump=False)
    running.ask_for(e.WorkflowBlocked(seq=0, at=0, failure=OUTAGE), pump=False)
    running.signal("stop")
    assert running.history[2:] == ["SignalReceived", "WorkflowBlocked", "SignalReceived"]


def test_a_blocked_run_is_cancelled_without_its_code(running):
    running.signal("misbehave")
    running.ask_for(e.WorkflowCancelRequested(seq=0, at=0, reason="enough"))
    assert running.history[4:] == ["WorkflowCancelled"]


def test_what_is_for_another_run_is_refused(running):
    reply = Reply()
    running.turns.arrive(
        ID, Arrived(what=e.SignalReceived(seq=0, at=0, name="go"), caller=Caller(reply=reply), run_id="another")
    )
    running.pump()
    with pytest.raises(WorkflowClosed, match="another run"):
        reply.result()
    assert len(running.history) == 2


def test_the_outcome_of_a_message_is_durable_with_what_it_records(running):
    caller = Caller(reply=Reply(), message_id="m1")
    running.turns.arrive(ID, Arrived(what=e.SignalReceived(seq=0, at=0, name="go"), caller=caller))
    running.pump()
    (outcome,) = running.store.outcomes([(ID, "m1")])
    assert outcome.kind == "recorded"
    assert reaction_of(outcome.body) == Recorded(run_id=running.state.summary.run_id)
    assert running.told[-1] == (Recorded(run_id=running.state.summary.run_id), True)


def test_a_history_that_has_grown_too_long_blocks_its_run_and_loses_nothing(running):
    running.limits = Limits(history_events=3)
    running.signal()
    assert isinstance(running.signal("kept").result(), Recorded)
    assert running.history[2:] == ["SignalReceived", "WorkflowBlocked", "SignalReceived"]
    assert "history_events allows 3" in running.state.summary.blocked_reason


def test_a_blocked_run_remembers_the_code_that_blocked_it_until_it_goes_on(running):
    running.signal("misbehave")
    assert record_of(running.state.open).blocked_by == "env:1"
    running.script = lambda *_: []
    running.ask_for(e.WorkflowUnblocked(seq=0, at=0))
    assert record_of(running.state.open).blocked_by is None


def test_a_run_that_is_not_blocked_is_not_unblocked(running):
    running.turns.arrive(ID, Arrived(what=e.WorkflowUnblocked(seq=0, at=0)))
    running.pump()
    assert len(running.history) == 2


def test_whoever_waits_for_a_workflow_that_another_engine_took_over_is_told(running):
    reply = running.signal(pump=False)
    running.turns.drop(lambda _: True)
    with pytest.raises(NotOwner):
        reply.result()
    running.pump()
    assert (len(running.turns), len(running.history)) == (0, 2)


def test_what_the_code_answers_after_another_engine_took_over_is_dropped(running):
    running.signal(pump=False)
    running.mine = False
    running.turns.drop(lambda _: True)
    running.pump()
    assert (len(running.turns), len(running.history)) == (0, 2)


def test_a_question_that_comes_right_behind_a_start_waits_for_it():
    engine = Engine()
    engine.ask_for(StartRequest(workflow_type="t", input_hash="same"), pump=False)
    reply = engine.query()
    assert reply.result().failure is None
