from __future__ import annotations

from dataclasses import dataclass

import pytest

from aion_core.authoring.signature import Signature
from aion_core.codec import Values
from aion_core.model.errors import PayloadError
from aion_core.model.payloads import json_payload

VALUES = Values()


@dataclass
class Order:
    id: str
    cents: int = 0


def charge(order: Order, currency: str = "EUR", *, express: bool = False) -> str:
    return order.id


def text(signature, *args, **kwargs):
    return signature.encode(VALUES, args, kwargs).content


def back(fn, plain):
    return Signature.of(fn).decode(VALUES, json_payload(plain))


def test_positional_arguments_are_an_array():
    assert text(Signature.of(charge), Order("42")) == b'[{"id":"42","cents":0}]'


def test_an_argument_given_by_name_stands_at_its_position():
    assert text(Signature.of(charge), Order("42"), currency="USD") == b'[{"id":"42","cents":0},"USD"]'


def test_an_argument_that_has_no_position_is_recorded_by_name():
    assert text(Signature.of(charge), Order("1"), express=True) == (
        b'{"args":[{"id":"1","cents":0}],"kwargs":{"express":true}}'
    )


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"nope": 1})])
def test_arguments_that_it_does_not_take_are_refused_with_the_signature(args, kwargs):
    with pytest.raises(TypeError, match=r"charge\(order: 'Order'"):
        Signature.of(charge).encode(VALUES, args, kwargs)


def test_arguments_come_back_by_their_annotations():
    assert back(charge, b'[{"id":"42"},"USD"]') == ((Order("42"), "USD"), {})
    assert back(charge, b'{"args":[{"id":"42"}],"kwargs":{"express":true}}') == ((Order("42"),), {"express": True})


def test_a_missing_trailing_argument_has_its_default():
    args, kwargs = back(charge, b'[{"id":"42"}]')
    assert charge(*args, **kwargs) == "42"


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (b"[]", "lacks the argument 'order'"),
        (b'[{"id":"1"},"EUR",3]', "holds 3 arguments"),
        (b'{"id":"1"}', "is not a list of the arguments"),
        (b'[{"id":1}]', r"at order\.id is .*expected str"),
        (b'{"args":[{"id":"1"}],"kwargs":{"nope":1}}', "the argument 'nope'"),
        (b'{"args":[{"id":"1"}],"kwargs":{"express":"yes"}}', "at express is .*expected bool"),
    ],
)
def test_what_does_not_fit_names_the_argument_and_the_path(plain, message):
    with pytest.raises(PayloadError, match=message):
        back(charge, plain)


def test_a_wrong_type_is_found_when_it_is_handed_over():
    with pytest.raises(PayloadError, match=r"at order\.cents is a str"):
        Signature.of(charge).checked(VALUES, (Order("1", "2"),), {})


def test_any_number_of_arguments_have_the_type_of_the_parameter_that_takes_them():
    def total(*amounts: Order, **named: Order):
        pass

    plain = b'{"args":[{"id":"1"},{"id":"2"}],"kwargs":{"x":{"id":"3"}}}'
    assert back(total, plain) == ((Order("1"), Order("2")), {"x": Order("3")})


def test_a_parameter_that_is_given_by_position_only_is_not_taken_by_name():
    def only(n: int, /):
        pass

    assert text(Signature.of(only), 1) == b"[1]"
    with pytest.raises(TypeError, match="only"):
        Signature.of(only).encode(VALUES, (), {"n": 1})


def test_a_gap_before_a_named_argument_is_left_to_its_default():
    def gap(a: int, b: int = 1, c: int = 2):
        return a, b, c

    args, kwargs = back(gap, text(Signature.of(gap), 0, c=5))
    assert gap(*args, **kwargs) == (0, 1, 5)


def test_a_bound_method_drops_its_self():
    class Payments:
        def capture(self, order: Order) -> str:
            return order.id

    signature = Signature.of(Payments().capture)
    assert signature.takes == ("order",)
    assert back(Payments().capture, b'[{"id":"1"}]') == ((Order("1"),), {})


def test_a_class_beside_a_nested_function_is_found_by_its_annotation():
    @dataclass
    class Local:
        n: int

    def nested(it: Local) -> Local:
        return it

    signature = Signature.of(nested)
    assert signature.decode(VALUES, json_payload(b'[{"n":1}]')) == ((Local(1),), {})
    assert signature.returns is Local


def test_a_class_that_is_defined_later_is_found_when_it_is_needed():
    signature = Signature.of(late)
    assert signature.decode(VALUES, json_payload(b'[{"n":1}]')) == ((Later(1),), {})


def late(it: Later) -> None:
    pass


@dataclass
class Later:
    n: int


def test_without_annotations_values_are_those_of_json():
    def bare(a, b):
        return a

    assert back(bare, b'[{"id":1},null]') == (({"id": 1}, None), {})


def test_a_union_that_can_not_be_told_apart_is_refused_naming_the_parameter():
    def odd(it: list[int] | list[str]):
        pass

    with pytest.raises(TypeError, match=r"odd\(\): its argument 'it'"):
        Signature.of(odd).check(VALUES)


def test_an_annotation_that_means_nothing_is_refused_naming_the_function():
    def lost(it: Nowhere):  # noqa: F821
        pass

    with pytest.raises(TypeError, match=r"lost\(\): its annotations can not be resolved"):
        Signature.of(lost).check(VALUES)
