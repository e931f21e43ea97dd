"""Where the tasks of a run wait, for people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from aion_core.machine.places import is_users, place_of


def stack_of(tasks: Iterable[asyncio.Task[Any]]) -> str:
    """Each task's name, and below it the calls of the user's code that it is in, the outermost first."""
    lines: list[str] = []
    for task in tasks:
        if task.done():
            continue
        lines.append(task.get_name())
        lines.extend(
            f"  {place_of(frame)} in {frame.f_code.co_name}" for frame in frames_of(task.get_coro()) if is_users(frame)
        )
    return "\n".join(lines)


def frames_of(code: Any) -> Iterator[FrameType]:
    """The frames of a suspended coroutine and of what it awaits, the outermost first; a plain function's, too."""
    while code is not None:
        frame: FrameType | None = getattr(code, "cr_frame", None) or getattr(code, "gi_frame", None)
        if frame is None:
            return
        yield frame
        plain = frame.f_locals.get("code") if frame.f_code.co_name == "run_plain" else None
        if plain is not None:
            yield from _callers_first(plain.gr_frame)
        code = getattr(code, "cr_await", None) or getattr(code, "gi_yieldfrom", None)


def _callers_first(frame: FrameType | None) -> list[FrameType]:
    found: list[FrameType] = []
    while frame is not None:
        found.insert(0, frame)
        frame = frame.f_back
    return found
