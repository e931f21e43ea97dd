"""The keeper: which shards this engine owns, and whether it still owns them.

It heartbeats the store's table of leases, takes its fair share of the shards, and gives back what is more, once the
engine has finished with it. What it says, the engine does; safety is the fences', not the keeper's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from types import MappingProxyType
from typing import Final, TypeAlias

from attrs import frozen
from msgspec.structs import replace

from aion_core.model.errors import StoreClosed, StoreRefused
from aion_core.model.ids import Fence, Shard
from aion_core.model.times import SECOND, Instant
from aion_core.platform import Platform
from aion_core.spi.capabilities import Capability
from aion_core.spi.records import EngineInfo, Lease, LeaseTable
from aion_core.spi.stores import EventStore

_log = logging.getLogger("aion.store")

TTL: Final = 10.0
"""Seconds that a lease outlasts its last renewal."""
_RENEWALS: Final = 3
"""In one time to live."""
_MARGIN: Final = 0.2
"""The part of the time to live in which others may not take a lease yet, and we do not trust it any more."""
_SKEW: Final = 5 * SECOND
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5  # a store that is back must not find its leases over only because nobody asked
_STANDING_BY: Final = 0.25
"""Seconds between two looks for a store for one engine that another one has."""
_FAREWELL: Final = 0.1
"""Seconds that an engine stays in the table after it has left."""


@frozen(kw_only=True)
class Leased:
    """What the engine owns from now on. Replaces what it was told before; a shard under another fence is another."""

    leases: tuple[Lease, ...] = ()
    """To work on."""
    giving: tuple[Lease, ...] = ()
    """To finish: what is under way may be committed, nothing is begun, and the answer is `Drained`."""
    table: LeaseTable | None = None
    """The picture that this is from; None when the store is silent, and what was ours may be somebody else's."""


@frozen
class Beat:
    """Renew now. The first one begins; later ones are for when a commit was fenced."""


@frozen
class Drained:
    """The engine has nothing under way on these shards any more, and knows the outcome of every commit there."""

    leases: tuple[Lease, ...]


@frozen
class Close:
    """The engine has nothing under way at all: give up everything, take nothing any more, leave the table."""


News: TypeAlias = Beat | Drained | Close


class Keeper:
    """Owns the leases. `handle` is its lane's; the properties and `may_write` may be read by any thread."""

    def __init__(
        self,
        store: EventStore,
        platform: Platform,
        me: EngineInfo,
        *,
        leased: Callable[[Leased], None],
        refused: Callable[[StoreRefused], None],
        ttl: float = TTL,
    ) -> None:
        """`leased` hears of every change, and of the first picture. An engine without types is listed, and owns none.

        `refused` hears when there is no first picture, and will be none. `ttl` is in seconds.
        """
        self._store = store
        self._platform = platform
        self._me = me
        self._leased = leased
        self._refused = refused
        self._alone = Capability.MULTI_ENGINE not in store.capabilities
        """Whether the store is for one engine: it is owned as a whole, or not at all."""
        self._ttl = ttl
        self._pause = _FIRST_PAUSE
        self._next = platform.monotonic()
        self._sure_until = self._next
        self._eligible = False
        """Whether we say that we run workflows: not before our clock was compared with the store's."""
        self._share = 0
        self._mine: tuple[Lease, ...] = ()
        """Ours by the last picture, also while the store is silent."""
        self._drained: set[Lease] = set()
        self._told: Leased | None = None
        self._fences: Mapping[Shard, Fence] = MappingProxyType({})
        self._clock: str | None = None
        self._silence: str | None = None
        self._closed = False
        self.table: LeaseTable | None = None
        """The last picture of all engines and owners."""

    @property
    def fences(self) -> Mapping[Shard, Fence]:
        """Of all that the engine was told last, also of what it is giving."""
        return self._fences

    @property
    def trouble(self) -> str | None:
        """Why leases are not renewed or not taken at the moment, for `health()`."""
        return self._silence or self._clock

    def may_write(self) -> bool:
        """Whether, by our own clock, nobody else can have our leases. A process that was stopped learns it here."""
        return self._platform.monotonic() < self._sure_until

    def handle(self, items: Sequence[News]) -> float | None:
        """Take these, and renew when it is time; the time of the next renewal."""
        for item in items:
            match item:
                case Beat():
                    self._next = self._platform.monotonic()
                case Drained():
                    self._drained.update(set(item.leases) & self._giving)
                case Close() if not self._closed:
                    self._closed = True
                    self._leave()
                case Close():
                    pass
        if self._closed:
            return None
        if self._silence is None or self._platform.monotonic() >= self._next:
            self._work()
        return self._due()

    def _work(self) -> None:
        try:
            if self._platform.monotonic() >= self._next:
                self._beat()
            if self._drained:
                self._release()
        except StoreClosed:
            self._closed = True
            self._doubt()
        except Exception as error:  # noqa: BLE001  # a driver's bug must not end the heartbeat
            self._try_again(error)
        else:
            if self._silence is not None:
                _log.warning("the leases are renewed again, after: %s", self._silence)
            self._silence, self._pause = None, _FIRST_PAUSE

    def _due(self) -> float | None:
        if self._closed:
            return None
        if self._silence is None or not self._fences:
            return self._next
        if self._platform.monotonic() < self._sure_until:
            return min(self._next, self._sure_until)
        _log.error("the leases may be over: nothing is committed until the event store says that they are not.")
        self._doubt()
        return self._next

    # ---- renewing

    def _beat(self) -> None:
        before = self._eligible
        table = self._ask()
        may_take = self._share > len(table.mine) and None in table.owners.values()
        if may_take or self._eligible is not before:
            # Who opens alone owns everything at once, and who joins is seen at once.
            table = self._ask()
        self._adopt(table)

    def _ask(self) -> LeaseTable:
        me = self._me if self._eligible else replace(self._me, types=(), note=self._clock or self._me.note)
        began, wall = self._platform.monotonic(), self._platform.now()
        table = self._store.lease(me, self._share, self._ttl)
        lasted = self._platform.monotonic() - began
        self._sure_until = began + self._ttl * (1 - _MARGIN)
        self._next = began + self._ttl / _RENEWALS
        self.table = table
        self._compare(table.now, wall, Instant(wall + round(lasted * SECOND)))
        self._eligible = bool(self._me.types) and self._clock is None
        rivals = sum(1 for each in table.engines if each.types and each.engine_id != self._me.engine_id)
        if self._alone:
            rivals = 0
            if self._eligible and not table.mine:
                self._next = began + _STANDING_BY
        self._share = ceil(self._store.shards / (rivals + 1)) if self._eligible else 0
        return table

    def _compare(self, theirs: Instant, earliest: Instant, latest: Instant) -> None:
        """Compare the store's clock with what ours showed before and after the call."""
        away = theirs - min(max(theirs, earliest), latest)
        if abs(away) <= _SKEW:
            if self._clock is not None:
                _log.warning("the clock is right again, and leases are taken again, after: %s", self._clock)
            self._clock = None
            return
        problem = (
            f"this machine's clock is {abs(away) / SECOND:.1f} s {'behind' if away > 0 else 'ahead of'} the event "
            f"store's, and {_SKEW // SECOND} s are allowed: no workflows run here until it is set."
        )
        if self._clock is None:
            _log.error("no leases are taken: %s", problem)
        self._clock = problem

    def _adopt(self, table: LeaseTable) -> None:
        """Tell the engine what it has. What it was told to give stays given, even if the share grew meanwhile."""
        self._mine = tuple(sorted(table.mine, key=lambda lease: lease.shard))
        kept = [lease for lease in self._mine if lease not in self._giving]
        surplus = set(kept[self._share :])
        self._tell(table, giving=self._giving | surplus)

    def _tell(self, table: LeaseTable | None, *, giving: set[Lease]) -> None:
        news = Leased(
            leases=tuple(lease for lease in self._mine if lease not in giving),
            giving=tuple(lease for lease in self._mine if lease in giving),
            table=table,
        )
        self._hand_over(news)

    def _hand_over(self, news: Leased) -> None:
        told, self._told = self._told, news
        self._drained &= set(news.giving)
        self._fences = MappingProxyType({lease.shard: lease.fence for lease in (*news.leases, *news.giving)})
        if told is None or (told.leases, told.giving) != (news.leases, news.giving):
            self._leased(news)

    @property
    def _giving(self) -> set[Lease]:
        return set(self._told.giving) if self._told else set()

    # ---- what goes wrong

    def _try_again(self, error: Exception) -> None:
        if self._told is None and isinstance(error, StoreRefused):
            self._refused(error)
        if self._silence is None:
            _log.error("the leases can not be renewed, and it is tried again: %s", error)
        self._silence = f"the leases can not be renewed: {error}"
        self._next = self._platform.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _doubt(self) -> None:
        """What was ours may be somebody else's: own nothing until the store says otherwise."""
        self._hand_over(Leased())

    # ---- giving up

    def _release(self) -> None:
        gone = set(self._drained)
        self._store.release([lease for lease in self._mine if lease in gone])
        self._mine = tuple(lease for lease in self._mine if lease not in gone)
        self._tell(self.table, giving=self._giving)

    def _leave(self) -> None:
        """Nothing is tried twice: what can not be given up ends by itself."""
        self._sure_until = self._platform.monotonic()
        self._fences = MappingProxyType({})
        if self.table is None:
            return
        try:
            self._store.release(self._mine)
            # Without types and not for long: others need not wait for our end to share out what was ours.
            self._store.lease(replace(self._me, types=()), 0, _FAREWELL)
        except StoreClosed:
            pass
        except Exception as error:  # noqa: BLE001  # closing goes on
            _log.warning("the leases could not be given up, and end by themselves in %g s: %s", self._ttl, error)
        self._mine = ()
