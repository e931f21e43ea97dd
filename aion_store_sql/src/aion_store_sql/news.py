"""How whoever waits learns that something was written: by this process, and by others."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from aion_core.spi import Lane, Platform, StoreUnavailable
from aion_store_sql.database import Database

_GAP: Final = 0.05
"""Seconds between two notifications, or between two looks."""
_AWAY: Final = 1.0
"""Seconds until a listener that lost its connection makes another one. Meanwhile its readers look by themselves."""


class News:
    """News of this process. All methods may be called from any thread."""

    def __init__(self, database: Database, platform: Platform) -> None:
        """Nothing is touched before `open`."""
        self._database = database
        self._platform = platform
        self._written = 0
        self._told = threading.Condition()
        self._seen = threading.local()
        """What each thread that waits has seen last."""

    def open(self, store_id: str) -> None:
        """Begin to tell and to hear."""

    def close(self) -> None:
        """Let go of everything, and of those who wait."""
        self._ring()

    def tell(self) -> None:
        """Something was written by this process, durably."""
        self._ring()

    def wait(self, timeout: float) -> None:
        """Return when there are news that this thread has not waited for yet, or after so many seconds."""
        with self._told:
            if self._written == self._count():
                self._platform.wait(self._told, timeout)
            self._seen.count = self._written

    def _count(self) -> int:
        seen: int = getattr(self._seen, "count", 0)
        return seen

    def _ring(self) -> None:
        with self._told:
            self._written += 1
            self._told.notify_all()


class LookedFor(News):
    """Others' news are looked for: whether there is a message that is newer than all before it."""

    def wait(self, timeout: float) -> None:
        """See `News`. A short wait is not worth a look."""
        end = self._platform.monotonic() + timeout
        while (left := end - self._platform.monotonic()) > _GAP:
            before = self._written
            seen, newest = getattr(self._seen, "newest", 0), self._newest()
            self._seen.newest = newest
            if newest > seen:
                self._seen.count = before
                return
            if self._count() != before:
                break
            super().wait(_GAP)
            if self._count() != before:
                return
        super().wait(max(0.0, left))

    def _newest(self) -> int:
        return self._database.read(lambda session: session.rows("SELECT max(place) FROM aion_inbox")[0][0]) or 0


class Heard(News):
    """PostgreSQL says it to all who listen: LISTEN on a connection of its own, NOTIFY outside of what was written.

    A transaction that notifies commits alone, so none that writes does; and a store that writes without a pause says so
    once in a while only.
    """

    def open(self, store_id: str) -> None:
        """See `News`. The listener begins with the first who waits."""
        self._channel = f"aion_{store_id}"
        self._me = self._platform.random_bytes(8).hex()
        self._wanted = False
        self._next = 0.0
        self._closed = False
        self._listener: threading.Thread | None = None
        self._ears, self._mouth = os.pipe()
        self._speaker: Lane[None] | None = None
        self._starting = threading.Lock()

    def close(self) -> None:
        """See `News`."""
        with self._starting:
            if self._closed:
                return
            self._closed = True
        if self._speaker is not None:
            self._speaker.close()
            self._speaker.join(_AWAY)
        os.write(self._mouth, b"\0")
        if self._listener is not None:
            self._listener.join()
        os.close(self._mouth)
        os.close(self._ears)
        super().close()

    def tell(self) -> None:
        """See `News`. Returns at once; others hear it a moment later."""
        super().tell()
        with self._starting:
            if self._speaker is None and not self._closed:
                self._speaker = self._platform.lane(self._speak, name="aion-sql-notify")
        if self._speaker is not None:
            self._speaker.put(None)

    def wait(self, timeout: float) -> None:
        """See `News`."""
        with self._starting:
            if self._listener is None and not self._closed:
                self._listener = self._platform.thread(self._listen, name="aion-sql-listen")
        super().wait(timeout)

    def _speak(self, items: Sequence[None]) -> float | None:
        self._wanted = self._wanted or bool(items)
        now = self._platform.monotonic()
        if self._wanted and now >= self._next:
            self._wanted, self._next = False, now + _GAP
            with suppress(StoreUnavailable):  # whoever waits looks by himself, only later
                self._database.read(lambda session: session.rows("SELECT pg_notify(?, ?)", self._channel, self._me))
        return self._next if self._wanted else None

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ears, selectors.EVENT_READ)
            while not self._closed:
                with suppress(Exception):  # the connection is gone: another one is made
                    self._hear(selector)
                if not self._closed:
                    selector.select(_AWAY)

    def _hear(self, selector: selectors.BaseSelector) -> None:
        connection = self._database.apart()
        try:
            driver: Any = connection.dbapi_connection
            driver.execute(f'LISTEN "{self._channel}"')
            self._ring()  # what was written before nobody has heard
            selector.register(driver, selectors.EVENT_READ)
            try:
                while not self._closed:
                    selector.select()
                    if any(heard.payload != self._me for heard in driver.notifies(timeout=0)):
                        self._ring()
            finally:
                selector.unregister(driver)
        finally:
            connection.close()
