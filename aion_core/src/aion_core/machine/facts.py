"""Small things about a run: its start as `info()` tells it, how it continues, and which outcomes settle the same."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from aion_core.authoring.context import Info
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.limits import MEGABYTE
from aion_core.model.times import Instant, as_datetime


class ContinuedAsNew(BaseException):
    """Raised by `continue_as_new` to unwind the main task."""

    def __init__(self, command: c.ContinueAsNew) -> None:
        """What becomes of the run."""
        super().__init__()
        self.command = command


class Facts(Struct, frozen=True, gc=False):
    """What `info()` tells of the start; the event itself, with the input in it, is not kept."""

    workflow_type: str
    version: Version
    attempt: int
    parent: WorkflowId | None
    scheduled_at: Instant | None
    started_at: Instant

    @classmethod
    def of(cls, event: e.WorkflowStarted) -> Facts:
        """Those of this start."""
        schedule = None if event.schedule is None else WorkflowId(f"aion:schedule:{event.schedule}")
        return cls(
            event.workflow_type,
            event.version,
            event.attempt,
            schedule if event.parent is None else event.parent.workflow_id,
            event.scheduled_at,
            event.at,
        )

    def info(self, workflow_id: WorkflowId, run_id: RunId, *, length: int, size: int) -> Info:
        """With the run's ids, and how much history it has."""
        return Info(
            workflow_id=workflow_id,
            run_id=run_id,
            workflow_type=self.workflow_type,
            version=self.version,
            attempt=self.attempt,
            parent=self.parent,
            scheduled_at=None if self.scheduled_at is None else as_datetime(self.scheduled_at),
            started_at=as_datetime(self.started_at),
            history_length=length,
            history_size=size,
            continue_as_new_suggested=length > _MANY_EVENTS or size > _MANY_BYTES,
        )


_MANY_EVENTS: Final = 10_000
_MANY_BYTES: Final = 8 * MEGABYTE


SETTLES: Final[dict[type[e.Event], str]] = {
    e.TimerFired: "timer",
    **dict.fromkeys((e.ActivityCompleted, e.ActivityFailed, e.ActivityCancelled), "activity"),
    **dict.fromkeys((e.ChildWorkflowCompleted, e.ChildWorkflowFailed, e.ChildWorkflowCancelled), "child"),
}
"""What each outcome is the outcome of."""


def outcome_of(event: e.Event) -> int:
    """The ordinal of what an event of `SETTLES` is the outcome of."""
    ordinal: int = getattr(event, "ordinal")  # noqa: B009  # all of these have one
    return ordinal


def settle_the_same(one: e.Event, other: e.Event) -> bool:
    """Whether two arrivals are outcomes of the same timer, activity or child."""
    kinds = (type(one), type(other))
    alike = kinds[0] is kinds[1] or SETTLES.get(kinds[0], kinds[0]) == SETTLES.get(kinds[1], kinds[1])
    return alike and getattr(one, "ordinal", None) == getattr(other, "ordinal", None)
