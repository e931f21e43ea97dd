"""DBOS, measured in a process of its own: `python -m benchmarks.peers.dbos_program FIGURE PARAMETERS`.

Written as its documentation recommends: decorated workflows and steps, started in this process, messages by `send` and
`recv`, `DBOSClient` from outside. What runs steps is made of sync functions, which took less CPU per step here than
async ones and were never slower; what waits in great numbers is async, since a sync workflow that waits holds a thread.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, Final

from dbos import DBOS, DBOSClient, DBOSConfig, SetWorkflowID, WorkflowHandle

from benchmarks.answers import answer, linger, now, say, wait

STEPS: Final = 10
BURSTS: Final = 10
WARM: Final = 20
TOGETHER: Final = 1_000
LISTENER: Final = "listener"
A_MONTH: Final = 30 * 86_400
PATIENCE: Final = 600

_paced: Final[list[tuple[float, float]]] = []
"""Wall and CPU seconds of this process at every body of `pace`."""
_received: Final[SimpleQueue[float]] = SimpleQueue()
_asleep: Final[SimpleQueue[int]] = SimpleQueue()
_held: Final[SimpleQueue[int]] = SimpleQueue()
_went_on: Final[SimpleQueue[int]] = SimpleQueue()
_lets_go = False
"""Whether `hold` lets go of its workflow, as it does in the process that goes on with what another one left."""


@DBOS.step()
def step(number: int) -> int:
    return number


@DBOS.step()
def pace(number: int) -> int:
    _paced.append((now(), time.process_time()))
    return number


@DBOS.workflow()
def ten() -> int:
    return sum(step(number) for number in range(STEPS))


@DBOS.workflow()
def nothing() -> int:
    return 1


@DBOS.workflow()
def long(steps: int, bursts: int = 0) -> int:
    """Steps, then so many bursts of ten when it is told to; takes note of the end of each."""
    for number in range(steps):
        pace(number)
    _received.put(now())
    for _ in range(bursts):
        DBOS.recv("go", timeout_seconds=PATIENCE)
        for number in range(STEPS):
            pace(number)
        _received.put(now())
    return steps


@DBOS.workflow()
def listens(signals: int) -> int:
    for _ in range(signals):
        DBOS.recv("ping", timeout_seconds=PATIENCE)
        _received.put(now())
    return signals


@DBOS.workflow()
async def sleeps(number: int) -> None:
    _asleep.put(number)
    await DBOS.sleep_async(A_MONTH)


@DBOS.step()
async def before(number: int) -> int:
    _held.put(number)
    return number


@DBOS.step()
async def hold(number: int) -> int:
    if not _lets_go:
        await asyncio.Event().wait()
    return number


@DBOS.step()
async def after(number: int) -> int:
    _went_on.put(number)
    return number


@DBOS.workflow()
async def interrupted(number: int) -> int:
    """A step, another one in which the first process dies, and a third one."""
    return await after(await hold(await before(number)))


def launch(url: str) -> None:
    """Its defaults, but for two: more threads where the server can use them, and a version that is always the same."""
    config: DBOSConfig = {
        "name": "aion-bench",
        "system_database_url": url,
        "application_version": "1",
        "log_level": "ERROR",
    }
    if url.startswith("postgresql"):
        config["max_executor_threads"] = 64
    DBOS(config=config)
    DBOS.launch()


def prepare(url: str) -> None:
    launch(url)
    DBOS.destroy()
    say()


def steps(url: str, sizes: Sequence[tuple[int, int]]) -> None:
    launch(url)
    for _ in range(WARM):
        DBOS.start_workflow(ten).get_result()
    taken: list[dict[str, float]] = []
    for at_once, in_a_row in sizes:
        count = at_once * in_a_row
        gc.collect()
        wall, cpu = now(), time.process_time()
        running: deque[WorkflowHandle[int]] = deque()
        for _ in range(count):
            if len(running) == at_once:
                running.popleft().get_result()
            running.append(DBOS.start_workflow(ten))
        for handle in running:
            handle.get_result()
        wall, cpu = now() - wall, time.process_time() - cpu
        taken.append({"wall": wall / count / STEPS, "cpu": cpu / count / STEPS})
    DBOS.destroy()
    say(taken=taken, steps=STEPS * (WARM + sum(at_once * in_a_row for at_once, in_a_row in sizes)))


def alone(url: str, steps: int, starts: int) -> None:
    launch(url)
    for _ in range(WARM):
        DBOS.start_workflow(nothing).get_result()
    DBOS.start_workflow(long, WARM + steps).get_result()
    between = [second - first for (first, _), (second, _) in pairwise(_paced[WARM:])]
    taken: list[float] = []
    for _ in range(starts):
        began = now()
        DBOS.start_workflow(nothing).get_result()
        taken.append(now() - began)
    DBOS.destroy()
    say(steps=between, starts=taken)


def signals(url: str, signals: int, spread: float) -> None:
    launch(url)
    handle = DBOS.start_workflow(listens, WARM + signals)
    told: list[float] = []
    heard: list[float] = []
    for number in range(WARM + signals):
        linger(spread if number >= WARM else 0.0)
        began = now()
        DBOS.send(handle.workflow_id, number, "ping")
        told.append(now() - began)
        heard.append(_received.get() - began)
    DBOS.destroy()
    say(told=told[WARM:], heard=heard[WARM:])


def listen(url: str, signals: int) -> None:
    launch(url)
    with SetWorkflowID(LISTENER):
        DBOS.start_workflow(listens, signals)
    say()
    for _ in range(signals):
        say(at=_received.get())
    DBOS.destroy()


def send(url: str, signals: int, spread: float) -> None:
    client = DBOSClient(system_database_url=url)
    for number in range(signals):
        wait()
        linger(spread)
        began = now()
        client.send(LISTENER, number, "ping")
        say(at=began)
    client.destroy()


def sleep(url: str, count: int) -> None:
    launch(url)
    asyncio.run(_waiting(sleeps, count, _asleep))


def reopen(url: str, count: int, empty: Mapping[str, str]) -> None:
    """Its launch returns before its workflows are back, so this says when all of them are, too."""
    prepare(**empty)
    cpu, began = time.process_time(), now()
    launch(url)
    opened = now()
    DBOS.start_workflow(nothing).get_result()
    first = now()
    for _ in range(count):
        _asleep.get()
    say(open=opened - began, first=first - began, all=now() - began, cpu=time.process_time() - cpu)
    _leave()


def hang(url: str, count: int) -> None:
    launch(url)
    asyncio.run(_waiting(interrupted, count, _held))


def recover(url: str, count: int) -> None:
    global _lets_go  # noqa: PLW0603 (set once, before anything runs)
    _lets_go = True
    cpu = time.process_time()
    launch(url)
    for _ in range(count):
        _went_on.get()
    say(at=now(), cpu=time.process_time() - cpu)
    _leave()


def growth(url: str, old: int, young: int) -> None:
    launch(url)
    handles = [DBOS.start_workflow(long, steps, BURSTS) for steps in (young, old)]
    for _ in handles:
        _received.get()
    early: list[tuple[float, float]] = []
    late: list[tuple[float, float]] = []
    for _ in range(BURSTS):
        for handle, taken in zip(handles, (early, late), strict=True):
            taken.append(_burst(handle))
    say(early=early, late=late)
    DBOS.destroy()


def _burst(handle: WorkflowHandle[int]) -> tuple[float, float]:
    _paced.clear()
    DBOS.send(handle.workflow_id, True, "go")
    _received.get()
    first, last = _paced[0], _paced[-1]
    return (last[0] - first[0]) / (len(_paced) - 1), (last[1] - first[1]) / (len(_paced) - 1)


async def _waiting(workflow: Any, count: int, came: SimpleQueue[int]) -> None:
    """Say when so many have come to where they wait; end when told to. They run on this loop, as long as it does."""
    for first in range(0, count, TOGETHER):
        last = min(first + TOGETHER, count)
        await asyncio.gather(*(DBOS.start_workflow_async(workflow, number) for number in range(first, last)))
    while came.qsize() < count:  # noqa: ASYNC110 (its steps have no loop to set an event on)
        await asyncio.sleep(0.01)
    say()
    wait()
    _leave()


def _leave() -> None:
    """End at once: what waits for a month would be waited for."""
    os._exit(0)


if __name__ == "__main__":
    answer(
        {
            each.__name__: each
            for each in (prepare, steps, alone, signals, listen, send, sleep, reopen, hang, recover, growth)
        }
    )
