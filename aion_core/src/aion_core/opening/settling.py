"""What holds for a call of an activity: what its code says, over the configuration; and which of the two said it."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from aion_core.config import Config
from aion_core.config.layers import Kind
from aion_core.config.sections import Activities, ActivityDefaults
from aion_core.config.sections import Retry as RetryDefaults
from aion_core.engine.attempt import Origin
from aion_core.engine.settings import Settle
from aion_core.model.errors import InvalidInput
from aion_core.model.failures import TimeoutKind
from aion_core.model.policies import ActivityCall, ActivityOptions, Cancellation, RetryPolicy
from aion_core.model.times import SECOND, Micros

T = TypeVar("T")

_QUEUE = "default"
_MAXIMUM = 100
"""The longest delay is so many times the first, unless it is given."""


def settling(activities: Activities) -> Settle:
    """For `[activities]` of a configuration. Calls that say the same share one answer."""

    @lru_cache(maxsize=1024)
    def of(name: str) -> tuple[str | None, ActivityOptions, Cancellation]:
        below = activities.of(name)
        return below.queue, _options(below), below.cancellation or Cancellation.TRY

    def settle(name: str, given: ActivityCall) -> tuple[str, ActivityOptions]:
        queue, below, cancellation = of(name)
        if given == _NOTHING:
            return queue or _QUEUE, below
        options = ActivityOptions(
            start_to_close=_limit(given.start_to_close, below.start_to_close),
            schedule_to_close=_limit(given.schedule_to_close, below.schedule_to_close),
            schedule_to_start=_limit(given.schedule_to_start, below.schedule_to_start),
            heartbeat=_limit(given.heartbeat, below.heartbeat),
            retry=given.retry or below.retry,
            cancellation=given.cancellation or cancellation,
            idempotency_key=given.idempotency_key,
        )
        return given.queue or queue or _QUEUE, options

    return settle


def origins(config: Config) -> Origin:
    """Where limits come from, for the messages of timeouts. A limit that both give alike is the configuration's."""

    def origin(name: str, kind: TimeoutKind, limit: Micros) -> str:
        own = config.activities.named.get(name)
        said = None if own is None else getattr(own, kind.value)
        table = "activities" if said is None else f"activities.{name}"
        if _micros(getattr(config.activities.of(name), kind.value)) != limit:
            return "as the code says"
        try:
            place = config.origin(f"{table}.{kind.value}")
        except InvalidInput:
            return f"the default of [{table}]"
        return f"the default of [{table}]" if place.kind is Kind.DEFAULT else f"[{table}], {place}"

    return origin


_NOTHING = ActivityCall()


def _options(below: ActivityDefaults) -> ActivityOptions:
    return ActivityOptions(
        start_to_close=_micros(below.start_to_close),
        schedule_to_close=_micros(below.schedule_to_close),
        schedule_to_start=_micros(below.schedule_to_start),
        heartbeat=_micros(below.heartbeat),
        retry=_policy(below.retry),
        cancellation=below.cancellation or Cancellation.TRY,
    )


def _policy(below: RetryDefaults) -> RetryPolicy:
    plain = RetryPolicy()
    initial = _or(_exact(below.initial), plain.initial)
    return RetryPolicy(
        max_attempts=_or(below.max_attempts, plain.max_attempts),
        initial=initial,
        factor=_or(below.factor, plain.factor),
        maximum=_or(_exact(below.maximum), Micros(_MAXIMUM * initial)),
        jitter=_or(below.jitter, plain.jitter),
        non_retryable=_or(below.non_retryable, plain.non_retryable),
        retryable=_or(below.retryable, plain.retryable),
    )


def _limit(given: Micros | None, below: Micros | None) -> Micros | None:
    """What the code says; a limit of 0 says that there is none."""
    return below if given is None else given or None


def _micros(seconds: float | None) -> Micros | None:
    """Of a limit in the configuration, where 0 is none."""
    return Micros(round(seconds * SECOND)) if seconds else None


def _exact(seconds: float | None) -> Micros | None:
    return None if seconds is None else Micros(round(seconds * SECOND))


def _or(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value
