"""Options of activities and children as events record them: what was decided at the time, not what code says today."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aion_core.model.times import SECOND, Micros


class ParentClose(StrEnum):
    """What happens to a child when its parent closes, however that closes."""

    ABANDON = "abandon"
    CANCEL = "cancel"
    TERMINATE = "terminate"


class Cancellation(StrEnum):
    """How cancelling an awaited activity behaves."""

    TRY = "try"
    """The await ends at once, and the body is told."""
    WAIT = "wait"
    """The body is told, and the await goes on to the body's own outcome."""
    ABANDON = "abandon"
    """The await ends at once, and the body is not told."""


class Exhaustion(StrEnum):
    """What happens when an activity has no attempts left."""

    FAIL = "fail"
    BLOCK = "block"


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """When to try again: after attempt n, `min(initial * factor ** (n - 1), maximum)`, jittered."""

    max_attempts: int = 0
    """0 is unlimited."""
    initial: Micros = Micros(SECOND)
    factor: float = 2.0
    maximum: Micros = Micros(100 * SECOND)
    jitter: float = 0.1
    non_retryable: tuple[str, ...] = ()
    retryable: tuple[str, ...] = ()


class ActivityCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What decorator and `.options` say of one call; None is what they do not say.

    Whoever records the call fills in what is None, from `[activities.NAME]` and `[activities]`, and makes
    `ActivityOptions` of it. A limit of 0 is said: there is none, whatever the configuration has. A retry policy is
    said as a whole.
    """

    start_to_close: Micros | None = None
    schedule_to_close: Micros | None = None
    schedule_to_start: Micros | None = None
    heartbeat: Micros | None = None
    retry: RetryPolicy | None = None
    queue: str | None = None
    cancellation: Cancellation | None = None
    idempotency_key: str | None = None


class ActivityOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What one call of an activity was scheduled with. A limit of None is no limit."""

    start_to_close: Micros | None = None
    schedule_to_close: Micros | None = None
    schedule_to_start: Micros | None = None
    heartbeat: Micros | None = None
    retry: RetryPolicy = RetryPolicy()
    key: str | None = None
    priority: int = 0
    cancellation: Cancellation = Cancellation.TRY
    on_exhausted: Exhaustion = Exhaustion.FAIL
    idempotency_key: str | None = None
    """Given by the user; otherwise it is derived from the run and the ordinal."""
