"""The upkeep of a store in a database: see `Upkeep` for the contract of every method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

from aion_core.spi import Backup, Damage, Migration, Platform, Restored, StoreFacts, StoreRefused, Upkeep
from aion_store_sql.choosing import place_of
from aion_store_sql.damage import damage
from aion_store_sql.places import Place
from aion_store_sql.settings import SqlSettings


class SqlUpkeep(Upkeep):
    """What both stores of this distribution offer for their own care."""

    _settings: SqlSettings
    _platform: Platform

    @property
    @abstractmethod
    def _place(self) -> Place:
        """The place, if the store is open."""

    # ---- while the store is closed

    def pending(self) -> Sequence[Migration]:
        """See `Upkeep.pending`."""
        with self._connected() as place:
            return place.pending()

    def migrate(self) -> Sequence[Migration]:
        """See `Upkeep.migrate`."""
        with self._connected() as place:
            return place.migrate()

    def restore(self, source: str | None, *, force: bool = False) -> Restored:
        """See `Upkeep.restore`."""
        with self._connected() as place:
            return place.restore(source, force=force)

    @contextmanager
    def _connected(self) -> Generator[Place, None, None]:
        place = place_of(self._settings, self._platform)
        place.connect()
        try:
            yield place
        finally:
            place.close()

    # ---- while it is open

    def facts(self) -> StoreFacts:
        """See `Upkeep.facts`."""
        place = self._place
        return StoreFacts(
            kind=place.read(lambda session: place.dialect.software(session.cursor)),
            place=self._settings.shown(),
            store_id=place.store_id,
            incarnation=place.created.incarnation,
            schema=place.migrator.newest,
            shards=place.shards,
        )

    def check(self) -> Iterator[Damage]:
        """See `Upkeep.check`."""
        return damage(self._place)

    def backup(self, target: str, *, force: bool = False, run: bool = False) -> Backup:
        """See `Upkeep.backup`."""
        if not target:
            raise StoreRefused("a backup needs a place: name a file that is not there yet.")
        return self._place.backup(target, force=force, run=run)
