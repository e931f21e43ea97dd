import pytest

from aion_core.config import load
from aion_core.model.failures import TimeoutKind
from aion_core.model.policies import ActivityCall, ActivityOptions, Cancellation, RetryPolicy
from aion_core.opening.settling import origins, settling

SECOND = 1_000_000
START_TO_CLOSE = TimeoutKind.START_TO_CLOSE


def settled(given=None, **activities):
    return settling(load({"event_store": {"use": "memory"}, "activities": activities}, stores_only=True).activities)(
        "charge", given or ActivityCall()
    )


def test_what_nobody_says_is_the_default():
    assert settled() == ("default", ActivityOptions(start_to_close=600 * SECOND))


def test_what_the_code_does_not_say_comes_from_the_activitys_own_table_and_then_from_the_common_one():
    queue, options = settled(start_to_close=5, heartbeat=2, charge={"start_to_close": 7, "queue": "pci"})
    assert (queue, options.start_to_close, options.heartbeat) == ("pci", 7 * SECOND, 2 * SECOND)


def test_what_the_code_says_stands_above_the_configuration():
    given = ActivityCall(start_to_close=SECOND, queue="mine", cancellation=Cancellation.WAIT)
    queue, options = settled(given, start_to_close=5, charge={"queue": "pci"})
    assert (queue, options.start_to_close, options.cancellation) == ("mine", SECOND, Cancellation.WAIT)


def test_a_limit_of_zero_is_none_whoever_says_it():
    assert settled(start_to_close=0)[1].start_to_close is None
    assert settled(ActivityCall(start_to_close=0), start_to_close=5)[1].start_to_close is None


def test_a_retry_policy_is_said_as_a_whole():
    mine = RetryPolicy(max_attempts=2)
    assert settled(ActivityCall(retry=mine), retry={"factor": 9.0})[1].retry == mine


def test_the_longest_delay_is_a_hundred_times_the_first_unless_it_is_given():
    assert settled(retry={"initial": 3})[1].retry.maximum == 300 * SECOND
    assert settled(retry={"initial": 3, "maximum": 4})[1].retry.maximum == 4 * SECOND


@pytest.mark.parametrize(
    ("activities", "limit", "said"),
    [
        ({}, 600, "the default of [activities]"),
        ({"start_to_close": 5}, 5, "[activities], argument"),
        ({"start_to_close": 5, "charge": {"start_to_close": 7}}, 7, "[activities.charge], argument"),
        ({"start_to_close": 5}, 9, "as the code says"),
    ],
)
def test_a_timeout_says_where_its_limit_comes_from(activities, limit, said):
    table = {"activities": activities} if activities else {}
    config = load({"event_store": {"use": "memory"}, **table}, stores_only=True)
    assert origins(config)("charge", START_TO_CLOSE, limit * SECOND) == said
