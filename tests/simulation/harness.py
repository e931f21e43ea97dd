"""One point of the sweep: a scenario on the real engine in a simulated world with one fault, and all checks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Final

from attrs import frozen
from tests.simulation import workflows
from tests.simulation.callers import Caller
from tests.simulation.scenarios import SCENARIOS

import aion_core as aion
from aion_core.client import through_store
from aion_core.client.through_store import StoreBackend
from aion_core.client.verbs import Verbs
from aion_core.codec import Values, decode_batch
from aion_core.config.sections import Activities
from aion_core.engine import catalog
from aion_core.engine import core as engine
from aion_core.engine.catalog import Catalog
from aion_core.engine.core import EngineCore, Parts
from aion_core.engine.settings import EngineSettings
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.model import events as e
from aion_core.model.attributes import AttributeSchema
from aion_core.model.limits import Limits
from aion_core.opening.settling import settling
from aion_core.spi import ActivityTask, Commit, EngineId, RunId, TaskId
from aion_testkit import (
    Acknowledged,
    Crash,
    FaultInjectingStore,
    FaultPlan,
    SimulatedPlatform,
    check_invariants,
    inline,
    replaying,
)
from aion_testkit.faults import ANY, FaultKind, PlannedFault
from aion_testkit.forwarding import ForwardingVisibilityStore
from aion_testkit.inline import InlineRuntime, InlineSettings
from aion_testkit.replaying import Replays

_SHARDS: Final = 2
_PACE: Final = 0.002
_HORIZON: Final = 600.0
_SETTLE: Final = settling(Activities())

_UNREACHABLE: Final = (aion.StoreUnavailable, aion.WaitTimeout)
"""What opening raises while the store is away."""

# What has no state of its own is shared by all worlds: making it anew takes longer than most points.
values_of: Final = cache(Values)
for module in (engine, through_store, inline, replaying):
    vars(module)["Values"] = values_of
vars(catalog)["_source"] = cache(vars(catalog)["_source"])

Broken = list[str]
"""What does not hold. Empty: all is well."""


@frozen
class Point:
    """A scenario, a seed and a fault. Written `fanout seed=3 call=17 fault=crash_after`; without the last two, none."""

    scenario: str
    seed: int
    call: int = 0
    fault: FaultKind | None = None

    @classmethod
    def parse(cls, text: str) -> Point:
        """The point of a text."""
        scenario, *rest = text.split()
        values = dict(part.split("=", 1) for part in rest)
        fault = values.get("fault")
        return cls(
            scenario, int(values["seed"]), int(values.get("call", 0)), None if fault is None else FaultKind(fault)
        )

    def __str__(self) -> str:
        place = "" if self.fault is None else f" call={self.call} fault={self.fault}"
        return f"{self.scenario} seed={self.seed}{place}"

    @property
    def command(self) -> str:
        """What runs exactly this again."""
        return f"python -m tests.simulation.point {str(self)!r}"


@frozen
class Outcome:
    """What a point came to."""

    point: Point
    broken: Sequence[str]
    calls: Sequence[str]
    """The methods that the engines called on the store, in order."""
    met: bool
    """Whether its fault happened."""
    steps: int


class Journal:
    """What bodies did, and what was recorded of them, in the order of the world."""

    def __init__(self, *, zombies: bool) -> None:
        """With `zombies`, an engine that stood still may begin what another one has finished: nobody can stop it."""
        self.broken: Broken = []
        self._zombies = zombies
        self._attempts: set[TaskId] = set()
        self._ran: set[tuple[RunId, int]] = set()
        self._ended: set[tuple[RunId, int]] = set()

    def ran(self, task: ActivityTask) -> None:
        """A body begins."""
        key = (task.run_id, task.ordinal)
        if key in self._ended and not self._zombies:
            self.broken.append(f"{task.activity_type} #{task.ordinal} of {task.workflow_id} runs after its result")
        if task.task_id in self._attempts:
            self.broken.append(
                f"{task.activity_type} #{task.ordinal} of {task.workflow_id} runs attempt {task.attempt} again"
            )
        self._attempts.add(task.task_id)
        self._ran.add(key)

    def landed(self, commit: Commit) -> None:
        """A commit is in the store."""
        if commit.batch is None:
            return
        run_id = commit.state.summary.run_id
        for event in decode_batch(commit.batch):
            if isinstance(event, e.WorkflowStarted):
                run_id = event.run_id
            if isinstance(event, e.ActivityCompleted):
                key = (run_id, event.ordinal)
                if key not in self._ran:
                    self.broken.append(
                        f"{commit.workflow_id} has a result of activity #{event.ordinal}, which never ran"
                    )
                self._ended.add(key)


class Counted(FaultPlan):
    """A plan that remembers the methods of its calls, to be the map of a sweep."""

    def __init__(self, *faults: PlannedFault) -> None:
        super().__init__(*faults)
        self.methods: list[str] = []

    def next(self, method: str) -> FaultKind | None:
        self.methods.append(method)
        return super().next(method)


class _Way(FaultInjectingStore, ForwardingVisibilityStore):
    """A process's way to the store that all of them share: with faults, and without closing it for the others."""

    def close(self) -> None:
        pass


class Simulation:
    """A store, an engine on it that comes back when it dies, sometimes a second one, and a client."""

    def __init__(
        self,
        point: Point,
        *,
        modules: Sequence[object] = (workflows,),
        shards: int = _SHARDS,
        horizon: float = _HORIZON,
    ) -> None:
        """`modules` hold the code. Nothing is open yet."""
        self.point = point
        self.modules = modules
        faults = () if point.fault is None else (PlannedFault(ANY, point.call, point.fault),)
        self.plan = Counted(*faults)
        self.world = SimulatedPlatform(point.seed, pace=_PACE, horizon=horizon)
        self.store = MemoryEventStore(MemorySettings(shards=shards), self.world)
        self.store.open()
        self.known = Acknowledged()
        self.journal = Journal(zombies=point.fault is FaultKind.DELAY)
        self.lives = 0
        self._seen: set[str] = set()
        self._engines: list[tuple[EngineCore, InlineRuntime, SimulatedPlatform]] = []
        self._peer = point.fault is FaultKind.DELAY
        self._client: Verbs | None = None
        if point.seed % 4 >= 2:
            backend = StoreBackend(
                self.store,
                platform=self.world.process("client"),
                limits=Limits(),
                attributes=AttributeSchema(),
                owned=False,
            )
            backend.open()
            self._client = Verbs(backend)
            self._backend = backend

    # ---- engines

    def open(self) -> None:
        """The first engine, and a second one beside it where the first is to stand still."""
        self._revive()
        if self._peer:
            self.join("peer")

    def join(self, name: str) -> None:
        """One more engine, which meets no faults."""
        self._begin(name, FaultPlan())

    def _revive(self) -> None:
        while True:
            if self._engines and not self._engines[0][2].crashed:
                return
            if self._engines:
                self._engines.pop(0)[1].abandon()
            self.lives += 1
            with suppress(Crash):
                self._begin(f"engine-{self.lives}", self.plan, first=True)
                return

    def _begin(self, name: str, plan: FaultPlan, *, first: bool = False) -> None:
        process = self.world.process(name)
        runtime = InlineRuntime(InlineSettings(), process, ran=self.journal.ran)
        core = EngineCore(
            Parts(
                store=_Way(self.store, plan, process, landed=self._landed),
                runtime=runtime,
                runtimes={},
                catalog=Catalog(self.modules),
                settings=EngineSettings(
                    engine_id=EngineId(name),
                    host="simulated",
                    pid=self.lives,
                    settle=_SETTLE,
                    resident=0 if self.point.seed % 2 else 1000,
                ),
                platform=process,
            )
        )
        self._engines.insert(0 if first else len(self._engines), (core, runtime, process))
        while True:
            try:
                core.open()
            except _UNREACHABLE:
                self.world.run_for(0.2)
            else:
                return

    def _landed(self, commit: Commit) -> None:
        self.known.committed(commit)
        self.journal.landed(commit)

    def verbs(self) -> Verbs:
        """The client's way: through the store, or by the engine that lives."""
        self._revive()
        return self._client or Verbs(self._engines[0][0])

    def caller(self) -> Caller:
        """The client."""
        return Caller(self.verbs, self._revive, self._rest, self.known)

    def _rest(self, seconds: float) -> None:
        self.world.run_for(seconds)

    # ---- the point

    def run(self) -> Outcome:
        """Do it, let everything come to rest, and look at what is there."""
        broken: Broken = []
        scenario = SCENARIOS[self.point.scenario]
        try:
            self.open()
            end = scenario.drive(self.caller())
            if not scenario.ends(end):
                broken.append(f"it ended with {end!r}")
        except Exception as error:
            broken.append(f"{type(error).__name__}: {error}")
        broken += self._end()
        return Outcome(self.point, broken, self.plan.methods, bool(self.plan.met), self.world.steps)

    def _end(self) -> Broken:
        """No faults any more; what is there is looked at, and left."""
        self.plan.heal()
        broken = [*self.journal.broken, *self._check()]
        self.leave()
        return broken

    def _check(self) -> Broken:
        replays = Replays(Catalog(self.modules))
        found = check_invariants(
            self.store,
            self.store,
            acknowledged=self.known,
            clock=self.world.now(),
            replayer=replays,
            all_ended=True,
        )
        return [str(each) for each in found]

    def leave(self) -> None:
        """Let go of what is alive."""
        for _, runtime, process in self._engines:
            process.crash()
            runtime.abandon()
