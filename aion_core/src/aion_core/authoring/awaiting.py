"""Waiting in both kinds of workflow: an `async def` awaits what it is handed, a plain `def` gets what it waited for."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Coroutine
from inspect import isawaitable, iscoroutine
from typing import Any, TypeVar, cast

from aion_core.authoring.context import CurrentRun, current
from aion_core.model.errors import NotInWorkflow
from aion_core.model.times import SECOND, Duration, micros

T = TypeVar("T")


def await_(awaitable: Awaitable[T], /) -> T:
    """Wait without `await`, in a plain `def` workflow: `receipt = aion.await_(charge(order))`.

    There the call itself waits and gives the value, and so does this for handles and tasks; type checkers believe it
    of both. What is no awaitable is returned as it is, which lets the plain function be tested alone.
    """
    given: object = awaitable
    if not isawaitable(given):
        return cast("T", given)
    try:
        return current("aion.await_()", "elsewhere, write `await`").wait_for(awaitable)
    except NotInWorkflow:
        if iscoroutine(awaitable):
            awaitable.close()
        raise


def recording(call: str, instead: str) -> CurrentRun:
    """The run whose code is being executed, which may record something: `ReadOnlyViolation` in queries and conditions.

    `instead` says what to do outside of workflows.
    """
    run = current(f"{call}()", instead)
    run.check(call)
    return run


def waited(run: CurrentRun, steps: Coroutine[Any, Any, T]) -> Coroutine[None, None, T]:
    """The coroutine, for `async def` code to await; in plain code what it gives, after waiting for it."""
    if run.in_plain_code():
        return cast("Coroutine[None, None, T]", run.wait_for(steps))
    return steps


def seconds_of(timeout: Duration | None) -> float | None:
    """A `timeout=` in seconds: zero is "now or never", `math.inf` the same as None. InvalidTime for what is neither."""
    if timeout is None or timeout == math.inf:
        return None
    return micros(timeout, what="timeout", zero=True) / SECOND
