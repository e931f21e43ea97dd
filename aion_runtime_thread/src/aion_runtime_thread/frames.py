"""Where a thread is that does not come back, for people."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import PurePath
from types import FrameType
from typing import Final

_LIBRARY: Final = sysconfig.get_path("stdlib")
_OURS: Final = ("aion_core.", "aion_runtime_thread.")


def innermost_frame(thread: int) -> str:
    """Like `shop.py:41`; empty when the thread is gone.

    The innermost frame that somebody wrote for this program: a wait is seen where it was called, not in the library.
    """
    innermost = sys._current_frames().get(thread)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the only way
    frame = innermost
    while frame is not None and not _of_users(frame):
        frame = frame.f_back
    shown = frame or innermost
    return "" if shown is None else f"{PurePath(shown.f_code.co_filename).name}:{shown.f_lineno}"


def _of_users(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if str(frame.f_globals.get("__name__", "")).startswith(_OURS) or file.startswith("<frozen"):
        return False
    return not file.startswith(_LIBRARY) or "site-packages" in file
