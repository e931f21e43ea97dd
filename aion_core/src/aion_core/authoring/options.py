"""What decorators and `.options` say of a call, checked when it is said."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from aion_core.authoring.retries import Retry
from aion_core.model.policies import ActivityCall, Cancellation, RetryPolicy
from aion_core.model.times import Duration, Micros, micros

E = TypeVar("E", bound=StrEnum)

CancellationName: TypeAlias = Literal["try", "wait", "abandon"]
ExhaustionName: TypeAlias = Literal["fail", "block"]
Key: TypeAlias = Callable[..., str] | str

NO_LIMIT = Micros(0)
"""A limit that is said to be none: what the configuration has does not count."""


def call_options(
    below: ActivityCall,
    *,
    start_to_close: Duration | None,
    schedule_to_close: Duration | None,
    schedule_to_start: Duration | None,
    heartbeat: Duration | None,
    retry: Retry | None,
    queue: str | None,
    key: Key | None,
    priority: int,
    cancellation: CancellationName | None,
    on_exhausted: ExhaustionName | None,
    idempotency_key: str | None,
) -> ActivityCall:
    """`below` with what is given here over it. ValueError names the option that can not be meant."""
    _not_yet("key", given=key is not None)
    _not_yet("priority", given=priority != 0)
    _not_yet('on_exhausted="block"', given=choice("on_exhausted", on_exhausted, ("fail", "block")) == "block")
    chosen = choice("cancellation", cancellation, tuple(Cancellation))
    said: dict[str, Any] = {
        "start_to_close": limit("start_to_close", start_to_close),
        "schedule_to_close": limit("schedule_to_close", schedule_to_close),
        "schedule_to_start": limit("schedule_to_start", schedule_to_start),
        "heartbeat": limit("heartbeat", heartbeat),
        "retry": policy(retry),
        "queue": text("queue", queue),
        "cancellation": None if chosen is None else Cancellation(chosen),
        "idempotency_key": text("idempotency_key", idempotency_key),
    }
    return msgspec.structs.replace(below, **{name: value for name, value in said.items() if value is not None})


def limit(option: str, value: Duration | None) -> Micros | None:
    """A time limit; `math.inf` is none at all, and None is not said."""
    if value is None:
        return None
    if value == math.inf:
        return NO_LIMIT
    return micros(value, what=option)


def policy(retry: Retry | None) -> RetryPolicy | None:
    """The policy of a `Retry`."""
    if retry is None:
        return None
    if not isinstance(retry, Retry):
        raise ValueError(f"retry is {retry!r}; write aion.Retry(max_attempts=5), say.")  # noqa: TRY004  # as all options
    return retry.policy


def text(option: str, value: object) -> str | None:
    """A name that is not empty."""
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise ValueError(f"{option} is {value!r}; it is a text that is not empty.")
    return value


def choice(option: str, value: str | None, choices: tuple[str, ...]) -> str | None:
    """One of a few words."""
    if value is not None and value not in choices:
        raise ValueError(f"{option} is {value!r}; it is one of {', '.join(map(repr, choices))}.")
    return value


def _not_yet(option: str, *, given: bool) -> None:
    """Taking it without doing what it says would be worse than refusing it."""
    if given:
        raise ValueError(f"{option} can not be used until flow control is there: a later version will take it.")
