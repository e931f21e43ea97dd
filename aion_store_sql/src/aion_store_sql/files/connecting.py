"""Connections to SQLite files, which never outlive a fork."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from weakref import WeakSet

_SAFE: Final = (
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
    "PRAGMA cell_size_check = ON",
    "PRAGMA trusted_schema = OFF",
)


class Connection(sqlite3.Connection):
    """One that can be found again while it is open."""


_open: WeakSet[Connection] = WeakSet()


def connect(path: Path, mode: str, pragmas: Sequence[str], *, busy: int) -> Connection:
    """In autocommit, for any thread; `mode` as in SQLite's URIs, `busy` in milliseconds."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
        timeout=busy / 1000,
        factory=Connection,
    )
    try:
        for pragma in (*_SAFE, *pragmas):
            connection.execute(pragma).close()
    except BaseException:
        connection.close()
        raise
    _open.add(connection)
    return connection


def _leave_alone() -> None:
    """In a forked child. To close a connection of the parent's, even at exit, would work on its log and its locks."""
    for connection in _open:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # so it is never collected
    _open.clear()


os.register_at_fork(after_in_child=_leave_alone)
