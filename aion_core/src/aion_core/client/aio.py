"""`AsyncVerbs` and `AsyncRun`: the same verbs, awaited on any loop.

Cancelling an awaited verb cancels the wait only: what was asked for goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from types import CoroutineType
from typing import Any, ClassVar, TypeVar, TypeVarTuple, Unpack, cast, overload

from aion_core.authoring.signals import Signal
from aion_core.authoring.workflows import Bound
from aion_core.client.backend import Backend
from aion_core.client.events import Event
from aion_core.client.handles import AnyRun, Desk
from aion_core.client.history import History
from aion_core.client.reply import Reply
from aion_core.client.starting import StartOptions
from aion_core.client.views import Description, FeedEntry, Summary
from aion_core.model.errors import WaitTimeout
from aion_core.model.failed import EngineClosed
from aion_core.model.status import Status
from aion_core.model.times import Duration

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Suspending:
    """Waits by suspending the coroutine that calls."""

    async def answer(self, reply: Reply[T], limit: float | None = None, *, what: str = "the answer") -> T:
        """See `Waiting.answer`."""
        if reply.done:
            return reply.result()
        loop = asyncio.get_running_loop()
        settled = loop.create_future()

        def release() -> None:
            if not settled.done():
                settled.set_result(None)

        def wake(_: Reply[T]) -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits there any more
                loop.call_soon_threadsafe(release)

        reply.then(wake)
        try:
            async with asyncio.timeout(limit):
                await settled
        except TimeoutError:
            raise WaitTimeout(f"{what} did not come within {limit:g} s; it may still come.") from None
        return reply.result()

    async def pause(self, seconds: float) -> None:
        """See `Waiting.pause`."""
        await asyncio.sleep(seconds)


class AsyncRun(AnyRun[R_co]):
    """A workflow, to wait for and to talk to from a coroutine. Its verbs are those of `Run`, awaited."""

    async def result(self, timeout: Duration | None = None, *, follow: bool = True) -> R_co:
        """See `Run.result`. Cancelling the wait leaves the run alone."""
        return cast("R_co", await self._sending.result(self._first, self._returns, limit=timeout, follow=follow))

    async def status(self) -> Status:
        """See `Run.status`."""
        return await self._looking.status(self._target)

    async def describe(self) -> Description:
        """See `Run.describe`."""
        return await self._looking.describe(self._target)

    async def history(self) -> History:
        """See `Run.history`."""
        return await self._looking.history(self._target)

    def events(self, after: int = 0, *, wait: bool = True) -> AsyncGenerator[Event, None]:
        """See `Run.events`."""
        return self._looking.events(self._target, after=after, wait=wait)

    @overload
    async def signal(self, signal: Signal[T], value: T, /, *, message_id: str | None = None) -> None: ...
    @overload
    async def signal(self, signal: str, value: object = None, /, *, message_id: str | None = None) -> None: ...
    async def signal(self, signal: object, value: object = None, /, *, message_id: str | None = None) -> None:
        """See `Run.signal`."""
        self.pending = not await self._sending.signal(self._target, signal, value, message_id=message_id)

    @overload
    async def query(self, query: Callable[[Unpack[Ts]], T], /, *args: *Ts, timeout: Duration | None = 10) -> T: ...
    @overload
    async def query(self, query: str, /, *args: Any, type: type[T], timeout: Duration | None = 10) -> T: ...
    @overload
    async def query(self, query: str, /, *args: Any, type: Any = ..., timeout: Duration | None = 10) -> Any: ...
    async def query(
        self,
        query: object,
        /,
        *args: object,
        type: Any = Any,
        timeout: Duration | None = 10,
    ) -> Any:
        """See `Run.query`."""
        return await self._sending.query(self._target, query, args, kind=type, limit=timeout)

    async def cancel(self, reason: str = "") -> None:
        """See `Run.cancel`."""
        self.pending = not await self._sending.cancel(self._target, reason)

    async def terminate(self, reason: str = "") -> None:
        """See `Run.terminate`."""
        self.pending = not await self._sending.terminate(self._target, reason)

    async def stack(self, timeout: Duration | None = 10) -> str:
        """See `Run.stack`."""
        return await self._sending.stack(self._target, limit=timeout)


class AsyncVerbs:
    """The verbs, awaited. `handle` is not; `list`, `subscribe` and `Run.events` are iterated over with `async for`."""

    _what: ClassVar[str] = "engine"
    """What errors call it."""

    def __init__(self, backend: Backend | None = None) -> None:
        """Over this backend; without one, closed until there is."""
        self._open_desk = None if backend is None else Desk(backend, Suspending())

    def _serve(self, backend: Backend | None) -> None:
        """Serve over this backend from now on; None: no more."""
        self._open_desk = None if backend is None else Desk(backend, Suspending())

    @property
    def _desk(self) -> Desk:
        if self._open_desk is None:
            raise EngineClosed(self._what)
        return self._open_desk

    # ---- starting

    @overload
    async def start(self, workflow: Bound[R], /, **options: Unpack[StartOptions]) -> AsyncRun[R]: ...
    @overload
    async def start(
        self,
        workflow: Callable[[Unpack[Ts]], CoroutineType[Any, Any, R]],
        /,
        *args: *Ts,
        **options: Unpack[StartOptions],
    ) -> AsyncRun[R]: ...
    @overload
    async def start(self, workflow: str, /, *args: Any, **options: Unpack[StartOptions]) -> AsyncRun[Any]: ...
    async def start(self, workflow: object, /, *args: object, **options: Unpack[StartOptions]) -> AsyncRun[Any]:
        """See `Verbs.start`."""
        return self._desk.handle(AsyncRun[Any], await self._desk.sending.start(workflow, args, options))

    @overload
    async def run(self, workflow: Bound[R], /, **options: Unpack[StartOptions]) -> R: ...
    @overload
    async def run(
        self,
        workflow: Callable[[Unpack[Ts]], CoroutineType[Any, Any, R]],
        /,
        *args: *Ts,
        **options: Unpack[StartOptions],
    ) -> R: ...
    @overload
    async def run(self, workflow: str, /, *args: Any, **options: Unpack[StartOptions]) -> Any: ...
    async def run(self, workflow: object, /, *args: object, **options: Unpack[StartOptions]) -> Any:
        """See `Verbs.run`."""
        begun = await self._desk.sending.start(workflow, args, options)
        return await self._desk.handle(AsyncRun[Any], begun).result()

    @overload
    async def signal_with_start(
        self,
        workflow: Bound[R],
        /,
        *,
        signal: Signal[Any] | str,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> AsyncRun[R]: ...
    @overload
    async def signal_with_start(
        self,
        workflow: Callable[[Unpack[Ts]], CoroutineType[Any, Any, R]],
        /,
        *args: *Ts,
        signal: Signal[Any] | str,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> AsyncRun[R]: ...
    @overload
    async def signal_with_start(
        self,
        workflow: str,
        /,
        *args: Any,
        signal: Signal[Any] | str,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> AsyncRun[Any]: ...
    async def signal_with_start(
        self,
        workflow: object,
        /,
        *args: object,
        signal: object,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> AsyncRun[Any]:
        """See `Verbs.signal_with_start`."""
        given: StartOptions = {"policy": "existing", **options}
        begun = await self._desk.sending.start(workflow, args, given, signal=(signal, value))
        return self._desk.handle(AsyncRun[Any], begun)

    @overload
    def handle(self, id: str, run_id: str | None = None) -> AsyncRun[Any]: ...
    @overload
    def handle(
        self, id: str, run_id: str | None = None, *, workflow: Callable[..., CoroutineType[Any, Any, R]]
    ) -> AsyncRun[R]: ...
    def handle(self, id: str, run_id: str | None = None, *, workflow: object = None) -> AsyncRun[Any]:
        """See `Verbs.handle`."""
        return self._desk.handle_of(AsyncRun[Any], id, run_id, workflow)

    # ---- finding and watching

    def list(
        self,
        query: str = "",
        *,
        params: Mapping[str, object] | None = None,
        order: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[Summary, None]:
        """See `Verbs.list`."""
        return self._desk.looking.list(query, params=params, order=order, limit=limit, after=after)

    async def count(self, query: str = "", params: Mapping[str, object] | None = None) -> int:
        """See `Verbs.count`."""
        return await self._desk.looking.count(query, params=params)

    def subscribe(
        self, query: str = "", after: str | None = None, *, params: Mapping[str, object] | None = None
    ) -> AsyncGenerator[FeedEntry, None]:
        """See `Verbs.subscribe`."""
        return self._desk.looking.subscribe(query, params=params, after=after)

    # ---- the rest

    async def delete(self, id: str) -> None:
        """See `Verbs.delete`."""
        await self._desk.sending.delete(id)

    async def complete_activity(self, task_token: str, value: object = None) -> None:
        """See `Verbs.complete_activity`."""
        await self._desk.sending.complete_activity(task_token, value)

    async def fail_activity(self, task_token: str, error: BaseException) -> None:
        """See `Verbs.fail_activity`."""
        await self._desk.sending.fail_activity(task_token, error)

    async def heartbeat_activity(self, task_token: str, details: object = None) -> None:
        """See `Verbs.heartbeat_activity`."""
        await self._desk.sending.heartbeat_activity(task_token, details)
