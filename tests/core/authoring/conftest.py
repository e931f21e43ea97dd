"""A recorder for what workflow authors call: runs real workflows on the machine, and replays every history."""

import pytest

from aion_core.authoring.context import Surroundings
from aion_core.codec import Values
from aion_core.codec.failures import failure_of
from aion_core.machine import WorkflowLoop, WorkflowRun, replay
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.attributes import AttributeSchema
from aion_core.model.limits import Limits
from aion_core.model.times import as_datetime
from aion_core.worker.main import main_of

SECOND = 1_000_000
VALUES = Values()


class Started:
    """One workflow and its history. Time moves by what arrives; every test ends with a replay."""

    def __init__(self, loop, workflow, args, kwargs, interceptors, limits):
        self.loop = loop
        self.workflow = workflow
        self.surroundings = Surroundings(
            values=VALUES,
            limits=limits,
            attributes=AttributeSchema({"customer": "str", "total": "int"}),
            interceptors=interceptors,
            noted_activity=lambda _: None,
        )
        self.main = main_of(workflow, VALUES, interceptors)
        self.runs = []
        self.run = self.new_run()
        self.history = []
        self.clock = 1_700_000_000 * SECOND
        self.arrive(
            e.WorkflowStarted,
            run_id="r1",
            workflow_type=workflow.name,
            version="env:1",
            python="3.11",
            machine=1,
            input=workflow.signature.encode(VALUES, args, kwargs),
        )

    def new_run(self):
        run = WorkflowRun(self.loop, self.main, workflow_id="order-42", surroundings=self.surroundings)
        self.runs.append(run)
        return run

    def arrive(self, kind, *, at=None, **fields):
        """Apply an arrival; the commands of its drain, which are recorded behind it."""
        self.clock = self.clock + SECOND if at is None else max(at, self.clock)
        self.history.append(kind(seq=len(self.history) + 1, at=self.clock, **fields))
        commands = self.run.apply(self.history[-1])
        self.history += [self.event(command, len(self.history) + 1 + n) for n, command in enumerate(commands)]
        return commands

    def signal(self, name, value=None, **fields):
        return self.arrive(e.SignalReceived, name=name, payload=VALUES.encode(value), **fields)

    def complete(self, number=1, result=None):
        """The first activity that was called is number 1."""
        return self.arrive(e.ActivityCompleted, ordinal=number - 1, result=VALUES.encode(result), attempt=1)

    def fail(self, number=1, error=None):
        failure = failure_of(error or ValueError("no"))
        return self.arrive(e.ActivityFailed, ordinal=number - 1, failure=failure, attempt=1)

    def cancel(self):
        return self.arrive(e.WorkflowCancelRequested, reason="")

    def fire(self):
        """Fire the open timer that is due first."""
        settled = {each.ordinal for each in self.history if isinstance(each, e.TimerFired | e.TimerCancelled)}
        timers = [each for each in self.history if isinstance(each, e.TimerStarted) and each.ordinal not in settled]
        due = min(timers, key=lambda timer: timer.fire_at)
        return self.arrive(e.TimerFired, ordinal=due.ordinal, at=due.fire_at)

    def query(self, name, *args):
        return VALUES.decode(self.run.query(name, VALUES.encode(list(args))))

    def replayed(self):
        run = self.new_run()
        replay(run, self.history)
        return run

    # ---- what became of it

    @property
    def end(self):
        return self.history[-1]

    @property
    def result(self):
        assert isinstance(self.end, e.WorkflowCompleted), self.end
        return VALUES.decode(self.end.result)

    @property
    def failure(self):
        assert isinstance(self.end, e.WorkflowFailed | e.WorkflowBlocked), self.end
        return self.end.failure

    @property
    def closed(self):
        return self.run.closed

    def events(self, *kinds):
        return [each for each in self.history if isinstance(each, kinds)]

    @property
    def given_up(self):
        """The numbers of the activities whose await was cancelled."""
        return [each.ordinal + 1 for each in self.events(e.ActivityCancelled)]

    @property
    def now(self):
        return as_datetime(self.clock)

    def finish(self):
        """Replay, and leave memory."""
        if not isinstance(self.end, e.WorkflowBlocked):
            assert self.replayed().closed == self.run.closed
        for run in self.runs:
            run.evict()

    def event(self, command, seq):
        where = dict(seq=seq, at=self.clock)
        match command:
            case c.ScheduleActivity():
                return e.ActivityScheduled(
                    **where, ordinal=command.ordinal, activity_type=command.activity_type, input=command.input
                )
            case c.CancelActivity():
                return e.ActivityCancelled(**where, ordinal=command.ordinal)
            case c.StartTimer():
                return e.TimerStarted(**where, ordinal=command.ordinal, fire_at=command.fire_at, name=command.name)
            case c.CancelTimer():
                return e.TimerCancelled(**where, ordinal=command.ordinal)
            case c.RecordMarker():
                return e.MarkerRecorded(
                    **where, kind=command.marker, ordinal=command.ordinal, name=command.name, value=command.value
                )
            case c.SetMemo():
                return e.MemoUpdated(**where, memo=command.memo)
            case c.SetAttributes():
                return e.SearchAttributesUpdated(**where, attributes=command.attributes)
            case c.CompleteWorkflow():
                return e.WorkflowCompleted(**where, result=command.result)
            case c.FailWorkflow():
                return e.WorkflowFailed(**where, failure=command.failure)
            case c.CancelWorkflow():
                return e.WorkflowCancelled(**where)
            case c.BlockWorkflow():
                return e.WorkflowBlocked(**where, failure=command.failure)
            case _:
                raise AssertionError(command)


@pytest.fixture
def loop():
    with WorkflowLoop() as loop:
        yield loop


@pytest.fixture
def start(loop):
    """`start(workflow, *args)` runs it; at the end of the test every history is replayed."""
    made = []

    def begin(workflow, *args, interceptors=(), limits=None, **kwargs):
        made.append(Started(loop, workflow, args, kwargs, interceptors, limits or Limits()))
        return made[-1]

    yield begin
    for started in made:
        started.finish()
