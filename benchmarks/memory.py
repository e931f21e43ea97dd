"""What a suspended workflow takes in memory, held by the engine and evicted, at 100,000 of them.

Each case has a process of its own, since what a process has freed it may still hold: `python -m benchmarks.memory CASE`
prints the bytes of one workflow. The cases run at once; they are not timed.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import aion_core as aion
from benchmarks import raw
from benchmarks.measure import report
from benchmarks.programs import WORKFLOWS, memory, waits

COUNT = 100_000
TOGETHER = 1_000
FIRST = 10_000
"""Before it is measured: threads, modules, and the memory that every thousand uses for a moment."""
RESIDENT = {"resident": 2 * COUNT, "evicted": 100}
BARE = "bare"
TASKS = "tasks"
TARGETS = {"resident": 3 * 1024, "evicted": 0}
SLACK = 100
"""Bytes per workflow that the allocator's leftovers make of nothing."""


def suspended() -> None:
    """Resident memory per workflow, less what the same histories take in a store without an engine."""
    children = {case: _child(case) for case in (*RESIDENT, BARE, TASKS)}
    found = {case: _answer(child) for case, child in children.items()}
    history, task = found[BARE], found[TASKS]
    for case, target in TARGETS.items():
        with_history = found[case]
        if history is None or task is None or with_history is None:
            report(f"memory per suspended workflow, {case}", problem="a process of this figure failed", met=False)
            continue
        own = with_history - history
        report(
            f"memory per suspended workflow, {case}",
            suspended=COUNT,
            bytes=own,
            bytes_with_its_history=with_history,
            raw="the same histories in the bare store, which is subtracted; a task of asyncio on a future",
            raw_history_bytes=history,
            raw_task_bytes=task,
            target=f"<= {target:,} (and {SLACK} of slack)",
            met=own <= target + SLACK,
        )


def _child(case: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.memory", case], stdout=subprocess.PIPE, text=True)


def _answer(child: subprocess.Popen[str]) -> float | None:
    """What it found; None when it failed, for the reason it gave on stderr."""
    said, _ = child.communicate()
    return None if child.returncode else float(said)


# ---- in a process of its own


def main() -> None:
    """The bytes of one workflow of this case."""
    (case,) = sys.argv[1:]
    if case == BARE:
        print(_stored())
    elif case == TASKS:
        print(asyncio.run(_tasks()))
    else:
        print(asyncio.run(_held(RESIDENT[case])))


async def _held(resident: int) -> float:
    async with aion.AsyncEngine.open(memory(resident=resident), workflows=WORKFLOWS) as engine:
        await _start(engine, FIRST)
        before = _resident_bytes()
        await _start(engine, COUNT)
        return (_resident_bytes() - before) / COUNT


async def _start(engine: aion.AsyncEngine, count: int) -> None:
    for _ in range(count // TOGETHER):
        await asyncio.gather(*(engine.start(waits) for _ in range(TOGETHER)))
        # What is suspended stays: a collector that walks all of it again and again takes longer than everything else.
        gc.collect()
        gc.freeze()


def _stored() -> float:
    with raw.bare() as store:
        store.append(raw.started_only(store, FIRST))
        before = _resident_bytes()
        store.append(raw.started_only(store, COUNT))
        return (_resident_bytes() - before) / COUNT


async def _tasks() -> float:
    loop = asyncio.get_running_loop()

    async def wait(future: asyncio.Future[None]) -> None:
        await future

    before = _resident_bytes()
    tasks = [loop.create_task(wait(loop.create_future())) for _ in range(COUNT)]
    await asyncio.sleep(0)
    taken = (_resident_bytes() - before) / COUNT
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
    return taken


def _resident_bytes() -> int:
    """Of this process, once it has given back what it can."""
    gc.collect()
    with suppress(OSError, AttributeError):  # a C library without it keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
