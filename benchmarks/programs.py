"""What the engine is measured with: small workflows, trivial activities, and engines on the in-memory store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any, Final

import aion_core as aion

STEPS: Final = 10
"""Of one workflow of `ten`."""

received: Final[SimpleQueue[float]] = SimpleQueue()
"""When code got where a caller waits for it: a signal of `listens`, an end of `long`. By `perf_counter`."""
paced: Final[list[tuple[float, float]]] = []
"""Wall and CPU seconds of this process at every body of `pace`."""


@aion.activity
def step(number: int) -> int:
    return number


@aion.activity
async def astep(number: int) -> int:  # what it costs without an await of its own is what is measured
    return number


@aion.activity
def pace(number: int) -> int:
    paced.append((time.perf_counter(), time.process_time()))
    return number


@aion.workflow
async def ten() -> int:
    """Sequential steps on threads of the pool."""
    total = 0
    for number in range(STEPS):
        total += await step(number)
    return total


@aion.workflow
async def aten() -> int:
    """The same with async bodies."""
    total = 0
    for number in range(STEPS):
        total += await astep(number)
    return total


@aion.workflow
async def nothing() -> int:  # a workflow is async, whatever it does
    return 1


@aion.workflow
async def waits() -> None:
    """Suspended until it is told to go on."""
    await aion.receive("go", bool)


@aion.workflow
async def listens(signals: int) -> int:
    """Takes note of when its code gets each signal. The workflow does not depend on it, so a replay may differ."""
    for _ in range(signals):
        await aion.receive("ping", int)
        received.put(time.perf_counter())
    return signals


@aion.workflow
async def long(steps: int, bursts: int = 0) -> int:
    """Steps, then so many bursts of ten when it is told to; takes note of the end of each. Answers what it has done."""
    done = 0

    @aion.query
    def progress() -> int:
        return done

    for _ in range(steps):
        await pace(done)
        done += 1
    received.put(time.perf_counter())
    for _ in range(bursts):
        await aion.receive("go", bool)
        for _ in range(STEPS):
            await pace(done)
            done += 1
        received.put(time.perf_counter())
    await aion.receive("end", bool)
    return done


WORKFLOWS: Final = (ten, aten, nothing, waits, listens, long)


def memory(*, resident: int = 10_000, name: str | None = None) -> Mapping[str, Any]:
    """The configuration of an engine on an in-memory store, one of its own or the one of this name."""
    store = {"use": "memory"} if name is None else {"use": "memory", "name": name}
    # The deadline is long since the machine may be busy, and a replay of 20,000 events is one turn.
    return {"event_store": store, "engine": {"resident": resident, "turn_deadline": 60.0}}


def opened(*, resident: int = 10_000, name: str | None = None) -> aion.Engine:
    """An engine with the workflows of this file, for callers that block."""
    return aion.Engine.open(memory(resident=resident, name=name), workflows=WORKFLOWS)
