"""What a start checks, and what it sends."""

import math
from dataclasses import dataclass
from datetime import timedelta

import pytest

from aion_core import (
    InvalidAttribute,
    InvalidId,
    InvalidInput,
    InvalidTime,
    LimitExceeded,
    PayloadError,
    PayloadTooLarge,
    UnknownAttribute,
    WorkflowIdConflict,
)
from aion_core.authoring.activities import activity
from aion_core.authoring.workflows import workflow
from aion_core.client.requests import SignalRequest, StartPolicy, request_bytes, request_of
from aion_core.model.limits import Limits


@dataclass
class Order:
    id: str
    cents: int
    note: str = ""


@workflow
async def checkout(order: Order, express: bool = False) -> str:  # noqa: FBT001, FBT002  # as users write them
    return order.id


@activity
def charge(order: Order) -> str:
    return order.id


def sent(backend):
    return backend.seen[-1][1]


def test_a_start_returns_a_handle_on_the_run_that_it_began(verbs, backend):
    run = verbs.start(checkout, Order("42", 1999), id="order-42")
    assert (run.id, run.created, run.pending) == ("order-42", True, False)
    assert run.run_id == backend.state("order-42").summary.run_id
    assert sent(backend).workflow_type == "checkout"
    assert sent(backend).input.content == b'[{"id":"42","cents":1999,"note":""}]'


def test_the_same_start_again_joins_the_run(verbs):
    first = verbs.start(checkout, Order("42", 1999), id="order-42")
    again = verbs.start(checkout, Order("42", 1999), id="order-42")
    assert (again.run_id, again.created) == (first.run_id, False)


def test_what_equals_its_default_does_not_make_another_start(verbs):
    first = verbs.start(checkout, Order("42", 1999), id="order-42")
    same = [
        verbs.start(checkout, Order("42", 1999, note=""), False, id="order-42"),
        verbs.start(checkout.bind(Order("42", 1999), express=False), id="order-42"),
        verbs.start(checkout.bind(order=Order("42", 1999)), id="order-42"),
        verbs.start("checkout", {"id": "42", "cents": 1999}, id="order-42"),
    ]
    assert {run.run_id for run in same} == {first.run_id}


def test_another_input_under_the_same_id_is_a_conflict(verbs):
    verbs.start(checkout, Order("42", 1999), id="order-42")
    with pytest.raises(WorkflowIdConflict, match="order-42"):
        verbs.start(checkout, Order("42", 1999), True, id="order-42")


def test_keyword_arguments_are_bound_first(verbs, backend):
    verbs.start(checkout.bind(Order("42", 1), express=True), id="order-42")
    assert sent(backend).input.content == b'[{"id":"42","cents":1,"note":""},true]'


def test_a_start_without_an_id_gets_a_new_one(verbs):
    assert verbs.start("checkout").id != verbs.start("checkout").id


def test_a_request_id_is_the_id_unless_another_is_given(verbs, backend):
    assert verbs.start("checkout", request_id="web-7").id == "web-7"
    assert verbs.start("checkout", id="order-7", request_id="web-7").id == "order-7"
    assert backend.seen[-1][3] == "web-7"


def test_the_options_of_a_start_are_sent_as_they_are_recorded(verbs, backend):
    verbs.start(
        "checkout",
        id="order-1",
        policy="allow_failed",
        attributes={"customer": "acme", "tags": None},
        memo={"progress": {"done": 1}},
        delay=timedelta(seconds=2),
        timeout=1.5,
        version="a" * 64,
    )
    request = sent(backend)
    assert request.policy is StartPolicy.ALLOW_FAILED
    assert {name: value.plain for name, value in request.attributes.items()} == {"customer": "acme"}
    assert request.memo["progress"].content == b'{"done":1}'
    assert (request.delay, request.timeout, request.version) == (2_000_000, 1_500_000, "a" * 64)


def test_the_timeout_of_the_callers_function_is_sent_along(verbs, backend):
    verbs.start(workflow(timeout=60)(checkout.fn), Order("42", 1), id="order-42")
    assert sent(backend).timeout == 60_000_000


def test_a_signal_comes_with_the_start_in_one_request(verbs, backend):
    run = verbs.signal_with_start(checkout, Order("42", 1), signal="approve", value=True, id="order-42")
    assert run.created
    assert sent(backend).policy is StartPolicy.EXISTING
    assert (sent(backend).signal.name, sent(backend).signal.payload.content) == ("approve", b"true")
    assert [event.type for event in run.history()] == ["WorkflowStarted", "SignalReceived"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"id": "aion:mine"}, InvalidId, "reserved"),
        ({"id": ""}, InvalidId, "empty"),
        ({"request_id": " web"}, InvalidId, "space"),
        ({"policy": "idempotant"}, InvalidInput, "Did you mean 'idempotent'"),
        ({"attributes": {"custumer": "acme"}}, UnknownAttribute, "custumer"),
        ({"attributes": {"customer": 5}}, InvalidAttribute, "declared as str"),
        ({"memo": {"x": math.nan}}, PayloadError, "nan"),
        ({"memo": {"x": "y" * 70_000}}, LimitExceeded, "memo"),
        ({"memo": {5: "y"}}, InvalidInput, "names"),
        ({"delay": -1}, InvalidTime, "delay"),
        ({"timeout": 0}, InvalidTime, "timeout"),
        ({"version": "1.0"}, InvalidId, "package version"),
        ({"express": True}, TypeError, "bind"),
    ],
)
def test_nothing_is_sent_of_a_start_that_can_not_be_meant(verbs, backend, options, error, words):
    with pytest.raises(error, match=words):
        verbs.start(checkout, Order("42", 1), **options)
    assert backend.seen == []


@pytest.mark.parametrize(
    ("workflow", "args", "error", "words"),
    [
        (checkout, (), TypeError, "order"),
        (checkout, (Order("42", 1), True, 3), TypeError, "too many"),
        (checkout, ("wrong",), PayloadError, "order"),
        (checkout, (Order("42", "19"),), PayloadError, "cents"),
        (checkout, (object(),), PayloadError, "can not be encoded"),
        (checkout.bind(Order("42", 1)), (True,), TypeError, "bind"),
        (charge, (Order("42", 1),), TypeError, "takes a workflow"),
        (checkout.fn, (Order("42", 1),), TypeError, "@aion.workflow"),
        ("", (), InvalidInput, "name"),
        (None, (), TypeError, "takes a workflow"),
    ],
)
def test_arguments_are_checked_before_anything_is_sent(verbs, backend, workflow, args, error, words):
    with pytest.raises(error, match=words):
        verbs.start(workflow, *args, id="order-42")
    assert backend.seen == []


def test_an_argument_over_the_limit_is_refused(verbs, backend):
    with pytest.raises(PayloadTooLarge):
        verbs.start("checkout", "x" * (Limits().payload + 1))
    assert backend.seen == []


def test_a_signal_that_can_not_be_encoded_starts_nothing(verbs, backend):
    with pytest.raises(PayloadError):
        verbs.signal_with_start(checkout, Order("42", 1), signal="approve", value=math.inf, id="order-42")
    assert backend.seen == []


def test_requests_survive_their_bytes(backend):
    request = SignalRequest(name="approve", payload=backend.values.encode({"yes": True}))
    assert request_of(request_bytes(request)) == request
