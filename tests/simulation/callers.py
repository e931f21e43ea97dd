"""A client of a simulated engine: calls verbs until they are answered, and remembers what it was told."""

from collections.abc import Callable
from typing import Any, Final

import aion_core as aion
from aion_core.client.verbs import Verbs
from aion_core.spi import MessageId, RunId, WorkflowId
from aion_testkit import Acknowledged, Crash

_TRIES: Final = 12
_LIMIT: Final = 20.0
"""Virtual seconds that one try waits: then it is seen whether the engine is there."""
_PAUSE: Final = 0.2

_AGAIN = (
    aion.StoreUnavailable,
    aion.NotOwner,
    aion.EngineClosed,
    aion.ShuttingDown,
    aion.WaitTimeout,
    aion.QueryTimeout,
    aion.HistoryCorrupt,
)
"""What the verbs say that may pass. A history that was damaged on its way is sound when it is read again."""


class GaveUp(AssertionError):
    """A verb was not answered however often it was called."""


class Caller:
    """Tries every verb again as its documentation allows: starts by their id, signals by their message id."""

    def __init__(
        self, verbs: Callable[[], Verbs], revive: Callable[[], None], rest: Callable[[float], None], known: Acknowledged
    ) -> None:
        """`revive` brings a dead engine back; `verbs` are those of whoever is alive."""
        self._verbs = verbs
        self._revive = revive
        self._rest = rest
        self._known = known
        self._sent: dict[str, int] = {}

    def rest(self, seconds: float) -> None:
        """Let virtual time pass."""
        try:
            self._rest(seconds)
        except Crash:
            self._revive()

    def start(self, workflow: Any, /, *args: Any, id: str, **options: Any) -> Any:
        """Start, and start again until it is known to be recorded or posted."""
        run = self._call(lambda verbs: verbs.start(workflow, *args, id=id, request_id=f"start of {id}", **options))
        return self._begun(run)

    def signal_with_start(self, workflow: Any, /, *args: Any, id: str, **options: Any) -> Any:
        """Likewise."""
        request_id = f"start of {id}"
        run = self._call(
            lambda verbs: verbs.signal_with_start(workflow, *args, id=id, request_id=request_id, **options)
        )
        return self._begun(run)

    def signal(self, run: Any, name: str, value: Any, *, again: bool = False) -> None:
        """Send the next signal of this run; `again`: the one before once more."""
        number = self._sent.get(run.id, 0) + (not again)
        self._sent[run.id] = number
        message_id = f"{run.id} {number}"
        try:
            self._call(lambda verbs: verbs.handle(run.id).signal(name, value, message_id=message_id))
        except aion.WorkflowClosed:
            return  # it came too late, and says so
        self._known.signalled(WorkflowId(run.id), MessageId(message_id))

    def cancel(self, run: Any) -> None:
        """Ask it to stop. A try before may have ended it already."""
        try:
            self._call(lambda verbs: verbs.handle(run.id).cancel("enough"))
        except aion.WorkflowClosed:
            return

    def terminate(self, run: Any) -> None:
        """End it. A try before may have ended it already."""
        try:
            self._call(lambda verbs: verbs.handle(run.id).terminate("enough"))
        except aion.WorkflowClosed:
            return

    def query(self, run: Any, name: str, *, type: type[Any]) -> Any:
        """Ask. A handler that is not there yet is asked again."""
        return self._call(lambda verbs: verbs.handle(run.id).query(name, type=type, timeout=_LIMIT))

    def result(self, run: Any) -> Any:
        """What it gave, or the error that it ended by."""
        try:
            result = self._call(lambda verbs: verbs.handle(run.id).result(timeout=_LIMIT))
        except (aion.WorkflowFailed, aion.WorkflowCancelled, aion.WorkflowTerminated, aion.WorkflowTimedOut) as error:
            self._known.ended(WorkflowId(run.id), RunId(error.run_id), _STATUS[type(error)])
            return error
        return result

    # ----

    def _begun(self, run: Any) -> Any:
        if not run.pending:
            self._known.started(WorkflowId(run.id), RunId(run.run_id))
        return run

    def _call(self, verb: Callable[[Verbs], Any]) -> Any:
        problem: BaseException | None = None
        for _ in range(_TRIES):
            try:
                return verb(self._verbs())
            except Crash as crash:
                problem = crash
                self._revive()
            except _AGAIN as error:
                problem = error
                self._revive()
                self.rest(_PAUSE)
        raise GaveUp(f"tried {_TRIES} times, at last: {problem!r}")


_STATUS: Final = {
    aion.WorkflowFailed: aion.Status.FAILED,
    aion.WorkflowCancelled: aion.Status.CANCELLED,
    aion.WorkflowTerminated: aion.Status.TERMINATED,
    aion.WorkflowTimedOut: aion.Status.TIMED_OUT,
}
