from aion_core.model.failures import Failure

FAILURE = Failure(
    type="CardDeclined",
    message="no",
    bases=("PaymentError", "Exception"),
    cause=Failure(type="HTTPError", message="402", cause=Failure(type="OSError", message="reset")),
)


def test_a_failure_is_recognised_by_class_name_and_base():
    class PaymentError(Exception): ...

    assert FAILURE.is_("CardDeclined")
    assert FAILURE.is_(PaymentError)
    assert not FAILURE.is_("HTTPError", ValueError)


def test_the_chain_ends_with_the_root_cause():
    assert [link.type for link in FAILURE.chain()] == ["CardDeclined", "HTTPError", "OSError"]
