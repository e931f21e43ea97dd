"""Many faults at random: a scenario on several engines that share a store, each of which may meet them.

`python -m tests.simulation.crowd 'seed=17'` runs a seed again, and with `faults=12:crash_after,40:delay` these only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Final

from attrs import evolve, frozen
from tests.simulation import workflows as w
from tests.simulation.callers import Caller, GaveUp
from tests.simulation.harness import Counted, Journal, Point, Simulation
from tests.simulation.scenarios import SCENARIOS

from aion_core.client.verbs import Verbs
from aion_testkit import Crash
from aion_testkit.faults import ANY, FaultKind, PlannedFault

_SHARDS: Final = 8
_HORIZON: Final = 7200.0
_FEWEST_ENGINES, _MOST_ENGINES = 2, 5
_MOST_FAULTS: Final = 8
"""Less than a caller tries."""
_FAR: Final = 60
"""Calls from one fault to the next, at most."""
_TRIES: Final = 12
_LEASE: Final = 10.0
"""Virtual seconds until the shards of an engine that died are another's."""


@frozen
class CrowdPoint:
    """A seed says everything. With `faults`, only these of it happen."""

    seed: int
    faults: tuple[PlannedFault, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> CrowdPoint:
        """The point of a text."""
        values = dict(part.split("=", 1) for part in text.split())
        faults = values.get("faults")
        if faults is None:
            return cls(int(values["seed"]))
        return cls(
            int(values["seed"]), tuple(PlannedFault.parse(f"{ANY}:{each}") for each in faults.split(",") if each)
        )

    def __str__(self) -> str:
        if self.faults is None:
            return f"seed={self.seed}"
        return f"seed={self.seed} faults={','.join(f'{each.call}:{each.kind}' for each in self.faults)}"

    @property
    def command(self) -> str:
        """What runs exactly this again."""
        return f"python -m tests.simulation.crowd {str(self)!r}"


class Chances(Counted):
    """A plan that draws its faults: so many, at any calls, each of a kind that its call can meet."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self._left = chance.randint(2, _MOST_FAULTS)
        self._next = chance.randint(1, _FAR)

    def heal(self) -> None:
        super().heal()
        self._left = 0

    def next(self, method: str) -> FaultKind | None:
        number = self.calls.total() + 1
        if self._left and number >= self._next:
            self._left -= 1
            self._next = number + self._chance.randint(1, _FAR)
            kind = self._chance.choice([each for each in FaultKind if each.fits(method)])
            self._faults[ANY, number] = PlannedFault(ANY, number, kind)
        return super().next(method)


class Insistent(Caller):
    """A client who starts again what was only posted: other engines know nothing of it until somebody records it."""

    def start(self, workflow: Any, /, *args: Any, **options: Any) -> Any:
        """See `Caller`."""
        start = super().start
        return self._recorded(lambda: start(workflow, *args, **options))

    def signal_with_start(self, workflow: Any, /, *args: Any, **options: Any) -> Any:
        """See `Caller`."""
        start = super().signal_with_start
        return self._recorded(lambda: start(workflow, *args, **options))

    def _recorded(self, start: Callable[[], Any]) -> Any:
        for _ in range(_TRIES):
            run = start()
            if not run.pending:
                return run
            self.rest(_LEASE)
        raise GaveUp(f"the start of {run.id} was posted {_TRIES} times, and nobody records it")


@frozen
class CrowdOutcome:
    """What a point came to."""

    broken: Sequence[str]
    faults: tuple[PlannedFault, ...]
    """That happened."""
    engines: int
    lives: int
    """Of all engines."""


class Crowd(Simulation):
    """Engines that come back when they die, and a client of any of them, or of the store."""

    def __init__(self, point: CrowdPoint) -> None:
        chance = Random(f"crowd {point.seed}")
        super().__init__(Point(chance.choice([*SCENARIOS]), point.seed), shards=_SHARDS, horizon=_HORIZON)
        self.size = chance.randint(_FEWEST_ENGINES, _MOST_ENGINES)
        self.plan = Chances(chance) if point.faults is None else Counted(*point.faults)
        self.journal = Journal(zombies=True)  # any of them may stand still
        self._chance = Random(f"verbs {point.seed}")
        self._peer = False

    def _revive(self) -> None:
        for dead in [each for each in self._engines if each[2].crashed]:
            self._engines.remove(dead)
            dead[1].abandon()
        while len(self._engines) < self.size:
            self.lives += 1
            with suppress(Crash):
                self._begin(f"engine-{self.lives}", self.plan)
            self._engines = [each for each in self._engines if not each[2].crashed]

    def verbs(self) -> Verbs:
        """Through the store, or by any engine that lives."""
        self._revive()
        return self._client or Verbs(self._chance.choice(self._engines)[0])

    def try_it(self) -> CrowdOutcome:
        """The scenario among other runs; then without faults one more, which must come to its end."""
        broken: list[str] = []
        scenario = SCENARIOS[self.point.scenario]
        caller = Insistent(self.verbs, self._revive, self._rest, self.known)
        try:
            self.open()
            others = [caller.start(w.longloop, 3, id=f"other-{number}") for number in range(3)]
            end = scenario.drive(caller)
            if not scenario.ends(end):
                broken.append(f"{scenario.name} ended with {end!r}")
            broken += [f"{run.id} ended with {given}" for run in others if (given := caller.result(run)) != 6]
            self.plan.heal()
            broken += self._after(caller)
        except Exception as error:
            broken.append(f"{type(error).__name__}: {error}")
        broken += self._end()
        return CrowdOutcome(broken, tuple(self.plan.met), self.size, self.lives)

    def _after(self, caller: Caller) -> list[str]:
        self._revive()
        said = caller.result(caller.start(w.sequence, "late", id="afterwards"))
        return [] if said == "late one!, late two!, late three!, late walked" else [f"afterwards ended with {said!r}"]


def run(point: CrowdPoint) -> CrowdOutcome:
    """One point, in a world of its own."""
    return Crowd(point).try_it()


def shrunk(point: CrowdPoint, outcome: CrowdOutcome) -> tuple[CrowdPoint, CrowdOutcome]:
    """The same seed with as few of its faults as still break something."""
    point = evolve(point, faults=outcome.faults)
    for fault in outcome.faults:
        less = evolve(point, faults=tuple(each for each in point.faults or () if each is not fault))
        if (other := run(less)).broken:
            point, outcome = less, other
    return point, outcome


def main(text: str) -> int:
    """Run a point again; the exit code."""
    outcome = run(CrowdPoint.parse(text))
    print(f"{outcome.engines} engines, {outcome.lives} lives, faults: {', '.join(map(str, outcome.faults)) or 'none'}")
    for problem in outcome.broken:
        print(problem)
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
