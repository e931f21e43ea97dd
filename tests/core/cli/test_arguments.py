"""What is written on a command line, as values."""

import io

import click
import pytest

from aion_core.cli.arguments import arguments, attributes_of, duration, memo_of, one_value


def file(text):
    source = io.BytesIO(text.encode())
    source.name = "order.json"
    return source


def refused(call, *args, **kwargs):
    with pytest.raises(click.UsageError) as error:
        call(*args, **kwargs)
    return error.value.format_message()


def test_every_argument_is_one_json_value():
    assert arguments(['{"id": "42"}', "1999", "true", "null", '"Ann"'], None) == [{"id": "42"}, 1999, True, None, "Ann"]


def test_a_bare_word_is_refused_and_shown_as_it_has_to_be_written():
    assert refused(arguments, ["1", "Ann O'Hara"], None) == (
        "argument 2 is not JSON: Ann O'Hara\n  JSON's strings have quotes of their own:  '\"Ann O'\"'\"'Hara\"'"
    )


def test_json_that_the_shell_has_taken_apart_is_refused_with_the_place():
    told = refused(arguments, ["{id:"], None)
    assert "at column 2" in told
    assert """In a shell, JSON stands in single quotes:  '{"id": "42"}'""" in told


def test_a_long_text_that_is_no_json_is_not_repeated_whole():
    assert len(refused(one_value, "[" * 5000, None)) < 500


@pytest.mark.parametrize("text", ["NaN", '{"a": 1, "a": 2}', "1 2", ""])
def test_what_a_history_could_not_hold_is_refused(text):
    assert "is not JSON" in refused(one_value, text, None)


def test_a_bare_word_will_do_where_code_takes_text():
    assert arguments(["Ann", "Bob"], None, takes_text=lambda _: True) == ["Ann", "Bob"]
    assert "argument 2" in refused(arguments, ["Ann", "Bob"], None, takes_text=lambda position: position == 0)


def test_an_array_in_a_file_is_all_the_arguments():
    assert arguments([], file('[{"id": "42"}, true]')) == [{"id": "42"}, True]


def test_anything_else_in_a_file_is_the_one_argument():
    assert arguments([], file('{"id": "42"}')) == [{"id": "42"}]


def test_an_array_in_a_file_is_one_value_where_there_is_only_one():
    assert one_value(None, file("[1, 2]")) == [1, 2]


def test_a_file_and_arguments_together_are_refused():
    assert "not both" in refused(arguments, ["1"], file("[]"))
    assert "not both" in refused(one_value, "1", file("[]"))


def test_a_file_that_is_no_json_is_refused_by_its_name():
    assert "--input order.json: the value is not JSON" in refused(one_value, None, file("{"))


def test_no_value_is_null():
    assert one_value(None, None) is None


def test_attributes_are_read_as_they_are_declared():
    types = {"a": "str", "b": "int", "c": "float", "d": "bool", "e": "keywords", "f": "datetime"}
    found = attributes_of(["a=1", "b=1", "c=1", "d=true", "e=x", "e=y", "f=2026-01-01T00:00:00+00:00"], types)
    assert [found[name] for name in "abcde"] == ["1", 1, 1.0, True, ("x", "y")]
    assert found["f"].isoformat() == "2026-01-01T00:00:00+00:00"


def test_an_attribute_of_another_type_is_refused():
    assert refused(attributes_of, ["d=yes"], {"d": "bool"}) == "--attribute d is a bool, and 'yes' is none."


def test_an_attribute_that_nobody_declared_is_left_to_the_store_of_names():
    assert attributes_of(["x=1=2"], {}) == {"x": "1=2"}


@pytest.mark.parametrize("setting", ["customer", "=acme"])
def test_an_attribute_without_name_or_value_is_refused(setting):
    assert "--attribute takes NAME=VALUE" in refused(attributes_of, [setting], {})


def test_a_memo_holds_json():
    assert memo_of(['note={"by": "Ann"}', "step=3"]) == {"note": {"by": "Ann"}, "step": 3}
    assert refused(memo_of, ["note=Ann"]).startswith("--memo note is not JSON: Ann\n")


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("1.5", 1.5), ("500ms", 0.5), ("2h", 7200), ("0", 0)])
def test_durations_are_seconds_or_have_a_unit(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "3 fortnights"])
def test_what_is_no_duration_is_refused(text):
    assert "duration" in refused(duration, text) or "negative" in refused(duration, text)
