from typing import get_args

import msgspec
import pytest

from aion_core.client.requests import (
    ActivityRequest,
    ActivityVerb,
    Answered,
    AnyReaction,
    AnyRequest,
    CancelRequest,
    DeleteRequest,
    QueryRequest,
    Recorded,
    SignalRequest,
    StackRequest,
    Started,
    StartPolicy,
    StartRequest,
    TerminateRequest,
    reaction_bytes,
    reaction_of,
    request_bytes,
    request_of,
)
from aion_core.model.attributes import Attribute, AttributeType
from aion_core.model.events import ParentRef
from aion_core.model.failures import Failure
from aion_core.model.ids import RunId, Version, WorkflowId
from aion_core.model.payloads import json_payload
from aion_core.model.policies import RetryPolicy
from aion_core.model.times import Instant, Micros

RUN = RunId("0190a1b2-0000-7000-8000-000000000001")
VALUE = json_payload(b'{"total":12.5}')
HEADERS = {"tenant": json_payload(b'"acme"')}

REQUESTS = {
    '{"type":"start/1","workflow_type":"checkout","input_hash":"ab"}': StartRequest(
        workflow_type="checkout", input_hash="ab"
    ),
    '{"type":"start/1","workflow_type":"checkout","input":{"json":{"total":12.5}},"input_hash":"ab",'
    '"policy":"restart","attributes":{"customer":{"type":"str","value":"c1"}},"memo":{"note":{"json":{"total":12.5}}},'
    '"delay":5,"timeout":6,"retry":{"max_attempts":3},"version":"v","headers":{"tenant":{"json":"acme"}},'
    '"parent":{"workflow_id":"p","run_id":"0190a1b2-0000-7000-8000-000000000001","ordinal":4},'
    '"run_id":"0190a1b2-0000-7000-8000-000000000001","scheduled_at":9,'
    '"signal":{"type":"signal/1","name":"approve"}}': StartRequest(
        workflow_type="checkout",
        input=VALUE,
        input_hash="ab",
        policy=StartPolicy.RESTART,
        attributes={"customer": Attribute(AttributeType.STR, "c1")},
        memo={"note": VALUE},
        delay=Micros(5),
        timeout=Micros(6),
        retry=RetryPolicy(max_attempts=3),
        version=Version("v"),
        headers=HEADERS,
        parent=ParentRef(WorkflowId("p"), RUN, 4),
        run_id=RUN,
        scheduled_at=Instant(9),
        signal=SignalRequest(name="approve"),
    ),
    '{"type":"signal/1","name":"approve","payload":{"json":{"total":12.5}},"headers":{"tenant":{"json":"acme"}}}': (
        SignalRequest(name="approve", payload=VALUE, headers=HEADERS)
    ),
    '{"type":"cancel/1","reason":"changed my mind"}': CancelRequest(reason="changed my mind"),
    '{"type":"terminate/1"}': TerminateRequest(),
    '{"type":"query/1","name":"total","input":{"json":{"total":12.5}},"expires_at":7}': QueryRequest(
        name="total", input=VALUE, expires_at=Instant(7)
    ),
    '{"type":"stack/1"}': StackRequest(),
    '{"type":"activity/1","verb":"complete","ordinal":2,"attempt":1,"value":{"json":{"total":12.5}}}': ActivityRequest(
        verb=ActivityVerb.COMPLETE, ordinal=2, attempt=1, value=VALUE
    ),
    '{"type":"activity/1","verb":"fail","ordinal":2,"attempt":1,"failure":{"type":"Declined","message":"no"}}': (
        ActivityRequest(verb=ActivityVerb.FAIL, ordinal=2, attempt=1, failure=Failure(type="Declined", message="no"))
    ),
    '{"type":"delete/1"}': DeleteRequest(),
}

REACTIONS = {
    '{"type":"started/1","run_id":"0190a1b2-0000-7000-8000-000000000001","created":true,"workflow_type":"checkout"}': (
        Started(run_id=RUN, created=True, workflow_type="checkout")
    ),
    '{"type":"recorded/1","run_id":"0190a1b2-0000-7000-8000-000000000001"}': Recorded(run_id=RUN),
    '{"type":"answered/1","value":{"json":{"total":12.5}}}': Answered(value=VALUE),
}


@pytest.mark.parametrize(("text", "request_"), REQUESTS.items())
def test_the_text_of_a_request_is_the_one_that_inboxes_hold(text, request_):
    assert request_bytes(request_).decode() == text
    assert request_of(text.encode()) == request_


@pytest.mark.parametrize(("text", "reaction"), REACTIONS.items())
def test_the_text_of_a_reaction_is_the_one_that_outcomes_hold(text, reaction):
    assert reaction_bytes(reaction).decode() == text
    assert reaction_of(text.encode()) == reaction


def test_every_request_and_every_reaction_has_its_text_here():
    assert {type(each) for each in REQUESTS.values()} == set(get_args(AnyRequest))
    assert {type(each) for each in REACTIONS.values()} == set(get_args(AnyReaction))


def test_values_with_a_codec_and_bytes_of_any_kind_survive():
    sealed = msgspec.structs.replace(VALUE, json=msgspec.UNSET, data=bytes(range(256)), encodings=("aes",))
    request = SignalRequest(name="approve", payload=sealed)
    assert request_of(request_bytes(request)) == request


def test_a_field_that_a_later_version_added_is_ignored():
    assert request_of(b'{"type":"cancel/1","reason":"r","urgency":3}') == CancelRequest(reason="r")


@pytest.mark.parametrize("body", [b'{"type":"cancel/2"}', b'{"reason":"r"}', b"", b"\xff", b"[]"])
def test_a_request_of_a_later_version_or_none_at_all_is_a_decode_error(body):
    with pytest.raises(msgspec.DecodeError):
        request_of(body)
