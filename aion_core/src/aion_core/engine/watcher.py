"""The watcher: hands the engine what others left in the store for its shards, messages and wakes.

The reads are the truth; `EventStore.wait` only says when it is worth reading. What is handed over stays in the store
until it is settled, so nothing is lost with the engine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from aion_core.client.waiting import Patience
from aion_core.model.errors import StoreClosed
from aion_core.model.ids import Fence, Shard, shard_of
from aion_core.model.times import SECOND, Instant
from aion_core.platform import Platform
from aion_core.spi.records import Lease, Message, OutcomeKey, Page, PageToken, Wake
from aion_core.spi.stores import EventStore

_log = logging.getLogger("aion.store")

MOST_UNSETTLED: Final = 10_000
"""Messages that the engine has in its hands; the others wait in the store."""
_PAGE: Final = 1000
_AHEAD: Final = 60 * SECOND
"""How far wakes are read ahead."""
_READ_ON: Final = 30.0
"""Seconds after which they are read again: what is due in the next half minute is always known."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_SHORTEST_GAP: Final = 0.005
_IDLE_PART: Final = 4
"""A look of so many seconds is followed by this many times as long without one, however much news there is."""


@frozen
class Shards:
    """What the engine works on from now on. All else is forgotten, and handed over anew when it comes back."""

    leases: tuple[Lease, ...]


@frozen
class Settled:
    """These messages have their outcome, durably."""

    keys: tuple[OutcomeKey, ...]


@frozen
class Poke:
    """Look now."""


News: TypeAlias = Shards | Settled | Poke


class _Patience(Patience):
    """Of somebody who is there day and night: an idle engine looks once a second."""

    SHORTEST = 0.05
    LONGEST = 1.0


class Watcher:
    """Reads inboxes and wakes. `handle` is its lane's, and blocks there while it waits for the store.

    It rests while the engine owns nothing, and ends with its lane or its store.
    """

    def __init__(
        self,
        store: EventStore,
        platform: Platform,
        *,
        messages: Callable[[Sequence[Message]], None],
        wakes: Callable[[Sequence[Wake]], None],
        most: int = MOST_UNSETTLED,
    ) -> None:
        """`messages` gets each message once per lease of its shard; of one poster to one workflow, in its order.

        `wakes` gets everything that is due within a minute, however old: at once for a shard that is new here, and
        every half minute again, also what it got before. At most `most` messages are handed over and unsettled.
        """
        self._store = store
        self._platform = platform
        self._messages = messages
        self._wakes = wakes
        self._most = most
        self._fences: dict[Shard, Fence] = {}
        self._shards: frozenset[Shard] = frozenset()
        self._gained: set[Shard] = set()
        """New here, and their wakes were not read yet."""
        self._handed: dict[OutcomeKey, Shard] = {}
        self._settled: set[OutcomeKey] = set()
        """Not seen to be gone yet: a page may have been on its way when they were settled."""
        self._full = False
        """More is in the store than there was room for."""
        self._patience = _Patience()
        self._look_at = 0.0
        self._read_on_at = 0.0
        self._known_until = Instant(0)
        self._pause = _FIRST_PAUSE
        self._closed = False
        self.trouble: str | None = None
        """Why nothing is read at the moment, for `health()`."""

    @property
    def unsettled(self) -> int:
        """How many messages the engine has in its hands."""
        return len(self._handed)

    def handle(self, items: Sequence[News]) -> float | None:
        """Take these, look, and wait a little for what may come; called again while shards are owned."""
        for item in items:
            match item:
                case Shards():
                    self._own(item.leases)
                case Settled():
                    self._forget(item.keys)
                case Poke():
                    self._look_soon()
        if self._closed or not self._shards:
            return None
        if self._platform.monotonic() < self._look_at:
            return self._look_at
        try:
            self._look()
        except StoreClosed:
            self._closed = True
            return None
        except Exception as error:  # noqa: BLE001  # a driver's bug must not make the engine deaf
            return self._try_again(error)
        return self._look_at

    # ---- what the engine says

    def _own(self, leases: Sequence[Lease]) -> None:
        before, self._fences = self._fences, {lease.shard: lease.fence for lease in leases}
        new = {shard for shard, fence in self._fences.items() if before.get(shard) != fence}
        self._shards = frozenset(self._fences)
        same = self._shards - new
        self._gained = (self._gained & same) | new
        self._handed = {key: shard for key, shard in self._handed.items() if shard in same}
        if new:
            self._look_soon()

    def _forget(self, keys: Sequence[OutcomeKey]) -> None:
        for key in keys:
            if self._handed.pop(key, None) is not None:
                self._settled.add(key)

    def _look_soon(self) -> None:
        """Now, unless the store is away."""
        if self.trouble is None:
            self._look_at = self._platform.monotonic()
            self._patience.news()

    # ---- what the store says

    def _look(self) -> None:
        began = self._platform.monotonic()
        self._read_wakes(began)
        # What is there waits until there is room for a good part of it, and comes soon then.
        if (self._full and len(self._handed) > self._most // 2) or self._read_inbox():
            self._patience.news()
        ended = self._platform.monotonic()
        self._look_at = ended + max(_SHORTEST_GAP, _IDLE_PART * (ended - began))
        self._store.wait(self._patience.pause())
        if self.trouble is not None:
            _log.warning("messages are read again, after: %s", self.trouble)
            self.trouble, self._pause = None, _FIRST_PAUSE

    def _read_inbox(self) -> bool:
        """Hand over what was not, as far as there is room; whether there was any."""
        seen: set[OutcomeKey] = set()
        any_news = False
        self._full = False
        after: PageToken | None = None
        while True:
            page = self._store.inbox(self._shards, after=after, limit=_PAGE)
            new = self._new(page, seen)
            if new:
                any_news = True
                self._messages(new)
            after = page.next
            if self._full or after is None:
                break
        self._settled &= seen
        return any_news

    def _new(self, page: Page[Message, PageToken], seen: set[OutcomeKey]) -> list[Message]:
        """The messages of a page that the engine does not have, up to where there is no more room."""
        shards = self._store.shards
        new: list[Message] = []
        for message in page.items:
            key = (message.workflow_id, message.message_id)
            seen.add(key)
            if key in self._handed or key in self._settled:
                continue
            if len(self._handed) >= self._most:
                self._full = True
                break
            self._handed[key] = shard_of(message.workflow_id, shards)
            new.append(message)
        return new

    def _read_wakes(self, now: float) -> None:
        wall = self._platform.now()
        # By both clocks: the wall's may have been set, and the other one stands still while a machine sleeps.
        everything = now >= self._read_on_at or wall + _AHEAD // 2 > self._known_until
        shards = self._shards if everything else frozenset(self._gained)
        if not shards:
            return
        until = Instant(wall + _AHEAD)
        after: PageToken | None = None
        while True:
            page = self._store.wakes(shards, until, after=after, limit=_PAGE)
            if page.items:
                self._wakes(page.items)
            after = page.next
            if after is None:
                break
        self._gained.clear()
        if everything:
            self._read_on_at, self._known_until = now + _READ_ON, until

    def _try_again(self, error: Exception) -> float:
        if self.trouble is None:
            _log.error("messages can not be read from the event store, and it is tried again: %s", error)
        self.trouble = f"messages can not be read: {error}"
        self._patience.news()
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        self._look_at = self._platform.monotonic() + pause
        return self._look_at
