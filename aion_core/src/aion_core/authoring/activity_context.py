"""What the body of an activity may ask while it runs: who am I, am I still wanted, how far had I come."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

from attrs import frozen
from msgspec import Struct

from aion_core.authoring.resources import Resources
from aion_core.model.errors import NotInActivity
from aion_core.model.ids import RunId, TaskId, WorkflowId
from aion_core.model.payloads import Payload
from aion_core.model.times import as_datetime
from aion_core.spi.runtime import ActivityTask

if TYPE_CHECKING:
    from aion_core.codec import Values  # brings cattrs, which `import aion_core` does without

T = TypeVar("T")


class CompleteLater(BaseException):
    """Raise it in an activity to leave it open: `complete_activity` with its task token ends it, from anywhere.

    Not an `Exception`, so that a body which catches everything it knows does not catch this.
    """


@frozen(kw_only=True)
class ActivityInfo:
    """What is known of the attempt: `aion.activity_info()`."""

    workflow_id: WorkflowId
    run_id: RunId
    workflow_type: str
    activity: str
    attempt: int
    """1 for the first."""
    idempotency_key: str
    """The same for every attempt, and another for every call: hand it to services that drop what they have seen."""
    task_token: str
    """What `complete_activity` takes, for a body that raises `CompleteLater`."""
    deadline: datetime | None
    """When this attempt is given up at the latest, in UTC."""


class ActivityContext(Struct, eq=False, gc=False):
    """One attempt's side of these calls. Made by the worker; `cancel` may come from another thread."""

    task: ActivityTask
    values: Values
    beat: Callable[[TaskId, Payload | None], None]
    """Takes heartbeats."""
    resources: Resources
    by_exception: bool = True
    """A cancellation is raised by the next heartbeat."""
    cancelled: bool = False
    undelivered: bool = False
    """The body is still to hear that it was cancelled."""

    def info(self) -> ActivityInfo:
        """See `ActivityInfo`."""
        task = self.task
        return ActivityInfo(
            workflow_id=task.workflow_id,
            run_id=task.run_id,
            workflow_type=task.workflow_type,
            activity=task.activity_type,
            attempt=task.attempt,
            idempotency_key=task.idempotency_key,
            task_token=task.task_token,
            deadline=None if task.deadline is None else as_datetime(task.deadline),
        )

    def cancel(self) -> None:
        """Tell the body to stop."""
        if not self.cancelled:
            self.cancelled = True
            self.undelivered = self.by_exception

    def heartbeat(self, details: object) -> None:
        """Tell the engine, then raise a cancellation that the body has not heard of."""
        self.beat(self.task.task_id, None if details is None else self.values.encode(details))
        if self.undelivered:
            self.undelivered = False  # as in asyncio it is raised once: the clean-up may have heartbeats of its own
            raise CancelledError(f"the activity {self.task.activity_type!r} was cancelled")

    def details(self, kind: Any) -> Any:
        """What the attempt before had said last."""
        payload = self.task.heartbeat_details
        return None if payload is None else self.values.decode(payload, kind)


running: ContextVar[ActivityContext | None] = ContextVar("aion_activity", default=None)
"""The attempt whose body is running in this context."""


def _current(call: str) -> ActivityContext:
    context = running.get()
    if context is None:
        raise NotInActivity(call)
    return context


def activity_info() -> ActivityInfo:
    """What is known of the attempt that is running: its workflow, its number, its deadline."""
    return _current("activity_info()").info()


def heartbeat(details: object = None) -> None:
    """Say that the body is alive, and how far it has come: the next attempt finds it in `heartbeat_details()`.

    In a plain function this is where a cancellation arrives, as `asyncio.CancelledError`, once. Raises `PayloadError`
    for details that can not be encoded.
    """
    _current("heartbeat()").heartbeat(details)


@overload
def heartbeat_details() -> Any: ...
@overload
def heartbeat_details(type: type[T]) -> T | None: ...
def heartbeat_details(type: Any = Any) -> Any:
    """What the attempt before said last, as this type. None for the first attempt, and when there was nothing."""
    return _current("heartbeat_details()").details(type)


def cancelled() -> bool:
    """Whether the body is to stop: its workflow was cancelled, a limit has passed, or the engine closes."""
    return _current("cancelled()").cancelled
