"""The contract of runtimes: where workflow code and activities run.

A runtime decides *where*; what happens there is the core's own machine and is the same everywhere. What crosses the
border is plain data and tickets. A ticket may vanish with its worker (`TicketLost`): the engine replays elsewhere.

Threads: the engine calls every method from its own thread, and none may block. The host's methods may be called from
any thread, also before the call that caused them returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, ClassVar, NewType, Protocol, TypeAlias

import msgspec
from attrs import field, frozen

from aion_core.model.attributes import AttributeSchema
from aion_core.model.commands import Command
from aion_core.model.events import Event, Headers
from aion_core.model.failures import Failure
from aion_core.model.ids import MessageId, RunId, TaskId, Version, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.times import Instant, Micros
from aion_core.model.tokens import TaskToken
from aion_core.platform import Platform
from aion_core.spi.capabilities import Capability
from aion_core.spi.interceptors import Interceptor
from aion_core.spi.records import Batch

Ticket = NewType("Ticket", int)
"""One request to a runtime. The engine ignores an answer whose ticket is not the run's last."""


# ---- workflow code


class AskKind(StrEnum):
    """A question that is answered from the state of the code and leaves no event."""

    QUERY = "query"
    VALIDATE = "validate"
    """Whether an update may be accepted."""
    STACK = "stack"
    """Where the run's tasks wait, for people."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question, asked after the activation's arrivals were drained."""

    ask_id: MessageId
    kind: AskKind
    name: str = ""
    input: Payload = EMPTY
    headers: Headers = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to one question: a value or a failure."""

    ask_id: MessageId
    value: Payload | None = None
    failure: Failure | None = None


class Activation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Apply arrivals to a run, each drained to quiescence before the next, and say what the code asked for."""

    ticket: Ticket
    workflow_id: WorkflowId
    run_id: RunId
    version: Version
    after: Ticket | None
    """The activation that the code must have seen last: a worker that holds the run at any other place, or not at all,
    answers `NeedHistory`. None with a history, which begins the run anew."""
    drained_seq: int
    """Events of the history up to here are replay, later ones live."""
    history: Sequence[Batch] | None = None
    """From the run's first event to the last that is recorded; None for a worker that is believed to hold the run.

    The first batch may begin before, with events of the run before: those are skipped."""
    arrivals: Sequence[Event] = ()
    """With their seq and time already, as if each were the next; the engine renumbers what it records."""
    asks: Sequence[Ask] = ()


class Activated(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The code ran."""

    ticket: Ticket
    run_id: RunId
    commands: Sequence[Sequence[Command] | None] = ()
    """Per arrival, what its drain issued, in order. None: nothing in the run was waiting for it any more (a timer that
    an earlier drain cancelled, anything after the end), so it must not be recorded. A `BlockWorkflow` anywhere voids
    the whole activation, and the worker has forgotten the run."""
    answers: Sequence[Answer] = ()


class NeedHistory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The worker does not hold the run where it is: the same activation again, with its history."""

    ticket: Ticket
    run_id: RunId


class TicketLost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The worker is gone or hangs; what it had done for this ticket is void. `reason` is for people."""

    ticket: Ticket
    run_id: RunId
    reason: str
    frame: str = ""
    """The innermost frame of a worker that hung, where it could be seen."""


ActivationResult: TypeAlias = Activated | NeedHistory | TicketLost


# ---- activities


class ActivityTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt of one activity."""

    task_id: TaskId
    workflow_id: WorkflowId
    run_id: RunId
    workflow_type: str
    version: Version
    ordinal: int
    attempt: int
    activity_type: str
    input: Payload = EMPTY
    queue: str = "default"
    start_to_close: Micros | None = None
    heartbeat: Micros | None = None
    deadline: Instant | None = None
    """When the attempt ends at the latest, for the body's own planning; the engine enforces it."""
    idempotency_key: str = ""
    heartbeat_details: Payload | None = None
    """Of the attempt before."""
    headers: Headers = {}

    @property
    def task_token(self) -> str:
        """What `complete_activity` takes, for bodies that complete later."""
        return str(
            TaskToken(workflow_id=self.workflow_id, run_id=self.run_id, ordinal=self.ordinal, attempt=self.attempt)
        )


class ActivityDone(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt ended: exactly one of result, failure, `later` and `lost` is set. At most once per task."""

    task_id: TaskId
    result: Payload | None = None
    failure: Failure | None = None
    later: bool = False
    """The body left it open: it will be completed by its task token."""
    lost: bool = False
    """The worker is gone, and nobody knows what the body had done."""


# ---- the two sides


@frozen(kw_only=True)
class RuntimeHealth:
    """How a runtime is doing, for `health()`."""

    workers: int
    busy: int
    residents: int
    abandoned: int = 0
    """Threads or processes that outlived their limit and were left behind."""
    notes: Sequence[str] = ()


class CodeSource(Protocol):
    """How a worker comes to the code: loaded packages and what the application handed over."""

    def workflow(self, name: str, version: Version) -> object:
        """The workflow definition of this name. LookupError when the version does not have it."""
        ...

    def activity(self, name: str, version: Version) -> object:
        """The activity definition of this name. LookupError when the version does not have it."""
        ...

    def note(self, activity: object) -> None:
        """Workflow code called this activity: it need not have been handed over. Called for each call, on any thread.

        From then on `activity` knows it, as far as its body is within reach of this process.
        """
        ...


@frozen(kw_only=True)
class WorkerSettings:
    """What workers must know of the engine's configuration."""

    limits: Limits = field(factory=Limits)
    guard: str = "raise"
    """`[guard] calls`."""
    turn_deadline: float = 2.0
    """Seconds that one activation may take."""
    search_attributes: AttributeSchema = field(factory=AttributeSchema)
    """The declared ones: what `set_attributes` accepts."""
    interceptors: Sequence[Interceptor] = ()
    """For runtimes that run code in this process; worker processes make their own."""


class RuntimeHost(Protocol):
    """What the engine offers a runtime. Callable from any thread; never blocks."""

    @property
    def platform(self) -> Platform:
        """Clock, randomness and threads for the runtime's own use."""
        ...

    @property
    def source(self) -> CodeSource:
        """The code, for a runtime that runs it in this process."""
        ...

    @property
    def settings(self) -> WorkerSettings:
        """The engine's settings that workers need."""
        ...

    def activated(self, results: Sequence[ActivationResult]) -> None:
        """Answers to activations, as many at once as there are."""
        ...

    def activity_finished(self, results: Sequence[ActivityDone]) -> None:
        """Outcomes of attempts."""
        ...

    def activity_heartbeat(self, task_id: TaskId, details: Payload | None) -> None:
        """A body says that it is alive, and how far it has come."""
        ...


class Runtime(ABC):
    """Runs workflow code and activities somewhere.

    Drivers take `(settings, platform)`; nothing starts before `open`.
    """

    contract: ClassVar[int] = 1
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    settings: ClassVar[type[Any]]
    """A frozen attrs class: what the driver's table in `aion.toml` may hold."""

    @abstractmethod
    def open(self, host: RuntimeHost) -> None:
        """Start workers. Raises when what the settings require is not there (`require = ["landlock"]`)."""

    @abstractmethod
    def activate(self, batch: Sequence[Activation]) -> None:
        """Take activations; each is answered once through `host.activated`, possibly before this returns.

        At most one per run is under way. A runtime may hold a run's coroutine between activations, or not: holding is
        what makes the next one cheap. Activations of different runs may run in any order.
        """

    @abstractmethod
    def evict(self, runs: Sequence[RunId]) -> None:
        """Forget these runs, running none of their code to an effect. Unknown ones are ignored."""

    @abstractmethod
    def execute(self, batch: Sequence[ActivityTask]) -> None:
        """Take attempts; each is answered at most once through `host.activity_finished`.

        The engine keeps to the queue's concurrency, and keeps the time limits: an answer after the engine gave up is
        ignored. A body that raises, returns what can not be encoded or dies is a failure, never an exception here.
        """

    @abstractmethod
    def cancel_activity(self, task_id: TaskId) -> None:
        """Tell a body to stop: at its next heartbeat, or by `CancelledError` in async code.

        With `CANCELS_RUNNING` a body that does not stop is stopped. Unknown and finished tasks are ignored.
        """

    @abstractmethod
    def health(self) -> RuntimeHealth:
        """How it is doing, without waiting for anything."""

    @abstractmethod
    def close(self, grace: float) -> None:
        """Take nothing more, give running bodies `grace` seconds, then leave. Closing twice is fine.

        Attempts that did not end are answered as lost, or not at all. May block for as long as the grace lasts.
        """
