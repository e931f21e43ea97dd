"""One event loop for all workflows of a thread: the state of the run being drained is swapped in.

Only what asyncio's own vocabulary needs is here; whatever would leave the process names what to use instead.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, NoReturn, Protocol, Self, TypeVar

from aion_core.machine.guard import Guard
from aion_core.machine.guard import install as install_guard
from aion_core.machine.tasks import WorkflowTask, new_task
from aion_core.model.errors import AionError, NonDeterministicCall
from aion_core.model.times import SECOND, Instant

T = TypeVar("T")


class Ready(list[Any]):
    """A callback that waits for its turn: `[context, callback, arguments]`. asyncio cancels some of them."""

    __slots__ = ()

    def cancel(self) -> None:
        """Do nothing when the turn comes."""
        self[1] = _nothing
        self[2] = ()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self[1] is _nothing


def _nothing() -> None:
    pass


class TimerHandle:
    """What `call_later` returns: a durable timer of the run."""

    __slots__ = ("_cancelled", "_when", "args", "callback", "context", "name", "ordinal", "owner")

    def __init__(
        self,
        owner: LoopClient,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context,
        *,
        name: str | None = None,
    ) -> None:
        """`owner` starts the timer, and cancels it."""
        self.name = name
        self.owner = owner
        self.callback = callback
        self.args = args
        self.context = context
        self._when = when
        self._cancelled = False
        self.ordinal = owner.start_timer(self)

    def cancel(self) -> None:
        """Cancel the timer; once is enough."""
        if not self._cancelled:
            self.owner.cancel_timer(self)
            self._cancelled = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def when(self) -> float:
        """Its time, on the clock of `loop.time()`."""
        return self._when


class LoopClient(Protocol):
    """What the loop needs of the run that is being drained."""

    def next_task_number(self) -> int:
        """Numbers tasks within the run."""
        ...

    def started_task(self, task: WorkflowTask[Any]) -> None:
        """The code created a task."""
        ...

    def violated(self, error: AionError) -> None:
        """The code broke a rule, whatever it does about the exception."""
        ...

    def start_timer(self, handle: TimerHandle) -> int:
        """A durable timer; its ordinal."""
        ...

    def cancel_timer(self, handle: TimerHandle) -> None:
        """The code does not need it any more."""
        ...

    def unhandled(self, context: dict[str, Any]) -> None:
        """What asyncio tells its exception handler."""
        ...


class WorkflowLoop(asyncio.AbstractEventLoop):
    """Deterministic: it runs callbacks in the order they were scheduled, and its time is that of the event applied.

    Belongs to one thread. `current` is the run being drained; futures of all runs are bound to this one object.
    """

    def __init__(self, *, guard: Guard = Guard.RAISE) -> None:
        """Nothing runs yet. `guard` says what becomes of calls that leave the process."""
        self.guard = guard
        install_guard()
        self._ready: deque[Ready] = deque()
        self.current: LoopClient | None = None
        self.now: Instant = Instant(0)

    @classmethod
    def for_this_thread(cls, *, guard: Guard = Guard.RAISE) -> Self:
        """A new loop. What the constructor does, for type checkers that believe asyncio's own to be abstract."""
        return cls(guard=guard)

    # ---- the machine's side

    def __enter__(self) -> Self:
        """Become the running loop of this thread, for a batch of activations."""
        events._set_running_loop(self)  # noqa: SLF001  # what asyncio.run does; there is no public way for a loop of ours
        return self

    def __exit__(self, *_: object) -> None:
        events._set_running_loop(None)  # noqa: SLF001  # likewise

    def drain(self) -> None:
        """Run what is ready until nothing is."""
        ready = self._ready
        while ready:
            context, callback, args = ready.popleft()
            context.run(callback, *args)

    def has_ready(self) -> bool:
        """Whether something waits for its turn."""
        return bool(self._ready)

    def forget(self) -> None:
        """Drop what is ready: the run it belongs to is leaving."""
        self._ready.clear()

    # ---- asyncio's side

    def time(self) -> float:
        """Seconds since 1970 of the event being applied."""
        return self.now / SECOND

    # asyncio's handles are classes of its own; ours do what it asks of them.
    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Run it in this drain, after what is ready already."""
        handle = Ready((context if context is not None else copy_context(), callback, args))
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Start a durable timer; without a delay, run it in this drain."""
        if delay <= 0:
            return self.call_soon(callback, *args, context=context)
        client = self._client()
        return TimerHandle(client, self.time() + delay, callback, args, context or copy_context())

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        """Start a durable timer for a time of this loop's clock."""
        return self.call_later(round(when - self.time(), 6), callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: object) -> None:
        """Asyncio's own timer handles tell their loop; ours cancel themselves."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: object,
    ) -> WorkflowTask[T]:
        """A task of the run being drained. Later versions of asyncio hand over options that change nothing here."""
        client = self._client()
        try:
            number = client.next_task_number()
        except BaseException:
            coro.close()  # refused: nobody will ever await it
            raise
        task = new_task(coro, loop=self, number=number, name=name, context=context)
        client.started_task(task)
        return task

    def get_task_factory(self) -> None:
        """None: tasks are of one kind."""

    def get_debug(self) -> bool:
        """False: debug mode keeps tracebacks of everything."""
        return False

    def is_running(self) -> bool:
        """True, for as long as somebody can ask."""
        return True

    def is_closed(self) -> bool:
        """False, likewise."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Give the run what nobody handled."""
        if self.current is not None:
            self.current.unhandled(context)

    default_exception_handler = call_exception_handler

    def _client(self) -> LoopClient:
        if self.current is None:
            raise RuntimeError("no workflow is being drained on this loop.")
        return self.current


_SUBSTITUTES = {
    "run_in_executor": ("asyncio.to_thread and run_in_executor", "an activity (a plain def function runs on a thread)"),
    "call_soon_threadsafe": ("call_soon_threadsafe", "a signal: `engine.signal(...)` from the other thread"),
    "create_connection": ("a connection", "an activity"),
    "create_datagram_endpoint": ("a socket", "an activity"),
    "create_server": ("a server", "an activity"),
    "create_unix_connection": ("a connection", "an activity"),
    "create_unix_server": ("a server", "an activity"),
    "subprocess_exec": ("a subprocess", "an activity"),
    "subprocess_shell": ("a subprocess", "an activity"),
    "getaddrinfo": ("a name lookup", "an activity"),
    "getnameinfo": ("a name lookup", "an activity"),
    "sock_recv": ("a socket", "an activity"),
    "sock_sendall": ("a socket", "an activity"),
    "sock_connect": ("a socket", "an activity"),
    "sock_accept": ("a socket", "an activity"),
    "add_reader": ("a file descriptor", "an activity"),
    "add_writer": ("a file descriptor", "an activity"),
    "connect_read_pipe": ("a pipe", "an activity"),
    "connect_write_pipe": ("a pipe", "an activity"),
    "add_signal_handler": ("a signal of the operating system", "`engine.serve()` outside of the workflow"),
    "run_until_complete": ("a loop inside the workflow's", "`await`"),
    "run_forever": ("a loop inside the workflow's", "`await`"),
}


def _refused(what: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(self: WorkflowLoop, *_: object, **__: object) -> NoReturn:
        error = NonDeterministicCall(what, instead)
        if self.current is not None:
            self.current.violated(error)
        raise error

    return refuse


for _name, (_what, _instead) in _SUBSTITUTES.items():
    setattr(WorkflowLoop, _name, _refused(_what, _instead))
