"""`@aion.activity`: a function whose calls are recorded, and whose body runs where side effects may happen."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeAlias, TypeVar, cast, overload

from msgspec.structs import replace

from aion_core.authoring.context import CurrentRun, current, current_or_none
from aion_core.authoring.options import CancellationName, ExhaustionName, call_options, text
from aion_core.authoring.retries import Retry
from aion_core.authoring.signature import Signature
from aion_core.model.events import ActivityCompleted, ActivityFailed, Event, Headers
from aion_core.model.failed import activity_failed
from aion_core.model.payloads import Payload
from aion_core.model.policies import ActivityCall, Cancellation
from aion_core.model.times import Duration
from aion_core.spi import calls
from aion_core.spi.interceptors import Interceptor, chain

P = ParamSpec("P")
P2 = ParamSpec("P2")
R = TypeVar("R")
R2 = TypeVar("R2")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)

Pending: TypeAlias = tuple[int, asyncio.Future[Event]]
"""The ordinal of an activity that was scheduled, and the event that will end it."""


class Activity(Generic[P, R_co]):
    """A function that workflow code calls, and that runs outside of it.

    In workflow code the call is a coroutine (in a plain `def` workflow it waits, and gives the value): what is
    recorded once is never run again. Anywhere else it is the plain function. `charge.fn` is the function itself.
    """

    is_async: bool = False

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str,
        signature: Signature,
        given: ActivityCall,
        local: bool,
        idempotency_key: Callable[..., str] | None,
    ) -> None:
        """Use the decorator."""
        self._fn = fn
        self.name = name
        self.signature = signature
        self.given = given
        """What decorator and `.options` say; the rest comes from the configuration when a call is recorded."""
        self.local = local
        self._idempotency_key = idempotency_key
        self._of_instances: Signature | None = None
        self.__doc__ = fn.__doc__
        self.__name__ = name
        self.__module__ = fn.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[None, None, R_co]:
        """Call it: in a workflow a lazy coroutine, scheduled when it is first stepped."""
        run = current_or_none()
        if run is None:
            plain: Any = self._fn(*args, **kwargs)
            return cast("Coroutine[None, None, R_co]", plain)
        payload, given = self._prepared(run, args, kwargs)
        observed = run.surroundings.around("schedule_activity")
        result = self._observed(run, payload, given) if observed else self._result(run, payload, given)
        if run.in_plain_code():
            return cast("Coroutine[None, None, R_co]", run.wait_for(result))
        return result

    def start(self, *args: P.args, **kwargs: P.kwargs) -> ActivityHandle[R_co]:
        """Schedule it now; the handle is awaited for the result, or cancelled."""
        run = current(f"{self.name}.start()", f"call {self.name}(), which outside of workflows is the plain function")
        payload, given = self._prepared(run, args, kwargs)
        if run.surroundings.around("schedule_activity"):
            return self._intercepted(run, payload, given, ActivityHandle)
        pending = self._schedule(run, payload, given, {})
        return ActivityHandle(run, pending, self._result(run, payload, given, pending))

    def options(
        self,
        *,
        start_to_close: Duration | None = None,
        schedule_to_close: Duration | None = None,
        schedule_to_start: Duration | None = None,
        heartbeat: Duration | None = None,
        retry: Retry | None = None,
        queue: str | None = None,
        key: str | None = None,
        priority: int = 0,
        local: bool | None = None,
        cancellation: CancellationName | None = None,
        on_exhausted: ExhaustionName | None = None,
        idempotency_key: str | None = None,
    ) -> Self:
        """The activity with other options, for one call. What is not given stays as it is; `math.inf` is no limit."""
        given = call_options(
            self.given,
            start_to_close=start_to_close,
            schedule_to_close=schedule_to_close,
            schedule_to_start=schedule_to_start,
            heartbeat=heartbeat,
            retry=retry,
            queue=queue,
            key=key,
            priority=priority,
            cancellation=cancellation,
            on_exhausted=on_exhausted,
            idempotency_key=idempotency_key,
        )
        return type(self)(
            self._fn,
            name=self.name,
            signature=self.signature,
            given=given,
            local=self.local if local is None else local,
            idempotency_key=None if idempotency_key else self._idempotency_key,
        )

    def __repr__(self) -> str:
        return f"<activity {self.name}>"

    def __eq__(self, other: object) -> bool:
        """Whether it is the same function with the same options: every access to a method makes a new object."""
        if not isinstance(other, Activity):
            return NotImplemented
        it = cast("Activity[..., Any]", other)
        return (self._fn, self.name, self.given, self.local) == (it._fn, it.name, it.given, it.local)

    def __hash__(self) -> int:
        return hash((self._fn, self.name))

    # ----

    def _bound_to(self, instance: object) -> Self:
        if self._of_instances is None:
            # Of a bound method, but of no instance in particular: the signature outlives them all.
            self._of_instances = Signature.of(MethodType(self._fn, object()))
        return type(self)(
            MethodType(self._fn, instance),
            name=self.name,
            signature=self._of_instances,
            given=self.given,
            local=self.local,
            idempotency_key=self._idempotency_key,
        )

    def _prepared(self, run: CurrentRun, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Payload, ActivityCall]:
        """What is recorded of the call."""
        surroundings, given = run.surroundings, self.given
        surroundings.noted_activity(self)
        payload = self.signature.encode(surroundings.values, args, kwargs)
        if self._idempotency_key is not None:
            key = self._idempotency_key(*args, **kwargs)
            given = replace(given, idempotency_key=text("idempotency_key", key))
        return payload, given

    def _schedule(self, run: CurrentRun, payload: Payload, given: ActivityCall, headers: Headers) -> Pending:
        return run.activity(self.name, payload, given=given, local=self.local, headers=headers)

    async def _observed(self, run: CurrentRun, payload: Payload, given: ActivityCall) -> R_co:
        return await self._intercepted(run, payload, given, _awaitable)

    def _intercepted(
        self,
        run: CurrentRun,
        payload: Payload,
        given: ActivityCall,
        made: Callable[[CurrentRun, Pending, Coroutine[Any, Any, R_co]], T],
    ) -> T:
        """Schedule it inside the interceptors; what the code awaits goes through their hands."""

        def proceed(call: calls.ScheduleActivity) -> T:
            pending = self._schedule(run, payload, given, dict(call.headers))
            return made(run, pending, self._result(run, payload, given, pending))

        return chain(run.surroundings.around("schedule_activity"), Interceptor.schedule_activity, proceed)(
            self._seen(run, given)
        )

    def _seen(self, run: CurrentRun, given: ActivityCall) -> calls.ScheduleActivity:
        return calls.ScheduleActivity(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            replaying=run.replaying,
            activity_type=self.name,
            queue=given.queue or "default",
        )

    async def _result(
        self, run: CurrentRun, payload: Payload, given: ActivityCall, pending: Pending | None = None
    ) -> R_co:
        """Wait for the outcome; schedule it first, unless that was done."""
        ordinal, outcome = pending if pending is not None else self._schedule(run, payload, given, {})
        try:
            event = await outcome
        except asyncio.CancelledError:
            wait = self.given.cancellation is Cancellation.WAIT
            own_outcome = run.cancel_activity(ordinal, wait=wait)
            while own_outcome is not None:  # the body goes on until it has seen that nobody needs it
                try:
                    await own_outcome
                except asyncio.CancelledError:
                    own_outcome = run.cancel_activity(ordinal, wait=wait)
                else:
                    break
            raise
        if type(event) is ActivityCompleted:
            result: R_co = run.surroundings.values.decode(event.result, self.signature.returns)
            return result
        if type(event) is ActivityFailed:
            raise activity_failed(event.failure, activity=self.name, attempts=event.attempt, ordinal=event.ordinal)
        raise asyncio.CancelledError  # the body ended by the cancellation that it was told of


class SyncActivity(Activity[P, R_co]):
    """An activity of a plain function, which runs on a thread."""

    @property
    def fn(self) -> Callable[P, R_co]:
        """The function itself."""
        return self._fn

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(
        self: SyncActivity[Concatenate[Any, P2], R2], obj: object, owner: type[Any], /
    ) -> SyncActivity[P2, R2]: ...
    def __get__(self, obj: object, owner: type[Any], /) -> Any:
        """Of a method: the activity of that instance."""
        return self if obj is None else self._bound_to(obj)


class AsyncActivity(Activity[P, R_co]):
    """An activity of an async function, which runs on an event loop."""

    is_async = True

    @property
    def fn(self) -> Callable[P, Coroutine[Any, Any, R_co]]:
        """The function itself."""
        return self._fn

    @overload
    def __get__(self, obj: None, owner: type[Any], /) -> Self: ...
    @overload
    def __get__(
        self: AsyncActivity[Concatenate[Any, P2], R2], obj: object, owner: type[Any], /
    ) -> AsyncActivity[P2, R2]: ...
    def __get__(self, obj: object, owner: type[Any], /) -> Any:
        """Of a method: the activity of that instance."""
        return self if obj is None else self._bound_to(obj)


class ActivityHandle(Generic[R_co]):
    """An activity that was scheduled: await it for its result, as often as you like."""

    __slots__ = ("_task",)

    def __init__(
        self,
        run: CurrentRun,
        pending: Pending,
        result: Coroutine[Any, Any, R_co],
    ) -> None:
        """Use `Activity.start`."""
        self._task = asyncio.get_running_loop().create_task(result)

        def unstarted(task: asyncio.Task[R_co]) -> None:
            # A task that is cancelled before its first step never enters its coroutine, which would see to this.
            if task.cancelled():
                run.cancel_activity(pending[0], wait=False)

        self._task.add_done_callback(unstarted)

    def __await__(self) -> Generator[Any, None, R_co]:
        """Wait for the result."""
        return self._task.__await__()

    def cancel(self) -> None:
        """Cancel it; whoever awaits it gets `asyncio.CancelledError`."""
        self._task.cancel()

    def done(self) -> bool:
        """Whether there is an outcome."""
        return self._task.done()


def _awaitable(_: CurrentRun, __: Pending, result: Coroutine[Any, Any, R]) -> Awaitable[R]:
    return result


class _ActivityDecorator(Protocol):
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, fn: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncActivity[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> SyncActivity[P, R]: ...


@overload
def activity(  # type: ignore[overload-overlap]
    fn: Callable[P, Coroutine[Any, Any, R]], /
) -> AsyncActivity[P, R]: ...
@overload
def activity(fn: Callable[P, R], /) -> SyncActivity[P, R]: ...
@overload
def activity(
    name: str | None = None,
    *,
    start_to_close: Duration | None = None,
    schedule_to_close: Duration | None = None,
    schedule_to_start: Duration | None = None,
    heartbeat: Duration | None = None,
    retry: Retry | None = None,
    queue: str | None = None,
    key: Callable[..., str] | None = None,
    priority: int = 0,
    local: bool = False,
    cancellation: CancellationName | None = None,
    on_exhausted: ExhaustionName | None = None,
    idempotency_key: Callable[..., str] | None = None,
) -> _ActivityDecorator: ...
def activity(
    name: Callable[..., Any] | str | None = None,
    *,
    start_to_close: Duration | None = None,
    schedule_to_close: Duration | None = None,
    schedule_to_start: Duration | None = None,
    heartbeat: Duration | None = None,
    retry: Retry | None = None,
    queue: str | None = None,
    key: Callable[..., str] | None = None,
    priority: int = 0,
    local: bool = False,
    cancellation: CancellationName | None = None,
    on_exhausted: ExhaustionName | None = None,
    idempotency_key: Callable[..., str] | None = None,
) -> Any:
    """Make a function an activity: `@aion.activity`, or with options `@aion.activity(start_to_close=30)`.

    What is not said here comes from `[activities.NAME]` and `[activities]` in aion.toml, where `start_to_close` is 600
    seconds unless it says otherwise. ValueError names an option that can not be meant.

    * `name`: of the type, in histories; the function's `__name__` unless given.
    * `start_to_close`: seconds (or a timedelta) for one attempt; `schedule_to_close`: for all of them;
      `schedule_to_start`: for waiting in the queue; `heartbeat`: between two calls of `aion.heartbeat()`.
      `math.inf` is no limit.
    * `retry`: when to try again. `queue`: where it runs. `local`: beside the workflow, for cheap, idempotent steps.
    * `cancellation`: what cancelling the await does: `"try"` tells the body, `"wait"` waits for its outcome, too,
      `"abandon"` tells nobody.
    * `idempotency_key`: a function of the arguments; one is derived from the run and the call otherwise.
    """
    given = call_options(
        ActivityCall(),
        start_to_close=start_to_close,
        schedule_to_close=schedule_to_close,
        schedule_to_start=schedule_to_start,
        heartbeat=heartbeat,
        retry=retry,
        queue=queue,
        key=key,
        priority=priority,
        cancellation=cancellation,
        on_exhausted=on_exhausted,
        idempotency_key=None,
    )
    if idempotency_key is not None and not callable(idempotency_key):
        raise ValueError(
            f"idempotency_key is {idempotency_key!r}; it is a function of the arguments that gives a text."
        )

    def decorate(fn: Callable[..., Any]) -> Activity[..., Any]:
        kind = AsyncActivity[..., Any] if _checked(fn) else SyncActivity[..., Any]
        return kind(
            fn,
            name=text("name", given_name) or fn.__name__,
            signature=Signature.of(fn),
            given=given,
            local=local,
            idempotency_key=idempotency_key,
        )

    if callable(name):
        given_name = None
        return decorate(name)
    given_name = name
    return decorate


def _checked(fn: object) -> bool:
    """Whether it is an async function. TypeError for what is no function at all."""
    if not inspect.isroutine(fn):
        raise TypeError(f"@aion.activity stands on a function, not on {fn!r}.")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(f"{fn.__name__}() yields: an activity returns one value.")
    return inspect.iscoroutinefunction(fn)
