"""Who waits for the end of which run."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import Final

from attrs import frozen

from aion_core.client.reply import Reply
from aion_core.client.requests import Ending
from aion_core.engine.recorder import Recording
from aion_core.ledger import RunLedger
from aion_core.model import events as e
from aion_core.model.ids import RunId, WorkflowId

_REMEMBERED: Final = 1000
"""Runs whose end is told without reading it: whoever starts a short run asks for its result right after."""


@frozen(eq=False)
class _Waiter:
    reply: weakref.ref[Reply[Ending]]
    run_id: RunId | None


class Endings:
    """Tells how runs end. Replies are held weakly: one that nobody holds any more is not watched."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiters: dict[WorkflowId, list[_Waiter]] = {}
        self._last: OrderedDict[WorkflowId, Ending] = OrderedDict()

    def recorded(self, ledger: RunLedger, recording: Recording) -> None:
        """A turn was acknowledged."""
        workflow_id = ledger.workflow_id
        if recording.runs:
            self._last.pop(workflow_id, None)
        # One turn may end two runs: one that is restarted, and the one that takes its place.
        ended = {run.last_seq: run for run in recording.runs if run.last_seq is not None}
        for event in recording.events if ended else ():
            if (run := ended.get(event.seq)) is None:
                continue
            begun = _begun_after(event, recording)
            goes_on = begun is not None and begun.first_run is not None
            ending = Ending(
                run_id=run.run_id,
                status=run.summary.status,
                event=event,
                next_run=begun.run_id if begun is not None and goes_on else None,
            )
            self.tell(workflow_id, ending)
            if begun is None:
                self._last[workflow_id] = ending
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    def wait(self, workflow_id: WorkflowId, run_id: RunId | None, reply: Reply[Ending]) -> bool:
        """Settle it when that run ends; whether it did already. None is the run that is current."""
        last = self._last.get(workflow_id)
        if last is not None and run_id in {None, last.run_id}:
            reply.set(last)
            return True
        waiters = self._waiters.setdefault(workflow_id, [])
        waiters[:] = [each for each in waiters if each.reply() is not None]
        waiters.append(_Waiter(weakref.ref(reply), run_id))
        return False

    def tell(self, workflow_id: WorkflowId, ending: Ending) -> None:
        """This run has ended."""
        waiters = self._waiters.pop(workflow_id, None)
        if waiters is None:
            return
        staying: list[_Waiter] = []
        for waiter in waiters:
            reply = waiter.reply()
            if waiter.run_id not in {None, ending.run_id}:
                staying.append(waiter)
            elif reply is not None:
                reply.set(ending)
        if staying:
            self._waiters[workflow_id] = staying

    def forget(self, workflow_id: WorkflowId) -> list[tuple[RunId | None, Reply[Ending]]]:
        """Who waited for which run of this workflow, to be told in another way."""
        waiters = [(each.run_id, each.reply()) for each in self._waiters.pop(workflow_id, ())]
        return [(run_id, reply) for run_id, reply in waiters if reply is not None]

    @property
    def awaited(self) -> list[WorkflowId]:
        """Workflows whose end somebody waits for."""
        return list(self._waiters)

    def end(self, error: BaseException) -> None:
        """Tell everybody who waits that nothing will come from here."""
        everybody, self._waiters = self._waiters, {}
        for waiters in everybody.values():
            for waiter in waiters:
                if (reply := waiter.reply()) is not None:
                    reply.fail(error)


def _begun_after(end: e.Event, recording: Recording) -> e.WorkflowStarted | None:
    """The start of the run that follows the one that ended so, in the same turn."""
    starts = (event for event in recording.events if isinstance(event, e.WorkflowStarted))
    return next((event for event in starts if event.seq > end.seq), None)
