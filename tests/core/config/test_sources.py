from __future__ import annotations

from pathlib import Path

import pytest

from aion_core.config import Config, Kind, load
from aion_core.model.errors import ConfigError, InvalidInput, PluginNotFound


def test_without_any_file_the_embedded_defaults_hold(aion):
    config = aion.load()
    assert (config.event_store.use, config.event_store.settings.url) == ("sql", "sqlite:///aion.db")
    assert (config.visibility_store.use, config.visibility_store.driver) == ("event_store", None)
    assert config.runtime.use == "thread"
    assert config.source is None
    assert config.activities.of("anything").start_to_close == 600


def test_a_config_is_returned_as_it_is(aion):
    config = aion.load()
    assert aion.load(config, AION__ENGINE__RESIDENT="1") is config


def test_the_nearest_file_upwards_is_found(aion):
    aion.write("[engine]\nresident = 1")
    below = aion.folder / "a" / "b"
    below.mkdir(parents=True)
    config = aion.load(cwd=below)
    assert config.engine.resident == 1
    assert config.folder == aion.folder
    assert config.source == str(aion.folder / "aion.toml")


def test_a_nearer_file_hides_one_further_up(aion):
    aion.write("[engine]\nresident = 1")
    aion.write("[engine]\nresident = 2", "a/aion.toml")
    assert aion.load(cwd=aion.folder / "a").engine.resident == 2


def test_the_search_ends_at_a_repository(aion):
    aion.write("[engine]\nresident = 1")
    (aion.folder / "repo" / ".git").mkdir(parents=True)
    (aion.folder / "repo" / "src").mkdir()
    assert aion.load(cwd=aion.folder / "repo" / "src").source is None


def test_the_folder_of_the_repository_itself_is_looked_at(aion):
    (aion.folder / "repo" / ".git").mkdir(parents=True)
    aion.write("[engine]\nresident = 3", "repo/aion.toml")
    (aion.folder / "repo" / "src").mkdir()
    assert aion.load(cwd=aion.folder / "repo" / "src").engine.resident == 3


def test_the_search_ends_at_the_home_directory(aion):
    aion.write("[engine]\nresident = 1")
    home = aion.folder / "home"
    (home / "project").mkdir(parents=True)
    assert aion.load(cwd=home / "project", HOME=str(home)).source is None


def test_a_table_in_pyproject_is_found(aion):
    aion.write("[tool.aion]\nschema = 1\n[tool.aion.engine]\nresident = 4", "pyproject.toml", schema=False)
    config = aion.load()
    assert config.engine.resident == 4
    assert config.source == f"[tool.aion] of {aion.folder / 'pyproject.toml'}"


def test_aion_toml_wins_over_pyproject_in_the_same_folder(aion):
    aion.write("[tool.aion]\nschema = 1\n[tool.aion.engine]\nresident = 4", "pyproject.toml", schema=False)
    aion.write("[engine]\nresident = 5")
    assert aion.load().engine.resident == 5


def test_a_pyproject_of_somebody_else_is_passed_over_even_when_it_is_no_toml(aion):
    aion.write("[engine]\nresident = 6")
    aion.write("[project]\nname = {{ cookiecutter.name }}", "a/pyproject.toml", schema=False)
    assert aion.load(cwd=aion.folder / "a").engine.resident == 6


def test_a_pyproject_that_is_asked_for_needs_the_table(aion):
    file = aion.write("[project]\nname = 'x'", "pyproject.toml", schema=False)
    assert aion.problems(file) == ["there is no table [tool.aion]"]


def test_a_pyproject_with_a_broken_table_of_ours_is_an_error(aion):
    aion.write("[tool.aion\nschema = 1", "pyproject.toml", schema=False)
    assert aion.problems()[0].startswith("invalid TOML: line 1, column 11:")


def test_aion_config_names_the_file(aion):
    aion.write("[engine]\nresident = 7", "etc/other.toml")
    assert aion.load(AION_CONFIG="etc/other.toml").engine.resident == 7


def test_a_missing_file_that_the_environment_names_says_so(aion):
    error = aion.error(AION_CONFIG="nowhere.toml")
    assert isinstance(error, ConfigError)
    assert str(error) == (
        f"the configuration in {aion.folder / 'nowhere.toml'} can not be used: "
        "there is no such file (named by the environment variable AION_CONFIG)"
    )


def test_a_missing_file_is_an_error(aion):
    assert aion.problems("nowhere.toml") == ["there is no such file"]


def test_a_directory_is_not_a_file_and_the_file_in_it_is_suggested(aion):
    aion.write("")
    assert aion.problems(aion.folder) == [f"it is a directory: name the file, {aion.folder / 'aion.toml'}"]


def test_an_empty_file_says_what_it_needs(aion):
    aion.write("", schema=False)
    assert aion.problems() == ["the file is empty: it needs at least `schema = 1`"]


def test_an_unreadable_file_says_why(aion, monkeypatch):
    def denied(_):
        raise PermissionError(13, "Permission denied")

    aion.write("")
    monkeypatch.setattr(Path, "read_bytes", denied)  # not by its mode: root reads everything
    assert aion.problems() == ["it can not be read: Permission denied"]


def test_a_path_that_runs_through_a_file_says_why(aion):
    aion.write("")
    assert aion.problems("aion.toml/inner.toml") == ["it can not be read: Not a directory"]


def test_a_path_with_a_nul_is_an_error(aion):
    assert aion.problems("a\0b")[0].startswith("it can not be read:")


def test_invalid_toml_says_line_and_column(aion):
    aion.write("[engine]\nresident = = 5")
    assert aion.problems() == ["invalid TOML: line 3, column 12: Invalid value"]


def test_a_file_that_is_not_text_says_so(aion):
    (aion.folder / "aion.toml").write_bytes(b"schema = 1\n\xff")
    assert aion.problems() == ["byte 11 is not UTF-8"]


def test_a_byte_order_mark_is_no_problem(aion):
    (aion.folder / "aion.toml").write_bytes(b"\xef\xbb\xbfschema = 1\n")
    assert aion.load().source is not None


def test_toml_that_is_nested_without_end_is_an_error(aion):
    aion.write("x = " + "[" * 5000)
    assert aion.problems() == ["it is nested too deeply"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[engine]", "schema: missing: add `schema = 1`, so that later versions know how to read the file"),
        ("schema = 2", "schema: 2 is newer than this version, which reads schema 1: upgrade aion-durable-core"),
        ("schema = 0", "schema: 0 is unknown; write `schema = 1`"),
        ("schema = '1'", "schema: expected the number 1"),
        ("schema = true", "schema: expected the number 1"),
        ("schema = 1979-05-27", "schema: 1979-05-27 is unknown; write `schema = 1`"),
    ],
)
def test_a_file_without_the_schema_of_this_version_is_not_read(aion, line, problem):
    aion.write(line, schema=False)
    assert aion.problems() == [problem]


def test_a_dict_needs_no_schema_but_may_not_have_a_newer_one(aion):
    assert aion.load({}).engine.resident == 10_000
    assert aion.problems({"schema": 2}) == [
        "schema: 2 is newer than this version, which reads schema 1: upgrade aion-durable-core"
    ]


def test_a_dict_stands_in_the_place_of_the_file(aion):
    aion.write("[engine]\nresident = 1")
    assert aion.load({}).engine.resident == 10_000


@pytest.mark.parametrize("config", [5, b"aion.toml", ["a"]])
def test_other_things_than_paths_and_dicts_are_refused(aion, config):
    assert aion.problems(config) == [f"expected a path, a Config, a dict or None, got {type(config).__name__}"]


def test_keys_of_a_dict_are_strings(aion):
    assert aion.problems({"engine": {5: 1}}) == ["engine: expected keys that are strings, got a key of type int"]


def test_a_dict_that_holds_itself_is_refused(aion):
    endless: dict[str, object] = {}
    endless["engine"] = endless
    assert aion.problems(endless)[0].endswith(": nested too deeply")


# ---- precedence


def test_argument_beats_environment_beats_profile_beats_file_beats_default(aion):
    aion.write(
        "[engine]\nresident = 1\nturn_deadline = 1\n[limits]\ndepth = 1\nquery = 1\n"
        "[profiles.prod.engine]\nresident = 2\nturn_deadline = 2\n"
    )
    variables = {"AION__ENGINE__RESIDENT": "3", "AION_PROFILE": "prod"}
    config = aion.load(**variables)
    assert config.engine.resident == 3
    assert config.engine.turn_deadline == 2
    assert config.limits.depth == 1
    assert config.limits.signals == 10_000
    assert [str(config.origin(path)) for path in ("engine.resident", "engine.turn_deadline", "limits.depth")] == [
        "AION__ENGINE__RESIDENT",
        "profile prod",
        str(aion.folder / "aion.toml"),
    ]
    assert config.origin("limits.signals").kind is Kind.DEFAULT
    handed = aion.load({"engine": {"resident": 4}}, AION__ENGINE__RESIDENT="3")
    assert handed.engine.resident == 4
    assert str(handed.origin("engine.resident")) == "argument"


def test_the_profile_of_a_dict_beats_the_dict_and_the_environment(aion):
    config = {"engine": {"resident": 1}, "profiles": {"prod": {"engine": {"resident": 2}}}}
    assert aion.load(config, profile="prod", AION__ENGINE__RESIDENT="3").engine.resident == 2


def test_the_profile_that_is_asked_for_beats_the_one_of_the_environment(aion):
    aion.write("[profiles.a.engine]\nresident = 1\n[profiles.b.engine]\nresident = 2")
    config = aion.load(profile="b", AION_PROFILE="a")
    assert (config.engine.resident, config.profile) == (2, "b")


def test_an_unknown_profile_is_an_error_that_lists_the_known_ones(aion):
    aion.write("[profiles.prod.engine]\nresident = 2\n[profiles.test]")
    assert aion.problems(profile="prd") == ["profiles.prd: there is no such profile (known: prod, test)"]
    assert aion.problems({}, profile="prd") == ["profiles.prd: there is no such profile (there are none)"]


def test_a_profile_that_is_not_chosen_is_checked_for_its_sections(aion):
    aion.write("[profiles.prod.enginee]\nresident = 2")
    assert aion.problems() == ["profiles.prod.enginee: unknown key (did you mean 'engine'?)"]


@pytest.mark.parametrize("profiles", [5, {"prod": 5}])
def test_profiles_are_tables(aion, profiles):
    path = "profiles" if profiles == 5 else "profiles.prod"
    assert aion.problems({"profiles": profiles}) == [f"{path}: expected a table"]


def test_a_profile_with_another_driver_replaces_the_table(aion):
    aion.write('[event_store]\nuse = "sql"\nurl = "a"\n[profiles.prod.event_store]\nuse = "redis"\nbucket = "orders"')
    settings = aion.load(profile="prod").event_store.settings
    assert (settings.url, settings.bucket) == ("sqlite:///default.db", "orders")


def test_a_profile_with_the_same_driver_is_merged_key_by_key(aion):
    aion.write('[event_store]\nuse = "redis"\nurl = "a"\n[profiles.prod.event_store]\nuse = "redis"\nbucket = "orders"')
    settings = aion.load(profile="prod").event_store.settings
    assert (settings.url, settings.bucket) == ("a", "orders")


def test_a_file_with_another_driver_drops_the_url_of_the_default_one(aion):
    aion.write('[event_store]\nuse = "redis"')
    assert aion.load().event_store.settings.url == "sqlite:///default.db"


def test_a_file_that_names_no_driver_adds_to_the_default_one(aion):
    aion.write("[event_store]\nworkers = 2")
    store = aion.load().event_store
    assert (store.use, store.settings.url, store.settings.workers) == ("sql", "sqlite:///aion.db", 2)


def test_a_variable_with_another_driver_replaces_the_table_and_the_others_add_to_it(aion):
    aion.write('[event_store]\nuse = "sql"\nbucket = "old"')
    settings = aion.load(AION__EVENT_STORE__USE="redis", AION__EVENT_STORE__URL="new").event_store.settings
    assert (settings.url, settings.bucket) == ("new", None)


def test_a_nested_value_of_a_driver_is_replaced_as_a_whole(aion):
    aion.write("[event_store]\nlabels = { a = 1 }\n[profiles.prod.event_store]\nlabels = { b = 2 }")
    assert aion.load(profile="prod").event_store.settings.labels == {"b": 2}


def test_a_secret_reference_replaces_another_one(aion):
    (aion.folder / "secret").write_text("from-file\n")
    aion.write(
        '[event_store]\npassword = { env = "NOT_SET" }\n[profiles.prod.event_store]\npassword = { file = "secret" }'
    )
    assert aion.load(profile="prod").event_store.settings.password.reveal() == "from-file"


def test_an_origin_of_a_value_that_is_not_set_is_refused(aion):
    with pytest.raises(InvalidInput, match=r"no value is set at 'event_store\.uri'") as caught:
        aion.load().origin("event_store.uri")
    assert caught.value.code == "invalid-input"


def test_a_path_and_a_relative_url_are_meant_from_the_folder_of_the_file(aion):
    aion.write(
        '[event_store]\nuse = "relative"\nurl = "x.db"\n[runtime]\nuse = "thread"\ntoken_file = "t"', "a/aion.toml"
    )
    (aion.folder / "a/b").mkdir()
    config = aion.load(cwd=aion.folder / "a/b")
    assert config.event_store.settings.url == f"{aion.folder}/a/x.db"
    assert config.runtime.settings.token_file == aion.folder / "a/t"


def test_the_process_s_own_environment_and_folder_are_the_default(aion, monkeypatch):
    aion.write('[event_store]\nuse = "memory"\n[runtime]\nuse = "nosuch"')
    monkeypatch.chdir(aion.folder)
    monkeypatch.setenv("AION__RUNTIME__USE", "nosuch2")
    with pytest.raises(Exception, match="nosuch2") as caught:
        load()
    assert caught.value.code == "plugin-not-found"


def test_a_config_prints_itself(aion):
    config = aion.load()
    assert isinstance(config, Config)
    assert "Engine(resident=10000" in repr(config)
    assert Path(config.folder) == aion.folder


def test_a_client_needs_no_runtime_to_be_installed(tmp_path):
    path = tmp_path / "aion.toml"
    path.write_text('schema = 1\n[event_store]\nuse = "memory"\n[runtime]\nuse = "nowhere"\nodd = 1\n')
    config = load(path, environ={}, stores_only=True)
    assert (config.runtime.use, config.runtime.driver) == ("nowhere", None)
    with pytest.raises(PluginNotFound, match="runtime 'nowhere'"):
        load(path, environ={})
