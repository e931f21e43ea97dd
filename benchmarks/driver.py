"""The driver of a worker: what an activation costs over the machine's own share, and replay from encoded batches."""

from __future__ import annotations

from aion_core.authoring.activities import activity
from aion_core.authoring.context import Surroundings
from aion_core.authoring.workflows import workflow
from aion_core.codec import Values, decode_batch, encode_batch
from aion_core.machine import WorkflowLoop, WorkflowRun, replay
from aion_core.model import events as e
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.times import Instant
from aion_core.spi import Activation, Batch, Ticket, WorkerSettings, json_payload
from aion_core.worker import Driver
from aion_core.worker.main import main_of
from benchmarks.measure import report, timed

RUNS = 100
STEPS = 100
TARGET = 300_000
VERSION = Version("env:1")
VALUES = Values()
INPUT = VALUES.encode([1])
RESULT = json_payload(b"42")


@activity
def step(number: int) -> int:
    """Never run here."""
    return number


@workflow
async def steps() -> None:
    """One activity after the other."""
    while True:
        await step(1)


def driver() -> None:
    """A workflow that calls one activity after the other, in a worker; beside it, the machine alone."""
    starts = [_activation(run, 0, _started(run)) for run in range(RUNS)]
    batches = [[_activation(run, n + 1, _completed(n)) for run in range(RUNS)] for n in range(STEPS)]

    def driven() -> None:
        worker = _worker()
        worker.activate(starts)
        for batch in batches:
            worker.activate(batch)
        worker.close()

    def alone() -> None:
        worker = _worker()
        worker.activate(starts)
        for batch in batches:
            for activation in batch:
                worker.activate([activation])
        worker.close()

    def applied() -> None:
        with WorkflowLoop.for_this_thread() as loop:
            runs = [_run(loop) for _ in range(RUNS)]
            for run, start in zip(runs, starts, strict=True):
                run.apply(start.arrivals[0])
            for batch in batches:
                for run, activation in zip(runs, batch, strict=True):
                    event = activation.arrivals[0]
                    run.apply(event)
            for run in runs:
                run.evict()

    many, one, raw = timed(driven, alone, applied)
    count = RUNS * STEPS
    report(
        "driver activation",
        cpu_us=many.cpu / count * 1e6,
        cpu_us_one_by_one=one.cpu / count * 1e6,
        raw="the machine applying the same events to the same workflow",
        raw_cpu_us=raw.cpu / count * 1e6,
    )
    for events in (1_000, 20_000):
        _replay(events)


def _replay(events: int) -> None:
    history = _history(events)
    activation = _activation(0, 1, history=history)
    repeats = 20_000 // events

    def driven() -> None:
        worker = _worker()
        for _ in range(repeats):
            worker.activate([activation])
        worker.close()

    def machine() -> None:
        decoded = [event for batch in history for event in decode_batch(batch)]
        with WorkflowLoop.for_this_thread() as loop:
            for _ in range(repeats):
                run = _run(loop)
                replay(run, decoded)
                run.evict()

    def decoding() -> None:
        for _ in range(repeats):
            for batch in history:
                decode_batch(batch)

    ours, replayed, decoded = timed(driven, machine, decoding)
    count = repeats * events
    report(
        "driver replay",
        events=events,
        events_per_s=count / ours.wall,
        cpu_us_per_event=ours.cpu / count * 1e6,
        raw="the machine replaying decoded events; decoding the batches",
        raw_events_per_s=count / replayed.wall,
        raw_decoded_per_s=count / decoded.wall,
        target=">= 300,000",
        met=count / ours.wall >= TARGET,
    )


class _Source:
    """The code of this worker."""

    def workflow(self, name: str, version: Version) -> object:
        return {("steps", VERSION): steps}[name, version]

    def activity(self, name: str, version: Version) -> object:
        return {("step", VERSION): step}[name, version]

    def note(self, activity: object) -> None:
        pass


def _worker() -> Driver:
    return Driver(_Source(), WorkerSettings(), values=VALUES)


def _run(loop: WorkflowLoop) -> WorkflowRun:
    settings = WorkerSettings()
    surroundings = Surroundings(
        values=VALUES, limits=settings.limits, attributes=settings.search_attributes, noted_activity=lambda _: None
    )
    return WorkflowRun(loop, main_of(steps, VALUES), workflow_id=WorkflowId("w"), surroundings=surroundings)


def _activation(run: int, n: int, *arrivals: e.Event, history: tuple[Batch, ...] = ()) -> Activation:
    begins = n == 0 or bool(history)
    return Activation(
        ticket=Ticket(n),
        workflow_id=WorkflowId(f"w{run}"),
        run_id=RunId(f"r{run}"),
        version=VERSION,
        after=None if begins else Ticket(n - 1),
        drained_seq=0,
        history=history if begins else None,
        arrivals=arrivals,
    )


def _started(run: int) -> e.WorkflowStarted:
    return e.WorkflowStarted(
        seq=1,
        at=Instant(0),
        run_id=RunId(f"r{run}"),
        workflow_type="steps",
        version=VERSION,
        python="3.11",
        machine=1,
        input=json_payload(b"[]"),
    )


def _completed(n: int) -> e.ActivityCompleted:
    return e.ActivityCompleted(seq=2 * n + 3, at=Instant(n), ordinal=n, result=RESULT)


def _scheduled(n: int) -> e.ActivityScheduled:
    return e.ActivityScheduled(seq=2 * n + 2, at=Instant(n), ordinal=n, activity_type="step", input=INPUT)


def _history(events: int) -> tuple[Batch, ...]:
    """As an engine writes it: a batch per turn, the result of one step and the next step."""
    turns = ([_completed(n), _scheduled(n + 1)] for n in range(events // 2 - 1))
    return (encode_batch([_started(0), _scheduled(0)]), *map(encode_batch, turns))
