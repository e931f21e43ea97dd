"""`Run`: a handle on a workflow, for callers that block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, TypeVarTuple, Unpack, cast, overload

from aion_core.authoring.signals import Signal
from aion_core.client.events import Event
from aion_core.client.handles import AnyRun
from aion_core.client.history import History
from aion_core.client.views import Description
from aion_core.client.waiting import at_once, each
from aion_core.model.status import Status
from aion_core.model.times import Duration

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Run(AnyRun[R_co]):
    """A workflow, to wait for and to talk to. Threads may share one."""

    def result(self, timeout: Duration | None = None, *, follow: bool = True) -> R_co:
        """Wait for the run to end, and return what its function returned.

        Continue-as-new and further attempts of a failed run are followed, unless `follow=False`. `WaitTimeout` after so
        many seconds; the run goes on. Raises `WorkflowFailed`, `WorkflowCancelled`, `WorkflowTerminated` and
        `WorkflowTimedOut` for runs that ended otherwise, `WorkflowContinuedAsNew` when that is not followed.
        """
        result = self._sending.result(self._first, self._returns, limit=timeout, follow=follow)
        return cast("R_co", at_once(result))

    def status(self) -> Status:
        """What state it is in."""
        return at_once(self._looking.status(self._target))

    def describe(self) -> Description:
        """Its summary, what it waits for, and why it failed."""
        return at_once(self._looking.describe(self._target))

    def history(self) -> History:
        """All its events; `print` it to read what happened."""
        return at_once(self._looking.history(self._target))

    def events(self, after: int = 0, *, wait: bool = True) -> Iterator[Event]:
        """Its events behind seq `after`, as they are committed, until it is closed; without `wait` those there are."""
        return each(self._looking.events(self._target, after=after, wait=wait))

    @overload
    def signal(self, signal: Signal[T], value: T, /, *, message_id: str | None = None) -> None: ...
    @overload
    def signal(self, signal: str, value: object = None, /, *, message_id: str | None = None) -> None: ...
    def signal(self, signal: Signal[T] | str, value: object = None, /, *, message_id: str | None = None) -> None:
        """Send a signal. On return it is durable; sent again with the same `message_id` it changes nothing.

        Raises `WorkflowNotFound` and `WorkflowClosed`.
        """
        told = self._sending.signal(self._target, signal, value, message_id=message_id)
        self.pending = not at_once(told)

    @overload
    def query(self, query: Callable[[Unpack[Ts]], T], /, *args: *Ts, timeout: Duration | None = 10) -> T: ...
    @overload
    def query(self, query: str, /, *args: Any, type: type[T], timeout: Duration | None = 10) -> T: ...
    @overload
    def query(self, query: str, /, *args: Any, type: Any = ..., timeout: Duration | None = 10) -> Any: ...
    def query(self, query: object, /, *args: object, type: Any = Any, timeout: Duration | None = 10) -> Any:
        """Ask the workflow's code, which need not be running: closed runs answer, too. Changes nothing.

        Raises `UnknownHandler`, `QueryFailed`, and `QueryTimeout` after so many seconds.
        """
        return at_once(self._sending.query(self._target, query, args, kind=type, limit=timeout))

    def cancel(self, reason: str = "") -> None:
        """Ask the code to stop: it gets `asyncio.CancelledError`, may clean up, and may refuse. Durable on return."""
        self.pending = not at_once(self._sending.cancel(self._target, reason))

    def terminate(self, reason: str = "") -> None:
        """End it at once, without running its code. Durable on return."""
        self.pending = not at_once(self._sending.terminate(self._target, reason))

    def stack(self, timeout: Duration | None = 10) -> str:
        """Where its tasks wait, as text. `QueryTimeout` after so many seconds."""
        return at_once(self._sending.stack(self._target, limit=timeout))
