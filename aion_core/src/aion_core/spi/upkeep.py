"""The contract of a store's own upkeep: migrations, its integrity, backup and restore.

Optional: a store that can do these derives from `Upkeep` beside `EventStore` or `VisibilityStore`, and `aion store`
asks it. Errors are those of stores. No two of these run at once in one process, and no engine of that process runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from attrs import frozen


@frozen(kw_only=True)
class Migration:
    """One step from a schema to the next one."""

    number: int
    """Of the schema that it leads to."""
    title: str
    statements: Sequence[str]
    """As they are executed, for whoever wants to see them first."""


@frozen(kw_only=True)
class StoreFacts:
    """What a store says of itself."""

    kind: str
    """The software and its version."""
    place: str
    """Where it is, without secrets."""
    store_id: str
    incarnation: int
    """How often it was restored from a backup."""
    schema: int
    shards: int


@frozen(kw_only=True)
class Damage:
    """Something in the store that is not what was written, or that belongs to nothing."""

    place: str
    """The row, object or file: `aion_history ('order-42', 17)`."""
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@frozen(kw_only=True)
class Backup:
    """A backup that was made, or how to make it."""

    command: str | None = None
    """What to run, without the password: the backup is made by the database's own means, and nothing was done yet."""
    files: Sequence[str] = ()
    """What was written, read back and compared."""
    rows: int = 0
    """In it, where they were counted."""


@frozen(kw_only=True)
class Restored:
    """A store after it was restored."""

    incarnation: int
    rows: int = 0


class Upkeep(ABC):
    """What a store offers for its own care."""

    # ---- while the store is closed

    @abstractmethod
    def pending(self) -> Sequence[Migration]:
        """The migrations that `migrate` would make, oldest first. Changes nothing.

        Raises `StoreRefused` for a store that is newer than this program.
        """

    @abstractmethod
    def migrate(self) -> Sequence[Migration]:
        """Bring the store to the schema of this program; what was done. Interrupted, it goes on the next time.

        One process migrates at a time; others wait for it. Engines that are one schema behind may be running.
        """

    @abstractmethod
    def restore(self, source: str | None, *, force: bool = False) -> Restored:
        """Put a backup in the place of the store and begin a new incarnation. `force` replaces a store that is there.

        `source` is None where the database's own means have brought the data back already. The store keeps its id.
        Leases of the time before are over, every commit under one of them is fenced, and every cursor from that time is
        `CursorTooOld`. Refused while an engine holds the store.
        """

    # ---- while it is open

    @abstractmethod
    def facts(self) -> StoreFacts:
        """What it is, and where."""

    @abstractmethod
    def check(self) -> Iterator[Damage]:
        """The database's own check of its integrity, and all that the store knows better than its contract shows.

        May run beside engines: what is under way is no damage.
        """

    @abstractmethod
    def backup(self, target: str, *, force: bool = False, run: bool = False) -> Backup:
        """Write the store as of one moment, or say how. Engines may be running.

        Under a temporary name until it was verified; `force` replaces a target that is there. `run` lets the store run
        the database's own program for it, where that is what it takes.
        """
