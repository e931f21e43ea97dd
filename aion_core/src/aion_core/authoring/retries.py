"""`Retry`: when to try again, as users write it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

from aion_core.model.policies import RetryPolicy
from aion_core.model.times import Duration, micros

ErrorTypes: TypeAlias = Sequence[type[BaseException] | str]

_MAXIMUM: Final = 100
"""Times the first delay: the longest one, unless it is given."""


class Retry:
    """When to try again: after attempt n, `min(initial * factor ** (n - 1), maximum)`, and a part of it at random.

    `max_attempts=0` is no limit. `non_retryable` names errors that no attempt can mend, as classes (their subclasses
    count) or as names; `retryable` names some that are tried again although they look like bugs, `AssertionError` say.
    """

    __slots__ = ("policy",)

    def __init__(
        self,
        max_attempts: int = 0,
        *,
        initial: Duration = 1.0,
        factor: float = 2.0,
        maximum: Duration | None = None,
        jitter: float = 0.1,
        non_retryable: ErrorTypes = (),
        retryable: ErrorTypes = (),
    ) -> None:
        """`maximum` is a hundred times `initial` unless given. ValueError names what can not be meant."""
        first = micros(initial, what="initial")
        self.policy: RetryPolicy = RetryPolicy(
            max_attempts=_count(max_attempts),
            initial=first,
            factor=_number("factor", factor, least=1),
            maximum=micros(_MAXIMUM * initial if maximum is None else maximum, what="maximum"),
            jitter=_number("jitter", jitter, least=0, most=1),
            non_retryable=_names("non_retryable", non_retryable),
            retryable=_names("retryable", retryable),
        )

    def __repr__(self) -> str:
        return f"Retry(max_attempts={self.policy.max_attempts})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Retry) and self.policy == other.policy

    def __hash__(self) -> int:
        return hash(self.policy)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"max_attempts is {value!r}; it is a number of attempts, or 0 for no limit.")
    return value


def _number(name: str, value: object, *, least: float, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it is a number.")
    if not least <= value <= most:
        bounds = f"at least {least}" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} is {value}; it must be {bounds}.")
    return float(value)


def _names(option: str, types: ErrorTypes) -> tuple[str, ...]:
    if isinstance(types, str) or not isinstance(types, Sequence):
        raise ValueError(  # noqa: TRY004  # options are refused in one way, whatever is wrong with them
            f"{option} is {types!r}; it is a list or tuple of exception classes and names."
        )
    return tuple(_name(option, kind) for kind in types)


def _name(option: str, kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return kind.__name__
    if isinstance(kind, str) and kind:
        return kind
    raise ValueError(f"{option} holds {kind!r}, which is neither an exception class nor a name.")
