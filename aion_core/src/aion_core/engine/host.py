"""What the engine offers its runtimes: the code, the settings, and where answers go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aion_core.engine.activities import Activities
from aion_core.engine.effects import Step
from aion_core.engine.turns import Turns
from aion_core.model.ids import TaskId
from aion_core.model.payloads import Payload
from aion_core.platform import Lane, Platform
from aion_core.spi.runtime import ActivationResult, ActivityDone, CodeSource, WorkerSettings

if TYPE_CHECKING:
    from aion_core.engine.core import Parts


class Host:
    """A `RuntimeHost`: what runtimes say goes to the engine's lane, from whichever thread."""

    def __init__(
        self, engine: Lane[Step], platform: Platform, parts: Parts, turns: Turns, activities: Activities
    ) -> None:
        """For all runtimes of one engine."""
        self._engine = engine
        self._turns_activated = turns.activated
        self._bodies_ended = activities.finished
        self._activities = activities
        settings = parts.settings
        self.platform = platform
        self.source: CodeSource = parts.catalog
        self.settings = WorkerSettings(
            limits=settings.limits,
            guard=settings.guard,
            turn_deadline=settings.turn_deadline,
            search_attributes=settings.attributes,
            interceptors=settings.interceptors,
        )

    def activated(self, results: Sequence[ActivationResult]) -> None:
        """See `RuntimeHost.activated`."""
        self._engine.put((self._turns_activated, results))

    def activity_finished(self, results: Sequence[ActivityDone]) -> None:
        """See `RuntimeHost.activity_finished`."""
        self._engine.put((self._bodies_ended, results))

    def activity_heartbeat(self, task_id: TaskId, details: Payload | None) -> None:
        """See `RuntimeHost.activity_heartbeat`."""
        self._engine.put((self._beat, (task_id, details)))

    def _beat(self, beat: tuple[TaskId, Payload | None]) -> None:
        self._activities.beat(*beat)
