import dataclasses
import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NewType, TypedDict

import msgspec
import pydantic
import pytest

from aion_core.codec import Values
from aion_core.codec.unions import AmbiguousUnion
from aion_core.model.errors import PayloadError

VALUES = Values()


@dataclasses.dataclass
class Card:
    number: str


@dataclasses.dataclass
class Cash:
    amount: int


@dataclasses.dataclass
class Nothing:
    note: str = ""


@dataclasses.dataclass
class Created:
    kind: Literal["created"]
    id: int


@dataclasses.dataclass
class Deleted:
    kind: Literal["deleted"]
    id: int


class Wire(TypedDict):
    iban: str


class Voucher(msgspec.Struct):
    code: str


class Colour(enum.Enum):
    RED = "red"


class Shape(enum.Enum):
    ROUND = "round"


class Paint(enum.Enum):
    RED = "red"


Id = NewType("Id", str)


class Row(msgspec.Struct, array_like=True):
    a: int


class Names(pydantic.RootModel[list[str]]):
    pass


class Corner(enum.Enum):
    LEFT = (0, 1)
    RIGHT = (1, 1)


class Release(enum.Enum):
    FIRST = date(2026, 1, 2)


@pytest.mark.parametrize(
    ("union", "value"),
    [
        (Row | None, Row(1)),
        (Names | int, Names(["a"])),
        (Corner | str, Corner.RIGHT),
        (Release | int, Release.FIRST),
        (Literal["auto", 1] | None, 1),
        (int | str, 1),
        (int | str | None, "1"),
        (int | float, 1),
        (int | float, 1.0),
        (float | str, 2.0),
        (bool | int, True),
        (list[int] | int, [1]),
        (Card | Cash, Cash(5)),
        (Card | Cash | None, Card("4")),
        (Card | Nothing, Nothing("x")),
        (Created | Deleted, Deleted("deleted", 1)),
        (Card | Wire, {"iban": "DE1"}),
        (Card | Voucher, Voucher("v")),
        (Colour | Shape, Shape.ROUND),
        (Colour | int, Colour.RED),
        (Literal["a"] | Literal["b"], "b"),
        (Literal["auto"] | int, "auto"),
        (Decimal | int, Decimal("1.5")),
        (datetime | None, None),
        (Id | int, Id("x")),
        (dict[str, int] | list[int], {"a": 1}),
    ],
    ids=str,
)
def test_members_that_look_different_in_json_are_told_apart(union, value):
    VALUES.check_type(union)
    decoded = VALUES.decode(VALUES.encode(value), union)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("union", "problem"),
    [
        (str | datetime, "str and datetime are both a JSON string"),
        (Id | Decimal, "are both a JSON string"),
        (str | Release, "str and Release are both a JSON string"),
        (list[int] | Corner, "are both a JSON array"),
        (list[int] | Row, "are both a JSON array"),
        (list[int] | Names, "are both a JSON array"),
        (str | Colour, "str and Colour are both a JSON string"),
        (Colour | Paint, "Colour and Paint are both a JSON string"),
        (Literal["a"] | str, "Literal['a'] and str are both a JSON string"),
        (list[int] | set[int], "list[int] and set[int] are both a JSON array"),
        (list[Card] | list[Cash], "list[Card] and list[Cash] are both a JSON array"),
        (Card | dict[str, str], "any JSON object could be the dict"),
        (Nothing | Voucher | Card | TypedDict("Empty", {}), "have no required field of their own"),
    ],
    ids=str,
)
def test_members_that_look_the_same_are_refused_at_registration(union, problem):
    with pytest.raises(AmbiguousUnion) as caught:
        VALUES.check_type(union)
    assert "can not be told apart" in str(caught.value)
    assert problem in str(caught.value)


def test_an_ambiguous_union_deep_inside_a_class_is_refused_too():
    @dataclasses.dataclass
    class Envelope:
        body: list[str | datetime]

    with pytest.raises(AmbiguousUnion):
        VALUES.check_type(dict[str, Envelope])


@pytest.mark.parametrize(
    ("plain", "union", "text"),
    [
        (1.5, int | str, "the value is a float (expected int | str)."),
        (None, int | str, "the value is null (expected int | str)."),
        ({"x": 1}, Card | Cash, "has none of the keys number, amount"),
        ({"kind": [], "id": 1}, Created | Deleted, "has 'kind' [], which is none of 'created', 'deleted'"),
        ([1], int | str, "the value is an array (expected int | str)."),
        ({"kind": "moved", "id": 1}, Created | Deleted, "has 'kind' 'moved', which is none of 'created', 'deleted'"),
        ("green", Colour | Shape, "is 'green', which is none of 'red', 'round'"),
        ({"number": 4}, Card | Cash, "$.number is an int (expected str)"),
    ],
)
def test_a_value_of_no_member_is_refused(plain, union, text):
    with pytest.raises(PayloadError) as caught:
        VALUES.structure(plain, union)
    assert text in str(caught.value)


@dataclasses.dataclass
class Plain:
    x: int


@dataclasses.dataclass
class Rich:
    y: int
    x: int = 0


def test_an_optional_key_of_one_member_does_not_mark_another():
    assert VALUES.structure({"x": 1, "y": 2}, Plain | Rich) == Rich(2, 1)
    assert VALUES.structure({"x": 1}, Plain | Rich) == Plain(1)


def test_an_int_is_accepted_for_the_float_of_a_union():
    decoded = VALUES.structure(1, float | str)
    assert (decoded, type(decoded)) == (1.0, float)


def test_a_union_with_any_takes_everything():
    assert VALUES.structure({"x": [1]}, Any | None) == {"x": [1]}
