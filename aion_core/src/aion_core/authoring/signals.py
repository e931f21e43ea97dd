"""Signals on the side of workflow code: typed references, `receive`, and handlers.

A signal is recorded when it arrives and kept, in order, until the code takes it: `receive` takes one at a time, a
handler takes all of its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from inspect import isawaitable
from types import GenericAlias, NoneType
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast, overload

from aion_core.authoring.awaiting import recording, seconds_of, waited
from aion_core.authoring.context import CurrentRun
from aion_core.authoring.handlers import handler_name, name_of
from aion_core.authoring.signature import Signature
from aion_core.model.errors import PayloadError, WaitTimeout
from aion_core.model.events import SignalReceived
from aion_core.model.times import Duration

T = TypeVar("T")
D = TypeVar("D")
F = TypeVar("F", bound=Callable[..., Any])

_NONE: Final[Any] = object()
"""Nothing was given, where None would be something."""


class Signal(Generic[T]):
    """A signal by name and type, for both sides: `Approve = aion.Signal[bool]("approve")`.

    `await Approve.receive()` and `@Approve.handler` in the workflow, `run.signal(Approve, True)` outside of it.
    `aion.Signal("approve", bool)` is the same; TypeError without a type.
    """

    def __init__(self, name: str, type: type[T] | None = _NONE) -> None:
        """The type stands here or in brackets."""
        self.name = name_of("signal", name)
        if type is _NONE or isinstance(type, str | TypeVar):
            raise TypeError(
                f"signal {name!r} has no type: write aion.Signal[bool]({name!r}) or aion.Signal({name!r}, bool)."
            )
        self.type: Any = NoneType if type is None else type
        """What its values are decoded as."""

    @overload
    def receive(self, *, timeout: Duration | None = None) -> Coroutine[None, None, T]: ...
    @overload
    def receive(self, *, timeout: Duration | None = None, default: D) -> Coroutine[None, None, T | D]: ...
    def receive(self, *, timeout: Duration | None = None, default: Any = _NONE) -> Coroutine[None, None, Any]:
        """The next one, as `aion.receive` gives it."""
        return _receive(self.name, self.type, timeout, default)

    def handler(self, fn: Callable[[T], object], /) -> Callable[[T], object]:
        """Handle every signal of this name with this function, as `aion.signal` does; values have this type."""
        _handle(fn, self.name, self.type)
        return fn

    def __repr__(self) -> str:
        return f"<signal {self.name}>"

    if not TYPE_CHECKING:

        def __class_getitem__(cls, kind: Any) -> Any:
            """`Signal[bool]`, which makes signals of this type. The alias that `Generic` gives would not tell them."""
            return _Typed(cls, kind)


class _Typed(GenericAlias):
    """`Signal[bool]`."""

    def __call__(self, name: str) -> Any:
        """Make the signal."""
        return cast("Any", self.__origin__)(name, self.__args__[0])


@overload
def receive(name: Signal[T], /, *, timeout: Duration | None = None) -> Coroutine[None, None, T]: ...
@overload
def receive(name: Signal[T], /, *, timeout: Duration | None = None, default: D) -> Coroutine[None, None, T | D]: ...
@overload
def receive(name: str, type: type[T], timeout: Duration | None = None) -> Coroutine[None, None, T]: ...
@overload
def receive(
    name: str, type: type[T], timeout: Duration | None = None, *, default: D
) -> Coroutine[None, None, T | D]: ...
@overload
def receive(
    name: str, type: Any = ..., timeout: Duration | None = None, *, default: Any = ...
) -> Coroutine[None, None, Any]: ...
def receive(
    name: Signal[Any] | str, type: Any = Any, timeout: Duration | None = None, *, default: Any = _NONE
) -> Coroutine[None, None, Any]:
    """The next signal of this name, in the order of arrival; those that came early have waited.

    * `type`: what its value is decoded as. `PayloadError` when it does not fit; that signal is gone then.
    * `timeout`: seconds, or a timedelta. When they pass: `default` if given, else `WaitTimeout`; nothing is consumed,
      and neither is when the wait is cancelled. 0 takes what is there.

    ValueError for a signal that `aion.signal` handles.
    """
    if isinstance(name, Signal):
        if type is not Any:
            raise TypeError(f"{name!r} has its type already.")
        return _receive(name.name, name.type, timeout, default)
    return _receive(name, type, timeout, default)


class _SignalDecorator(Protocol):
    def __call__(self, fn: F, /) -> F: ...


@overload
def signal(fn: F, /, *, name: str | None = None) -> F: ...
@overload
def signal(name: str, /) -> _SignalDecorator: ...
@overload
def signal(*, name: str | None = None) -> _SignalDecorator: ...
def signal(fn: Any = None, /, name: str | None = None) -> Any:
    """Handle every signal of a name with this function, instead of receiving them: `@aion.signal`.

    Any callable will do, `aion.signal(cart.add)` included; the name is its `__name__` unless given. It takes the
    signal's value, decoded by its annotation, or nothing. It may be async, and then await whatever the workflow may.
    Each call is a task, begun in the order of arrival; those that waited begin first. What a call raises, a value that
    does not fit included, fails the workflow when its function returns.

    ValueError for a signal that is received.
    """
    if callable(fn):
        _handle(fn, handler_name("signal", fn, name))
        return fn
    given = name if fn is None else name_of("signal", fn)

    def decorate(fn: Callable[..., Any]) -> Callable[..., Any]:
        _handle(fn, handler_name("signal", fn, given))
        return fn

    return decorate


def _receive(name: str, kind: Any, timeout: Duration | None, default: Any) -> Coroutine[None, None, Any]:
    run = recording("aion.receive", "from outside, send a signal with run.signal()")
    return waited(run, _received(run, name_of("signal", name), kind, seconds_of(timeout), default))


async def _received(run: CurrentRun, name: str, kind: Any, seconds: float | None, default: Any) -> Any:
    if seconds is None:
        return _value(run, await run.signals.get(name), kind)
    event = run.signals.take(name)
    if event is None and seconds != 0:
        try:
            async with asyncio.timeout(seconds):
                event = await run.signals.get(name)
        except TimeoutError:
            pass
    if event is not None:
        return _value(run, event, kind)
    if default is _NONE:
        raise WaitTimeout(f"signal {name!r} did not come within {seconds:g} s; nothing was consumed.")
    return default


def _value(run: CurrentRun, event: SignalReceived, kind: Any) -> Any:
    try:
        return run.surroundings.values.decode(event.payload, kind)
    except PayloadError as error:
        path = f"signal {event.name}{error.path[1:]}"
        raise PayloadError(error.problem, path=path, type_name=error.type_name) from error


def _handle(fn: Callable[..., Any], name: str, kind: Any = _NONE) -> None:
    run = recording("aion.signal", "call it in the workflow, on the instance that handles it")
    takes_value, annotated = _parameter(fn, name)
    decoded_as = annotated if kind is _NONE else kind

    async def handled(event: SignalReceived) -> None:
        value = _value(run, event, decoded_as)
        done = fn(value) if takes_value else fn()
        if isawaitable(done):
            await done

    def handle(event: SignalReceived) -> None:
        # A task also for a plain function: what it raises must not go to whoever delivers the signal.
        asyncio.get_running_loop().create_task(handled(event), name=f"signal {name}")

    run.signals.handle(name, handle)


def _parameter(fn: Callable[..., Any], name: str) -> tuple[bool, Any]:
    """Whether it takes the value, and as what. TypeError when it takes more."""
    signature = Signature.of(fn)
    if not signature.takes:
        return False, Any
    if signature.needs > 1:
        raise TypeError(f"{signature}: the handler of signal {name!r} takes its value, or nothing.")
    return True, signature.type_of(signature.takes[0])
