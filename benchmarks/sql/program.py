"""This engine, measured in a process of its own: `python -m benchmarks.sql.program FIGURE PARAMETERS`.

The program of a peer answers to the same figures with the same parameters, and both say what `benchmarks.sql` reads.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, Final

from attrs import asdict

import aion_core as aion
from benchmarks import programs
from benchmarks.answers import answer, linger, now, say, wait
from benchmarks.growth import BURSTS, begun, burst
from benchmarks.programs import STEPS, listens, nothing, paced, received, ten
from benchmarks.steps import round_of

LISTENER: Final = "listener"
TOGETHER: Final = 1_000
"""Starts at once, of many workflows that wait."""
WARM: Final = 20

_let_go: Final = threading.Event()
"""Whether `hold` lets go of its workflow, as it does in the process that goes on with what another one left."""
_held: Final[SimpleQueue[int]] = SimpleQueue()
_went_on: Final[SimpleQueue[int]] = SimpleQueue()


@aion.workflow
async def sleeps() -> None:
    await aion.sleep(timedelta(days=30))


@aion.activity
def before(number: int) -> int:
    _held.put(number)
    return number


@aion.activity
async def hold(number: int) -> int:
    if not _let_go.is_set():
        await asyncio.Event().wait()
    return number


@aion.activity
def after(number: int) -> int:
    _went_on.put(number)
    return number


@aion.workflow
async def interrupted(number: int) -> int:
    """A step, another one in which the first process dies, and a third one."""
    return await after(await hold(await before(number)))


WORKFLOWS: Final = (*programs.WORKFLOWS, sleeps, interrupted)


def prepare(config: Mapping[str, Any]) -> None:
    """Make what a store has before it has anything to keep."""
    with aion.Engine.open(config, workflows=WORKFLOWS):
        pass
    say()


def steps(config: Mapping[str, Any], sizes: Sequence[tuple[int, int]]) -> None:
    """How many at once, and how many one after the other: what a step takes, for each."""
    say(**asyncio.run(_steps(config, sizes)))


async def _steps(config: Mapping[str, Any], sizes: Sequence[tuple[int, int]]) -> dict[str, Any]:
    async with aion.AsyncEngine.open(config, workflows=WORKFLOWS) as engine:
        await asyncio.gather(*(engine.run(ten) for _ in range(WARM)))
        taken = [asdict(await round_of(lambda: engine.run(ten), *size)) for size in sizes]
    return {"taken": taken, "steps": STEPS * (WARM + sum(at_once * in_a_row for at_once, in_a_row in sizes))}


def alone(config: Mapping[str, Any], steps: int, starts: int) -> None:
    """One workflow's steps, and workflows without steps, one after the other: seconds of each."""
    with aion.Engine.open(config, workflows=WORKFLOWS) as engine:
        for _ in range(WARM):
            engine.run(nothing)
        begun(engine, WARM + steps, id="alone")
        between = [second - first for (first, _), (second, _) in pairwise(paced[WARM:])]
        taken: list[float] = []
        for _ in range(starts):
            began = now()
            engine.run(nothing)
            taken.append(now() - began)
    say(steps=between, starts=taken)


def signals(config: Mapping[str, Any], signals: int, spread: float) -> None:
    """To a workflow that is in memory: seconds of each, until the call returns and until the code has it."""
    with aion.Engine.open(config, workflows=WORKFLOWS) as engine:
        run = engine.start(listens, WARM + signals)
        taken = [_signalled(run, spread) for _ in range(WARM + signals)]
    say(**_both(taken[WARM:]))


def evicted(config: Mapping[str, Any], signals: int) -> None:
    """Each time to another workflow, which is not in memory: it is read and replayed for it."""
    engine_section = {**config["engine"], "resident": 0}
    with aion.Engine.open({**config, "engine": engine_section}, workflows=WORKFLOWS) as engine:
        taken = [_signalled(engine.start(listens, 1), 0.0) for _ in range(WARM + signals)]
    say(**_both(taken[WARM:]))


def _signalled(run: aion.Run[Any], spread: float) -> tuple[float, float]:
    """Until the call returns, since the signal is durable, and until the code has it."""
    linger(spread)
    began = now()
    run.signal("ping", 0)
    told = now()
    return told - began, received.get() - began


def _both(taken: Sequence[tuple[float, float]]) -> Mapping[str, Sequence[float]]:
    return {"told": [one[0] for one in taken], "heard": [one[1] for one in taken]}


def listen(config: Mapping[str, Any], signals: int) -> None:
    """Say when each signal of another process has come to the workflow's code."""
    with aion.Engine.open(config, workflows=WORKFLOWS) as engine:
        engine.start(listens, signals, id=LISTENER)
        say()
        for _ in range(signals):
            say(at=received.get())


def send(config: Mapping[str, Any], signals: int, spread: float) -> None:
    """Signal each time that it is told to, at a moment that nothing else has chosen."""
    with aion.Client.open(config) as client:
        run = client.handle(LISTENER)
        for number in range(signals):
            wait()
            linger(spread)
            began = now()
            run.signal("ping", number)
            say(at=began)


def sleep(config: Mapping[str, Any], count: int) -> None:
    """Say when so many workflows sleep for a month, and leave them when told to."""
    asyncio.run(_sleep(config, count))


async def _sleep(config: Mapping[str, Any], count: int) -> None:
    async with aion.AsyncEngine.open(config, workflows=WORKFLOWS) as engine:
        await _started(lambda _: engine.start(sleeps), count)
        say()
        wait()


def reopen(config: Mapping[str, Any], count: int, empty: Mapping[str, Any]) -> None:
    """Open where workflows sleep, and run one without steps. They are not needed for it, however many they are.

    `empty`: another place, which is opened before, so that what is imported is not counted.
    """
    del count
    prepare(**empty)
    cpu, began = time.process_time(), now()
    with aion.Engine.open(config, workflows=WORKFLOWS) as engine:
        opened = now()
        engine.run(nothing)
        say(open=opened - began, first=now() - began, cpu=time.process_time() - cpu)


def hang(config: Mapping[str, Any], count: int) -> None:
    """Say when so many workflows are in the middle of a step, and wait for the end."""
    asyncio.run(_hang(config, count))


async def _hang(config: Mapping[str, Any], count: int) -> None:
    async with aion.AsyncEngine.open(config, workflows=WORKFLOWS) as engine:
        await _started(lambda number: engine.start(interrupted, number), count)
        for _ in range(count):
            await asyncio.to_thread(_held.get)
        say()
        wait()


def recover(config: Mapping[str, Any], count: int) -> None:
    """Go on with what another process left, and say when so many workflows have gone on."""
    _let_go.set()
    cpu = time.process_time()
    with aion.Engine.open(config, workflows=WORKFLOWS):
        for _ in range(count):
            _went_on.get()
        say(at=now(), cpu=time.process_time() - cpu)


def growth(config: Mapping[str, Any], old: int, young: int) -> None:
    """Wall and CPU seconds of a step, in bursts of two workflows in turn: one has done many steps, the other few."""
    with aion.Engine.open(config, workflows=WORKFLOWS) as engine:
        late, early = begun(engine, old, id="old"), begun(engine, young, id="young")
        pairs = [(burst(early), burst(late)) for _ in range(BURSTS)]
    say(early=[pair[0] for pair in pairs], late=[pair[1] for pair in pairs])


async def _started(start: Callable[[int], Coroutine[Any, Any, object]], count: int) -> None:
    for first in range(0, count, TOGETHER):
        await asyncio.gather(*(start(number) for number in range(first, min(first + TOGETHER, count))))
        # What is suspended stays: a collector that walks all of it again and again takes longer than everything else.
        gc.collect()
        gc.freeze()


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # each interrupted step is one, and peers give none
    answer(
        {
            each.__name__: each
            for each in (prepare, steps, alone, signals, evicted, listen, send, sleep, reopen, hang, recover, growth)
        }
    )
