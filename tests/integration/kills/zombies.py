"""Two engines on one store: one is stopped for longer than its lease, the other goes on, and the first one wakes up."""

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

from attrs import define, field
from tests.integration.kills.loop import RESULT, ROOT
from tests.integration.kills.parcels import parcel
from tests.integration.soundness import wrong_with

import aion_core as aion
from aion_testkit import Acknowledged

PATIENCE = 60.0
CODE = "tests.integration.kills.parcels"


@define
class Zombies:
    """Rounds of: parcels for all shards, one engine stopped, every parcel arrived, the engine continued."""

    config: dict
    parcels: int = 24
    waits: list[float] = field(factory=list)
    """Seconds from each stop until all parcels of its round had arrived."""
    known: Acknowledged = field(factory=Acknowledged)

    def run(self, rounds: int) -> None:
        """So many stops, of either engine in turn; then look at everything."""
        with ExitStack() as stack:
            engines = [stack.enter_context(_engine(self.config)) for _ in range(2)]
            client = stack.enter_context(aion.Client.open(self.config))
            for number in range(rounds):
                self._round(client, engines[number % 2], number)
            for engine in engines:
                engine.stdin.close()
                assert engine.wait(PATIENCE) == 0
        self._check()

    def _round(self, client: aion.Client, victim: subprocess.Popen, number: int) -> None:
        runs = [client.start(parcel, id=f"parcel-{number}-{n}") for n in range(self.parcels)]
        half = self.parcels // 2
        self._let_go(runs[:half])
        victim.send_signal(signal.SIGSTOP)  # in the middle of these
        stopped = time.monotonic()
        try:
            self._let_go(runs[half:])
            for run in runs:
                assert run.result(timeout=PATIENCE) == RESULT
            self.waits.append(time.monotonic() - stopped)
        finally:
            victim.send_signal(signal.SIGCONT)

    def _let_go(self, runs: list[aion.Run]) -> None:
        for run in runs:
            run.signal("go", True, message_id=f"{run.id}-go")
            self.known.signalled(run.id, f"{run.id}-go")

    def _check(self) -> None:
        wrong = wrong_with(self.config, parcel, self.known)
        assert wrong == [], wrong[:5]


def _engine(config: dict) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.integration.processes.engine_process", json.dumps(config), CODE]
    engine = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert engine.stdout.readline() == "open\n"
    return engine
