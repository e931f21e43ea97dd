"""The audit hook: what workflow code does to files, sockets and processes is refused while it is drained.

Installed once per process and never removed, as audit hooks are. Outside of drains it costs one look-up in a table.
"""

from __future__ import annotations

import logging
import sys
import zoneinfo
from asyncio import events
from enum import StrEnum
from functools import cache
from typing import Final, Protocol

from aion_core.machine.places import frames, package_of, users_place
from aion_core.model.errors import NonDeterministicCall


class Guard(StrEnum):
    """`[guard] calls`."""

    RAISE = "raise"
    WARN = "warn"
    OFF = "off"


_log = logging.getLogger("aion.guard")

_ACTIVITY: Final = "an activity"
_REFUSED: Final[dict[str, tuple[str, str]]] = {
    "open": ("a file", _ACTIVITY),
    "os.listdir": ("a folder", _ACTIVITY),
    "os.scandir": ("a folder", _ACTIVITY),
    "os.mkdir": ("a folder", _ACTIVITY),
    "os.remove": ("a file", _ACTIVITY),
    "os.rename": ("a file", _ACTIVITY),
    "os.rmdir": ("a folder", _ACTIVITY),
    "os.truncate": ("a file", _ACTIVITY),
    "os.putenv": ("the environment", "an argument of the workflow"),
    "os.unsetenv": ("the environment", "an argument of the workflow"),
    "os.fork": ("a process", _ACTIVITY),
    "os.exec": ("a process", _ACTIVITY),
    "os.kill": ("a process", _ACTIVITY),
    "os.posix_spawn": ("a process", _ACTIVITY),
    "os.system": ("a process", _ACTIVITY),
    "subprocess.Popen": ("a process", _ACTIVITY),
    "socket.__new__": ("a socket", _ACTIVITY),
    "socket.connect": ("a socket", _ACTIVITY),
    "socket.getaddrinfo": ("a name lookup", _ACTIVITY),
    "socket.gethostbyname": ("a name lookup", _ACTIVITY),
    "socket.gethostname": ("the host's name", "an argument of the workflow"),
    "socket.sendto": ("a socket", _ACTIVITY),
    "sqlite3.connect": ("a database", _ACTIVITY),
    "time.sleep": ("time.sleep", "aion.sleep"),
    "_thread.start_new_thread": ("a thread", "asyncio.create_task or an activity"),
    "_thread.start_joinable_thread": ("a thread", "asyncio.create_task or an activity"),
}
"""Audit events, what they are to people, and what to use instead."""

_FOR_THE_INTERPRETER: Final = frozenset({"importlib", "linecache", "tokenize", "zoneinfo"})
"""Packages that read files for the interpreter: lazy imports, tracebacks, time zones."""


@cache
def install() -> None:
    """Install the hook, the first time this is called in a process."""
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[object, ...]) -> None:
    if event not in _REFUSED:
        return
    loop = events._get_running_loop()  # noqa: SLF001  # get_running_loop raises where there is none
    guard: Guard = getattr(loop, "guard", Guard.OFF)
    current: _Run | None = getattr(loop, "current", None)
    if guard is Guard.OFF or current is None or _for_the_interpreter(event, args):
        return
    what, instead = _REFUSED[event]
    error = NonDeterministicCall(what, instead, source=users_place())
    if guard is Guard.WARN:
        _log.warning("%s", error)
        return
    current.violated(error)
    raise error


class _Run(Protocol):
    def violated(self, error: NonDeterministicCall) -> None: ...


def _for_the_interpreter(event: str, args: tuple[object, ...]) -> bool:
    """Only looked at when something is about to be refused."""
    if event == "open" and str(args[0]).startswith(zoneinfo.TZPATH):
        return True  # opened from C, without a frame of its own
    return any(package_of(frame) in _FOR_THE_INTERPRETER for frame in frames())
