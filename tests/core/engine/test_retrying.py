import pytest

from aion_core.engine.retrying import PROGRAMMING_ERRORS, delay, next_attempt
from aion_core.ledger import OpenActivity
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.policies import ActivityOptions, RetryPolicy

SECOND = 1_000_000
PLAIN = RetryPolicy(jitter=0.0)


def again(failure, *, attempt=1, now=100 * SECOND, schedule_to_close=None, **policy):
    options = ActivityOptions(retry=RetryPolicy(jitter=0.0, **policy), schedule_to_close=schedule_to_close)
    activity = OpenActivity(ordinal=0, activity_type="charge", options=options, attempt=attempt)
    return next_attempt(activity, failure, run_id="r1", now=now)


def failure(kind="OSError", **fields):
    return Failure(type=kind, message="", **fields)


def test_delays_grow_by_the_factor_up_to_the_maximum():
    assert [delay(PLAIN, attempt, seed="x") // SECOND for attempt in (1, 2, 3, 8, 9000)] == [1, 2, 4, 100, 100]


def test_the_jitter_is_the_same_for_the_same_attempt_and_differs_between_attempts():
    policy = RetryPolicy(factor=1.0, jitter=0.5)
    delays = [delay(policy, attempt, seed="r1 0") for attempt in range(1, 20)]
    assert delays == [delay(policy, attempt, seed="r1 0") for attempt in range(1, 20)]
    assert len(set(delays)) == len(delays)
    assert all(0.5 * SECOND <= each <= 1.5 * SECOND for each in delays)


def test_an_outage_is_tried_again_without_end():
    assert again(failure(), attempt=1_000_000) == 200 * SECOND


@pytest.mark.parametrize("kind", PROGRAMMING_ERRORS)
def test_a_programming_error_is_not_tried_again(kind):
    assert again(failure(kind)) is None


def test_a_programming_error_that_the_policy_names_is_tried_again():
    assert again(failure("TypeError"), retryable=("TypeError",)) is not None


def test_a_class_derived_from_a_final_one_is_final():
    assert again(failure("CardDeclined", bases=("PaymentError",)), non_retryable=("PaymentError",)) is None


def test_what_the_body_calls_final_is_final():
    assert again(failure(retryable=False)) is None


def test_the_body_may_name_the_delay():
    assert again(failure(retry_after=7 * SECOND)) == 107 * SECOND


def test_no_attempt_begins_after_the_time_for_all_of_them():
    assert again(failure(), schedule_to_close=101 * SECOND) is None
    assert again(failure(), schedule_to_close=102 * SECOND) is not None


@pytest.mark.parametrize("kind", [TimeoutKind.SCHEDULE_TO_CLOSE, TimeoutKind.SCHEDULE_TO_START])
def test_a_limit_over_all_attempts_is_final(kind):
    assert again(failure(timeout=kind)) is None


@pytest.mark.parametrize("kind", [TimeoutKind.START_TO_CLOSE, TimeoutKind.HEARTBEAT])
def test_a_limit_of_one_attempt_is_tried_again(kind):
    assert again(failure(timeout=kind)) is not None
