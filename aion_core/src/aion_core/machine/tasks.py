"""Tasks of workflow code, whose order in sets is the order of their creation."""

from __future__ import annotations

import asyncio
from asyncio import tasks
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar, cast

T = TypeVar("T")


class WorkflowTask(asyncio.Task[T]):
    """A task that hashes to its number in the run.

    asyncio keeps tasks in sets and iterates them: when a TaskGroup aborts, in the results of `wait()`. By address, two
    runs of the same code would cancel in different orders and issue different commands.
    """

    __slots__ = ("number",)

    number: int

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


def new_task(
    coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
    *,
    loop: asyncio.AbstractEventLoop,
    number: int,
    name: str | None,
    context: Context | None,
) -> WorkflowTask[T]:
    """A task on this loop, scheduled like any other."""
    task: WorkflowTask[T] = WorkflowTask.__new__(WorkflowTask)  # pyright: ignore[reportUnknownVariableType]
    task.number = number  # asyncio hashes the task while it is constructed
    initialise = cast("Any", asyncio.Task).__init__
    initialise(task, coro, loop=loop, context=context, name=name or f"task-{number}")
    # Equal numbers of many runs would make asyncio's global set of all tasks quadratic.
    tasks._unregister_task(task)  # noqa: SLF001  # there is no public way to stay out of that set
    return task


async def raising(error: Exception) -> None:
    """Something that failed outside of the code, as if the code had raised it."""
    raise error


def failed_unseen(task: asyncio.Task[Any]) -> bool:
    """Whether it failed and nobody has looked: a rule on state, not on garbage collection."""
    return bool(getattr(task, "_log_traceback", False))  # asyncio's own note of just that
