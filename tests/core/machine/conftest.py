"""A recorder for tests: applies arrivals to a run, writes the history an engine would write, and replays it."""

import pytest

from aion_core.machine import WorkflowLoop, WorkflowRun, replay
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.payloads import EMPTY

SECOND = 1_000_000


class Recorded:
    """One workflow and its history."""

    def __init__(self, loop, main):
        self.loop = loop
        self.main = self.wrapped(main)
        self.run = WorkflowRun(loop, self.main, workflow_id="order-42")
        self.runs = [self.run]
        self.history = []
        self.clock = 0
        self.issued(e.WorkflowStarted, run_id="r1", workflow_type="t", version="env:1", python="3.11", machine=1)

    def issued(self, kind, *, after=1, **fields):
        """Apply an arrival; the commands of its drain, which are recorded behind it."""
        self.clock += after * SECOND
        self.history.append(kind(seq=len(self.history) + 1, at=self.clock, **fields))
        commands = self.run.apply(self.history[-1])
        for command in commands:
            self.history.append(self._event(command, len(self.history) + 1))
        return [f"{type(command).__name__}:{getattr(command, 'ordinal', '')}" for command in commands]

    def completed(self, ordinal, **fields):
        return self.issued(e.ActivityCompleted, ordinal=ordinal, **fields)

    def fired(self, ordinal, **fields):
        return self.issued(e.TimerFired, ordinal=ordinal, **fields)

    def signal(self, name="go", **fields):
        return self.issued(e.SignalReceived, name=name, **fields)

    def replayed(self, main=None, events=None, *, traced=False):
        """A new run over the recorded history."""
        chosen = self.main if main is None else self.wrapped(main)
        run = WorkflowRun(self.loop, chosen, workflow_id="order-42", traced=traced)
        self.runs.append(run)
        replay(run, self.history if events is None else events)
        return run

    def close(self):
        for run in self.runs:
            run.evict()

    @staticmethod
    def wrapped(main):
        async def payload(run, started):
            await main(run)
            return EMPTY

        return payload

    def _event(self, command, seq):
        where = dict(seq=seq, at=self.clock)
        match command:
            case c.ScheduleActivity():
                return e.ActivityScheduled(**where, ordinal=command.ordinal, activity_type=command.activity_type)
            case c.CancelActivity(wait=True):
                return e.ActivityCancelRequested(**where, ordinal=command.ordinal)
            case c.CancelActivity():
                return e.ActivityCancelled(**where, ordinal=command.ordinal)
            case c.StartTimer():
                return e.TimerStarted(**where, ordinal=command.ordinal, fire_at=command.fire_at)
            case c.CancelTimer():
                return e.TimerCancelled(**where, ordinal=command.ordinal)
            case c.RecordMarker():
                return e.MarkerRecorded(
                    **where, kind=command.marker, ordinal=command.ordinal, name=command.name, value=command.value
                )
            case c.SetMemo():
                return e.MemoUpdated(**where, memo=command.memo)
            case c.CompleteWorkflow():
                return e.WorkflowCompleted(**where)
            case c.FailWorkflow():
                return e.WorkflowFailed(**where, failure=command.failure)
            case c.CancelWorkflow():
                return e.WorkflowCancelled(**where)
            case c.BlockWorkflow():
                return e.WorkflowBlocked(**where, failure=command.failure)
            case _:
                raise AssertionError(command)


@pytest.fixture(scope="session")
def recording():
    """The recorder itself, for tests that make many."""
    return Recorded


@pytest.fixture
def loop():
    with WorkflowLoop() as loop:
        yield loop


@pytest.fixture
def record(loop):
    """`record(main)` starts a workflow; at the end of the test every history is replayed."""
    made = []

    def start(main):
        made.append(Recorded(loop, main))
        return made[-1]

    yield start
    for recorded in made:
        if not any(isinstance(event, e.WorkflowBlocked) for event in recorded.history):
            recorded.replayed()
        recorded.close()
