"""One run in memory: applies events to the code, and gathers the commands that the code issues."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from random import Random  # noqa: TID251  # seeded by the run
from typing import Any, ClassVar, Final, cast

from aion_core.codec.failures import failure_of
from aion_core.machine.loop import TimerHandle, WorkflowLoop
from aion_core.machine.ordinals import Evicted, Mode, Ordinals
from aion_core.machine.places import users_place
from aion_core.machine.signals import Mailbox
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.attributes import Attribute
from aion_core.model.errors import ReadOnlyViolation, WorkflowCodeError
from aion_core.model.ids import RunId, WorkflowId
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import ActivityCall
from aion_core.model.times import SECOND, Instant

Main = Callable[["WorkflowRun", e.WorkflowStarted], Coroutine[Any, Any, Payload]]
"""The workflow's code, around which decoding and encoding are done already."""

_NOTHING_GIVEN: Final = ActivityCall()


class ContinuedAsNew(BaseException):
    """Raised by `continue_as_new` to unwind the main task."""

    def __init__(self, command: c.ContinueAsNew) -> None:
        """What becomes of the run."""
        super().__init__()
        self.command = command


class WorkflowRun:
    """The state of one run. Belongs to its loop's thread; nothing here blocks.

    `apply` is the machine's side: one event, drained to quiescence, and the commands of that drain. The other methods
    are called by workflow code while it is being drained.
    """

    def __init__(self, loop: WorkflowLoop, main: Main, *, workflow_id: WorkflowId, traced: bool = False) -> None:
        """Nothing runs before `WorkflowStarted` is applied. `traced` notes where in the code commands are issued."""
        self.workflow_id = workflow_id
        self.run_id = RunId("")
        self.signals = Mailbox(loop)
        self.closed = False
        self._loop = loop
        self._main = main
        self._traced = traced
        self._ordinals = Ordinals()
        self._mode = Mode.RUNNING
        self._reader = ""
        self._task: asyncio.Task[Payload] | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._commands: dict[object, c.Command] = {}
        self._waiting: dict[tuple[str, int], asyncio.Future[e.Event]] = {}
        self._timers: dict[int, TimerHandle] = {}
        self._conditions: list[tuple[Callable[[], object], asyncio.Future[None]]] = []
        self._held: list[e.Event] | None = None
        self._violation: WorkflowCodeError | None = None
        self._markers: dict[int, Payload] = {}
        self._rng: Random | None = None

    # ---- the machine's side

    def apply(self, event: e.Event) -> list[c.Command]:
        """Apply one arrival and drain; the commands that the drain issued, in order.

        While the run is paused or blocked arrivals are held, and drained in order when it goes on.
        """
        if self._held is None:
            self._drain(event)
        elif isinstance(event, e.WorkflowResumed | e.WorkflowUnblocked):
            held, self._held = self._held, None
            for arrival in (*held, event):
                self._drain(arrival)
        else:
            self._held.append(event)
            return []
        commands, self._commands = [*self._commands.values()], {}
        if self._violation is not None:
            return [c.BlockWorkflow(failure=failure_of(self._violation))]
        return commands

    def recorded(self, markers: Mapping[int, Payload]) -> None:
        """Values that the history holds for markers of the next drain: the code sees these and computes none."""
        if markers:
            self._markers.update(markers)

    def evict(self) -> None:
        """Leave memory. `finally` blocks of the code run, and can do nothing; nobody hears of it."""
        self._mode = Mode.LEAVING
        self._loop.current = self
        for task in (*self._tasks, *([self._task] if self._task else [])):
            setattr(task, "_log_destroy_pending", False)  # noqa: B010  # asyncio's own switch, which no stub knows
            if not task.done() and not _closed(task):
                _SURVIVORS.append(task)
        self._loop.forget()
        self._loop.current = None

    def _drain(self, event: e.Event) -> None:
        loop = self._loop
        loop.current = self
        loop.now = event.at
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
            self._issue("end", self._ending(self._task))

    def _start(self, event: e.WorkflowStarted) -> None:
        self.run_id = event.run_id
        self._task = self._loop.create_task(self._main(self, event), name="main")
        self._tasks.pop(self._task, None)

    def _fire(self, event: e.TimerFired) -> None:
        if (handle := self._timers.pop(event.ordinal, None)) is not None:
            self._loop.call_soon(handle.callback, *handle.args, context=handle.context)

    def _receive(self, event: e.SignalReceived) -> None:
        self.signals.put(event)

    def _cancel(self, _: e.WorkflowCancelRequested | e.WorkflowCancelled) -> None:
        if self._task is not None:
            self._task.cancel()

    def _hold(self, _: e.WorkflowPaused | e.WorkflowBlocked) -> None:
        self._held = []

    def _settle_activity(self, event: e.ActivityCompleted | e.ActivityFailed | e.ActivityCancelled) -> None:
        self._settle(("activity", event.ordinal), event)

    def _settle_child(self, event: e.ChildWorkflowCompleted | e.ChildWorkflowFailed | e.ChildWorkflowCancelled) -> None:
        self._settle(("child", event.ordinal), event)

    _deliveries: ClassVar[dict[type[e.Event], Callable[[WorkflowRun, Any], None]]] = {
        e.WorkflowStarted: _start,
        e.TimerFired: _fire,
        e.SignalReceived: _receive,
        e.WorkflowCancelRequested: _cancel,
        e.WorkflowCancelled: _cancel,
        e.WorkflowPaused: _hold,
        e.WorkflowBlocked: _hold,
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
        for test, future in self._conditions:
            before, self._mode, self._reader = self._mode, Mode.READING, "a condition of wait_until"
            try:
                true = bool(test())
            except Exception as error:  # noqa: BLE001  # the waiter's error
                future.set_exception(error)
                return True
            finally:
                self._mode = before
            if true:
                future.set_result(None)
                return True
        return False

    def _ending(self, task: asyncio.Task[Payload]) -> c.Command:
        unseen = next((each for each in self._tasks if each.done() and _unretrieved(each)), None)
        if task.cancelled():
            return c.CancelWorkflow()
        error = task.exception()
        if isinstance(error, ContinuedAsNew):
            return error.command
        if error is None and unseen is not None:
            error = unseen.exception()
        if error is not None:
            return c.FailWorkflow(failure=failure_of(error))
        return c.CompleteWorkflow(result=task.result())

    # ---- what the loop asks

    def next_task_number(self) -> int:
        """See `LoopClient`."""
        self.check("asyncio.create_task")
        return next(self._ordinals.task)

    def started_task(self, task: asyncio.Task[Any]) -> None:
        """See `LoopClient`."""
        self._tasks[task] = None
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        if not _unretrieved(task):
            self._tasks.pop(task, None)

    def start_timer(self, handle: TimerHandle) -> int:
        """See `LoopClient`."""
        self.check("a timer")
        ordinal = next(self._ordinals.timer)
        self._timers[ordinal] = handle
        at = Instant(round(handle.when() * SECOND))
        self._issue(("timer", ordinal), c.StartTimer(ordinal=ordinal, fire_at=at, source=self._source()))
        return ordinal

    def cancel_timer(self, handle: TimerHandle) -> None:
        """See `LoopClient`."""
        if self._timers.pop(handle.ordinal, None) is None or self._mode is Mode.LEAVING:
            return
        if self._commands.pop(("timer", handle.ordinal), None) is None:  # started in this drain: as if it never was
            self._issue(None, c.CancelTimer(ordinal=handle.ordinal, source=self._source()))

    def unhandled(self, context: dict[str, Any]) -> None:
        """See `LoopClient`. Tasks that failed unseen are found by their state; nothing else is of consequence."""

    def violated(self, error: WorkflowCodeError) -> None:
        """The code broke a rule: whatever it catches, nothing of this turn is recorded."""
        if self._violation is None and self._mode is not Mode.READING:
            self._violation = error

    # ---- what workflow code calls

    def check(self, call: str) -> None:
        """Every call that records begins here."""
        if self._mode is Mode.RUNNING:
            return
        if self._mode is Mode.LEAVING:
            raise Evicted
        error = ReadOnlyViolation(self._reader, call)
        self._violation = self._violation or error
        raise error

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
        self.check("an activity")
        ordinal = next(self._ordinals.activity)
        future = self._waiting["activity", ordinal] = self._loop.create_future()
        command = c.ScheduleActivity(
            ordinal=ordinal,
            activity_type=activity_type,
            input=payload,
            given=given,
            local=local,
            headers=headers or {},
            source=self._source(),
        )
        self._issue(("activity", ordinal), command)
        return ordinal, future

    def cancel_activity(self, ordinal: int, *, wait: bool = False) -> None:
        """The await of it was cancelled. With `wait`, its own outcome is still to come."""
        if self._mode is Mode.LEAVING or ("activity", ordinal) not in self._waiting:
            return
        if not wait:
            del self._waiting["activity", ordinal]
        if self._commands.pop(("activity", ordinal), None) is None:
            self._issue(None, c.CancelActivity(ordinal=ordinal, wait=wait, source=self._source()))

    def condition(self, test: Callable[[], object]) -> asyncio.Future[None]:
        """A future that is done once the test is true, asked after every drain."""
        self.check("wait_until")
        future: asyncio.Future[None] = self._loop.create_future()
        self._conditions.append((test, future))
        return future

    def marker(self, kind: e.MarkerKind, name: str, compute: Callable[[], Payload]) -> Payload:
        """A value computed once: what the history holds, or what `compute` gives now."""
        self.check("a side effect")
        ordinal = next(self._ordinals.marker)
        value = self._markers.pop(ordinal) if ordinal in self._markers else compute()
        command = c.RecordMarker(marker=kind, ordinal=ordinal, name=name, value=value, source=self._source())
        self._issue(None, command)
        return value

    def set_attributes(self, attributes: dict[str, Attribute | None]) -> None:
        """Search attributes, checked already."""
        self.check("set_attributes")
        self._issue(None, c.SetAttributes(attributes=attributes, source=self._source()))

    def set_memo(self, memo: dict[str, Payload | None]) -> None:
        """The memo, encoded already."""
        self.check("set_memo")
        self._issue(None, c.SetMemo(memo=memo, source=self._source()))

    # ----

    def _issue(self, key: object, command: c.Command) -> None:
        self._commands[key if key is not None else object()] = command

    def _source(self) -> str:
        return users_place() if self._traced else ""


_SURVIVORS: Final[list[asyncio.Task[Any]]] = []
"""Code that catches everything and awaits again can not be closed: kept, since the collector would complain of it."""


def _closed(task: asyncio.Task[Any]) -> bool:
    """Close the coroutine of a task; False when it refuses to end."""
    try:
        cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
    except RuntimeError as error:
        return "ignored GeneratorExit" not in str(error)
    except BaseException:  # noqa: BLE001  # whatever leaves the code is of no interest any more
        return True
    return True


def _unretrieved(task: asyncio.Task[Any]) -> bool:
    """Whether it failed and nobody has looked: a rule on state, not on garbage collection."""
    return bool(getattr(task, "_log_traceback", False))  # asyncio's own note of just that
