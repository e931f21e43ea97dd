"""Lets plain calls inside a coroutine wait: the coroutine is stepped in a greenlet, and the call leaves it for a while.

That is how `pool()` in an async activity gives a pool that had to be awaited, without an `await` in front of it.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import copy_context
from typing import Any, TypeVar, cast

import greenlet

T = TypeVar("T")


async def waiting(body: Coroutine[Any, Any, T]) -> T:
    """The coroutine, in which `wait_here` works. Costs a few microseconds more."""
    return await _stepped(body)


@types.coroutine
def _stepped(body: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    inside = _Inside(_steps, greenlet.getcurrent())
    inside.gr_context = copy_context()  # a greenlet has none to begin with
    wanted = inside.switch(body)
    while not inside.dead:
        try:
            answer = yield wanted
        except BaseException as error:  # noqa: BLE001  # cancellations above all
            wanted = inside.throw(error)
        else:
            wanted = inside.switch(answer)
    return cast("T", wanted)


def can_wait_here() -> bool:
    """Whether this code runs inside `waiting`."""
    return isinstance(greenlet.getcurrent(), _Inside)


def wait_here(awaitable: Awaitable[T]) -> T:
    """What awaiting it gives, for plain code that was called by a coroutine inside `waiting`."""
    return cast("T", _steps(_awaiting(awaitable)))


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable


class _Inside(greenlet.greenlet):
    """A greenlet that a coroutine is stepped in."""


def _steps(body: Coroutine[Any, Any, Any]) -> Any:
    """Step a coroutine to its end; what it waits for goes to whoever steps the greenlet."""
    outside = cast("greenlet.greenlet", greenlet.getcurrent().parent)
    try:
        wanted = body.send(None)
        while True:
            try:
                answer = outside.switch(wanted)
            except BaseException as error:  # noqa: BLE001  # as above
                wanted = body.throw(error)
            else:
                wanted = body.send(answer)
    except StopIteration as end:
        return end.value
