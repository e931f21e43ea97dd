"""Clients that send parcels through an engine, whatever happens to the server, and what must hold in the end."""

import threading
from collections import Counter
from contextlib import ExitStack
from time import monotonic

from tests.integration.kills import parcels
from tests.integration.kills.loop import RESULT, recorded_steps
from tests.integration.kills.parcels import STEPS, parcel
from tests.integration.soundness import wrong_with

import aion_core as aion
from aion_core.platform import SYSTEM
from aion_core.spi import Status
from aion_testkit import Acknowledged

LEASE = 1.0
PATIENCE = 60.0
PAUSE = 0.02
"""Seconds until a client tries again what failed, or looks again."""
_MAY_PASS = (aion.StoreUnavailable, aion.NotOwner, aion.WaitTimeout)


def again(verb):
    """Its answer, however often it must be called, within our patience."""
    end = monotonic() + PATIENCE
    while True:
        try:
            return verb()
        except _MAY_PASS:
            if monotonic() > end:
                raise
        SYSTEM.sleep(PAUSE)


def until(holds, what):
    """Wait for it, within our patience."""
    end = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < end, f"waited {PATIENCE:g} s in vain for {what}"
        SYSTEM.sleep(PAUSE)


class Journal:
    """Which bodies ran. One that runs again looks whether its step is recorded: then it must not."""

    def __init__(self, config):
        """`config` is of a way to the store that is not disturbed."""
        self.steps = Counter()
        self.broken = []
        self._config = config
        self._counting = threading.Lock()

    def note(self, what, workflow_id, step):
        """A body begins."""
        with self._counting:
            self.steps[workflow_id, step] += 1
            if self.steps[workflow_id, step] == 1:
                return
        if step in again(lambda: self._recorded(workflow_id)):
            self.broken.append(f"step {step} of {workflow_id} ran again, although it was recorded")

    def _recorded(self, workflow_id):
        with aion.Client.open(self._config) as client:
            return recorded_steps(client.handle(workflow_id).history())


class Traffic:
    """Several senders at once; every other one goes through the store as another program would."""

    def __init__(self, direct, *, engine, client, senders=6):
        """Sections of `[event_store]`: `direct` is a way that is not disturbed, the others may be."""
        self.known = Acknowledged()
        self.journal = Journal({"event_store": direct})
        self.arrived = 0
        self.errors = []
        self._direct = {"event_store": direct}
        self._of_the_engine = {"event_store": engine, "engine": {"lease": LEASE}}
        self._of_the_client = {"event_store": client}
        self._enough = threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(senders)]

    def __enter__(self):
        """Open the engine and the client. Senders begin."""
        with ExitStack() as opened:
            opened.callback(setattr, parcels, "journal", None)
            parcels.journal = self.journal
            self.engine = opened.enter_context(again(lambda: aion.Engine.open(self._of_the_engine, workflows=[parcel])))
            self.client = opened.enter_context(again(lambda: aion.Client.open(self._of_the_client)))
            for thread in self._threads:
                thread.start()
            opened.callback(self._enough.set)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error):
        """What is under way may be lost if there is an error; else call `finish` before."""
        self._opened.close()

    @property
    def ran(self):
        """How many bodies began."""
        return sum(self.journal.steps.values())

    def go_on(self, steps):
        """Wait until so many more bodies ran."""
        until_then = self.ran + steps
        until(lambda: self.errors or self.ran >= until_then, f"{steps} more steps")
        self.look()

    def look(self):
        """Raise what a sender met."""
        if self.errors:
            raise self.errors[0]

    def finish(self):
        """Let every parcel arrive, and look at everything."""
        self._enough.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a sender waits for ever"
        self.look()
        self.__exit__()
        assert self.journal.broken == []
        wrong = wrong_with(self._direct, parcel, self.known)
        assert wrong == [], wrong[:5]
        with aion.Client.open(self._direct) as client:
            ends = Counter(run.status for run in client.list("type = 'parcel'"))
        assert ends == {Status.COMPLETED: self.arrived}
        assert len(self.journal.steps) == self.arrived * STEPS

    # ---- a sender's thread

    def _send(self, number):
        verbs = self.client if number % 2 else self.engine
        sent = 0
        try:
            while not self._enough.is_set():
                self._send_one(verbs, f"parcel-{number}-{sent}")
                sent += 1
        except BaseException as error:
            self.errors.append(error)

    def _send_one(self, verbs, name):
        run = again(lambda: verbs.start(parcel, id=name, request_id=name))
        if run.run_id:  # else it is posted, and its engine has yet to see it
            self.known.started(run.id, run.run_id)
        again(lambda: verbs.handle(name).signal("go", True, message_id=f"{name}-go"))
        self.known.signalled(name, f"{name}-go")
        assert again(lambda: verbs.handle(name).result(timeout=PATIENCE)) == RESULT
        with self._counting:
            self.arrived += 1
