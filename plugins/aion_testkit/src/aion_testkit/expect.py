"""Comparisons whose failures say what the contract says, with both values, also where asserts are not rewritten."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from aion_core.spi import (
    AionError,
)

T = TypeVar("T")
E = TypeVar("E", bound=AionError)

_SHOWN = 1200


def same(actual: object, expected: object, says: str) -> None:
    """Fail with the contract's sentence unless both are equal."""
    __tracebackhide__ = True
    if actual != expected:
        raise AssertionError(f"{says}\n  expected: {_shown(expected)}\n  got:      {_shown(actual)}")


def true(holds: bool, says: str) -> None:  # noqa: FBT001 - a condition is what it is about
    """Fail with the contract's sentence unless it holds."""
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(says)


def all_are(answers: Sequence[object], kind: type[T], says: str) -> list[T]:
    """The answers, all of one class."""
    __tracebackhide__ = True
    found = [answer for answer in answers if isinstance(answer, kind)]
    if len(found) != len(answers):
        raise AssertionError(f"{says}\n  expected: {kind.__name__} everywhere\n  got:      {_shown(answers)}")
    return found


def one(answers: Sequence[object], kind: type[T], says: str) -> T:
    """The one answer, of this class."""
    __tracebackhide__ = True
    if len(answers) != 1 or not isinstance(answers[0], kind):
        raise AssertionError(f"{says}\n  expected: one {kind.__name__}\n  got:      {_shown(answers)}")
    return answers[0]


@contextmanager
def raises(error: type[E], says: str) -> Generator[None, None, None]:
    """Fail with the contract's sentence unless the block raises this error."""
    __tracebackhide__ = True
    try:
        yield
    except error:
        return
    except Exception as other:
        raise AssertionError(f"{says}\n  expected: {error.__name__}\n  got:      {other!r}") from other
    raise AssertionError(f"{says}\n  expected: {error.__name__}\n  got:      no error")


def eventually(answer: Callable[[], bool], says: str, *, attempts: int = 10_000) -> None:
    """Ask again until it is true; fail when that takes more attempts than any honest store needs."""
    __tracebackhide__ = True
    for _ in range(attempts):
        if answer():
            return
    raise AssertionError(f"{says} (not after {attempts} attempts)")


def _shown(value: object) -> str:
    text = repr(value)
    if len(text) <= _SHOWN:
        return text
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 200
    return f"{brief.repr(value)}  ({len(text)} characters)"
