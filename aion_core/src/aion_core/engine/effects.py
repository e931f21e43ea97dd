"""What a durable turn sets off, and everything else that the turn loop asks of the rooms around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from aion_core.client.reply import Reply
from aion_core.client.requests import ActivityRequest, AnyReaction, Recorded
from aion_core.engine.catalog import Catalog
from aion_core.engine.lifecycle import CodeOptions
from aion_core.engine.recorder import Recording, Rules
from aion_core.engine.resident import Asked, Caller
from aion_core.engine.settings import EngineSettings
from aion_core.engine.writer import Chore, Write
from aion_core.ledger import RunLedger
from aion_core.model.errors import StoreRefused
from aion_core.model.failed import WorkflowNotFound, WorkflowOpen
from aion_core.model.ids import Fence, MessageId, RunId, Shard, TaskId, Version, WorkflowId, shard_of
from aion_core.model.status import Status
from aion_core.platform import Lane, Platform
from aion_core.spi.runtime import Activation, ActivityTask, Answer, Ask, AskKind, Runtime
from aion_core.spi.stores import EventStore, VisibilityStore

if TYPE_CHECKING:
    from aion_core.engine.activities import Activities
    from aion_core.engine.endings import Endings
    from aion_core.engine.messages import Messages
    from aion_core.engine.timers import Timers
    from aion_core.engine.turns import Turns

Step: TypeAlias = tuple[Callable[[Any], None], Any]
"""What the engine's lane is given: something to call there, with its argument."""


@frozen(kw_only=True)
class Lanes:
    """The other threads of the engine, as the engine's own sees them. Nothing here blocks."""

    engine: Lane[Step]
    writer: Lane[Write | Chore]
    reader: Lane[WorkflowId]


class Effects:
    """The `Surroundings` of the turn loop, and the `Rooms` of requests. On the engine's thread."""

    turns: Turns
    timers: Timers
    activities: Activities
    endings: Endings
    messages: Messages
    lanes: Lanes
    rules: Rules

    def __init__(
        self,
        settings: EngineSettings,
        platform: Platform,
        *,
        catalog: Catalog,
        store: EventStore,
        visibility: VisibilityStore | None,
        runtime: Runtime,
        runtimes: Mapping[str, Runtime],
    ) -> None:
        """`runtimes` are those of queues that name one. The rooms are put in before the first step."""
        self.platform = platform
        self.limits = settings.limits
        self.resident = settings.resident
        self.keep = settings.keep
        self.fences: Mapping[Shard, Fence] = {}
        self.shards = 1
        self._catalog = catalog
        self._store = store
        self._visibility = visibility
        self._runtime = runtime
        self._runtimes = runtimes
        self.every_runtime = tuple(dict.fromkeys((runtime, *runtimes.values())))
        """Each once."""

    # ---- see `Surroundings`

    def load(self, workflow_id: WorkflowId) -> None:
        """See `Surroundings.load`."""
        self.lanes.reader.put(workflow_id)

    def met(self, ledger: RunLedger) -> None:
        """See `Surroundings.met`."""
        self.timers.note(ledger)
        self.activities.met(ledger)

    def activate(self, batch: Sequence[Activation]) -> None:
        """See `Surroundings.activate`."""
        self._runtime.activate(batch)

    def evict(self, runs: Sequence[RunId]) -> None:
        """See `Surroundings.evict`."""
        self._runtime.evict(runs)

    def write(self, item: Write) -> None:
        """See `Surroundings.write`."""
        self.lanes.writer.put(item)

    def fence(self, workflow_id: WorkflowId) -> Fence | None:
        """See `Surroundings.fence`."""
        return self.fences.get(shard_of(workflow_id, self.shards))

    def code(self, workflow_type: str, version: Version | None) -> CodeOptions:
        """See `Surroundings.code`."""
        return self._catalog.options(workflow_type, version)

    def current_version(self) -> Version:
        """See `Surroundings.current_version`."""
        return self._catalog.version

    def release(self, ledger: RunLedger, recording: Recording) -> None:
        """See `Surroundings.release`."""
        self.activities.release(ledger, recording)
        self.timers.note(ledger)
        if recording.runs:
            self.endings.recorded(ledger, recording)

    def give_back(self, recording: Recording) -> None:
        """See `Surroundings.give_back`."""
        self.activities.give_back(recording)

    def tell(self, caller: Caller, reaction: AnyReaction | BaseException, *, durable: bool) -> None:
        """See `Surroundings.tell`."""
        self.messages.tell(caller, reaction, durable=durable)

    # ---- see `Rooms`

    def told(self, workflow_id: WorkflowId, run_id: RunId | None, request: ActivityRequest, caller: Caller) -> None:
        """See `Rooms.told`."""
        if run_id is None:
            self.tell(caller, WorkflowNotFound(workflow_id), durable=False)  # a task token always names its run
        else:
            self.activities.told(workflow_id, run_id, request, caller)

    def delete(self, workflow_id: WorkflowId, caller: Caller) -> None:
        """See `Rooms.delete`. What is open in memory is refused at once; for the rest the store's row decides."""
        ledger = self.turns.ledger(workflow_id)
        if ledger is not None and ledger.open:
            error = WorkflowOpen(workflow_id, ledger.run_id, status=ledger.summary.status.value)
            self.tell(caller, error, durable=False)
            return
        removed: list[RunId] = []
        chore = Chore(call=lambda store: removed.append(_remove(store, self._visibility, workflow_id)))

        def done(reply: Reply[None]) -> None:
            self.lanes.engine.put((tell, reply))

        def tell(reply: Reply[None]) -> None:
            try:
                reply.result()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
                self.tell(caller, error, durable=False)
            else:
                self.tell(caller, Recorded(run_id=removed[0]), durable=False)

        chore.reply.then(done)
        self.lanes.writer.put(chore)

    # ---- activities

    def execute(self, tasks: Sequence[ActivityTask]) -> None:
        """Run attempts where their queues say. A body that only a run's code can reach is learned first."""
        known: list[ActivityTask] = []
        for task in tasks:
            if self._catalog.knows_activity(task.activity_type):
                known.append(task)
            else:
                self._learn(task)
        if known:
            self._execute(known)

    def cancel_activity(self, task_id: TaskId) -> None:
        """Whoever runs it stops it; the others do not know it."""
        for runtime in self.every_runtime:
            runtime.cancel_activity(task_id)

    def _execute(self, tasks: Sequence[ActivityTask]) -> None:
        if not self._runtimes:
            self._runtime.execute(tasks)
            return
        by_runtime: defaultdict[Runtime, list[ActivityTask]] = defaultdict(list)
        for task in tasks:
            by_runtime[self._runtimes.get(task.queue, self._runtime)].append(task)
        for runtime, batch in by_runtime.items():
            runtime.execute(batch)

    def _learn(self, task: ActivityTask) -> None:
        """Replay the run: its code calls the activity, and is found out to know it. If not, the attempt says so."""
        reply: Reply[Answer] = Reply()
        reply.then(lambda _: self.lanes.engine.put((self._execute, [task])))
        ask = Ask(ask_id=MessageId(task.task_id), kind=AskKind.STACK)
        self.turns.ask(task.workflow_id, Asked(ask=ask, reply=reply, run_id=task.run_id))


def _remove(store: EventStore, visibility: VisibilityStore | None, workflow_id: WorkflowId) -> RunId:
    """Remove a closed workflow; its last run. On the writer's thread."""
    (state,) = store.state([workflow_id])
    if state is None:
        raise WorkflowNotFound(workflow_id)
    run_id, status = state.summary.run_id, state.summary.status
    runs: list[tuple[WorkflowId, RunId]] = []
    after = None
    while True:
        page = store.runs(workflow_id, after=after, limit=1000)
        runs += ((workflow_id, entry.run_id) for entry in page.items)
        after = page.next
        if after is None:
            break
    try:
        store.trim(workflow_id, None)
    except StoreRefused:
        if status.open or status is Status.CONTINUED_AS_NEW:
            raise WorkflowOpen(workflow_id, run_id, status=status.value) from None
        raise
    if visibility is not None:
        visibility.delete(runs)
    return run_id
