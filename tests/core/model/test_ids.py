import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion_core.model import ids
from aion_core.model.errors import InvalidId


@pytest.mark.parametrize("text", ["order-42", "ü", "注文 42", "a" * 255, "a b", "aion"])
def test_a_readable_id_is_accepted_as_it_is(text):
    assert ids.workflow_id(text) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "workflow id '' is empty; an id has 1 to 255 characters."),
        (" a", "workflow id ' a' begins or ends with a space; remove it."),
        ("a\u00a0", "workflow id 'a\\xa0' begins or ends with a space; remove it."),
        ("a\nb", "workflow id 'a\\nb' holds the character U+000A at 1; control characters are refused."),
        ("a\x00", "workflow id 'a\\x00' holds the character U+0000 at 1; control characters are refused."),
        ("\x85x", "workflow id '\\x85x' holds the character U+0085 at 0; control characters are refused."),
        ("x\ud800", "workflow id 'x\\ud800' holds the character U+D800 at 1; control characters are refused."),
        ("aion:x", "workflow id 'aion:x' starts with 'aion:', which is reserved: choose another."),
        (42, "workflow id 42 is of type int; an id is a str."),
        (None, "workflow id None is of type NoneType; an id is a str."),
    ],
)
def test_a_bad_id_is_refused_with_its_problem(value, problem):
    with pytest.raises(InvalidId) as caught:
        ids.workflow_id(value)
    assert str(caught.value) == problem
    assert caught.value.code == "invalid-id"
    assert caught.value.value is value


def test_an_id_of_256_characters_is_refused_without_repeating_it():
    with pytest.raises(InvalidId, match=r"has 256 characters; an id has at most 255") as caught:
        ids.workflow_id("a" * 256)
    assert len(str(caught.value)) < 200


def test_a_message_id_may_use_the_engines_prefix():
    assert ids.message_id("aion:1") == "aion:1"


def test_a_schedule_id_leaves_room_for_the_time_of_a_firing():
    assert ids.schedule_id("s" * 200)
    with pytest.raises(InvalidId, match="has 201 characters; a schedule's may have 200"):
        ids.schedule_id("s" * 201)


def test_a_schedule_id_can_not_be_one_of_the_engines():
    with pytest.raises(InvalidId, match="starts with 'aion:'"):
        ids.schedule_id("aion:x")


@pytest.mark.parametrize("text", ["", "abc", "A" * 64, "g" * 64, "a" * 65, 7])
def test_a_package_version_is_64_lowercase_hexadecimal_digits(text):
    assert ids.package_version("0a" * 32) == "0a" * 32
    with pytest.raises(InvalidId, match="is not 64 lowercase hexadecimal digits"):
        ids.package_version(text)


def test_the_shard_of_an_id_never_changes():
    # Written in stores: another answer would strand every workflow on disk.
    assert [ids.shard_of(ids.WorkflowId(name), 64) for name in ("order-42", "ü", "注文", "a", "b")] == GOLDEN_SHARDS


GOLDEN_SHARDS = [30, 21, 31, 3, 57]


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()), st.integers(1, 4096))
def test_every_id_has_a_shard_of_the_store(text, shards):
    assert 0 <= ids.shard_of(ids.WorkflowId(text), shards) < shards


def test_ids_that_differ_in_one_character_spread_over_the_shards():
    used = {ids.shard_of(ids.WorkflowId(f"order-{n}"), 64) for n in range(1000)}
    assert len(used) == 64


@given(st.text(max_size=300))
def test_any_text_is_an_id_or_is_refused(text):
    try:
        assert ids.workflow_id(text) == text
    except InvalidId as error:
        assert error.value == text
