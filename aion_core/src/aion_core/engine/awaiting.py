"""Where the end of a run is heard of: from its turns here, from the store, or from the engine that has it now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from aion_core.client.reply import Reply
from aion_core.client.requests import Ending
from aion_core.client.stored import ending_of
from aion_core.engine.endings import Endings
from aion_core.engine.surroundings import Loaded
from aion_core.engine.writer import Written
from aion_core.ledger import RunLedger
from aion_core.model.ids import RunId, WorkflowId
from aion_core.spi.records import Committed
from aion_core.spi.stores import EventStore


class Awaiting:
    """Brings callers to whoever will tell them of an end, also when that changes. On the engine's thread."""

    def __init__(
        self,
        store: EventStore,
        endings: Endings,
        *,
        ours: Callable[[WorkflowId], bool],
        ledger: Callable[[WorkflowId], RunLedger | None],
        later: Callable[[Callable[[], None]], None],
        elsewhere: Callable[[WorkflowId, RunId | None, Reply[Ending]], None],
    ) -> None:
        """`later` does something that may take its time; `elsewhere` asks through the store, and goes on asking."""
        self._store = store
        self._endings = endings
        self._ours = ours
        self._ledger = ledger
        self._later = later
        self._elsewhere = elsewhere

    def ask(self, letter: tuple[WorkflowId, RunId | None, Reply[Ending]]) -> None:
        """Settle the reply when that run has ended."""
        workflow_id, run_id, reply = letter
        if not self._ours(workflow_id):
            self._elsewhere(workflow_id, run_id, reply)
            return
        if self._endings.wait(workflow_id, run_id, reply):
            return
        ledger = self._ledger(workflow_id)
        if ledger is not None and ledger.open and run_id in {None, ledger.run_id}:
            return  # it will be told
        self._later(partial(self._look, workflow_id, run_id, reply))

    def leave(self, of: Callable[[WorkflowId], bool]) -> None:
        """These are another engine's, or may be."""
        for workflow_id in self._endings.awaited:
            if of(workflow_id):
                self._ask_again(workflow_id)

    def written(self, written: Sequence[Written]) -> None:
        """Once the turns have told of what is durable: had one of them been dropped meanwhile, nobody was told."""
        for each in written:
            runs = each.commit.runs
            if runs and type(each.verdict) is Committed and any(run.last_seq is not None for run in runs):
                self._ask_again(each.commit.workflow_id)

    def loaded(self, found: Sequence[Loaded]) -> None:
        """These were read: what is over may have ended while it was another engine's."""
        for each in found:
            if each.ledger is not None and not each.ledger.open:
                self._ask_again(each.workflow_id)

    def _ask_again(self, workflow_id: WorkflowId) -> None:
        for run_id, reply in self._endings.forget(workflow_id):
            self.ask((workflow_id, run_id, reply))

    def _look(self, workflow_id: WorkflowId, run_id: RunId | None, reply: Reply[Ending]) -> None:
        """It may have ended long ago. If not, it will be told: it waits already."""
        try:
            ending = ending_of(self._store, workflow_id, run_id)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
            reply.fail(error)
            return
        if ending is not None:
            reply.set(ending)
