"""Which place the settings name."""

from __future__ import annotations

from aion_core.spi import Platform, StoreRefused
from aion_store_sql.dialects.mysql import Mysql
from aion_store_sql.dialects.postgresql import Postgresql
from aion_store_sql.files.place import FilePlace
from aion_store_sql.news import Heard, LookedFor
from aion_store_sql.places import Place
from aion_store_sql.settings import SqlSettings


def place_of(settings: SqlSettings, platform: Platform) -> Place:
    """The place that the settings name. StoreRefused for a kind of database that is not served."""
    backend = settings.address().get_backend_name()
    if backend == "sqlite":
        return FilePlace(settings, platform)
    if backend == "postgresql":
        return Place(settings, platform, Postgresql(settings), LookedFor if settings.pooler else Heard)
    if backend in {"mysql", "mariadb"}:
        return Place(settings, platform, Mysql(settings), LookedFor)
    raise StoreRefused(
        f"the url of [event_store] names {backend!r}: this store keeps histories in sqlite, postgresql, mariadb and "
        "mysql."
    )
