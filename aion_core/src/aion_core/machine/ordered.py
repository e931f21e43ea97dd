"""`asyncio.as_completed` in workflow code: in the order of its arguments, not of their addresses.

asyncio puts the coroutines it is given into a set before it makes tasks of them, so the tasks' numbers would differ
from run to run. This is the one function of asyncio that is replaced; outside of workflows it does what it did.
"""

from __future__ import annotations

import asyncio
from asyncio import events, tasks
from collections.abc import Awaitable, Iterable
from functools import cache
from typing import Any

from aion_core.machine.loop import WorkflowLoop


@cache
def install() -> None:
    """Replace it, the first time this is called in a process."""
    original: Any = tasks.as_completed

    def as_completed(fs: Iterable[Awaitable[Any]], *, timeout: float | None = None) -> Any:
        loop = events._get_running_loop()  # noqa: SLF001  # get_running_loop raises where there is none
        if isinstance(loop, WorkflowLoop):
            fs = [asyncio.ensure_future(each) for each in fs]
        return original(fs, timeout=timeout)

    as_completed.__doc__ = original.__doc__
    for module in (asyncio, tasks):
        setattr(module, "as_completed", as_completed)  # noqa: B010  # mypy would not let a function be assigned
