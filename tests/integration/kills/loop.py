"""Lives that are killed one after the other, and what must hold after each of them."""

import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

from attrs import define, field
from tests.integration.kills.parcels import STEPS, parcel
from tests.integration.soundness import wrong_with

import aion_core as aion
from aion_core.spi import Status
from aion_testkit import Acknowledged

ROOT = Path(__file__).parents[3]
RESULT = sum(range(STEPS))
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}


@define
class KillLoop:
    """Lives on one store. `known` is what was acknowledged, `recorded` the steps that no later life may run again."""

    config: dict
    journal: Path
    seed: int
    parcels: int = 4
    head_start: float = 0.0
    """Seconds until a life can begin its work, where it must wait for the leases of the one before."""
    kills: int = 0
    lives: int = 0
    worked: int = 0
    """Lives that ran a body."""
    recorded: dict[str, set[int]] = field(factory=lambda: defaultdict(set))
    known: Acknowledged = field(factory=Acknowledged)
    ended: set[str] = field(factory=set)
    _read: int = 0

    def run(self, kills: int) -> None:
        """Kill so many lives, between others that end in peace."""
        chance = random.Random(self.seed)
        command = [sys.executable, "-m", "tests.integration.kills.nursery"]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
            whole = self._live(nursery, 120.0)
            while self.kills < kills:
                # At any moment of a life; now and then one comes to its end.
                self._live(nursery, chance.uniform(0.0, self.head_start + 1.1 * whole))
            self._live(nursery, 120.0)
            self._live(nursery, 120.0)  # what the one before had only posted
            nursery.stdin.close()
        self._check_the_end()

    def _live(self, nursery: subprocess.Popen, seconds: float) -> float:
        """How long it took."""
        order = {
            "config": self.config,
            "number": self.lives,
            "journal": str(self.journal),
            "parcels": self.parcels,
            "seconds": seconds,
        }
        print(json.dumps(order), file=nursery.stdin, flush=True)
        answer = json.loads(nursery.stdout.readline())
        assert answer["killed"] or answer["status"] == 0, f"life {self.lives} of seed {self.seed} ended with an error"
        self.kills += answer["killed"]
        self._look()
        self.lives += 1
        return answer["seconds"]

    def _look(self) -> None:
        """What this life has said and done; then what is recorded."""
        where = f"seed {self.seed}, life {self.lives}"
        lines = self._lines()
        self.worked += any(what == "ran" for what, *_ in lines)
        for what, *facts in lines:
            match what:
                case "ran":
                    workflow_id, step = facts
                    assert int(step) not in self.recorded[workflow_id], (
                        f"{where}: step {step} of {workflow_id} ran again, although it was recorded"
                    )
                case "started":
                    workflow_id, run_id = facts
                    self.known.started(workflow_id, run_id)
                case "signalled":
                    self.known.signalled(*facts)
                case "ended":
                    self.ended.add(facts[0])
        with aion.Client.open(self.config) as client:
            for workflow_id in {*self.known.starts.values()} - self.ended:
                steps = recorded_steps(client.handle(workflow_id).history())
                assert steps >= self.recorded[workflow_id], f"{where}: {workflow_id} has lost a recorded step"
                self.recorded[workflow_id] = steps

    def _lines(self) -> list[list[str]]:
        if not self.journal.exists():
            return []
        text = self.journal.read_text()
        lines, self._read = text[self._read :].splitlines(), len(text)
        return [line.split()[1:-1] for line in lines if line.endswith(" .")]

    def _check_the_end(self) -> None:
        """Every parcel has arrived, and the store is as it must be."""
        wrong = wrong_with(self.config, parcel, self.known)
        assert wrong == [], f"seed {self.seed}: {wrong[:5]}"
        with aion.Client.open(self.config) as client:
            ends = Counter(run.status for run in client.list("type = 'parcel'"))
            assert set(ends) == {Status.COMPLETED}
            for workflow_id in {*self.known.starts.values()}:
                assert client.handle(workflow_id).result(timeout=10) == RESULT


def recorded_steps(history: aion.History) -> set[int]:
    """The steps whose results a history has."""
    steps = {e.data["ordinal"]: e.data["input"][0] for e in history if e.type == "ActivityScheduled"}
    return {steps[e.data["ordinal"]] for e in history if e.type == "ActivityCompleted"}
