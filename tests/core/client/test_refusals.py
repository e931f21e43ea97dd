import msgspec
import pytest

from aion_core.client.refusals import error_of, refusal_bytes
from aion_core.model import errors, failed
from aion_core.model.errors import AionError, all_errors
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.payloads import json_payload
from aion_core.model.status import Status

CAUSE = Failure(type="OSError", message="no route", bases=("Exception",))
FAILURE = Failure(
    type="CardDeclined",
    message="not enough",
    bases=("PaymentError", "Exception"),
    details=json_payload(b'{"missing":12.5}'),
    traceback="shop.py:4",
    cause=CAUSE,
)
RUN = "0190a1b2-0000-7000-8000-000000000001"

SAMPLES = [
    AionError("something"),
    errors.InvalidInput("not so"),
    errors.InvalidId("workflow id", " x", "has a space at its start"),
    errors.InvalidTime("no time zone"),
    errors.PayloadError("is missing", path="$.items[2]", type_name="int"),
    errors.PayloadTooLarge(3_000_000, 2_097_152),
    errors.UnknownAttribute("customr", ["customer", "amount"]),
    errors.InvalidAttribute("amount", "is a str"),
    errors.AttributeConflict("amount", "int", "str"),
    errors.InvalidQuery("a = = b", 4, "unexpected ="),
    errors.InvalidPackage("other bytes"),
    errors.LimitExceeded("signals", 10_001, 10_000, setting="signals"),
    errors.DuplicateName("activities", "charge", "a.py:1", "b.py:2"),
    errors.UnknownWorkflow("chekout", ["checkout"]),
    errors.ConfigError(["a: one", "b: two"], source="aion.toml"),
    errors.PluginError("no", kind="event_store", name="x"),
    errors.PluginNotFound("event_store", "sqlit", ["sqlite"], distribution="aion-sqlite"),
    errors.PluginLoadError("event_store", "x", "y 1.0", "no module z"),
    errors.PluginConflict("event_store", "x", ["a 1", "b 2"]),
    errors.PluginIncompatible("event_store", "x", "y 1.0", needs="core>=2", installed="core 1"),
    errors.PluginContractError("event_store", "x", "y 1.0", [" lacks append."]),
    errors.HistoryError("can not be used"),
    errors.HistoryTooNew("Later/1", workflow_id="order-42", seq=7),
    errors.HistoryCorrupt("ends early", workflow_id="order-42"),
    errors.RunChainBroken("two first runs"),
    errors.WorkflowCodeError("not allowed"),
    errors.NonDeterministicCall("time.time()", "aion.now()", source="shop.py:41"),
    errors.NonDeterministicCode(["shop.py:3: random"]),
    errors.NonDeterminism("a timer", "calls charge", seq=9),
    errors.ReadOnlyViolation("query 'total'", "sleep()"),
    errors.NotInWorkflow("aion.now()", "use the clock"),
    errors.NotInActivity("aion.heartbeat()"),
    errors.WaitTimeout("the answer did not come"),
    failed.QueryTimeout("the query was not answered"),
    failed.ActivityError("no", type="Declined", details={"limit": [1, 2.5, None]}, retryable=False, retry_after=3),
    failed.WorkflowError("no", type="Odd", details=["a", "b"]),
    failed.Failed(FAILURE),
    failed.ActivityFailed(FAILURE, activity="charge", attempts=3),
    failed.ActivityTimedOut(
        Failure(type="Timeout", message="", timeout=TimeoutKind.HEARTBEAT), activity="charge", attempts=1
    ),
    failed.ActivityLost(Failure(type="Lost", message="", lost=True), activity="charge", attempts=1),
    failed.WorkflowFailed(FAILURE, workflow_id="order-42", run_id=RUN),
    failed.QueryFailed(FAILURE),
    failed.UpdateRejected(FAILURE),
    failed.UpdateFailed(FAILURE),
    failed.RunError("not now", workflow_id="order-42"),
    failed.WorkflowNotFound("order-42", RUN),
    failed.WorkflowIdConflict("order-42", RUN, status="running", policy="reject", problem="of another type"),
    failed.WorkflowClosed("order-42", RUN, status=Status.COMPLETED),
    failed.WorkflowOpen("order-42", RUN, status="paused"),
    failed.WorkflowCancelled("order-42", RUN, reason="changed my mind"),
    failed.WorkflowTerminated("order-42", None),
    failed.WorkflowTimedOut("order-42", RUN),
    failed.WorkflowContinuedAsNew("order-42", RUN, next_run="other"),
    failed.WorkflowBlocked("order-42", RUN, reason="its code changed"),
    failed.UnknownHandler("query", "totl", ["total", "lines"], workflow_id="order-42"),
    failed.EngineError("can not"),
    failed.ShuttingDown(),
    failed.EngineClosed("client"),
    failed.EngineForked(4711),
    failed.StoreInUse("host-a", 4711),
    failed.NotOwner("order-42"),
    errors.StoreError("could not"),
    errors.StoreUnavailable("not there"),
    errors.StoreRefused("too long"),
    errors.StoreClosed("sqlite"),
    errors.CursorTooOld(1, 2, 3),
    errors.BlobNotFound("blob-1"),
]


def test_every_error_of_ours_is_tried_here():
    assert {type(error) for error in SAMPLES} == set(all_errors())


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: error.code)
def test_an_error_comes_back_as_its_class_with_its_text_and_attributes(error):
    again = error_of(refusal_bytes(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert again.args == (error.args if isinstance(error, failed.Failed) else (str(error),))


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: error.code)
def test_an_error_that_crossed_twice_is_the_same(error):
    body = refusal_bytes(error)
    assert refusal_bytes(error_of(body)) == body


def test_the_text_of_a_refusal_is_the_one_that_outcomes_hold():
    assert refusal_bytes(failed.UnknownHandler("query", "totl", ["total"], workflow_id="w")).decode() == (
        '{"type":"error/1","code":"unknown-handler","text":"workflow \'w\' has no query \'totl\'. It has: total.",'
        '"attributes":{"kind":"query","name":"totl","id":"w","run_id":null},"tuples":{"known":["total"]}}'
    )


def test_the_causes_of_a_failure_are_there_again():
    again = error_of(refusal_bytes(failed.WorkflowFailed(FAILURE, workflow_id="order-42", run_id=RUN)))
    assert isinstance(again.__cause__, failed.Failed)
    assert again.__cause__.failure == CAUSE
    assert again.is_("PaymentError")
    assert again.details == {"missing": 12.5}


def test_an_error_of_a_newer_version_keeps_its_text():
    body = b'{"type":"error/1","code":"workflow-on-holiday","text":"it is away","attributes":{"id":"order-42"}}'
    error = error_of(body)
    assert type(error) is AionError
    assert str(error) == "it is away"
    assert error.id == "order-42"


def test_a_failed_without_its_failure_keeps_its_text():
    error = error_of(b'{"type":"error/1","code":"query-failed","text":"it failed"}')
    assert type(error) is AionError
    assert str(error) == "it failed"


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"type":"error/2","code":"run","text":""}'])
def test_a_body_that_is_no_refusal_is_a_decode_error(body):
    with pytest.raises(msgspec.DecodeError):
        error_of(body)


class Strange(failed.WorkflowClosed):
    """A subclass that somebody made, whose constructor and text are their own code."""

    code = "strange"

    def __init__(self):
        super().__init__("order-42", None, status="completed")
        self.handle = object()
        self.amount = float("nan")
        self._secret = "hidden"

    def __str__(self):
        raise RuntimeError("no text today")


def test_somebodys_own_error_crosses_as_the_nearest_of_ours_without_its_constructor():
    again = error_of(refusal_bytes(Strange()))
    assert type(again) is failed.WorkflowClosed
    assert str(again) == "(its message can not be read: RuntimeError)"
    assert vars(again) == {"id": "order-42", "run_id": None, "status": "completed", "handle": None, "amount": None}


def test_text_that_no_database_keeps_crosses_escaped():
    again = error_of(refusal_bytes(errors.InvalidId("workflow id", "a\ud800b\x00c", "holds a control character")))
    assert again.value == "a\\ud800b\\x00c"


def test_names_that_no_database_keeps_cross_escaped():
    again = error_of(refusal_bytes(errors.UnknownAttribute("x", ["a\ud800", "b\x00"])))
    assert again.known == ("a\\ud800", "b\\x00")
