"""Clients, pools and connections that activities share: made on first use, one per process, closed at shutdown."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from asyncio import events
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from aion_core.authoring.waiting import can_wait_here, wait_here, waiting
from aion_core.model.errors import NonDeterministicCall, NotInActivity

if TYPE_CHECKING:
    from aion_core.authoring.activity_context import ActivityContext

T = TypeVar("T")

_log = logging.getLogger("aion.activities")


class Way(Enum):
    """How a resource's function makes it, and so how it is closed."""

    PLAIN = auto()
    GENERATOR = auto()
    COROUTINE = auto()
    ASYNC_GENERATOR = auto()


class Resource(Generic[T]):
    """Something that activities share. Calling it in an activity gives the one object of this process."""

    def __init__(self, fn: Callable[[], Any]) -> None:
        """Use `@aion.resource`."""
        self.fn = fn
        self.name: str = getattr(fn, "__qualname__", repr(fn))
        self.way = _way(fn)
        self.__doc__ = fn.__doc__
        if self.asynchronous:
            _seen.append(self.name)

    @property
    def asynchronous(self) -> bool:
        """Whether it is made, used and closed on the loop that runs async activities."""
        return self.way in {Way.COROUTINE, Way.ASYNC_GENERATOR}

    def __call__(self) -> T:
        """The object. The first call makes it; others wait for that. What making it raises is raised here."""
        from aion_core.authoring.activity_context import running  # noqa: PLC0415  # the two know each other

        context: ActivityContext | None = running.get()
        if context is None:
            _refuse_in_workflows()
            raise NotInActivity(f"{self.name}()")
        return cast("T", context.resources.get(self))

    def __repr__(self) -> str:
        return f"<resource {self.name}>"


_seen: list[str] = []
"""Names of the async resources of this process."""


@overload
def resource(fn: Callable[[], Iterator[T]], /) -> Resource[T]: ...
@overload
def resource(fn: Callable[[], AsyncIterator[T]], /) -> Resource[T]: ...
@overload
def resource(fn: Callable[[], Awaitable[T]], /) -> Resource[T]: ...
@overload
def resource(fn: Callable[[], T], /) -> Resource[T]: ...
def resource(fn: Callable[[], Any], /) -> Resource[Any]:
    """Share what this function makes: a client, a pool, a connection.

    A generator yields it and closes it after the `yield`, when the process that runs activities shuts down; resources
    are closed in the reverse order of their making. What an async function or generator makes lives on the loop that
    runs async activities. The call itself is plain in all cases: `session = http()`.
    """
    return Resource(fn)


class Resources:
    """The objects that one worker's activities share. Thread-safe."""

    def __init__(
        self,
        loop: Callable[[], asyncio.AbstractEventLoop],
        *,
        instead: Mapping[Resource[Any], object] | None = None,
    ) -> None:
        """`loop` gives the running loop of async activities, starting it if need be. `instead`: see `override`."""
        self._loop = loop
        self._instead = dict(instead or {})
        self._lock = threading.Lock()
        self._made: dict[Resource[Any], _Made] = {}
        self._making: dict[Resource[Any], asyncio.Future[Any]] = {}
        self._lives: dict[Resource[Any], asyncio.Task[None]] = {}
        self._locks: dict[Resource[Any], threading.RLock] = {}
        self._async_made = 0
        self._under_way: set[Resource[Any]] = set()

    @property
    def may_wait(self) -> bool:
        """Whether a plain call in an async body may have to wait: there are async resources that are not made yet.

        Then bodies must be run by `aion_core.authoring.waiting`.
        """
        return len(_seen) > self._async_made

    def override(self, resource: Resource[T], value: T) -> None:
        """From now on this object is what the resource gives; it is never closed here. For tests."""
        self._instead[resource] = value

    def get(self, resource: Resource[Any]) -> Any:
        """The object, made now if it was not."""
        if resource in self._instead:
            return self._instead[resource]
        made = self._made.get(resource)
        if made is not None:
            return made.value
        return self._get_async(resource) if resource.asynchronous else self._get_plain(resource)

    def close(self, *, seconds: float) -> None:
        """Close what was made, the last first, each async one within so many seconds. What that raises is logged.

        To be called while the loop still runs, and not on it. Closing twice is fine.
        """
        while self._made:
            resource, made = self._made.popitem()
            try:
                if isinstance(made.closing, asyncio.Event):
                    leaving = self._leave(resource, made.closing)
                    asyncio.run_coroutine_threadsafe(leaving, self._loop()).result(seconds)
                elif made.closing is not None:
                    next(made.closing, None)
            except Exception:  # noqa: BLE001  # a user's clean-up may raise anything
                _log.exception("%r could not be closed", resource)

    # ----

    def _get_plain(self, resource: Resource[Any]) -> Any:
        with self._lock:
            lock = self._locks.setdefault(resource, threading.RLock())
        with lock:
            if (made := self._made.get(resource)) is not None:
                return made.value
            if resource in self._under_way:  # the lock is this thread's already
                raise RecursionError(f"making {resource!r} uses {resource!r}")
            self._under_way.add(resource)
            try:
                generator = resource.fn() if resource.way is Way.GENERATOR else None
                value = resource.fn() if generator is None else _first(resource, generator)
            finally:
                self._under_way.discard(resource)
            self._made[resource] = _Made(value, generator)
            return value

    def _get_async(self, resource: Resource[Any]) -> Any:
        loop = self._loop()
        if events._get_running_loop() is not loop:  # noqa: SLF001  # get_running_loop raises where there is none
            return asyncio.run_coroutine_threadsafe(self._shared(resource), loop).result()
        if not can_wait_here():
            raise RuntimeError(
                f"{resource!r} is used before anything could wait for it: define it at the top of a module"
            )
        return wait_here(self._shared(resource))

    async def _shared(self, resource: Resource[Any]) -> Any:
        """Made by a task of its own, for whoever asks first: a caller that is cancelled takes it from nobody."""
        if (made := self._made.get(resource)) is not None:
            return made.value
        ready = self._making.get(resource)
        if ready is None:
            ready = self._making[resource] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(waiting(self._live(resource, ready)), name=repr(resource))
            self._lives[resource] = task
        return await asyncio.shield(ready)

    async def _live(self, resource: Resource[Any], ready: asyncio.Future[Any]) -> None:
        """Make it, and close it in the same task: what it holds (task groups, scopes) may insist on that."""
        leave = asyncio.Event()
        generator = None
        try:
            if resource.way is Way.COROUTINE:
                value = await resource.fn()
            else:
                generator = resource.fn()
                value = await _first_of(resource, generator)
        except BaseException as error:  # noqa: BLE001  # it belongs to those who wait
            del self._making[resource], self._lives[resource]
            if not ready.done():
                ready.set_exception(error)
            return
        self._made[resource] = _Made(value, leave)
        self._async_made += 1
        del self._making[resource]
        if not ready.done():
            ready.set_result(value)
        if generator is not None:
            await leave.wait()
            await anext(generator, None)

    async def _leave(self, resource: Resource[Any], leave: asyncio.Event) -> None:
        leave.set()
        await self._lives.pop(resource)


class _Made:
    """An object, and what closes it: a generator to go on with, or an event that its task waits for."""

    __slots__ = ("closing", "value")

    def __init__(self, value: Any, closing: Iterator[Any] | asyncio.Event | None) -> None:
        self.value = value
        self.closing = closing


def _first(resource: Resource[Any], generator: Iterator[Any]) -> Any:
    for value in generator:
        return value
    raise RuntimeError(f"{resource!r} yielded nothing")


async def _first_of(resource: Resource[Any], generator: AsyncIterator[Any]) -> Any:
    async for value in generator:
        return value
    raise RuntimeError(f"{resource!r} yielded nothing")


def _way(fn: Callable[..., Any]) -> Way:
    if inspect.isasyncgenfunction(fn):
        return Way.ASYNC_GENERATOR
    if inspect.iscoroutinefunction(fn):
        return Way.COROUTINE
    return Way.GENERATOR if inspect.isgeneratorfunction(fn) else Way.PLAIN


def _refuse_in_workflows() -> None:
    run: Any = getattr(events._get_running_loop(), "current", None)  # noqa: SLF001  # as above
    if run is not None:
        error = NonDeterministicCall("a resource", "an activity that uses it")
        run.violated(error)
        raise error
