"""Steps per second: workflows of ten sequential steps of a trivial activity, one, fifty and a thousand at once."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from attrs import frozen

import aion_core as aion
from benchmarks import raw
from benchmarks.measure import Timing, report, timed
from benchmarks.programs import STEPS, WORKFLOWS, aten, memory, ten
from benchmarks.rooms import Rooms

ROUNDS = 3
SIZES = (("ten", 1, 60), ("ten", 50, 5), ("ten", 1_000, 1), ("aten", 1_000, 1))
"""Which workflow, how many at once, and how many one after the other in a round."""
BODIES = {"ten": "on threads", "aten": "async"}
TARGET = 30_000
TARGET_CPU_MS = 0.03
RAW_CALLS = 20_000
RAW_WORKFLOWS = 256
"""A full group of each turn: no call may hold two commits of one workflow."""


def steps() -> None:
    """From the starts to the results, with everything that is between. Bodies on threads, and async ones."""
    least = _raw()
    found = asyncio.run(_measured())
    for (name, at_once), taken in found.items():
        report(
            f"steps, bodies {BODIES[name]}",
            concurrent=at_once,
            steps_per_s=1 / taken.wall,
            cpu_ms_per_step=taken.cpu * 1e3,
            cpu_us_by_room=taken.rooms,
            cpu_us_of_it_collecting_garbage=taken.collecting * 1e6,
            **least,
            ratio_to_raw_cpu=taken.cpu * 1e6 / sum(cpu for part, cpu in least.items() if part.endswith("cpu_us")),
            **_judged(at_once, taken),
        )


def _judged(at_once: int, taken: Taken) -> dict[str, object]:
    """The target is for the most at once: fewer have less to put into a group."""
    if at_once < max(size for _, size, _ in SIZES):
        return {}
    return {
        "target": f">= {TARGET:,} steps/s, <= {TARGET_CPU_MS} CPU ms",
        "met": 1 / taken.wall >= TARGET and taken.cpu * 1e3 <= TARGET_CPU_MS,
    }


@frozen
class Taken:
    """Of one step."""

    wall: float
    cpu: float
    rooms: Mapping[str, float]
    collecting: float


async def _measured() -> dict[tuple[str, int], Taken]:
    rounds: dict[tuple[str, int], list[Taken]] = {}
    async with aion.AsyncEngine.open(memory(), workflows=WORKFLOWS) as engine:
        runs: dict[str, Callable[[], Coroutine[Any, Any, int]]] = {
            "ten": lambda: engine.run(ten),
            "aten": lambda: engine.run(aten),
        }
        for run in runs.values():
            await run()  # threads are started and modules imported
        for _ in range(ROUNDS):
            for name, at_once, in_a_row in SIZES:
                rounds.setdefault((name, at_once), []).append(await round_of(runs[name], at_once, in_a_row))
    # The round with the median of CPU time stands for all, with its rooms: these belong together.
    return {key: sorted(taken, key=lambda one: one.cpu)[len(taken) // 2] for key, taken in rounds.items()}


async def round_of(run: Callable[[], Coroutine[Any, Any, int]], at_once: int, in_a_row: int) -> Taken:
    """So many callers at once, each with so many workflows of ten steps, one after the other."""

    async def one_after_the_other() -> None:
        for _ in range(in_a_row):
            await run()

    count = at_once * in_a_row * STEPS
    gc.collect()
    rooms, wall, cpu = Rooms(), time.perf_counter(), time.process_time()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Taken(wall / count, cpu / count, rooms.split(count), rooms.collecting / count)


def _raw() -> dict[str, Any]:
    """What no engine can avoid on this store: the commit of each turn, and of a step a future and its body."""
    taken: list[Timing] = []
    for _ in range(ROUNDS):
        with raw.bare() as store:
            taken += timed(partial(store.append, raw.commits_of_ten(store, RAW_WORKFLOWS)), rounds=1)
    future, call = timed(lambda: raw.futures(RAW_CALLS), lambda: raw.calls(RAW_CALLS), rounds=ROUNDS)
    appends = RAW_WORKFLOWS * (STEPS + 1)
    return {
        "raw": "the same commits appended to the bare store; a future of asyncio; a plain call of the body",
        "raw_appends_per_s": appends / statistics.median(one.wall for one in taken),
        "raw_append_cpu_us": statistics.median(one.cpu for one in taken) / appends * 1e6,
        "raw_future_cpu_us": future.cpu / RAW_CALLS * 1e6,
        "raw_call_cpu_us": call.cpu / RAW_CALLS * 1e6,
    }
