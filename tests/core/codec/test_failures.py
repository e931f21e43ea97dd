import pytest

from aion_core.codec import Values
from aion_core.codec.failures import failure_of
from aion_core.model.failed import ActivityError, WorkflowError
from aion_core.model.payloads import json_payload
from aion_core.model.times import SECOND

ENCODE = Values().encode


def test_an_activity_error_is_written_with_what_its_author_said():
    failure = failure_of(
        ActivityError("no", type="CardDeclined", details={"missing": 12.5}, retryable=False, retry_after=3),
        encode=ENCODE,
    )
    assert (failure.type, failure.message) == ("CardDeclined", "no")
    assert failure.details == json_payload(b'{"missing":12.5}')
    assert not failure.retryable
    assert failure.retry_after == 3 * SECOND
    assert failure.is_(ActivityError)


def test_an_error_of_a_derived_class_goes_by_the_name_of_its_class_and_by_its_own():
    class Declined(ActivityError): ...

    assert failure_of(Declined()).type == "Declined"
    named = failure_of(Declined(type="card_declined"))
    assert named.type == "card_declined"
    assert named.is_(Declined)
    assert named.is_(ActivityError)


def test_a_workflow_error_is_written_with_its_details():
    failure = failure_of(WorkflowError("odd", type="Odd", details=[1, 2]), encode=ENCODE)
    assert (failure.type, failure.details, failure.retryable) == ("Odd", json_payload(b"[1,2]"), True)


def test_details_of_causes_and_members_are_written_too():
    group = ExceptionGroup("both", [ActivityError("a", details=1)])
    group.__cause__ = ActivityError("b", details=2)
    failure = failure_of(group, encode=ENCODE)
    assert [member.details for member in failure.members] == [json_payload(b"1")]
    assert failure.cause.details == json_payload(b"2")


def test_without_an_encoder_details_are_left_out():
    assert failure_of(ActivityError("no", details=object())).details is None


def test_details_that_can_not_be_encoded_are_told_in_the_message():
    failure = failure_of(ActivityError("no", details=object(), retryable=False), encode=ENCODE)
    assert failure.message.startswith("no (its details can not be kept: the value ")
    assert failure.details is None
    assert not failure.retryable, "what was said beside the details still counts"


def test_a_derived_error_that_lacks_its_attributes_is_written_as_far_as_it_goes():
    class Bare(ActivityError):
        def __init__(self):
            pass

    assert failure_of(Bare(), encode=ENCODE).type == "Bare"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_is_no_exception_is_written_like_one(error):
    assert failure_of(error).type == type(error).__name__
