"""How a run's code leaves memory: closed where it waits, without an effect and without a word."""

# pyright: basic
# Values of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterable, Iterator
from inspect import CORO_CREATED, getcoroutinestate, iscoroutine
from types import FrameType
from typing import Any, Final, NoReturn, cast

from aion_core.machine.ordinals import Evicted
from aion_core.machine.stacks import frames_of

_SURVIVORS: Final[list[asyncio.Task[Any]]] = []
"""Code that catches everything and awaits again can not be closed: kept, since the collector would complain of it."""


def close(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Close the code of these tasks. The run must refuse whatever it does meanwhile."""
    tasks = list(tasks)
    for task in tasks:
        setattr(task, "_log_destroy_pending", False)  # noqa: B010  # asyncio's own switch, which no stub knows
        if not task.done():
            _close_unawaited(frames_of(task.get_coro()))
    for task in tasks:
        if not task.done() and not _closed(task):
            _SURVIVORS.append(task)


def refuse() -> NoReturn:
    """Refuse what code calls while it leaves: a `finally` that hands its clean-up to `asyncio.gather`, say.

    Nobody awaits the coroutines that it made for it, so they are closed here.
    """
    _close_unawaited(_callers())
    raise Evicted


def _callers() -> Iterator[FrameType]:
    """The frames of the code that calls now, up to where it is being closed."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  # `inspect.currentframe` without its trimmings
    while frame is not None and frame.f_code is not _closed.__code__:
        yield frame
        frame = frame.f_back


def _close_unawaited(frames: Iterable[FrameType]) -> None:
    """Coroutines that the code has made and not awaited yet, which Python would complain of when they go."""
    for frame in frames:
        for value in frame.f_locals.values():
            for each in _members(value):
                if iscoroutine(each) and getcoroutinestate(each) == CORO_CREATED:
                    each.close()


def _members(value: Any) -> Iterator[Any]:
    """A local variable's value, and what is in it when it is a plain collection."""
    yield value
    kind: Any = type(value)
    if kind in _COLLECTIONS:
        yield from value
    elif kind is dict:
        yield from value.values()


_COLLECTIONS: Final = frozenset({list, tuple, set})


def _closed(task: asyncio.Task[Any]) -> bool:
    """Close the coroutine of a task; False when it refuses to end."""
    try:
        cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
    except RuntimeError as error:
        return "ignored GeneratorExit" not in str(error)
    except BaseException:  # noqa: BLE001  # whatever leaves the code is of no interest any more
        return True
    return True
