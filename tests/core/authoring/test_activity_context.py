import asyncio
from datetime import UTC, datetime

import pytest

from aion_core.authoring import activity_context
from aion_core.authoring.activities import activity
from aion_core.authoring.activity_context import (
    ActivityContext,
    activity_info,
    cancelled,
    heartbeat,
    heartbeat_details,
    running,
)
from aion_core.codec import Values
from aion_core.model.errors import NotInActivity, PayloadError
from aion_core.model.tokens import TaskToken
from aion_core.spi import ActivityTask, instant, json_payload

TASK = ActivityTask(
    task_id="task-1",
    workflow_id="order-42",
    run_id="run-1",
    workflow_type="checkout",
    version="v1",
    ordinal=1,
    attempt=3,
    activity_type="charge",
    idempotency_key="key",
    deadline=instant(datetime(2026, 1, 1, tzinfo=UTC)),
    heartbeat_details=json_payload(b'{"page": 7}'),
)


@pytest.fixture
def beats():
    return []


@pytest.fixture
def context(beats):
    found = ActivityContext(TASK, values=Values(), beat=lambda *beat: beats.append(beat), resources=None)
    token = running.set(found)
    yield found
    running.reset(token)


def test_a_body_knows_what_it_is_an_attempt_of(context):
    info = activity_info()
    assert (info.workflow_id, info.run_id, info.workflow_type) == ("order-42", "run-1", "checkout")
    assert (info.activity, info.attempt) == ("charge", 3)
    assert info.idempotency_key == "key"
    assert TaskToken.parse(info.task_token) == TaskToken(workflow_id="order-42", run_id="run-1", ordinal=1, attempt=3)
    assert info.deadline == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_heartbeat_carries_how_far_the_body_has_come(context, beats):
    heartbeat({"page": 8})
    heartbeat()
    assert [(task, details and details.content) for task, details in beats] == [
        ("task-1", b'{"page":8}'),
        ("task-1", None),
    ]


def test_heartbeat_details_that_can_not_be_encoded_are_an_error(context, beats):
    with pytest.raises(PayloadError):
        heartbeat(object())
    assert beats == []


def test_the_next_attempt_finds_the_details_by_their_type(context):
    assert heartbeat_details() == {"page": 7}
    assert heartbeat_details(dict[str, int]) == {"page": 7}
    with pytest.raises(PayloadError):
        heartbeat_details(int)


def test_a_cancellation_is_raised_by_the_next_heartbeat_once(context, beats):
    assert not cancelled()
    context.cancel()
    assert cancelled()
    with pytest.raises(asyncio.CancelledError):
        heartbeat("cancelled here")
    heartbeat("cleaning up")
    context.cancel()
    heartbeat("told twice, raised once")
    assert cancelled()
    assert len(beats) == 3


def test_async_code_hears_of_a_cancellation_where_it_waits_not_by_a_heartbeat():
    context = ActivityContext(TASK, values=Values(), beat=lambda *_: None, resources=None, by_exception=False)
    context.cancel()
    context.heartbeat(None)
    assert context.cancelled


@pytest.mark.parametrize("call", ["activity_info", "heartbeat", "heartbeat_details", "cancelled"])
def test_outside_of_an_activity_the_calls_say_what_to_do(call):
    with pytest.raises(NotInActivity, match=r"activity_context\(\)") as caught:
        getattr(activity_context, call)()
    assert caught.value.call == f"{call}()"


def test_outside_of_workflows_an_activity_is_the_plain_function():
    assert activity(lambda: 7)() == 7
