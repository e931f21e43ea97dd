"""Latencies of one caller, one call after the other: start to result, signal to receipt and to the workflow's code."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, islice

import aion_core as aion
from benchmarks import raw
from benchmarks.measure import percentile, report
from benchmarks.programs import listens, nothing, opened, received

CALLS = 100
ROUNDS = 4
WARM = 20


def latency() -> None:
    """Beside each: the same number of ways to another thread and back, without anything else."""
    hop: list[float] = []
    with opened() as resident, opened(resident=0) as evicting:
        figures: dict[str, Callable[[], Iterator[float]]] = {
            "start to result, no steps": lambda: _started(resident),
            "signal to its receipt": lambda: _told(resident),
            "signal to the code, resident": lambda: _heard(resident),
            "signal to the code, evicted": lambda: _replayed(evicting),
        }
        taken: dict[str, list[float]] = {figure: [] for figure in figures}
        for measured in figures.values():
            deque(islice(measured(), WARM), maxlen=0)
        for _ in range(ROUNDS):
            hop += raw.hops(CALLS)
            for figure, measured in figures.items():
                taken[figure] += islice(measured(), CALLS)
    for figure, seconds in taken.items():
        report(
            figure,
            p50_us=percentile(0.5, seconds) * 1e6,
            p99_us=percentile(0.99, seconds) * 1e6,
            raw="to another thread and back",
            raw_p50_us=percentile(0.5, hop) * 1e6,
            raw_p99_us=percentile(0.99, hop) * 1e6,
            ratio_to_raw=percentile(0.5, seconds) / percentile(0.5, hop),
        )


def _started(engine: aion.Engine) -> Iterator[float]:
    while True:
        began = time.perf_counter()
        engine.run(nothing)
        yield time.perf_counter() - began


def _told(engine: aion.Engine) -> Iterator[float]:
    """Until the call returns: the signal is durable."""
    run = engine.start(listens, CALLS)
    for number in count():
        began = time.perf_counter()
        run.signal("ping", number)
        ended = time.perf_counter()
        received.get()
        yield ended - began


def _heard(engine: aion.Engine) -> Iterator[float]:
    """Until the code has it, which is in memory."""
    run = engine.start(listens, CALLS)
    for number in count():
        began = time.perf_counter()
        run.signal("ping", number)
        yield received.get() - began


def _replayed(engine: aion.Engine) -> Iterator[float]:
    """Until the code has it, which is read from the store and replayed for it: each time another workflow."""
    while True:
        run = engine.start(listens, 1)
        began = time.perf_counter()
        run.signal("ping", 0)
        yield received.get() - began
