"""One workflow of 10,000 steps: whether its last steps are as quick as its first, and what its history costs again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import aion_core as aion
from aion_core.codec import decode_batch
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.model.ids import WorkflowId
from aion_core.spi import Batch
from benchmarks.measure import report, timed
from benchmarks.programs import STEPS, long, opened, paced, received

STORE = "growth"
OLD = 9_900
YOUNG = 10
BURSTS = 10
"""Of ten steps each: a hundred steps of each workflow, in turn, so that a noisy moment hits both."""
GROWTH = 0.8
LONG = "long"
REPLAYS = ((500, 20), (OLD + BURSTS * STEPS, 5))
"""Steps of a history, and how often it is replayed."""
REPLAY = 300_000


def growth() -> None:
    """The steps of a long workflow beside those of a young one; then questions to workflows that are not in memory."""
    with opened(name=STORE) as engine:
        old, young = begun(engine, OLD, id=f"{LONG}-{REPLAYS[1][0]}"), begun(engine, YOUNG, id="young")
        late: list[tuple[float, float]] = []
        early: list[tuple[float, float]] = []
        for _ in range(BURSTS):
            early.append(burst(young))
            late.append(burst(old))
        _report_growth(early, late)
        begun(engine, REPLAYS[0][0], id=f"{LONG}-{REPLAYS[0][0]}")
    with opened(name=STORE, resident=0) as engine:
        for steps, times in REPLAYS:
            _replay(engine, steps, times)


def begun(engine: aion.Engine, steps: int, *, id: str) -> aion.Run[int]:
    """A workflow that has done its steps and waits."""
    run = engine.start(long, steps, BURSTS, id=id)
    received.get()
    return run


def burst(run: aion.Run[int]) -> tuple[float, float]:
    """Wall and CPU seconds of a step: from the first body of a burst to the last."""
    paced.clear()
    run.signal("go", True)
    received.get()
    first, last = paced[0], paced[-1]
    return (last[0] - first[0]) / (len(paced) - 1), (last[1] - first[1]) / (len(paced) - 1)


def _report_growth(early: Sequence[tuple[float, float]], late: Sequence[tuple[float, float]]) -> None:
    (young, young_cpu), (old, old_cpu) = (
        (statistics.median(wall for wall, _ in taken), statistics.median(cpu for _, cpu in taken))
        for taken in (early, late)
    )
    report(
        "growth of one workflow",
        steps=OLD + BURSTS * STEPS,
        steps_per_s=1 / old,
        cpu_ms_per_step=old_cpu * 1e3,
        raw=f"the steps {YOUNG} to {YOUNG + BURSTS * STEPS} of another one, in turn with the last hundred of this one",
        raw_steps_per_s=1 / young,
        raw_cpu_ms_per_step=young_cpu * 1e3,
        ratio_to_raw=young / old,
        target=f">= {GROWTH}",
        met=young / old >= GROWTH,
    )


def _replay(engine: aion.Engine, steps: int, times: int) -> None:
    """A question to a workflow that is not in memory: its history is read, decoded and replayed, and it answers."""
    run = engine.handle(f"{LONG}-{steps}")
    batches = _batches(WorkflowId(run.id))
    events = batches[-1].last_seq
    done = run.query("progress", type=int)
    if done != steps:
        raise SystemExit(f"a replay of {steps} steps came to step {done}")

    def decoding() -> None:
        for batch in batches:
            decode_batch(batch)

    taken: list[float] = []
    cpu = time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        run.query("progress", type=int, timeout=60)
        taken.append(time.perf_counter() - began)
    cpu = (time.process_time() - cpu) / times
    wall = statistics.median(taken)
    (decoded,) = timed(decoding)
    report(
        "replay",
        events=events,
        events_per_s=events / wall,
        ms=wall * 1e3,
        cpu_us_per_event=cpu / events * 1e6,
        raw="decoding the same batches",
        raw_events_per_s=events / decoded.wall,
        raw_cpu_us_per_event=decoded.cpu / events * 1e6,
        ratio_to_raw_cpu=cpu / decoded.cpu,
        target=f">= {REPLAY:,} events/s",
        met=events / wall >= REPLAY,
    )


def _batches(workflow_id: WorkflowId) -> Sequence[Batch]:
    with MemoryEventStore(MemorySettings(name=STORE)) as store:
        batches: list[Batch] = []
        after: int | None = 0
        while after is not None:
            page = store.read(workflow_id, after=after)
            batches += page.items
            after = page.next
        return batches
