"""An exception as a history keeps it: never rebuilt as the user's class, never pickled."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from aion_core.model.payloads import Payload
from aion_core.model.times import Micros


class TimeoutKind(StrEnum):
    """Which of an activity's four limits passed."""

    SCHEDULE_TO_START = "schedule_to_start"
    START_TO_CLOSE = "start_to_close"
    SCHEDULE_TO_CLOSE = "schedule_to_close"
    HEARTBEAT = "heartbeat"


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, in a form that another process, another year and another program can read."""

    type: str
    """The exception's class name, or the `type=` it was raised with."""
    message: str
    bases: tuple[str, ...] = ()
    """Names of the class's bases, nearest first, so that a handler may name any of them."""
    details: Payload | None = None
    traceback: str | None = None
    cause: Failure | None = None
    members: tuple[Failure, ...] = ()
    """Of an exception group."""
    retryable: bool = True
    retry_after: Micros | None = None
    """What `ActivityError(retry_after=...)` asked for, in place of the policy's delay."""
    timeout: TimeoutKind | None = None
    lost: bool = False
    """The attempt was dispatched and nobody knows what became of it."""
    code: str | None = None
    """Of an error of Aion's own, such as `WorkflowIdConflict`."""

    def is_(self, *types: builtins.type[BaseException] | str) -> bool:
        """Whether this is one of these types, or of a class derived from one."""
        names = {self.type, *self.bases}
        return any((kind if isinstance(kind, str) else kind.__name__) in names for kind in types)

    def chain(self) -> Iterator[Failure]:
        """This failure, its cause, the cause's cause and so on."""
        yield self
        if self.cause is not None:
            yield from self.cause.chain()
