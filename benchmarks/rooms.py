"""Where the CPU time of this process goes: per room of the engine, which has one thread or several."""

from __future__ import annotations

import gc
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NUMBER: Final = re.compile(r"-\d+$")
_CLIENT: Final = "client"
_GONE: Final = "ended or native threads"


class Rooms:
    """CPU time from when this is made until it is split, as the kernel counts it for each thread."""

    def __init__(self) -> None:
        """Now."""
        self.collecting = 0.0
        """Seconds of CPU in the garbage collector. It works on whichever thread allocates, so this is in the rooms."""
        self._began = 0.0
        self._process, self._threads = time.process_time(), _threads()
        gc.callbacks.append(self._collected)

    def split(self, count: int) -> Mapping[str, float]:
        """Microseconds of CPU per each of so many, by room, the greatest first. Less than a hundredth is left out."""
        gc.callbacks.remove(self._collected)
        whole = time.process_time() - self._process
        rooms: dict[str, float] = {}
        for room, seconds in _threads().items():
            rooms[room] = seconds - self._threads.get(room, 0.0)
        rooms[_GONE] = whole - sum(rooms.values())
        ordered = sorted(rooms.items(), key=lambda room: -room[1])
        return {room: round(seconds / count * 1e6, 1) for room, seconds in ordered if seconds > whole / 100}

    def _collected(self, phase: str, _: Mapping[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.collecting += time.thread_time() - self._began


def _threads() -> dict[str, float]:
    """Seconds per room. The counters of the kernel are exact to the nanosecond, unlike those in clock ticks."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        name = _CLIENT if thread is threading.main_thread() else _NUMBER.sub("", thread.name)
        try:
            text = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text(encoding="ascii")
        except OSError:  # it has just ended, or this is no Linux
            continue
        found[name] = found.get(name, 0.0) + int(text.split()[0]) / 1e9
    return found
