"""Plain `def` workflows: ordinary functions that wait without `await`, each in a greenlet on the same loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar, cast

from greenlet import getcurrent, greenlet

from aion_core.model.errors import NotInWorkflow

P = ParamSpec("P")
T = TypeVar("T")


class _PlainCode(greenlet):
    """The greenlet that a plain workflow's code runs in."""


async def run_plain(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a plain function as a coroutine: what it hands to `wait_for` is awaited here.

    Cancelling the task raises `CancelledError` where the function waits. Closing the coroutine unwinds it there.
    """
    code = _PlainCode(fn)
    code.gr_context = copy_context()
    step: Any = code.switch(*args, **kwargs)
    while not code.dead:
        try:
            value = await step
        except BaseException as error:  # noqa: BLE001  # raised again where the function waits, GeneratorExit too
            step = code.throw(error)
        else:
            step = code.switch(value)
    return cast("T", step)


def wait_for(awaitable: Awaitable[T]) -> T:
    """Wait inside a plain workflow. `NotInWorkflow` anywhere else."""
    here = getcurrent()
    if not isinstance(here, _PlainCode) or here.parent is None:
        raise NotInWorkflow("waiting without await", "it works in a plain `def` workflow; elsewhere, write `await`")
    return cast("T", here.parent.switch(awaitable))


def in_plain_code() -> bool:
    """Whether the code that runs now is a plain function's, which waits without `await`."""
    return isinstance(getcurrent(), _PlainCode)
