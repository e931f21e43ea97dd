import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.spi import Cursor


@given(st.dictionaries(st.integers(0, 4096), st.integers(0, 2**62)))
def test_a_cursor_is_what_its_text_says(positions):
    assert Cursor.parse(str(Cursor(positions))) == Cursor(positions)


@pytest.mark.parametrize(
    "text", ["", "1", "1.2.3", "a.b", "-1.5", "1.-5", " 1.5", "1_0.5", "\u0661.5", "1.5,", "01.5", "9" * 5000 + ".1"]
)
def test_a_malformed_cursor_is_refused_with_what_one_looks_like(text):
    with pytest.raises(ValueError, match=r"is not a cursor: write 0, or positions such as 3\.17,5\.2\.") as caught:
        Cursor.parse(text)
    assert len(str(caught.value)) < 200


def test_a_cursor_that_names_a_shard_twice_is_refused():
    with pytest.raises(ValueError, match=r"'1\.5,1\.6' is not a cursor: it names a shard twice\."):
        Cursor.parse("1.5,1.6")


def test_positions_that_are_not_named_are_at_the_beginning():
    cursor = Cursor().at(3, 17)
    assert (cursor.position(3), cursor.position(4)) == (17, 0)
