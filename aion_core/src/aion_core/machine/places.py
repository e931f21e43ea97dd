"""Where in the user's code something happened, for messages to people."""

from __future__ import annotations

import inspect
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

_STDLIB: Final = sysconfig.get_paths()["stdlib"]
_OURS: Final = __name__.partition(".")[0]


def users_place() -> str:
    """`shop.py:41`: the innermost frame that is neither ours nor the standard library's; empty when there is none."""
    return next((place_of(frame) for frame in frames() if is_users(frame)), "")


def place_of(frame: FrameType) -> str:
    """`shop.py:41`."""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def is_users(frame: FrameType) -> bool:
    """Whether it runs code that is neither ours nor the standard library's."""
    return package_of(frame) != _OURS and not _in_stdlib(frame.f_code.co_filename)


def frames() -> Iterator[FrameType]:
    """The frames of whoever asks, the innermost first."""
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def package_of(frame: FrameType) -> str:
    """The top-level package whose code a frame runs."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _in_stdlib(file: str) -> bool:
    return file.startswith("<frozen") or (file.startswith(_STDLIB) and "site-packages" not in file)
