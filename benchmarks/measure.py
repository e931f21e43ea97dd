"""Taking a figure: medians of several rounds, CPU time beside wall time, raw limits measured in turn with ours."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ROUNDS = 5


@dataclass(frozen=True)
class Timing:
    """Seconds of one thing: the median of the rounds."""

    wall: float
    cpu: float


def timed(*things: Callable[[], object], rounds: int = ROUNDS) -> list[Timing]:
    """Time several things in turn, so that a noisy moment hits all of them. Collections run between, not within."""
    samples: list[list[Timing]] = [[] for _ in things]
    for _ in range(rounds):
        for thing, taken in zip(things, samples, strict=True):
            gc.collect()
            gc.disable()
            try:
                wall, cpu = time.perf_counter(), time.process_time()
                thing()
                taken.append(Timing(time.perf_counter() - wall, time.process_time() - cpu))
            finally:
                gc.enable()
    return [
        Timing(statistics.median(one.wall for one in taken), statistics.median(one.cpu for one in taken))
        for taken in samples
    ]


def percentile(part: float, values: Sequence[float]) -> float:
    """What so great a part of the values does not exceed."""
    return sorted(values)[int(part * (len(values) - 1))]


reported: Final[list[Mapping[str, Any]]] = []
"""Every line of this run."""


def report(figure: str, **values: object) -> None:
    """One JSON line on stdout."""
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}
    line = {"figure": figure, **rounded, "python": sys.version.split()[0]}
    reported.append(line)
    print(json.dumps(line), flush=True)
