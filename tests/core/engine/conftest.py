"""An engine's turns and activities over a real store and writer, one step at a time; the runtime is the test."""

from collections import deque

import pytest

from aion_core.client.reply import Reply
from aion_core.client.requests import ActivityRequest, ActivityVerb, StartRequest
from aion_core.codec import decode_batch
from aion_core.engine.activities import Activities
from aion_core.engine.lifecycle import CodeOptions
from aion_core.engine.recorder import Rules
from aion_core.engine.resident import Arrived, Caller
from aion_core.engine.surroundings import Loaded
from aion_core.engine.turns import Turns
from aion_core.engine.writer import Writer, Written
from aion_core.ledger import fold, record_of
from aion_core.memory import MemoryEventStore
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.limits import Limits
from aion_core.model.policies import ActivityOptions
from aion_core.model.tokens import TaskToken
from aion_core.spi import Activated, ActivityDone, Conflict, EngineId, EngineInfo, NeedHistory, json_payload
from aion_testkit.clock import SteppedPlatform
from aion_testkit.faulty import FaultyEventStore

ID = "order-42"
OUTAGE = Failure(type="OSError", message="no route")
OUTCOMES = (e.ActivityCompleted, e.ActivityFailed, e.ActivityCancelled)


class Code:
    """What a worker holds of a run: which activities it awaits, and how many it has called."""

    def __init__(self, script):
        self.script = script
        self.number = 0
        self.awaited = set()

    def drain(self, event):
        if isinstance(event, OUTCOMES):
            if event.ordinal not in self.awaited:
                return None
            self.awaited.discard(event.ordinal)
        commands = self.script(event, self.number)
        for command in commands:
            if isinstance(command, c.ScheduleActivity):
                self.number += 1
                self.awaited.add(command.ordinal)
            elif isinstance(command, c.CancelActivity) and not command.wait:
                self.awaited.discard(command.ordinal)
        return commands

    def replay(self, events):
        for event in events:
            retried = isinstance(event, e.ActivityFailed) and event.next_attempt_at is not None
            if not retried:
                self.drain(event)


class World:
    """One engine. `restart` gives another one on the same store, as after a crash."""

    def __init__(self, script, *, store=None, platform=None, queues=None, resident=100, **options):
        inner = MemoryEventStore()
        inner.open()
        self.store = store or FaultyEventStore(inner, ())
        self.platform = platform or SteppedPlatform()
        self.script = script
        self.options = ActivityOptions(**options)
        self.limits = Limits()
        self.resident = resident
        self.keep = 10**15
        self.table = self.store.lease(EngineInfo(engine_id=EngineId("e1")), self.store.shards, 1e6)
        self.mine = True
        self.runs = {}
        self.batches = []
        self.cancelled = []
        self.told = []
        self.noted = 0
        self.activations = []
        self.loads = deque()
        self.writes = deque()
        self.queues = queues or {}
        self.activities = Activities(
            self.platform,
            arrive=lambda workflow_id, arrived: self.turns.arrive(workflow_id, arrived),  # noqa: PLW0108  # made later
            execute=self.batches.append,
            cancel=self.cancelled.append,
            tell=self.tell,
            queues=self.queues,
            origin=lambda *_: "[activities] in aion.toml",
        )
        self.rules = Rules(
            settle=lambda name, _: (name, self.options),
            reserve=self.activities.reserve,
            new_run=self.platform.run_id,
        )
        self.turns = Turns(self)
        self.met = self.activities.met
        self.release = self.activities.release
        self.give_back = self.activities.give_back
        self.writer = Writer(
            self.store,
            self.platform,
            written=self.turns.written,
            leases=lambda: self.table.mine,
            may_write=lambda: True,
        )

    def restart(self):
        """The process died, and another one takes over."""
        return World(
            self.script,
            store=self.store,
            platform=self.platform,
            queues=self.queues,
            resident=self.resident,
            **{name: getattr(self.options, name) for name in ActivityOptions.__struct_fields__},
        ).wake()

    # what the turn loop asks

    def load(self, workflow_id):
        self.loads.append(workflow_id)

    def activate(self, batch):
        self.activations += batch

    def evict(self, runs):
        for run_id in runs:
            self.runs.pop(run_id, None)

    def write(self, item):
        self.writes.append(item)

    def fence(self, workflow_id):
        return self.table.mine[0].fence if self.mine else None

    def code(self, workflow_type, version):
        return CodeOptions(version="env:1")

    def current_version(self):
        return "env:1"

    def tell(self, caller, reaction, *, durable):
        self.told.append((reaction, durable))
        if isinstance(reaction, BaseException):
            caller.reply.fail(reaction)
        else:
            caller.reply.set(reaction)

    # what the world does

    def pump(self):
        """Let everything happen that is under way."""
        while True:
            self.activities.flush()
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
                return self

    def pump_to_the_store(self, *, forestalled=None):
        """Let the next write have its verdict, and stop before the one after it."""
        if forestalled is not None:
            (item,) = self.writes
            self.writes.clear()
            if forestalled:
                self.turns.written([Written(item.commit, Conflict(head=9, op_id=None))])
            else:
                self.writer.handle([item])
        while not self.writes:
            self.activities.flush()
            self.turns.flush()
            while self.loads:
                self.turns.loaded(self.read(self.loads.popleft()))
            while self.activations:
                self.run(self.activations.pop(0))

    def run(self, activation):
        run_id, history = activation.run_id, activation.history
        if history is None and run_id not in self.runs:
            self.turns.activated([NeedHistory(ticket=activation.ticket, run_id=run_id)])
            return
        if history is not None:
            self.runs[run_id] = Code(self.script)
            self.runs[run_id].replay(event for batch in history for event in decode_batch(batch))
        commands = [self.runs[run_id].drain(event) for event in activation.arrivals]
        if any(isinstance(event, e.WorkflowPaused) for event in activation.arrivals):
            del self.runs[run_id]  # what is kept while it is paused is seen by replay
        self.turns.activated([Activated(ticket=activation.ticket, run_id=run_id, commands=commands)])

    def read(self, workflow_id):
        (state,) = self.store.state([workflow_id])
        if state is None:
            return Loaded(workflow_id=workflow_id)
        batches = self.store.read(workflow_id, after=state.run_start - 1).items
        events = [event for batch in batches for event in decode_batch(batch) if event.seq >= state.run_start]
        ledger = fold(workflow_id, events, record=record_of(state.open))
        ledger.start_hash, ledger.drained_seq, ledger.run_start = state.start_hash, state.drained_seq, state.run_start
        return Loaded(workflow_id=workflow_id, ledger=ledger, history=batches)

    def after(self, seconds):
        """Let time pass, and the engine look at what is due."""
        self.platform.advance(seconds)
        self.due_at = self.activities.due(self.platform.monotonic())
        return self.pump()

    # what users do

    def arrive(self, what, workflow_id=ID, *, pump=True):
        reply = Reply()
        self.turns.arrive(workflow_id, Arrived(what=what, caller=Caller(reply=reply)))
        if pump:
            self.pump()
        return reply

    def start(self, workflow_id=ID, **fields):
        self.arrive(StartRequest(**dict(workflow_type="t", input_hash="same") | fields), workflow_id)
        return self

    def signal(self, name="go", **options):
        return self.arrive(e.SignalReceived(seq=0, at=0, name=name), **options)

    def pause(self):
        self.arrive(e.WorkflowPaused(seq=0, at=0))

    def resume(self):
        self.arrive(e.WorkflowResumed(seq=0, at=0))

    def wake(self):
        self.turns.wake(ID)
        return self.pump()

    # what bodies do

    @property
    def tasks(self):
        """All that the runtime was given."""
        return [task for batch in self.batches for task in batch]

    @property
    def task(self):
        return self.tasks[-1]

    def done(self, task=None, *, pump=True, **how):
        how = how or {"result": json_payload(b"7")}
        self.activities.finished([ActivityDone(task_id=(task or self.task).task_id, **how)])
        if pump:
            self.pump()

    def fail(self, task=None, failure=OUTAGE, **options):
        self.done(task, failure=failure, **options)

    def beat(self, details=None, task=None):
        payload = None if details is None else json_payload(details)
        self.activities.beat((task or self.task).task_id, payload)
        self.pump()

    def by_token(self, verb, token=None, *, pump=True, **fields):
        token = TaskToken.parse(token or self.task.task_token)
        request = ActivityRequest(verb=ActivityVerb(verb), ordinal=token.ordinal, attempt=token.attempt, **fields)
        reply = Reply()
        self.activities.told(token.workflow_id, token.run_id, request, Caller(reply=reply))
        if pump:
            self.pump()
        else:
            self.activities.flush()
        return reply

    # what can be seen

    def events(self, workflow_id=ID):
        return [event for batch in self.store.read(workflow_id).items for event in decode_batch(batch)]

    @property
    def history(self):
        return [type(event).__name__ for event in self.events()]

    @property
    def last(self):
        return self.events()[-1]

    @property
    def kept(self):
        """What the state row says of the open activities."""
        return record_of(self.store.state([ID])[0].open).activities


def calls(*names, local=False):
    """A workflow that calls these activities at once, and ends when it hears `end`; it can be made to cancel them."""

    def script(event, number):
        match event:
            case e.WorkflowStarted():
                return [
                    c.ScheduleActivity(ordinal=place, activity_type=name, local=local)
                    for place, name in enumerate(names)
                ]
            case e.SignalReceived(name="end"):
                return [c.CompleteWorkflow()]
            case e.SignalReceived(name="call"):
                return [c.ScheduleActivity(ordinal=number, activity_type=names[0])]
            case e.SignalReceived(name="cancel"):
                return [c.CancelActivity(ordinal=0)]
            case e.SignalReceived(name="stop"):
                return [c.CancelActivity(ordinal=0, wait=True)]
            case e.SignalReceived(name="misbehave"):
                return [c.BlockWorkflow(failure=Failure(type="NonDeterministicCall", message="a file"))]
            case _:
                return []

    return script


@pytest.fixture
def world():
    def make(*names, local=False, script=None, **options):
        return World(script or calls(*(names or ("charge",)), local=local), **options)

    return make
