"""An engine's turns, activities and worker over the memory store, on the test's thread and clock, step by step."""

from __future__ import annotations

from collections import deque
from itertools import count

from tests.simulation.programs import ACTIVITIES, VALUES, play

from aion_core.client.reply import Reply
from aion_core.client.requests import StartRequest
from aion_core.codec import decode_batch
from aion_core.config.sections import Activities as ActivitiesSection
from aion_core.engine.activities import Activities
from aion_core.engine.lifecycle import CodeOptions
from aion_core.engine.recorder import Rules
from aion_core.engine.resident import Arrived, Asked, Caller
from aion_core.engine.surroundings import Loaded
from aion_core.engine.turns import Turns
from aion_core.engine.writer import Writer
from aion_core.ledger import fold, record_of
from aion_core.memory import MemoryEventStore
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.limits import Limits
from aion_core.opening.settling import settling
from aion_core.spi import (
    Activated,
    ActivityDone,
    Ask,
    AskKind,
    EngineId,
    EngineInfo,
    WorkerSettings,
)
from aion_core.worker import Driver
from aion_testkit.clock import SteppedPlatform

ID = "order-42"

STEPS = Ask(ask_id="q", kind=AskKind.QUERY, name="steps", input=VALUES.encode(()))

HOW = {
    "ok": {"result": VALUES.encode("ok")},
    "fails": {"failure": Failure(type="OSError", message="no route")},
    "bug": {"failure": Failure(type="TypeError", message="not a number")},
    "stops": {"failure": Failure(type="CancelledError", message="")},
    "lost": {"lost": True},
}
"""How bodies end."""


class Platform(SteppedPlatform):
    """Ids are the same in every engine: what is derived from them can be compared."""

    def __init__(self):
        super().__init__()
        self._numbers = count(1)

    def run_id(self):
        return f"run-{next(self._numbers)}"

    def op_id(self):
        return f"op-{next(self._numbers)}"


class Code:
    """What a worker knows."""

    def workflow(self, name, version):
        return {"play": play}[name]

    def note(self, activity):
        assert activity.name in ACTIVITIES


class SteppedEngine:
    """One engine and one workflow. What arrives is taken in at once; the rest happens when `step` says so."""

    def __init__(self, *, resident=100):
        self.store = MemoryEventStore()
        self.store.open()
        self.platform = Platform()
        self.limits = Limits()
        self.resident = resident
        self.keep = 10**15  # the store's own clock is the real one
        self.table = self.store.lease(EngineInfo(engine_id=EngineId("e1")), self.store.shards, 1e6)
        self.driver = Driver(Code(), WorkerSettings(), values=VALUES)
        self.loads = deque()
        self.activations = []
        self.writes = []
        self.drains = []
        """Per recorded arrival that made the code do something: what it was, and what the code did."""
        self._activated = []
        self.activities = Activities(
            self.platform,
            arrive=lambda workflow_id, arrived: self.turns.arrive(workflow_id, arrived),  # noqa: PLW0108  # made later
            execute=lambda _: None,
            cancel=lambda _: None,
            tell=self.tell,
            queues={},
        )
        self.rules = Rules(
            settle=settling(ActivitiesSection()), reserve=self.activities.reserve, new_run=self.platform.run_id
        )
        self.turns = Turns(self)
        self.met = self.activities.met
        self.give_back = self.activities.give_back
        self.writer = Writer(
            self.store,
            self.platform,
            written=self.turns.written,
            leases=lambda: self.table.mine,
            may_write=lambda: True,
        )

    def close(self):
        """Runs in memory leave it."""
        self.driver.close()
        self.store.close()

    # what the turn loop asks

    def load(self, workflow_id):
        self.loads.append(workflow_id)

    def activate(self, batch):
        self.activations += batch

    def evict(self, runs):
        self.driver.evict(runs)

    def write(self, item):
        self.writes.append(item)

    def fence(self, workflow_id):
        return self.table.mine[0].fence

    def code(self, workflow_type, version):
        return CodeOptions(version=self.current_version())

    def current_version(self):
        return "env:1"

    def release(self, ledger, recording):
        activated, self._activated = self._activated, []
        self.drains += [
            (type(event).__name__, list(commands))
            for event, commands in activated
            if commands and event not in recording.late  # behind the end of the run, it was for nothing
        ]
        self.activities.release(ledger, recording)

    def tell(self, caller, reaction, *, durable):
        if isinstance(reaction, BaseException):
            caller.reply.fail(reaction)
        else:
            caller.reply.set(reaction)

    # what the world does

    def step(self):
        """One of the things happens that are under way; whether there was one."""
        self.activities.flush()
        self.turns.flush()
        if self.loads:
            self.turns.loaded(self._read(self.loads.popleft()))
        elif self.activations:
            activations, self.activations = self.activations, []
            results = self.driver.activate(activations)
            for activation, result in zip(activations, results, strict=True):
                if isinstance(result, Activated):
                    self._activated = list(zip(activation.arrivals, result.commands, strict=True))
            self.turns.activated(results)
        elif self.writes:
            writes, self.writes = self.writes, []
            self.writer.handle(writes)
        else:
            return False
        return True

    def pump(self):
        """Everything happens that is under way."""
        while self.step():
            pass

    def pass_time(self, seconds):
        """Let time pass, and have the engine look at what is due."""
        self.platform.advance(seconds)
        self.activities.due(self.platform.monotonic())
        self.turns.wake(ID)

    def _read(self, workflow_id):
        (state,) = self.store.state([workflow_id])
        if state is None:
            return Loaded(workflow_id=workflow_id)
        batches = self.store.read(workflow_id, after=state.run_start - 1).items
        events = [event for batch in batches for event in decode_batch(batch) if event.seq >= state.run_start]
        ledger = fold(workflow_id, events, record=record_of(state.open))
        ledger.start_hash, ledger.drained_seq, ledger.run_start = state.start_hash, state.drained_seq, state.run_start
        return Loaded(workflow_id=workflow_id, ledger=ledger, history=batches)

    # what users and bodies do

    def start(self, script, **fields):
        return self._arrive(
            StartRequest(workflow_type="play", input_hash="same", input=VALUES.encode((script,)), **fields)
        )

    def signal(self, name, value=None):
        return self._arrive(e.SignalReceived(seq=0, at=0, name=name, payload=VALUES.encode(value)))

    def cancel(self):
        return self._arrive(e.WorkflowCancelRequested(seq=0, at=0, reason="enough"))

    def ends(self, task_id, how):
        """The body of an attempt ends."""
        self.activities.finished([ActivityDone(task_id=task_id, **HOW[how])])
        self.activities.flush()

    def ask(self):
        reply = Reply()
        self.turns.ask(ID, Asked(ask=STEPS, reply=reply))
        return reply

    def _arrive(self, what):
        reply = Reply()
        self.turns.arrive(ID, Arrived(what=what, caller=Caller(reply=reply)))
        return reply

    # what can be seen

    @property
    def running(self):
        """The attempts whose bodies run, in the order of their activities."""
        attempts = self.activities._attempts.running
        return sorted(attempts, key=lambda task_id: attempts[task_id].ordinal)

    @property
    def history(self):
        return [event for batch in self.store.read(ID).items for event in decode_batch(batch)]

    @property
    def state(self):
        return self.store.state([ID])[0]


def told(reply):
    """What whoever waits for it was told: the kind of the reaction, or of the error."""
    assert reply.done
    try:
        return type(reply.result()).__name__
    except Exception as error:
        return type(error).__name__


def told_of(answer):
    """What the code said of itself."""
    return answer.failure.type if answer.failure is not None else VALUES.decode(answer.value, list[str])
