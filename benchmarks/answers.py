"""How a measured program answers: its figure and parameters as arguments, JSON lines on stdout, a line to go on.

It imports the standard library only, since peers run in an environment of their own.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any


def answer(figures: Mapping[str, Callable[..., None]]) -> None:
    """Do what the arguments say: the name of a figure, and its parameters as one JSON object."""
    name, parameters = sys.argv[1:]
    figures[name](**json.loads(parameters))


def say(**values: Any) -> None:
    """One JSON line, at once."""
    print(json.dumps(values), flush=True)


def wait() -> None:
    """Until whoever asks says so. When nobody is left to ask, the program ends."""
    if not sys.stdin.readline():
        raise SystemExit(1)


def linger(spread: float) -> None:
    """Until a moment within so many seconds that nothing else has chosen."""
    time.sleep(random.uniform(0, spread))  # noqa: S311 (no secret)


def now() -> float:
    """Seconds on a clock that all processes of a machine share, as the figures of one process use it."""
    return time.perf_counter()
