"""The lock that lets one process write a file, and what it says of who holds it."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from aion_core.spi import Platform, StoreRefused, StoreUnavailable

_LONGEST: Final = 512
"""Bytes that a holder's words may take."""
_PAUSE: Final = 0.005
"""Seconds until a lock that somebody has only for a moment is tried again."""


class Holder(msgspec.Struct, frozen=True):
    """Who holds a file, in its own words."""

    host: str
    pid: int
    visiting: bool = False
    """Only for a moment: it has no engine."""


class HeldElsewhere(StoreUnavailable):
    """Another process holds the file."""

    def __init__(self, path: Path, holder: Holder) -> None:
        """Whom the file beside it names."""
        who = f"process {holder.pid} on {holder.host}" if holder.pid else "another process"
        super().__init__(f"{path} is held by {who}, which alone may write it.")
        self.holder = holder


class FileLock:
    """Of this process, for all its objects that have the file open: taken with the first, given back with the last.

    It is the operating system's, so it ends with the process, however that ends. It is also lost with any descriptor of
    the lock file that this process closes: so there is one, nobody else opens the file, and the last who needs the
    lock closes it.
    """

    def __init__(self, path: Path, platform: Platform) -> None:
        """The lock of the file at this path. Nothing is touched before it is taken."""
        self._path = path
        self._lock_path = path.with_name(path.name + "-lock")
        self._platform = platform
        self._guard = threading.RLock()
        self._descriptor: int | None = None
        self._owners = 0
        self._visits = 0

    @property
    def owned(self) -> bool:
        """Whether this process has it for an engine."""
        return self._owners > 0

    def own(self, patience: float) -> Holder | None:
        """Have it until `disown`; or who has it instead. Waits so many seconds for those who only visit."""
        return self._take(patience, visiting=False)

    def disown(self) -> None:
        """Give back what `own` gave."""
        with self._guard:
            self._owners -= 1
            self._leave()

    @contextmanager
    def visit(self, patience: float) -> Generator[None, None, None]:
        """Have it for a moment. HeldElsewhere."""
        holder = self._take(patience, visiting=True)
        if holder is not None:
            raise HeldElsewhere(self._path, holder)
        try:
            yield
        finally:
            with self._guard:
                self._visits -= 1
                self._leave()

    def close(self) -> None:
        """The end of it."""
        with self._guard:
            self._owners = self._visits = 0
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    # ---- inside

    def _take(self, patience: float, *, visiting: bool) -> Holder | None:
        """None when it was had."""
        tries = max(1, round(patience / _PAUSE))
        while True:
            with self._guard:
                if self._enter(visiting=visiting):
                    return None
                holder = self._holder()
            tries -= 1
            if not holder.visiting or not tries:
                return holder
            self._platform.sleep(_PAUSE)

    def _enter(self, *, visiting: bool) -> bool:
        first = not self._owners and not self._visits
        if first and not self._lock():
            return False
        if first or (not visiting and not self._owners):
            self._say(Holder(os.uname().nodename, os.getpid(), visiting=visiting))
        if visiting:
            self._visits += 1
        else:
            self._owners += 1
        return True

    def _leave(self) -> None:
        if self._owners or self._visits or self._descriptor is None:
            return
        with suppress(OSError):  # a full disk: the words of a holder that is gone are not believed either
            os.ftruncate(self._descriptor, 0)
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _lock(self) -> bool:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise StoreRefused(f"{self._lock_path} can not be written: {error.strerror}.") from error
        try:
            # Of the process, not of the descriptor: a forked child has no part in it.
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _say(self, holder: Holder) -> None:
        assert self._descriptor is not None  # noqa: S101 # it is locked
        words = msgspec.json.encode(holder)
        with suppress(OSError):  # a full disk: nobody learns the name, and the lock holds all the same
            os.pwrite(self._descriptor, words, 0)
            os.ftruncate(self._descriptor, len(words))

    def _holder(self) -> Holder:
        """By its own words; somebody who visits, where there are none yet or those of a process that is gone."""
        unknown = Holder("", 0, visiting=True)
        assert self._descriptor is not None  # noqa: S101 # it was tried
        try:
            holder = msgspec.json.decode(os.pread(self._descriptor, _LONGEST, 0), type=Holder)
        except (OSError, msgspec.MsgspecError):
            return unknown
        return holder if holder.host != os.uname().nodename or _lives(holder.pid) else unknown


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
