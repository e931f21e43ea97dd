import dataclasses
import enum
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.codec import Values
from aion_core.model.errors import PayloadError, PayloadTooLarge
from aion_core.model.limits import Limits
from aion_core.model.payloads import Payload

VALUES = Values()


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Line:
    price: int
    name: str = "x"


@dataclasses.dataclass
class Order:
    id: str
    lines: list[Line]
    due: datetime | None = None
    tags: set[str] = dataclasses.field(default_factory=set)
    by_size: dict[Size, int] = dataclasses.field(default_factory=dict)


@attrs.frozen
class Account:
    balance: Decimal
    kind: Literal["open", "closed"] = "open"
    history: tuple[Decimal, ...] = ()


class Point(NamedTuple):
    x: int
    y: int = 0


class Options(TypedDict):
    fast: bool
    note: NotRequired[str]


class Struct(msgspec.Struct):
    a: int
    when: datetime
    ratio: float = 1.0


class Model(pydantic.BaseModel):
    a: int
    when: datetime
    names: list[str] = []


@dataclasses.dataclass
class Tree:
    name: str
    children: list["Tree"] = dataclasses.field(default_factory=list)


class Word(enum.StrEnum):
    YES = "yes"


class Tone(str, enum.Enum):  # noqa: UP042  # the older way, which prints differently
    LOUD = "loud"


class Corner(enum.Enum):
    LEFT = (0, 1)
    RIGHT = (1, 1)


class Release(enum.Enum):
    FIRST = date(2026, 1, 2)
    SECOND = date(2026, 3, 4)


class Tax(Decimal, enum.Enum):
    FULL = "0.19"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Email(str):
    __slots__ = ()


class Metres(float):
    __slots__ = ()


class Grams(int):
    __slots__ = ()


class Moment(datetime):
    pass


class Bag(msgspec.Struct):
    names: set[str]
    ages: dict[str, int]


class Letters(pydantic.BaseModel):
    names: set[str]
    more: dict[str, list[frozenset[int]]] = {}
    start: Any = None


class Named(pydantic.BaseModel):
    size: int = pydantic.Field(alias="Size")


class Split(pydantic.BaseModel):
    size: int = pydantic.Field(validation_alias="in_size", serialization_alias="out_size")


class Login(pydantic.BaseModel):
    password: pydantic.SecretStr = pydantic.SecretStr("")


@dataclasses.dataclass
class Seeded:
    total: int
    seed: dataclasses.InitVar[int] = 0


@dataclasses.dataclass
class Loose:
    anything: object


Cents = NewType("Cents", int)
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
UID = UUID(int=7)

ROUND_TRIPS = [
    (None, None, b"null"),
    ("ü", str, '"ü"'.encode()),
    (1, int, b"1"),
    (2**70, int, str(2**70).encode()),
    (1.0, float, b"1.0"),
    (True, bool, b"true"),
    (b"\x00\xff", bytes, b'"AP8="'),
    (NOW, datetime, b'"2026-01-02T03:04:05.678901+02:00"'),
    (date(2026, 1, 2), date, b'"2026-01-02"'),
    (time(3, 4, 5), time, b'"03:04:05"'),
    (timedelta(days=1, microseconds=1), timedelta, b'"P1DT0.000001S"'),
    (timedelta(seconds=-1.5), timedelta, b'"-PT1.5S"'),
    (UID, UUID, b'"00000000-0000-0000-0000-000000000007"'),
    (Decimal("1.10"), Decimal, b'"1.10"'),
    (Path("/x"), Path, b'"/x"'),
    (PurePosixPath("a/b"), PurePosixPath, b'"a/b"'),
    (Size.SMALL, Size, b'"s"'),
    (Level.HIGH, Level, b"2"),
    ("open", Literal["open", "closed"], b'"open"'),
    (Cents(5), Cents, b"5"),
    (5, Annotated[int, "cents"], b"5"),
    ([1, 2], list[int], b"[1,2]"),
    ([1, 2], Sequence[int], b"[1,2]"),
    ((1, "a"), tuple[int, str], b'[1,"a"]'),
    ((1, 2), tuple[int, ...], b"[1,2]"),
    ({"b", "a"}, set[str], b'["a","b"]'),
    (frozenset({2, 1}), frozenset[int], b"[1,2]"),
    ({"a": [1]}, dict[str, list[int]], b'{"a":[1]}'),
    ({1: "a"}, dict[int, str], b'{"1":"a"}'),
    ({Level.LOW: 1}, dict[Level, int], b'{"1":1}'),
    ({Size.SMALL: 1}, dict[Size, int], b'{"s":1}'),
    ({UID: 1}, Mapping[UUID, int], b'{"00000000-0000-0000-0000-000000000007":1}'),
    ({date(2026, 1, 2): 1}, dict[date, int], b'{"2026-01-02":1}'),
    (Point(1), Point, b"[1,0]"),
    ({"fast": True}, Options, b'{"fast":true}'),
    (Account(Decimal(1), "closed", (Decimal(2),)), Account, b'{"balance":"1","kind":"closed","history":["2"]}'),
    (Struct(1, NOW), Struct, b'{"a":1,"when":"2026-01-02T03:04:05.678901+02:00","ratio":1.0}'),
    (Model(a=1, when=NOW), Model, b'{"a":1,"when":"2026-01-02T03:04:05.678901+02:00","names":[]}'),
    (Tree("a", [Tree("b")]), Tree, b'{"name":"a","children":[{"name":"b","children":[]}]}'),
    (
        Order("1", [Line(5)], NOW, {"b", "a"}, {Size.LARGE: 1}),
        Order,
        (
            b'{"id":"1","lines":[{"price":5,"name":"x"}],"due":"2026-01-02T03:04:05.678901+02:00",'
            b'"tags":["a","b"],"by_size":{"l":1}}'
        ),
    ),
    (Word.YES, Word, b'"yes"'),
    (Tone.LOUD, Tone, b'"loud"'),
    ({Word.YES: 1}, dict[Word, int], b'{"yes":1}'),
    (Corner.RIGHT, Corner, b"[1,1]"),
    (Release.SECOND, Release, b'"2026-03-04"'),
    (Tax.FULL, Tax, b'"0.19"'),
    (Rights.READ | Rights.WRITE, Rights, b"3"),
    (Email("a@b"), Email, b'"a@b"'),
    (Metres(1.5), Metres, b"1.5"),
    (Grams(5), Grams, b"5"),
    (Moment(2026, 1, 2, tzinfo=UTC), Moment, b'"2026-01-02T00:00:00+00:00"'),
    (deque([1, 2]), deque[int], b"[1,2]"),
    (defaultdict(list, {"a": [1]}), defaultdict[str, list[int]], b'{"a":[1]}'),
    (OrderedDict(b=1, a=2), OrderedDict[str, int], b'{"b":1,"a":2}'),
    (Counter("aab"), Counter[str], b'{"a":2,"b":1}'),
    ({1: "a"}, dict[Literal[1, 2], str], b'{"1":"a"}'),
    (Bag({"b", "a", "d", "c"}, {"z": 1, "a": 2}), Bag, b'{"names":["a","b","c","d"],"ages":{"z":1,"a":2}}'),
    (
        Letters(names=set("badc"), more={"x": [frozenset({9, 8, 40, 1})]}),
        Letters,
        b'{"names":["a","b","c","d"],"more":{"x":[[1,40,8,9]]},"start":null}',
    ),
    (Named(Size=1), Named, b'{"Size":1}'),
    (Login(), Login, b'{"password":""}'),
    (Loose([1]), Loose, b'{"anything":[1]}'),
    (None, Line | None, b"null"),
    (Line(1), Line | None, b'{"price":1,"name":"x"}'),
]


# Named by their text: a set is shown in another order by every process, and workers must agree on the names.
@pytest.mark.parametrize(("value", "kind", "text"), ROUND_TRIPS, ids=[str(text)[:60] for _, _, text in ROUND_TRIPS])
def test_a_value_comes_back_as_it_was_and_stands_readably_in_the_history(value, kind, text):
    VALUES.check_type(kind)
    payload = VALUES.encode(value)
    assert payload.content == text
    decoded = VALUES.decode(payload, kind)
    assert decoded == value
    assert type(decoded) is type(value)


def test_an_int_is_accepted_for_a_float_and_becomes_one():
    decoded = VALUES.structure(5, float)
    assert (decoded, type(decoded)) == (5.0, float)


@pytest.mark.parametrize(
    ("plain", "kind", "text"),
    [
        ("5", int, "the value is a str (expected int)."),
        (True, int, "the value is a bool (expected int)."),
        (1, bool, "the value is an int (expected bool)."),
        ("false", bool, "the value is a str (expected bool)."),
        (1.0, int, "the value is a float (expected int)."),
        ("1.0", float, "the value is a str (expected float)."),
        (1, str, "the value is an int (expected str)."),
        ([1], None, "the value is an array (expected None)."),
        ("abc", list[str], "the value is a str (expected list[str])."),
        ({"a": 1}, list[str], "the value is an object (expected list[str])."),
        ([["a", 1]], dict[str, int], "the value is an array (expected dict[str, int])."),
        ([1], tuple[int, int], "the value was refused: Not enough values in [1] to structure as tuple[int, int]"),
        ([1, 2, 3], tuple[int, int], "Too many values in [1, 2, 3]"),
        ("x", Size, "the value is 'x', which is none of 's', 'l' (expected Size)."),
        (True, Level, "the value is a bool (expected Level)."),
        (3, Level, "the value is 3, which is none of 1, 2 (expected Level)."),
        ("ajar", Literal["open", "closed"], "is 'ajar', which is none of 'open', 'closed'"),
        (1, Literal[True], "is 1, which is none of True"),
        ("2026-01-02T03:04:05", datetime, "is the datetime 2026-01-02T03:04:05 without a time zone"),
        ("yesterday", datetime, "Invalid isoformat string"),
        ("NaN", Decimal, "is NaN, which can not be compared or stored"),
        ("one", Decimal, "is 'one', which is no number"),
        ("@", bytes, "is not base64"),
        ("1 day", timedelta, "is '1 day', which is no ISO 8601 duration"),
        ("xyz", UUID, "was refused: badly formed hexadecimal UUID string"),
        ({"01": "a"}, dict[int, str], "the value at $['01'] has the key '01', which is no int"),
        (5, Line, "the value is an int (expected Line)."),
        ({"name": "a"}, Line, "the value at $.price is missing (expected int)."),
        ({"id": "1", "lines": [{"price": 1}, {"price": "5"}]}, Order, "the value at $.lines[1].price is a str"),
        ({"fast": "yes"}, Options, "the value at $.fast is a str (expected bool)."),
        ({"balance": 1}, Account, "the value at $.balance is an int (expected Decimal)."),
        ({"a": "1", "when": "2026-01-01T00:00:00Z"}, Struct, "does not fit: Expected `int`, got `str`"),
        ({"a": "1", "when": "2026-01-01T00:00:00Z"}, Model, "does not fit: a: Input should be a valid integer"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_decoding_is_strict_and_says_where_and_what_was_expected(plain, kind, text):
    with pytest.raises(PayloadError) as caught:
        VALUES.structure(plain, kind)
    assert text in str(caught.value)


def test_unknown_keys_are_ignored_and_missing_ones_take_their_default():
    assert VALUES.structure({"price": 1, "colour": "red"}, Line) == Line(1, "x")


def test_without_an_annotation_a_value_is_what_json_makes_of_it():
    assert VALUES.decode(VALUES.encode(Order("1", [Line(5)]))) == {
        "id": "1",
        "lines": [{"price": 5, "name": "x"}],
        "due": None,
        "tags": [],
        "by_size": {},
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "the value is nan, which JSON can not hold."),
        (Line(float("inf")), "the value at $.price is inf, which JSON can not hold."),
        (Struct(1, NOW, float("nan")), "the value at $.ratio is nan, which JSON can not hold."),
        (Decimal("Infinity"), "the value is Infinity, which can not be compared or stored."),
        (datetime(2026, 1, 1), "the value is the datetime 2026-01-01T00:00:00 without a time zone"),
        (Struct(1, datetime(2026, 1, 1)), "is the datetime 2026-01-01T00:00:00 without a time zone"),
        ({1: "a", "1": "b"}, "the value has two keys that are the same text in JSON."),
        ({(1, 2): 3}, "has the key"),
        (object(), "is a builtins.object, which can not be encoded"),
        (lambda: None, "is a builtins.function, which can not be encoded"),
        ([1, {"a": object}], "the value at $[1].a is a builtins.type, which can not be encoded"),
        ("a\x00", "holds a NUL character"),
        ([10**5000], "holds an integer of more digits than Python turns into text: write it as a str."),
        (10**5000, "holds an integer of more digits than Python turns into text: write it as a str."),
        (Letters(names=set(), start=datetime(2026, 1, 1)), "is the datetime 2026-01-01T00:00:00 without a time zone"),
        (Letters(names=set(), start={datetime(2026, 1, 1): 1}), "without a time zone"),
        (Login(password="hunter2"), "holds a pydantic secret, which is written as asterisks: pass a reference to it."),
        (Letters(names=set(), start=b"\xff"), "the value can not be encoded: "),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else type(value).__name__,  # the same in every process
)
def test_a_value_that_can_not_be_kept_is_refused_before_anything_is_recorded(value, text):
    with pytest.raises(PayloadError) as caught:
        VALUES.encode(value)
    assert text in str(caught.value)


def test_a_value_that_contains_itself_is_refused():
    knot: list[Any] = []
    knot.append(knot)
    with pytest.raises(PayloadError, match="is nested too deeply, or contains itself"):
        VALUES.encode(knot)


def test_a_value_over_the_limit_is_refused_with_both_sizes():
    with pytest.raises(PayloadTooLarge) as caught:
        Values(Limits(payload=10)).encode("x" * 20)
    assert str(caught.value) == (
        "the value takes 22 bytes, and [limits] payload allows 10: pass a reference to it, or raise the limit."
    )
    assert caught.value.code == "payload-too-large"


def test_a_payload_that_is_still_encoded_is_not_guessed_at():
    with pytest.raises(PayloadError, match="is encoded with zstd, aes, and no codec for it is enabled"):
        VALUES.decode(Payload(data=b"x", encodings=("zstd", "aes")), int)


def test_a_payload_of_another_type_is_not_read_as_json():
    with pytest.raises(PayloadError, match="is image/png, and no codec for it is enabled"):
        VALUES.decode(Payload(data=b"1", type="image/png"), int)


def test_a_value_nested_beyond_python_is_an_error_of_ours():
    nested: Any = {"name": "a", "children": []}
    for _ in range(100_000):
        nested = {"name": "a", "children": [nested]}
    with pytest.raises(PayloadError, match=r"is nested too deeply \(expected Tree\)"):
        VALUES.structure(nested, Tree)


def test_a_validator_of_the_users_class_that_raises_is_an_error_with_its_place():
    @dataclasses.dataclass
    class Positive:
        amount: int

        def __post_init__(self):
            if self.amount < 0:
                raise ValueError("amount is below zero")

    with pytest.raises(PayloadError, match=r"the value at \$\[0\] was refused: amount is below zero"):
        VALUES.structure([{"amount": -1}], list[Positive])


# ---- registration


@pytest.mark.parametrize("kind", [int, Order, list[Line | None], dict[str, Tree], Any, Model, Struct | None])
def test_a_supported_type_is_accepted_at_registration(kind):
    VALUES.check_type(kind)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Seeded, "the InitVar 'seed' of Seeded is not kept: make it a field"),
        (Split, "the field 'size' of Split is written as 'out_size' and read as 'in_size': give it one alias for both"),
        (dict[float, int], "float can not be the key of a JSON object, which is text: use str or int"),
        (dict[bool, int], "bool can not be the key of a JSON object"),
        (dict[int | str, int], "int | str can not be the key of a JSON object"),
        (dict[Corner, int], "Corner can not be the key of a JSON object"),
        (list[complex], "there is no rule for complex; use a dataclass, attrs class, pydantic model or plain data"),
    ],
    ids=str,
)
def test_a_type_whose_values_would_not_come_back_is_refused_at_registration_with_the_reason(kind, reason):
    with pytest.raises(TypeError) as caught:
        VALUES.check_type(kind)
    assert reason in str(caught.value)


def test_a_defaultdict_comes_back_with_its_default():
    decoded = VALUES.decode(VALUES.encode(defaultdict(list, {"a": [1]})), defaultdict[str, list[int]])
    assert decoded["new"] == []


def test_a_str_enum_stands_for_a_str_wherever_one_is_written():
    assert VALUES.encode({"x": [Word.YES], "line": Line(1, Word.YES)}).content == (
        b'{"x":["yes"],"line":{"price":1,"name":"yes"}}'
    )


def test_a_problem_does_not_repeat_a_value_of_any_size():
    with pytest.raises(PayloadError) as caught:
        VALUES.structure("x" * 100_000, Size)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("kind", ["Order", complex, type(lambda: None)])
def test_an_unsupported_type_is_refused_at_registration(kind):
    with pytest.raises(TypeError, match="can not be decoded"):
        VALUES.check_type(kind)


# ---- fingerprints


@dataclasses.dataclass
class LineV2:
    price: int
    name: str = "x"
    colour: str = "red"


def test_a_new_field_with_a_default_changes_no_fingerprint():
    assert VALUES.fingerprint("checkout", Line(5)) == VALUES.fingerprint("checkout", LineV2(5))


def test_another_value_another_type_or_another_order_of_arguments_has_another_fingerprint():
    prints = {
        VALUES.fingerprint("checkout", Line(5)),
        VALUES.fingerprint("checkout", Line(6)),
        VALUES.fingerprint("refund", Line(5)),
        VALUES.fingerprint(Line(5), "checkout"),
        VALUES.fingerprint("checkout", "5"),
        VALUES.fingerprint("checkout", 5),
    }
    assert len(prints) == 6


def test_a_fingerprint_is_the_same_in_every_process():
    program = """
import msgspec, pydantic
from aion_core.codec import Values
class Bag(msgspec.Struct):
    names: set[str]
class Model(pydantic.BaseModel):
    names: set[str]
print(Values().fingerprint({'b': {'x', 'y', 'z'}, 'a': frozenset('pqr')}, Bag(set('abcde')), Model(names=set('abcde'))))
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    ]
    assert len(set(runs)) == 1


SCALARS = st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.none())
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@given(
    st.builds(
        Order,
        id=TEXTS,
        lines=st.lists(st.builds(Line, price=st.integers(), name=TEXTS), max_size=3),
        due=st.none() | st.datetimes(timezones=st.just(UTC)),
        tags=st.sets(TEXTS, max_size=3),
        by_size=st.dictionaries(st.sampled_from(Size), st.integers(), max_size=2),
    )
)
def test_every_order_comes_back_as_it_was(order):
    assert VALUES.decode(VALUES.encode(order), Order) == order


@given(st.recursive(SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8))
def test_no_plain_data_raises_anything_but_a_payload_error_whatever_is_expected(plain):
    for kind in (int, str, Order, Account, Model, Struct, list[Line], dict[int, Size], Line | int | None, Point):
        try:
            VALUES.structure(plain, kind)
        except PayloadError:
            continue
