"""Whether a failed attempt is tried again, and when: the same answer for the same attempt, whoever asks."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Final

from aion_core.ledger import OpenActivity
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.ids import RunId
from aion_core.model.policies import RetryPolicy
from aion_core.model.times import Instant, Micros

PROGRAMMING_ERRORS: Final = (
    "TypeError",
    "NameError",
    "AttributeError",
    "ImportError",
    "SyntaxError",
    "AssertionError",
    "NotImplementedError",
)
"""No attempt mends them: they fail at once, unless the policy names them in `retryable`."""

_FINAL: Final = frozenset({TimeoutKind.SCHEDULE_TO_CLOSE, TimeoutKind.SCHEDULE_TO_START})
_SCALE: Final = 2.0**64


def next_attempt(activity: OpenActivity, failure: Failure, *, run_id: RunId, now: Instant) -> Instant | None:
    """When the attempt after this failed one begins; None when this was the last one."""
    policy = activity.options.retry
    if not _worth_trying(policy, failure) or 0 < policy.max_attempts <= activity.attempt:
        return None
    wait = delay(policy, activity.attempt, seed=f"{run_id} {activity.ordinal}")
    if failure.retry_after is not None:
        wait = failure.retry_after
    at = Instant(now + wait)
    limit = activity.options.schedule_to_close
    if limit is not None and at >= activity.scheduled_at + limit:
        return None  # the time for all attempts would be over before it began
    return at


def delay(policy: RetryPolicy, attempt: int, *, seed: str) -> Micros:
    """The pause after this attempt, jittered by a number that is the same whoever computes it."""
    grown = float(policy.maximum)
    if policy.initial < policy.maximum:
        with suppress(OverflowError):  # far beyond the maximum
            grown = min(policy.initial * policy.factor ** (attempt - 1), grown)
    digest = hashlib.sha256(f"aion.jitter/1 {seed} {attempt}".encode()).digest()
    spread = 2 * int.from_bytes(digest[:8]) / _SCALE - 1
    return Micros(max(0, round(grown * (1 + policy.jitter * spread))))


def _worth_trying(policy: RetryPolicy, failure: Failure) -> bool:
    if failure.timeout in _FINAL or not failure.retryable:
        return False
    if failure.is_(*policy.non_retryable):
        return False
    return failure.is_(*policy.retryable) or not failure.is_(*PROGRAMMING_ERRORS)
