from __future__ import annotations

import pickle
import traceback

import pytest

from aion_core.config import Secret
from aion_core.config.showing import without_passwords

TEXT = "hunter2-very-secret"


def test_a_secret_shows_itself_to_nobody():
    secret = Secret(TEXT)
    assert (repr(secret), str(secret), f"{secret}", f"{secret!r:>6}") == ("****", "****", "****", "  ****")
    assert secret.reveal() == TEXT


def test_secrets_of_one_text_are_equal():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\udc80") == Secret("\udc80")


def test_a_secret_is_not_hashable_and_does_not_leave_the_process():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret("a"))
    with pytest.raises(TypeError, match="a Secret does not leave its process"):
        pickle.dumps(Secret("a"))


def references(aion):
    (aion.folder / "secret").write_text(f"{TEXT}\n")
    return {
        "env": {"env": "DB_PASSWORD"},
        "file": {"file": "secret"},
        "keyring": {"keyring": "orders"},
        "literal": TEXT,
        "object": Secret(TEXT),
    }


@pytest.mark.parametrize("kind", ["env", "file", "keyring", "literal", "object"])
def test_a_secret_from_anywhere_is_never_shown(aion, kind):
    reference = references(aion)[kind]
    config = aion.load({"event_store": {"password": reference, "bucket": reference}}, DB_PASSWORD=TEXT)
    settings = config.event_store.settings
    text = "from-keyring" if kind == "keyring" else TEXT
    assert settings.password.reveal() == text
    assert settings.bucket == text
    shown = {value.path: value.shown for value in config.values()}
    assert shown["event_store.password"] == "****"
    everything = repr(config) + repr(settings.password)
    if kind != "literal":  # a text that somebody wrote into a setting that is no secret is just a text
        assert shown["event_store.bucket"] == "****"
        everything += repr(settings) + repr(list(config.values()))
    assert text not in everything


def test_one_newline_at_the_end_of_a_file_is_not_part_of_the_secret(aion):
    (aion.folder / "secret").write_bytes(b" a b \n\r\n")
    assert (
        aion.load({"event_store": {"password": {"file": "secret"}}}).event_store.settings.password.reveal() == " a b \n"
    )


def test_a_file_is_meant_from_the_folder_of_the_configuration(aion):
    aion.write('[event_store]\npassword = { file = "keys/db" }', "etc/aion.toml")
    (aion.folder / "etc/keys").mkdir()
    (aion.folder / "etc/keys/db").write_text(TEXT)
    assert aion.load(aion.folder / "etc/aion.toml").event_store.settings.password.reveal() == TEXT


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ({"env": "AION_DB_PASSWORD"}, "the environment variable AION_DB_PASSWORD is not set"),
        ({"env": "EMPTY"}, "the environment variable EMPTY is empty"),
        ({"env": 5}, "expected a string in { env = … }"),
        ({"file": "nowhere"}, "there is no file {folder}/nowhere"),
        ({"file": "."}, "the file {folder} can not be read: Is a directory"),
        ({"file": "empty"}, "the file {folder}/empty is empty"),
        ({"file": "binary"}, "the file {folder}/binary is not UTF-8"),
        ({"file": "a\0b"}, "'a\\x00b' is not the name of a file"),
        (
            {"vault": "x"},
            (
                "nobody resolves a reference { vault = … }: the core knows env and file, "
                "extensions in [plugins] enabled may know others"
            ),
        ),
        ({"keyring": "broken"}, "the reference { keyring = … } could not be resolved: the keyring is locked"),
        ({"env": "A", "file": "b"}, 'expected a string or a reference with one key, like { env = "NAME" }'),
        ({}, 'expected a string or a reference with one key, like { env = "NAME" }'),
    ],
)
@pytest.mark.parametrize("key", ["password", "bucket"])
def test_a_reference_that_leads_nowhere_is_told_with_its_path(aion, key, reference, text):
    (aion.folder / "empty").write_text("\n")
    (aion.folder / "binary").write_bytes(b"\xff")
    expected = f"event_store.{key}: {text.replace('{folder}', str(aion.folder))}"
    assert aion.problems({"event_store": {key: reference}}, EMPTY="") == [expected]


@pytest.mark.parametrize("given", [{"env": "DB_PASSWORD"}, TEXT])
def test_a_secret_is_in_no_error_and_no_traceback(aion, given):
    config = {"event_store": {"use": "sql", "password": given, "workers": 0, "durability": TEXT}}
    error = aion.error(config, DB_PASSWORD=TEXT)
    assert TEXT not in str(error)
    assert TEXT not in "".join(traceback.format_exception(error))
    assert 'event_store.durability: expected "disk" or "process", got \'****\'' in error.problems


def test_a_password_in_a_url_is_not_shown(aion):
    config = aion.load({"event_store": {"url": f"postgresql://app:{TEXT}@db/aion?sslmode=on&password={TEXT}"}})
    shown = {value.path: value.shown for value in config.values()}
    assert shown["event_store.url"] == "postgresql://app:****@db/aion?sslmode=on&password=****"
    assert TEXT not in repr(config)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://app@db/aion", "postgresql://app@db/aion"),
        ("postgresql://app:p@ss:w/rd@db/aion", "postgresql://app:****@db/aion"),
        ("postgresql://:secret@db", "postgresql://:****@db"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("no url, just text: a@b", "no url, just text: a@b"),
        ("https://h/?access_token=abc&x=1", "https://h/?access_token=****&x=1"),
    ],
)
def test_only_the_password_of_a_url_is_hidden(url, shown):
    assert without_passwords(url) == shown


def test_what_is_called_a_key_or_password_is_hidden_although_its_type_is_text(aion):
    assert aion.shown({"event_store": {"access_key": TEXT}})["event_store.access_key"] == "****"


def test_where_a_driver_is_missing_whatever_was_written_for_it_may_be_secret(aion):
    found = aion.examine({"event_store": {"use": "s3", "bucket": TEXT, "shards": 4}})
    shown = {value.path: value.shown for value in found.values}
    assert shown["event_store.use"] == "s3"
    assert shown["event_store.bucket"] == "****"
    assert shown["event_store.shards"] == 4


def test_a_secret_from_a_variable_is_hidden_although_its_key_is_misspelt(aion):
    assert TEXT not in str(aion.error(AION__EVENT_STORE__PASSWROD=TEXT))
