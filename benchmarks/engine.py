"""The engine's figures on the in-memory store, by `python -m benchmarks engine`."""

from __future__ import annotations

from benchmarks import growth, latency, memory, parts, steps


def engine() -> None:
    """All of them, each with its raw limit."""
    steps.steps()  # first: what others leave in memory makes the garbage collector slow
    parts.parts()
    latency.latency()
    growth.growth()
    memory.suspended()
