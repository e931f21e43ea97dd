"""The deterministic machine by itself: activations, replay, and what a suspended run takes in memory."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc

from aion_core.codec import decode_batch, encode_batch
from aion_core.machine import WorkflowLoop, WorkflowRun, replay
from aion_core.model import events as e
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.payloads import EMPTY, Payload, json_payload
from aion_core.model.times import Instant
from aion_core.spi import Batch
from benchmarks.measure import report, timed

STEPS = 10_000
SUSPENDED = 10_000
RESULT = json_payload(b"42")


def machine() -> None:
    """A workflow that awaits one activity after the other; beside it, bare coroutines on futures of asyncio."""
    start = _started()
    completions = [e.ActivityCompleted(seq=2, at=Instant(n), ordinal=n, result=RESULT) for n in range(STEPS)]

    def activations() -> None:
        with WorkflowLoop.for_this_thread() as loop:
            run = WorkflowRun(loop, _steps, workflow_id=WorkflowId("w"))
            run.apply(start)
            for event in completions:
                run.apply(event)
            run.evict()

    def bare() -> None:
        asyncio.run(_bare())

    batches = _history()
    count = 1 + 2 * STEPS

    def replaying() -> None:
        with WorkflowLoop.for_this_thread() as loop:
            run = WorkflowRun(loop, _steps, workflow_id=WorkflowId("w"))
            replay(run, (event for batch in batches for event in decode_batch(batch)))
            run.evict()

    def decoding() -> None:
        for batch in batches:
            decode_batch(batch)

    one, raw, again, decoded = timed(activations, bare, replaying, decoding)
    report(
        "machine activation",
        cpu_us=one.cpu / STEPS * 1e6,
        raw="a future of asyncio's own loop awaited and resolved",
        raw_cpu_us=raw.cpu / STEPS * 1e6,
    )
    report(
        "machine replay",
        events=count,
        events_per_s=count / again.wall,
        cpu_us_per_event=again.cpu / count * 1e6,
        raw="decoding the same batches",
        raw_events_per_s=count / decoded.wall,
        target=">= 300,000",
        met=count / again.wall >= TARGET,
    )
    report("machine memory", bytes_per_suspended_run=_suspended(), runs=SUSPENDED)


TARGET = 300_000


async def _steps(run: WorkflowRun, _: e.WorkflowStarted) -> Payload:
    while True:
        await run.activity("step", RESULT)[1]


async def _bare() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(STEPS):
        future: asyncio.Future[int] = loop.create_future()
        loop.call_soon(future.set_result, 1)
        await future


def _started() -> e.WorkflowStarted:
    return e.WorkflowStarted(
        seq=1,
        at=Instant(0),
        run_id=RunId("r"),
        workflow_type="steps",
        version=Version("env:1"),
        python="3.11",
        machine=1,
        input=EMPTY,
    )


def _history() -> list[Batch]:
    """As an engine writes it: a batch per turn, the result of one step and the next step."""
    seq = 3
    scheduled = e.ActivityScheduled(seq=2, at=Instant(0), ordinal=0, activity_type="step", input=RESULT)
    batches = [encode_batch([_started(), scheduled])]
    for n in range(STEPS):
        batches.append(
            encode_batch(
                [
                    e.ActivityCompleted(seq=seq, at=Instant(n), ordinal=n, result=RESULT),
                    e.ActivityScheduled(seq=seq + 1, at=Instant(n), ordinal=n + 1, activity_type="step", input=RESULT),
                ]
            )
        )
        seq += 2
    return batches


def _suspended() -> float:
    gc.collect()
    tracemalloc.start()
    with WorkflowLoop.for_this_thread() as loop:
        runs: list[WorkflowRun] = []
        start = _started()
        for n in range(SUSPENDED):
            runs.append(WorkflowRun(loop, _steps, workflow_id=WorkflowId(f"w{n}")))
            runs[-1].apply(start)
        taken, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for run in runs:
            run.evict()
    return taken / SUSPENDED
