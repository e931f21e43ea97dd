import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.codec import read_strict_json, write_json
from aion_core.codec.json_text import read_json
from aion_core.model.errors import AionError, PayloadError

NAN = float("nan")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def storable(plain):
    return "\x00" not in (text := json.dumps(plain, ensure_ascii=False)) and "\\u0000" not in text.replace("\\\\", "")


@given(PLAIN.filter(storable))
def test_what_is_written_is_read_back_the_same(plain):
    text = write_json(plain)
    assert read_json(text) == plain
    assert json.loads(text) == plain


def test_integers_over_64_bits_are_kept_exactly():
    assert read_json(write_json([2**200, -(2**64)])) == [2**200, -(2**64)]


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        (NAN, "the value is nan, which JSON can not hold."),
        ({"a": [1, float("inf")]}, "the value at $.a[1] is inf, which JSON can not hold."),
        ("a\x00", "the value holds a NUL character, which no database keeps."),
        ({"k\x00": 1}, "the value holds a NUL character, which no database keeps."),
        (["x", {"k": "\ud800"}], "the value at $[1].k holds a lone surrogate, which is no character."),
        (
            {1: 2},
            "the value has the key 1 of type int; keys of JSON objects are str, so annotate the dict's key type.",
        ),
        (
            {"a": object()},
            (
                "the value at $.a is a builtins.object, which can not be encoded: "
                "use a dataclass, attrs class, pydantic model or plain data."
            ),
        ),
    ],
)
def test_what_json_or_a_database_can_not_hold_is_refused_with_its_place(plain, text):
    with pytest.raises(PayloadError) as caught:
        write_json(plain)
    assert str(caught.value) == text
    assert caught.value.code == "payload"


def test_backslashes_that_look_like_an_escaped_nul_are_fine():
    assert read_json(write_json("C:\\u0000")) == "C:\\u0000"


@pytest.mark.parametrize("kind", [list, dict])
def test_nesting_beyond_the_limit_is_refused_however_deep(kind):
    def nested(levels):
        value = 1
        for _ in range(levels):
            value = [value] if kind is list else {"a": value}
        return value

    assert write_json(nested(64))
    for levels in (65, 100_000):
        with pytest.raises(PayloadError, match="is nested too deeply, or contains itself"):
            write_json(nested(levels))


def test_sorted_text_is_the_same_for_every_order_of_keys():
    assert write_json({"b": 1, "a": {"d": 1, "c": 2}}, sort=True) == write_json(
        {"a": {"c": 2, "d": 1}, "b": 1}, sort=True
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', "has the key 'a' twice in one object"),
        ("[NaN]", "holds NaN, which is not JSON"),
        ("-Infinity", "holds -Infinity, which is not JSON"),
        ("{'a': 1}", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ("", "is not JSON: Expecting value at line 1, column 1"),
        (b"\xff", "is not UTF-8: invalid start byte at byte 0"),
        ('"\\ud800"', "holds a lone surrogate"),
        ("[" * 100_000, "is nested more than 64 levels deep"),
        ("[" * 65 + "]" * 65, "is nested too deeply"),
        ('"\\u0000"', "holds a NUL character"),
        ("1" * 5000, "holds an integer of more digits than Python turns into text"),
        ("[1e999]", "the value at $[0] is inf, which JSON can not hold"),
    ],
)
def test_text_from_outside_is_read_strictly(text, problem):
    with pytest.raises(PayloadError) as caught:
        read_strict_json(text)
    assert problem in str(caught.value)


@given(st.text() | st.binary())
def test_no_text_from_outside_raises_anything_else(text):
    try:
        write_json(read_strict_json(text))
    except AionError:
        pass


@pytest.mark.parametrize("text", [b'{"a":', b"1" * 5000, b"\xff", b"1e999", b"[" * 100_000])
def test_damaged_text_in_a_history_is_an_error_of_ours(text):
    with pytest.raises(PayloadError, match="is not the JSON that was written") as caught:
        read_json(text)
    assert caught.value.code == "payload"
