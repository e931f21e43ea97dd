"""The run whose code is being executed, as the functions that workflow code calls see it.

The machine's loop is the running loop of its thread while it drains a run; the run is its `current`. So there is no
variable to set and to forget, and code that runs anywhere else has none.
"""

from __future__ import annotations

from asyncio import Future, events
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from random import Random  # noqa: TID251  # seeded by the run
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import Factory, field, frozen

from aion_core.model.attributes import Attribute, AttributeSchema
from aion_core.model.errors import NotInWorkflow
from aion_core.model.events import Event, Headers, MarkerKind, SignalReceived
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.limits import Limits
from aion_core.model.payloads import Payload
from aion_core.model.policies import ActivityCall
from aion_core.model.times import Instant
from aion_core.spi.interceptors import Interceptor

if TYPE_CHECKING:
    from aion_core.authoring.activities import Activity
    from aion_core.codec import Values  # brings cattrs, which `import aion_core` does without

T = TypeVar("T")


def _by_verb(surroundings: Surroundings) -> Mapping[str, Sequence[Interceptor]]:
    verbs = [name for name in vars(Interceptor) if not name.startswith("_")]
    found = {verb: [it for it in surroundings.interceptors if _overrides(it, verb)] for verb in verbs}
    return {verb: those for verb, those in found.items() if those}


def _overrides(interceptor: Interceptor, verb: str) -> bool:
    return getattr(type(interceptor), verb, None) is not getattr(Interceptor, verb)


@frozen(kw_only=True)
class Surroundings:
    """What all runs of a worker share: how values are written, what may be said, and who listens."""

    values: Values
    limits: Limits
    attributes: AttributeSchema
    """What `set_attributes` accepts."""
    interceptors: Sequence[Interceptor] = ()
    noted_activity: Callable[[Activity[..., Any]], None]
    """Told of every activity that workflow code calls: it need not have been registered."""

    _around: Mapping[str, Sequence[Interceptor]] = field(init=False, default=Factory(_by_verb, takes_self=True))

    def around(self, verb: str) -> Sequence[Interceptor]:
        """The interceptors that override this method; empty where a call costs nothing."""
        return self._around.get(verb, ())


@frozen(kw_only=True)
class Info:
    """What is known of the run: `aion.info()`."""

    workflow_id: WorkflowId
    run_id: RunId
    workflow_type: str
    version: Version
    attempt: int
    """Of the workflow's retry policy; 1 for the first."""
    parent: WorkflowId | None
    """The workflow that started it as a child, or `aion:schedule:…`."""
    scheduled_at: datetime | None
    """In a run that a schedule fired, the nominal time."""
    started_at: datetime
    history_length: int
    """Events so far, as far as the code can know of them: the same in every replay."""
    history_size: int
    """Bytes of them, about."""
    continue_as_new_suggested: bool
    """The history has grown long: `continue_as_new` keeps replays short."""


class Inbox(Protocol):
    """The signals of a run: kept in order per name until the code receives them."""

    def take(self, name: str) -> SignalReceived | None:
        """What is there, without waiting."""
        ...

    async def get(self, name: str) -> SignalReceived:
        """The next signal of this name, in the order of arrival."""
        ...

    def handle(self, name: str, handler: Callable[[SignalReceived], None]) -> None:
        """From now on every signal of this name, those that wait included, goes to the handler."""
        ...


class TimerHandle(Protocol):
    """A durable timer that was started."""

    def cancel(self) -> None:
        """Cancel the timer; once is enough."""
        ...


class CurrentRun(Protocol):
    """What workflow code reaches of its run."""

    @property
    def surroundings(self) -> Surroundings:
        """Shared by all runs of the worker."""
        ...

    @property
    def workflow_id(self) -> WorkflowId:
        """Of the workflow."""
        ...

    @property
    def run_id(self) -> RunId:
        """Of the run."""
        ...

    @property
    def replaying(self) -> bool:
        """Whether the code goes over its recorded past."""
        ...

    @property
    def signals(self) -> Inbox:
        """What was sent to it."""
        ...

    def check(self, call: str) -> None:
        """Every call that records begins here: `ReadOnlyViolation` in a query, validator or condition."""
        ...

    def in_plain_code(self) -> bool:
        """Whether the code that runs now is a plain function's, which waits without `await`."""
        ...

    def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Wait in a plain function."""
        ...

    def outside(self, call: Callable[[], T]) -> T:
        """Call it as if no workflow were running: the guard looks away, and nothing there reaches the run."""
        ...

    def info(self) -> Info:
        """What is known of the run."""
        ...

    def now(self) -> Instant:
        """Of the event being applied."""
        ...

    def rng(self) -> Random:
        """Seeded by the run."""
        ...

    def activity(
        self, activity_type: str, payload: Payload, *, given: ActivityCall, local: bool, headers: Headers
    ) -> tuple[int, Future[Event]]:
        """Schedule an activity; its ordinal, and the event that will end it."""
        ...

    def cancel_activity(self, ordinal: int, *, wait: bool) -> Future[Event] | None:
        """The await of it was cancelled. With `wait`, its own outcome, unless there will be none."""
        ...

    def condition(self, test: Callable[[], object]) -> Future[None]:
        """A future that is done once the test is true."""
        ...

    def timer(self, fire_at: Instant, done: Callable[[], None], *, name: str) -> TimerHandle:
        """Start a durable timer that has a name; `done` is called when it fires."""
        ...

    def marker(self, kind: MarkerKind, name: str, compute: Callable[[], Payload]) -> Payload:
        """A value computed once: what the history holds, or what `compute` gives now."""
        ...

    def patched(self, change_id: str) -> bool:
        """Whether this run takes the new way."""
        ...

    def set_attributes(self, attributes: dict[str, Attribute | None]) -> None:
        """Search attributes, checked already."""
        ...

    def set_memo(self, memo: dict[str, Payload | None]) -> None:
        """The memo, encoded already."""
        ...

    def answer(self, name: str, handler: Callable[[Payload], Payload]) -> None:
        """From now on queries of this name go to the handler."""
        ...


def current_or_none() -> CurrentRun | None:
    """The run whose code is being executed, if any."""
    # get_running_loop raises where there is none, and costs four times as much.
    run: CurrentRun | None = getattr(events._get_running_loop(), "current", None)  # noqa: SLF001
    return run


def current(call: str, instead: str = "call it from a workflow") -> CurrentRun:
    """The run whose code is being executed. `NotInWorkflow`, saying what to do `instead`, where there is none."""
    run = current_or_none()
    if run is None:
        raise NotInWorkflow(call, instead)
    return run
