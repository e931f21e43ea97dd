"""The janitor: removes closed runs whose time is over, a piece at a time, and sweeps what nobody refers to.

It reads and archives on a lane of its own; each removal is one chore of the writer, which does chores between groups of
commits. The next piece begins when that one is done and some time has passed, so that work comes first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias, cast

from attrs import frozen

from aion_core.client.reply import Reply
from aion_core.engine.writer import Chore
from aion_core.model.errors import HistoryError, StoreClosed
from aion_core.model.ids import WorkflowId, shard_of
from aion_core.model.times import Instant, Micros, as_datetime
from aion_core.platform import Platform
from aion_core.spi.records import Lease, PageToken
from aion_core.spi.stores import EventStore, VisibilityStore
from aion_core.upkeep.archive import Archive
from aion_core.upkeep.retention import Removal, archive_all, due, removal_of, remove

_log = logging.getLogger("aion.store")

_FIRST: Final = 60.0
"""Seconds after the engine was opened: those who wait for it come first."""
_ROUND: Final = 600.0
"""Seconds between two rounds."""
_BREATH: Final = 0.02
"""Seconds between two pieces: 50 workflows in a second at the most."""
_AGAIN: Final = 5.0
"""Seconds until a store that was away is asked again."""
_PAGE: Final = 100


@frozen(kw_only=True)
class RetentionSettings:
    """How long closed runs are kept, and where they go then."""

    closed: Micros | None = None
    """None: they are kept for ever."""
    archive: Path | None = None
    """None: they are removed without a trace."""


@frozen
class Begin:
    """The engine is open."""


@frozen
class Done:
    """The writer has done a piece, or could not."""

    reply: Reply[None]


News: TypeAlias = Begin | Done


class Janitor:
    """Works through rounds. `handle` is its lane's."""

    def __init__(
        self,
        store: EventStore,
        visibility: VisibilityStore | None,
        platform: Platform,
        settings: RetentionSettings,
        *,
        leases: Callable[[], Collection[Lease]],
        write: Callable[[Chore], None],
        done: Callable[[Done], None],
    ) -> None:
        """`visibility` is a store of its own, or None. `done` brings the writer's answer to the lane."""
        self._store = store
        self._projected = visibility
        self._visibility = visibility or cast("VisibilityStore", store)
        self._platform = platform
        self._keep = settings.closed
        self._archive = None if settings.archive is None else Archive(settings.archive)
        self._leases = leases
        self._write = write
        self._done = done
        self._busy = False
        self._next = platform.monotonic() + _FIRST
        self._round: Iterator[Chore | None] | None = None
        self._said: set[WorkflowId] = set()
        """Workflows that can not be archived: it is said once."""
        self.trouble: str | None = None
        """Why closed runs are not removed at the moment, for `health()`."""

    def handle(self, items: Sequence[News]) -> float | None:
        """Take these, and do one piece when it is time; the time of the next one. None: the writer has a piece."""
        for item in items:
            if isinstance(item, Done):
                self._busy = False
                self._next = max(self._next, self._platform.monotonic() + _BREATH)
                self._look_at(item.reply)
        if self._busy:
            return None
        return self._next if self._platform.monotonic() < self._next else self._work()

    def _work(self) -> float | None:
        try:
            if self._round is None:
                self._round = self._pieces()
            piece = next(self._round)
        except StopIteration:
            self._end_round(_ROUND)
            self.trouble = None
        except StoreClosed:
            self._end_round(_ROUND)
        except Exception as error:  # noqa: BLE001  # a driver's bug must not end the lane
            self._say(f"closed runs are not removed at the moment: {error}")
            self._end_round(_AGAIN)
        else:
            self._next = self._platform.monotonic() + _BREATH
            if piece is not None:
                self._hand_over(piece)
                return None
        return self._next

    def _end_round(self, pause: float) -> None:
        self._round = None
        self._next = self._platform.monotonic() + pause

    def _pieces(self) -> Iterator[Chore | None]:
        """What there is to do in a round, one after the other; None: nothing just now."""
        yield Chore(call=lambda store: _sweep(store, self._leases()))
        if self._keep is None:
            return
        moment = as_datetime(Instant(self._platform.now() - self._keep))
        after: PageToken | None = None
        while True:
            page = due(self._visibility, moment, None, after=after, limit=_PAGE)
            mine = {lease.shard for lease in self._leases()}
            for workflow_id in dict.fromkeys(summary.id for summary in page.items):
                if shard_of(workflow_id, self._store.shards) in mine and (chore := self._chore_of(workflow_id, moment)):
                    yield chore
            after = page.next
            if after is None:
                return
            yield None

    def _chore_of(self, workflow_id: WorkflowId, moment: datetime) -> Chore | None:
        """The removal of what may go of a workflow, once it is archived."""
        try:
            removal = removal_of(self._store, workflow_id, moment)
            if removal is None:
                return None
            if self._archive is not None:
                archive_all(removal, self._store, self._archive)
        except HistoryError as error:
            if workflow_id not in self._said:
                self._said.add(workflow_id)
                _log.warning("%r stays in the store, as it can not be archived: %s", workflow_id, error)
            return None
        return Chore(call=lambda store: self._remove(store, removal))

    def _remove(self, store: EventStore, removal: Removal) -> None:
        """On the writer's thread."""
        remove(removal, store, self._projected)

    def _hand_over(self, chore: Chore) -> None:
        self._busy = True
        chore.reply.then(lambda reply: self._done(Done(reply)))
        self._write(chore)

    def _look_at(self, reply: Reply[None]) -> None:
        try:
            reply.result()
        except Exception as error:  # noqa: BLE001  # whatever it is, the next round tries again
            self._say(f"closed runs are not removed at the moment: {error}")

    def _say(self, trouble: str) -> None:
        if self.trouble is None:
            _log.warning("%s", trouble)
        self.trouble = trouble


def _sweep(store: EventStore, leases: Collection[Lease]) -> None:
    store.sweep_blobs(leases)
