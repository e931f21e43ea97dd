"""What the two faces, blocking and asynchronous, and their handles are made of."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from aion_core.client.backend import Backend
from aion_core.client.looking import Looking
from aion_core.client.sending import Begun, Sending, Target
from aion_core.client.starting import result_type
from aion_core.client.waiting import Waiting
from aion_core.model.ids import RunId, WorkflowId

R_co = TypeVar("R_co", covariant=True)
H = TypeVar("H", bound="AnyRun[Any]")


class Desk:
    """The verbs over one backend, waiting in one way."""

    __slots__ = ("backend", "looking", "sending")

    def __init__(self, backend: Backend, waiting: Waiting) -> None:
        """Shared by a face and all its handles."""
        self.backend = backend
        self.sending = Sending(backend, waiting)
        self.looking = Looking(backend, waiting)

    def handle(self, kind: type[H], begun: Begun) -> H:
        """The handle on what was started: on the workflow, knowing the run."""
        return kind(
            self,
            Target(begun.id),
            started=begun.run_id,
            created=begun.created,
            pending=begun.run_id is None,
            returns=begun.returns,
        )

    def handle_of(self, kind: type[H], id: str, run_id: str | None, workflow: object) -> H:
        """A handle on a workflow, or on one run of it."""
        target = Target(WorkflowId(id), RunId(run_id) if run_id else None)
        return kind(self, target, returns=result_type(workflow))


class AnyRun(Generic[R_co]):
    """What every handle has.

    A handle of `start`, or of `handle(id)`, stands for the workflow: its verbs reach the run that is current, and
    `result` begins with the run that was started. A handle of `handle(id, run_id)` stands for that run alone.
    """

    def __init__(
        self,
        desk: Desk,
        target: Target,
        *,
        started: RunId | None = None,
        created: bool = False,
        pending: bool = False,
        returns: Any = Any,
    ) -> None:
        """Made by `start` and `handle`."""
        self._sending = desk.sending
        self._looking = desk.looking
        self._target = target
        self._first = Target(target.id, started or target.run_id)
        self._returns = returns
        self.id = str(target.id)
        self.run_id = str(self._first.run_id or "")
        """Of the run that was started or asked for; empty while nobody knows it: a pending start, `handle(id)`."""
        self.created = created
        """Whether the call that returned this handle started the run."""
        self.pending = pending
        """What was last sent through this handle is posted, and no engine has recorded it yet."""

    def __repr__(self) -> str:
        run = f", run_id={self.run_id!r}" if self.run_id else ""
        return f"{type(self).__name__}({self.id!r}{run}{', pending' if self.pending else ''})"
