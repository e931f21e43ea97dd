"""Several things at once: `race`, `settle` and `map`.

What they start they also end: a call returns, or raises, once all of its tasks are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from inspect import isawaitable
from typing import Any, Generic, Literal, TypeVar, cast, overload

from attrs import frozen

from aion_core.authoring.awaiting import recording, waited
from aion_core.authoring.options import choice

A = TypeVar("A")
R = TypeVar("R")
T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")

_INSTEAD = "elsewhere, use what asyncio has"


@frozen
class Winner(Generic[T]):
    """The first of a race between named ones."""

    name: str
    value: T


@frozen
class Outcome(Generic[T]):
    """What became of one of several."""

    error: BaseException | None
    """None when it succeeded."""
    _value: T | None

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None

    @property
    def value(self) -> T:
        """What it gave; raises `error` when it failed."""
        if self.error is not None:
            raise self.error
        return cast("T", self._value)


@overload
def race(a: Awaitable[T1], /) -> Coroutine[None, None, T1]: ...
@overload
def race(a: Awaitable[T1], b: Awaitable[T2], /) -> Coroutine[None, None, T1 | T2]: ...
@overload
def race(a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /) -> Coroutine[None, None, T1 | T2 | T3]: ...
@overload
def race(a: Awaitable[T], /, *aws: Awaitable[T]) -> Coroutine[None, None, T]: ...
@overload
def race(**named: Awaitable[T]) -> Coroutine[None, None, Winner[T]]: ...
def race(*aws: Awaitable[Any], **named: Awaitable[Any]) -> Coroutine[None, None, Any]:
    """Wait for the first to finish; the others are cancelled. Its value, or what it raised.

    With names, `race(plan=Plan.receive(), stop=Stop.receive())`, a `Winner`. Of several that could finish at once the
    one that stands first wins, and the others have done nothing: a `receive` that lost has consumed nothing.
    """
    run = recording("aion.race", _INSTEAD)
    if not aws and not named:
        raise ValueError("a race is between something: race(a, b), or race(plan=a, stop=b).")
    if aws and named:
        raise TypeError("all in a race have names, or none has.")
    _check("race", (*aws, *named.values()))
    return waited(run, _named_winner(named) if named else _winner(aws))


def settle(*aws: Awaitable[T]) -> Coroutine[None, None, list[Outcome[T]]]:
    """Wait for all, whatever becomes of each: their `Outcome`s, in the order given."""
    run = recording("aion.settle", _INSTEAD)
    _check("settle", aws)
    return waited(run, _settled(aws))


@overload
def map(  # noqa: A001  # in `aion.` it is the right word
    fn: Callable[[A], Coroutine[Any, Any, R]],
    items: Iterable[A],
    *,
    concurrency: int | None = None,
    errors: Literal["raise"] = "raise",
) -> Coroutine[None, None, list[R]]: ...
@overload
def map(  # noqa: A001  # likewise
    fn: Callable[[A], Coroutine[Any, Any, R]],
    items: Iterable[A],
    *,
    concurrency: int | None = None,
    errors: Literal["return"],
) -> Coroutine[None, None, list[Outcome[R]]]: ...
def map(  # noqa: A001  # likewise
    fn: Callable[[A], Coroutine[Any, Any, R]],
    items: Iterable[A],
    *,
    concurrency: int | None = None,
    errors: Literal["raise", "return"] = "raise",
) -> Coroutine[None, None, Any]:
    """Call an activity, a workflow or an async function for every item; the results, in the items' order.

    `concurrency`: how many at once; all unless given. The first failure cancels the rest and is raised; with
    `errors="return"` all go on, and the results are `Outcome`s.
    """
    run = recording("aion.map", _INSTEAD)
    if concurrency is not None and (isinstance(concurrency, bool) or concurrency < 1):
        raise ValueError(f"concurrency is {concurrency!r}; it is how many may run at once, and at least 1.")
    choice("errors", errors, ("raise", "return"))
    return waited(run, _mapped(fn, list(items), concurrency, returning=errors == "return"))


# ---- each of them


async def _winner(aws: Sequence[Awaitable[Any]]) -> Any:
    _, task = await _first(aws)
    return task.result()


async def _named_winner(named: dict[str, Awaitable[Any]]) -> Winner[Any]:
    index, task = await _first([*named.values()])
    return Winner([*named][index], task.result())


async def _first(aws: Sequence[Awaitable[Any]]) -> tuple[int, asyncio.Task[Any]]:
    """The index of the first to finish, and its task."""
    finished: list[int] = []
    tasks: list[asyncio.Task[Any]] = []

    async def run_one(index: int) -> Any:
        try:
            return await aws[index]
        finally:
            # At once, not in a callback: another that is about to be resumed must not take what it waits for.
            if not finished and not tasks[index].cancelling():
                finished.append(index)
                _cancel(tasks[:index] + tasks[index + 1 :])

    tasks += [asyncio.create_task(run_one(index)) for index in range(len(aws))]
    await _all_done(tasks, aws)
    return finished[0], tasks[finished[0]]


async def _settled(aws: Sequence[Awaitable[T]]) -> list[Outcome[T]]:
    tasks = [asyncio.create_task(_awaiting(each)) for each in aws]
    await _all_done(tasks, aws)
    return [_outcome(task) for task in tasks]


async def _mapped(
    fn: Callable[[A], Awaitable[R]], items: Sequence[A], concurrency: int | None, *, returning: bool
) -> list[Any]:
    results: dict[int, Any] = {}
    failed: list[int] = []
    tasks: list[asyncio.Task[None]] = []
    waiting = iter(enumerate(items))

    async def work(number: int) -> None:
        try:
            for index, item in waiting:
                steps = _called(fn, item)
                results[index] = await (_settled([steps]) if returning else steps)
        except BaseException:
            if not failed and not tasks[number].cancelling():
                failed.append(number)
                _cancel(tasks[:number] + tasks[number + 1 :])
            raise

    tasks += [asyncio.create_task(work(number)) for number in range(min(concurrency or len(items), len(items)))]
    await _all_done(tasks)
    for number in failed:
        tasks[number].result()
    return [results[index][0] if returning else results[index] for index in range(len(items))]


# ---- what they have in common


def _check(call: str, aws: Iterable[object]) -> None:
    for each in aws:
        if not isawaitable(each):
            raise TypeError(
                f"{call} takes what can be awaited, and not {each!r}: in a plain `def` workflow a call waits at once, "
                "and activity.start(…) gives what can be awaited."
            )


def _called(fn: Callable[[A], Awaitable[R]], item: A) -> Awaitable[R]:
    steps = fn(item)
    if not isawaitable(steps):
        raise TypeError(f"map calls an activity, a workflow or an async function, and {fn!r} gave {steps!r}.")
    return steps


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _all_done(tasks: Sequence[asyncio.Task[Any]], aws: Sequence[Awaitable[Any]] = ()) -> None:
    """Wait for all tasks. Cancelled, cancel them, and wait for them still: what they clean up belongs to this call.

    `aws` is what each of them awaits.
    """
    if not tasks:
        return
    try:
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            _cancel(tasks)
            await asyncio.wait(tasks)
            raise
    finally:
        for task, awaitable in zip(tasks, aws, strict=False):
            if task.cancelled():
                _end(awaitable)


def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _outcome(task: asyncio.Task[T]) -> Outcome[T]:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    return Outcome(error, None if error is not None else task.result())


def _end(awaitable: Any) -> None:
    """End what nobody awaits any more: a task that is cancelled before its first step has not even begun with it."""
    end = getattr(awaitable, "close", None) or getattr(awaitable, "cancel", None)
    if end is not None:
        end()
