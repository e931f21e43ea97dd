"""One run in memory: applies events to the code, and gathers the commands that the code issues."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from contextvars import copy_context
from random import Random  # noqa: TID251  # seeded by the run
from typing import Any, ClassVar, Final, NoReturn, TypeVar, cast

from aion_core.authoring.context import Info, Surroundings
from aion_core.codec.failures import failure_of
from aion_core.machine import leaving
from aion_core.machine.differences import Differences
from aion_core.machine.endings import ending
from aion_core.machine.facts import SETTLES, Facts, outcome_of, settle_the_same
from aion_core.machine.loop import TimerHandle, WorkflowLoop
from aion_core.machine.ordinals import Hold, Mode, Ordinals
from aion_core.machine.patches import Patches
from aion_core.machine.places import users_place
from aion_core.machine.plain import in_plain_code, wait_for
from aion_core.machine.signals import Mailbox
from aion_core.machine.stacks import stack_of
from aion_core.machine.tasks import failed_unseen, new_task, raising
from aion_core.machine.weights import weight
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.attributes import Attribute
from aion_core.model.errors import AionError, LimitExceeded, NonDeterminism, ReadOnlyViolation
from aion_core.model.failed import UnknownHandler
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import ActivityCall
from aion_core.model.times import SECOND, Instant
from aion_core.spi import calls
from aion_core.spi.interceptors import Interceptor, chain

T = TypeVar("T")

Main = Callable[["WorkflowRun", e.WorkflowStarted], Coroutine[Any, Any, Payload]]
"""The workflow's code, around which decoding and encoding are done already."""

_NOTHING_GIVEN: Final = ActivityCall()
_NO_LIMITS: Final = Limits()
_NOTHING: Final[AbstractSet[tuple[str, int]]] = frozenset()


class WorkflowRun:
    """The state of one run. Belongs to its loop's thread; nothing here blocks.

    `apply` is the machine's side: one event, drained to quiescence, and its commands. The rest is called by the code.
    """

    __slots__ = (
        "_commands", "_conditions", "_differences", "_facts", "_held", "_holds", "_issued", "_length", "_locals",
        "_loop", "_main", "_markers", "_mode", "_most", "_now", "_ordinals", "_over", "_patches", "_queries",
        "_reader", "_reason", "_rng", "_size", "_stopping", "_task", "_tasks", "_timers", "_traced", "_waiting",
        "closed", "replaying", "run_id", "seen", "signals", "surroundings", "violation", "workflow_id",
    )  # fmt: skip

    def __init__(
        self,
        loop: WorkflowLoop,
        main: Main,
        *,
        workflow_id: WorkflowId,
        surroundings: Surroundings | None = None,
        traced: bool = False,
    ) -> None:
        """Nothing runs before `WorkflowStarted` is applied. `traced` notes where in the code commands are issued.

        `surroundings` are what the functions of `aion_core` need; code that calls none of them does without.
        """
        self.workflow_id = workflow_id
        self.run_id = RunId("")
        # Shared by all runs of the worker. Where there are none, nobody calls what needs them.
        self.surroundings = cast("Surroundings", surroundings)
        self.signals = Mailbox(loop)
        self.closed = False
        self.replaying = False
        self.seen: int | None = None
        """The ticket of the activation that was applied last, for whoever holds the run."""
        self._loop = loop
        self._main = main
        self._most = (_NO_LIMITS if surroundings is None else surroundings.limits).history_events
        self._traced = traced
        self._facts: Facts | None = None
        self._ordinals = Ordinals()
        self._mode = Mode.RUNNING
        self._reader = ""
        self._reason = ""
        self._now = Instant(0)
        self._task: asyncio.Task[Payload] | None = None
        self._commands: dict[object, c.Command] = {}
        self._waiting: dict[tuple[str, int], asyncio.Future[e.Event]] = {}
        self.violation: AionError | None = None
        """The rule that the code broke: nothing of the turn counts."""
        self._length = 0
        self._size = 0
        # What most runs never have is made when it is needed: a suspended run is small.
        self._tasks: dict[asyncio.Task[Any], None] | None = None
        self._timers: dict[int, TimerHandle] | None = None
        self._conditions: Sequence[tuple[Callable[[], object], asyncio.Future[None]]] = ()
        self._held: list[e.Event] | None = None
        self._holds: set[Hold] | None = None
        self._issued: Sequence[e.Event] = ()
        self._over: AbstractSet[tuple[str, int]] = _NOTHING
        self._markers: dict[int, Payload] | None = None
        self._patches: Patches | None = None
        self._locals: dict[int, str] | None = None
        self._stopping: set[int] | None = None
        self._queries: dict[str, Callable[[Payload, e.Headers], Payload]] | None = None
        self._differences: Differences | None = None
        self._rng: Random | None = None

    # ---- the machine's side

    def apply(self, event: e.Event) -> list[c.Command]:
        """Apply one arrival and drain; the commands that the drain issued, in order.

        While the run is paused, blocked or delayed, arrivals are held; they are drained in order when it goes on, at
        the time of the event that lets it. A `BlockWorkflow` says that the code broke a rule: then the run is of no
        use any more.
        """
        self._length += 1
        self._size += weight(event)
        if self._held is None:
            self._drain(event, event.at)
        elif not self._goes_on(event):
            return []
        commands, self._commands = [*self._commands.values()], {}
        if self.violation is not None:
            return [c.BlockWorkflow(failure=failure_of(self.violation))]
        if commands:
            self._count(commands)
        if self._patches is not None:
            self._patches.drained()
        return commands

    def recorded(self, issued: Sequence[e.Event]) -> None:
        """What the history holds of the next drain: of its markers the code sees the values, and computes none."""
        self._issued = issued
        for event in issued:
            if type(event) is e.MarkerRecorded:
                if event.kind is e.MarkerKind.PATCH:
                    self._patch_answers().recorded(event.name)
                else:
                    self._markers = self._markers or {}
                    self._markers[event.ordinal] = event.value

    def hold(self, why: Hold) -> None:
        """What arrives from here on is kept until the run goes on."""
        self._holds = self._holds or set()
        self._holds.add(why)
        if self._held is None:
            self._held = []

    def expects(self, event: e.Event) -> bool:
        """Whether the run still waits for this arrival: it was not settled, and the run has not ended."""
        if self.closed:
            return False
        settles = SETTLES.get(type(event))
        if settles is None:
            return True
        ordinal = outcome_of(event)
        waiting = ordinal in (self._timers or ()) if settles == "timer" else (settles, ordinal) in self._waiting
        if self._held is None:
            return waiting
        return waiting and not any(settle_the_same(event, held) for held in self._held)

    def compare(self, command: c.ScheduleActivity, event: e.ActivityScheduled) -> None:
        """Replayed code computed an input whose bytes are not the recorded ones."""
        self._differences = self._differences or Differences()
        self._differences.compare(command, event, self.workflow_id)

    @property
    def differing_inputs(self) -> int:
        """Inputs that the code now computes otherwise than the history has them."""
        return 0 if self._differences is None else self._differences.count

    def query(self, name: str, payload: Payload, headers: e.Headers | None = None) -> Payload:
        """The answer of the code to a query, between drains. Raises what the handler raises.

        A handler that tries to record something fails its caller; one that wakes other code has changed the run, and
        `violation` says so.
        """
        handler = (self._queries or {}).get(name)
        if handler is None:
            raise UnknownHandler("query", name, self._queries or (), workflow_id=self.workflow_id)
        loop = self._loop
        loop.current, loop.now = self, self._now
        self._mode, self._reader = Mode.ANSWERING, f"query {name!r}"
        try:
            answer = handler(payload, headers or {})
        finally:
            self._mode = Mode.RUNNING
            loop.current = None
            refused, self.violation = self.violation, None
            if loop.has_ready():
                loop.forget()
                refused = self.violation = ReadOnlyViolation(self._reader, _WAKING)
        if refused is not None:  # whatever the handler caught
            raise refused
        return answer

    def stack(self) -> str:
        """Where the tasks of the run wait, for people."""
        return stack_of((*([self._task] if self._task else []), *(self._tasks or ())))

    def evict(self) -> None:
        """Leave memory. `finally` blocks of the code run, and can do nothing; nobody hears of it."""
        self._mode = Mode.LEAVING
        loop = self._loop
        before, loop.current = loop.current, self
        leaving.close((*(self._tasks or ()), *([self._task] if self._task else [])))
        loop.forget()
        loop.current = before

    def _drain(self, event: e.Event, at: Instant) -> None:
        loop = self._loop
        loop.current = self
        loop.now = self._now = at
        try:
            if (deliver := self._deliveries.get(type(event))) is not None:
                deliver(self, event)
            loop.drain()
            while self._conditions and self._wake_one():
                loop.drain()
        finally:
            loop.current = None
        if self._task is not None and self._task.done() and not self.closed:
            self.closed = True
            surroundings = cast("Surroundings | None", self.surroundings)
            values = None if surroundings is None else surroundings.values
            self._commands["end"] = ending(self._task, self._tasks or (), values, reason=self._reason)

    def _goes_on(self, event: e.Event) -> bool:
        """Keep an arrival; when it lets the run go on, drain all that was kept, and it."""
        held, holds = cast("list[e.Event]", self._held), cast("set[Hold]", self._holds)
        match event:
            case e.WorkflowPaused():
                holds.add(Hold.PAUSED)
            case e.WorkflowBlocked():
                holds.add(Hold.BLOCKED)
            case e.WorkflowResumed():
                holds -= {Hold.PAUSED, Hold.DELAYED}
            case e.WorkflowUnblocked():
                holds.discard(Hold.BLOCKED)
            case _:
                held.append(event)
        if holds:
            return False
        self._held = None
        # What these have settled, as the history says, is not cancelled by a drain before their turn comes.
        self._over = {(SETTLES[type(each)], outcome_of(each)) for each in held if type(each) in SETTLES}
        for arrival in held:
            if isinstance(arrival, e.WorkflowStarted):
                self._begin(arrival)
            self._drain(arrival, event.at)
        self._over = _NOTHING
        return True

    def _count(self, commands: Sequence[c.Command]) -> None:
        """Add to the figures what the drain's commands are recorded as, or were."""
        things: Sequence[e.Event | c.Command] = self._issued if self.replaying else commands
        for thing in things:
            if type(thing) is not c.ScheduleActivity or not thing.local:
                self._length += 1
                self._size += weight(thing)

    def _start(self, event: e.WorkflowStarted) -> None:
        if self._task is not None:
            return  # it was held, and has begun
        if event.not_before is None:
            self._begin(event)
        else:
            self.hold(Hold.DELAYED)
            if self._held is not None:
                self._held.append(event)

    def _begin(self, event: e.WorkflowStarted) -> None:
        self.run_id = event.run_id
        self._facts = Facts.of(event)
        self._loop.current = self
        main = self._main(self, event)
        self._task = new_task(main, loop=self._loop, number=self.next_task_number(), name="main", context=None)

    def _fire(self, event: e.TimerFired) -> None:
        if self._timers and (handle := self._timers.pop(event.ordinal, None)) is not None:
            self._loop.call_soon(handle.callback, *handle.args, context=handle.context)

    def _receive(self, event: e.SignalReceived) -> None:
        surroundings = cast("Surroundings | None", self.surroundings)
        observed = () if surroundings is None else surroundings.around("handle_signal")
        if not observed:
            self.signals.put(event)
            return
        call = calls.HandleSignal(
            workflow_id=self.workflow_id,
            run_id=self.run_id,
            replaying=self.replaying,
            name=event.name,
            headers=event.headers,
        )
        try:
            chain(observed, Interceptor.handle_signal, lambda _: self.signals.put(event))(call)
        except Exception as error:  # noqa: BLE001  # the interceptor's: as if the code had raised it
            self._loop.create_task(raising(error), name=f"signal {event.name}")

    def _cancel(self, event: e.WorkflowCancelRequested | e.WorkflowCancelled) -> None:
        self._reason = event.reason or self._reason
        if self._task is not None:
            self._task.cancel()

    def _pause(self, _: e.WorkflowPaused) -> None:
        self.hold(Hold.PAUSED)

    def _block(self, _: e.WorkflowBlocked) -> None:
        self.hold(Hold.BLOCKED)

    def _settle_activity(self, event: e.ActivityCompleted | e.ActivityFailed | e.ActivityCancelled) -> None:
        if not isinstance(event, e.ActivityCancelled) and event.activity_type is not None:
            self._settle_local(event, event.activity_type)
        self._settle(("activity", event.ordinal), event)

    def _settle_local(self, event: e.ActivityCompleted | e.ActivityFailed, activity_type: str) -> None:
        """Nothing but its outcome stands in the history: here is where its type is compared."""
        called = (self._locals or {}).pop(event.ordinal, None)
        if called != activity_type:
            does = f"calls local activity `{called}`" if called else "calls no local activity of this number"
            history = f"local activity `{activity_type}` (#{event.ordinal}, event {event.seq})"
            self.violated(NonDeterminism(history, does, seq=event.seq))

    def _settle_child(self, event: e.ChildWorkflowCompleted | e.ChildWorkflowFailed | e.ChildWorkflowCancelled) -> None:
        self._settle(("child", event.ordinal), event)

    _deliveries: ClassVar[dict[type[e.Event], Callable[[WorkflowRun, Any], None]]] = {
        e.WorkflowStarted: _start,
        e.TimerFired: _fire,
        e.SignalReceived: _receive,
        e.WorkflowCancelRequested: _cancel,
        e.WorkflowCancelled: _cancel,
        e.WorkflowPaused: _pause,
        e.WorkflowBlocked: _block,
        e.ActivityCompleted: _settle_activity,
        e.ActivityFailed: _settle_activity,
        e.ActivityCancelled: _settle_activity,
        e.ChildWorkflowCompleted: _settle_child,
        e.ChildWorkflowFailed: _settle_child,
        e.ChildWorkflowCancelled: _settle_child,
    }
    """What an arrival does to the run; what is not here, resumptions above all, only moves its time."""

    def _settle(self, key: tuple[str, int], event: e.Event) -> None:
        future = self._waiting.pop(key, None)
        if future is not None and not future.done():
            future.set_result(event)

    def _wake_one(self) -> bool:
        """Resume the first waiter whose condition is true; evaluation starts again after it ran."""
        self._conditions = [(test, future) for test, future in self._conditions if not future.done()]
        loop = self._loop
        for test, future in self._conditions:
            self._mode, self._reader = Mode.TESTING, "a condition of wait_until"
            try:
                true = bool(test())
            except Exception as error:  # noqa: BLE001  # the waiter's error
                future.set_exception(error)
                return True
            finally:
                self._mode = Mode.RUNNING
                if loop.has_ready() and not future.done():
                    self.violated(ReadOnlyViolation(self._reader, _WAKING))
            if true:
                future.set_result(None)
                return True
        return False

    # ---- what the loop asks

    def next_task_number(self) -> int:
        """See `LoopClient`."""
        self.check("asyncio.create_task")
        return self._ordinals.task()

    def started_task(self, task: asyncio.Task[Any]) -> None:
        """See `LoopClient`."""
        self._tasks = self._tasks or {}
        self._tasks[task] = None
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None and not failed_unseen(task):
            self._tasks.pop(task, None)

    def start_timer(self, handle: TimerHandle) -> int:
        """See `LoopClient`."""
        self.check("a timer")
        ordinal = self._ordinals.timer()
        self._timers = self._timers or {}
        self._timers[ordinal] = handle
        at = Instant(round(handle.when() * SECOND))
        self._issue(
            ("timer", ordinal), c.StartTimer(ordinal=ordinal, fire_at=at, name=handle.name, source=self._source())
        )
        return ordinal

    def cancel_timer(self, handle: TimerHandle) -> None:
        """See `LoopClient`."""
        if not self._timers or handle.ordinal not in self._timers or self._mode is Mode.LEAVING:
            return
        self.check("the cancellation of a timer")
        del self._timers[handle.ordinal]
        fresh = self._commands.pop(("timer", handle.ordinal), None) is not None  # as if it never was
        if not fresh and ("timer", handle.ordinal) not in self._over:
            self._issue(None, c.CancelTimer(ordinal=handle.ordinal, source=self._source()))

    def unhandled(self, context: dict[str, Any]) -> None:
        """See `LoopClient`. Tasks that failed unseen are found by their state; nothing else is of consequence."""

    def violated(self, error: AionError) -> None:
        """The code broke a rule: whatever it catches, nothing of this turn is recorded."""
        if self.violation is None:
            self.violation = error

    # ---- what workflow code calls

    def check(self, call: str) -> None:
        """Every call that records begins here."""
        if self._mode is Mode.RUNNING:
            return
        if self._mode is Mode.LEAVING:
            leaving.refuse()
        error = ReadOnlyViolation(self._reader, call)
        self.violated(error)
        raise error

    in_plain_code = staticmethod(in_plain_code)
    wait_for = staticmethod(wait_for)

    def outside(self, call: Callable[[], T]) -> T:
        """Call it as if no workflow were running: the guard looks away, and nothing there reaches the run."""
        self._loop.current = None
        try:
            return call()
        finally:
            self._loop.current = self

    def info(self) -> Info:
        """What is known of the run. Notes about attempts, of which the code never hears, do not count as events."""
        facts = cast("Facts", self._facts)
        return facts.info(self.workflow_id, self.run_id, length=self._length + len(self._commands), size=self._size)

    def now(self) -> Instant:
        """Of the event being applied."""
        return self._loop.now

    def rng(self) -> Random:
        """Seeded by the run: the same numbers in every replay."""
        if self._rng is None:
            seed = hashlib.sha256(f"aion.random/1 {self.workflow_id} {self.run_id}".encode()).digest()
            self._rng = Random(seed)  # noqa: S311  # deterministic is what it must be
        return self._rng

    def activity(
        self,
        activity_type: str,
        payload: Payload = EMPTY,
        *,
        given: ActivityCall = _NOTHING_GIVEN,
        local: bool = False,
        headers: e.Headers | None = None,
    ) -> tuple[int, asyncio.Future[e.Event]]:
        """Schedule an activity; its ordinal, and the event that will end it."""
        if self._mode is not Mode.RUNNING:
            self.check("an activity")
        ordinal = self._ordinals.activity()
        key = ("activity", ordinal)
        future = self._waiting[key] = asyncio.Future(loop=self._loop)
        command = c.ScheduleActivity(
            ordinal=ordinal,
            activity_type=activity_type,
            input=payload,
            given=given,
            local=local,
            headers=headers or {},
            source=self._source() if self._traced else "",
        )
        self._issue(key, command)
        if local:
            self._locals = self._locals or {}
            self._locals[ordinal] = activity_type
        return ordinal, future

    def cancel_activity(self, ordinal: int, *, wait: bool = False) -> asyncio.Future[e.Event] | None:
        """The await of it was cancelled. With `wait`, its own outcome, unless it never left this drain."""
        if self._mode is Mode.LEAVING or ("activity", ordinal) not in self._waiting:
            return None
        self.check("the cancellation of an activity")
        fresh = self._commands.pop(("activity", ordinal), None) is not None  # as if it never was
        over = ("activity", ordinal) in self._over
        if fresh or not wait:
            del self._waiting["activity", ordinal]
            if not fresh and not over:
                self._issue(None, c.CancelActivity(ordinal=ordinal, source=self._source()))
            return None
        future = self._waiting["activity", ordinal] = self._loop.create_future()
        stopping = self._stopping = self._stopping or set()
        if ordinal not in stopping and not over:
            stopping.add(ordinal)
            self._issue(None, c.CancelActivity(ordinal=ordinal, wait=True, source=self._source()))
        return future

    def condition(self, test: Callable[[], object]) -> asyncio.Future[None]:
        """A future that is done once the test is true, asked after every drain."""
        self.check("wait_until")
        future: asyncio.Future[None] = self._loop.create_future()
        self._conditions = (*self._conditions, (test, future))
        return future

    def timer(self, fire_at: Instant, done: Callable[[], None], *, name: str) -> TimerHandle:
        """Start a durable timer that has a name; `done` is called when it fires."""
        return TimerHandle(self, fire_at / SECOND, done, (), copy_context(), name=name)

    def marker(self, kind: e.MarkerKind, name: str, compute: Callable[[], Payload]) -> Payload:
        """A value computed once: what the history holds, or what `compute` gives now."""
        self.check("a side effect")
        ordinal = self._ordinals.marker()
        recorded = None if self._markers is None else self._markers.pop(ordinal, None)
        if recorded is None and self.replaying:
            what = kind.replace("_", " ")
            mismatch = NonDeterminism("nothing there", f"records {what} `{name}` (#{ordinal}) at {users_place()}")
            self.violated(mismatch)
            raise mismatch
        value = compute() if recorded is None else recorded
        command = c.RecordMarker(marker=kind, ordinal=ordinal, name=name, value=value, source=self._source())
        self._issue(None, command)
        return value

    def patched(self, change_id: str) -> bool:
        """Whether this run takes the new way."""
        self.check("patched")
        answer, recorded = self._patch_answers().ask(change_id, replaying=self.replaying)
        if recorded:  # known by its name: a call that is removed leaves the numbers of the others alone
            command = c.RecordMarker(marker=e.MarkerKind.PATCH, ordinal=0, name=change_id, source=self._source())
            self._issue(None, command)
        return answer

    def answer(self, name: str, handler: Callable[[Payload, e.Headers], Payload]) -> None:
        """From now on queries of this name go to the handler."""
        self._queries = self._queries or {}
        self._queries[name] = handler

    def set_attributes(self, attributes: dict[str, Attribute | None]) -> None:
        """Search attributes, checked already."""
        self.check("set_attributes")
        self._issue(None, c.SetAttributes(attributes=attributes, source=self._source()))

    def set_memo(self, memo: dict[str, Payload | None]) -> None:
        """The memo, encoded already."""
        self.check("set_memo")
        self._issue(None, c.SetMemo(memo=memo, source=self._source()))

    # ----

    def _patch_answers(self) -> Patches:
        if self._patches is None:
            self._patches = Patches()
        return self._patches

    def _issue(self, key: object, command: c.Command) -> None:
        if len(self._commands) >= self._most:
            self._too_many()
        self._commands[key if key is not None else object()] = command

    def _too_many(self) -> NoReturn:
        """More than a history can hold: the run is blocked, whatever else its code does."""
        error = LimitExceeded("commands of one turn", self._most + 1, self._most, setting="history_events")
        self.violated(error)
        raise error

    def _source(self) -> str:
        return users_place() if self._traced else ""


_WAKING: Final = "something that wakes the workflow's code"
