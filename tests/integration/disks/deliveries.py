"""An engine at work on a file while something is in its way: how that is told, and that everything comes to its end."""

import threading
import time

from attrs import define, field
from tests.integration.kills.loop import RESULT
from tests.integration.kills.parcels import parcel

import aion_core as aion
from aion_testkit import Acknowledged

PATIENCE = 90.0


@define
class Deliveries:
    """Parcels that are sent all the time, and what their sender was told."""

    engine: aion.Engine
    known: Acknowledged = field(factory=Acknowledged)
    sent: int = 0
    _stopped: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Send one after the other, until `end`."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """No more of them. Every one arrives by itself, and `health` is good again."""
        self._stopped.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "a caller was never answered"
        for workflow_id in {*self.known.starts.values()}:
            assert self.engine.handle(workflow_id).result(timeout=PATIENCE) == RESULT
        self._until(lambda health: not health.problems)

    def work(self, parcels: int) -> None:
        """Return when so many more were sent."""
        until = self.sent + parcels
        self._until(lambda _: self.sent >= until)

    def problems(self):
        """What `health` says, as soon as it does."""
        return self._until(lambda health: health.problems).problems

    def _until(self, holds):
        limit = time.monotonic() + PATIENCE
        while not holds(health := self.engine.health()):
            assert time.monotonic() < limit, f"waited too long: {health}"
            time.sleep(0.002)
        return health

    def _send(self) -> None:
        while not self._stopped.is_set():
            workflow_id = f"parcel-{self.sent}"
            run = self._answered(lambda each=workflow_id: self.engine.start(parcel, id=each))
            self.known.started(workflow_id, run.run_id)
            name = f"{workflow_id}-go"
            self._answered(lambda run=run, name=name: run.signal("go", True, message_id=name))
            self.known.signalled(workflow_id, name)
            self.sent += 1

    @staticmethod
    def _answered(call):
        """Again and again, as the documentation of `StoreUnavailable` allows."""
        while True:
            try:
                return call()
            except aion.StoreUnavailable:
                pass
