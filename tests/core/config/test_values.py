# ruff: noqa: E501 # tables of what is wrong and what is said about it

from __future__ import annotations

from datetime import timedelta

import pytest

from aion_core.config import Rate
from aion_core.config.units import UnitError, rate, seconds, size
from aion_core.model.attributes import AttributeSchema, AttributeType
from aion_core.model.errors import ConfigError, PluginNotFound
from aion_core.model.policies import Exhaustion


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("0B", 0), ("64KB", 65536), ("2MB", 2 << 20), ("1.5GB", 3 << 29), ("1TB", 1 << 40), ("4 KB", 4096)],
)
def test_a_size_is_a_number_with_a_unit_of_1024(text, bytes_):
    assert size(text) == bytes_


@pytest.mark.parametrize("text", ["", "5", "5XB", "5kb", "-1MB", "1,5MB", "MB", "\u0665MB", "5MB "])
def test_what_is_not_a_size_is_refused(text):
    with pytest.raises(UnitError, match="is not a size: write bytes, or a number with B, KB, MB, GB or TB"):
        size(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("7d", 604800),
        ("2w", 1209600),
        ("0s", 0),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_a_number_with_a_unit(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "5", "5x", "-5s", "5 minutes", "1h30m", "nan", "infs"])
def test_what_is_not_a_duration_is_refused(text):
    with pytest.raises(UnitError, match="is not a duration: write seconds, or a number with ms, s, m, h, d or w"):
        seconds(text)


@pytest.mark.parametrize(("text", "value"), [("25/s", 25), ("60/m", 1), ("3600/h", 1), ("0.5/s", 0.5), ("5 / s", 5)])
def test_a_rate_is_a_number_in_a_time(text, value):
    assert rate(text).per_second == value


@pytest.mark.parametrize("text", ["", "25", "25/d", "/s", "-1/s", "25/5s", "x/s"])
def test_what_is_not_a_rate_is_refused(text):
    with pytest.raises(UnitError, match='is not a rate: write a number per s, m or h, like "25/s"'):
        rate(text)


def test_a_rate_of_zero_is_refused():
    with pytest.raises(UnitError, match="'0/s' would never start anything: write a rate above 0"):
        rate("0/s")


@pytest.mark.parametrize(("read", "unit"), [(size, "TB"), (seconds, "w"), (rate, "/s")])
def test_a_number_without_end_is_refused_and_not_quoted_in_full(read, unit):
    with pytest.raises(UnitError) as caught:
        read("9" * 5000 + unit)
    assert len(str(caught.value)) < 250


def problem(aion, section, key, value):
    (found,) = aion.problems({section: {key: value}})
    assert found.startswith(f"{section}.{key}: ")
    return found.partition(": ")[2]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("workers", "4", "expected an integer, got a string"),
        ("workers", True, "expected an integer, got a boolean"),
        ("workers", 4.0, "expected an integer, got a float"),
        ("workers", [4], "expected an integer, got an array"),
        ("workers", None, "expected an integer, got None"),
        ("workers", 0, "0 is too little: at least 1"),
        ("fast", "true", "expected a boolean, got a string"),
        ("fast", 1, "expected a boolean, got an integer"),
        ("ratio", "0.5", "expected a number, got a string"),
        ("ratio", 10**400, "the number is larger than anything can be"),
        ("url", 5, "expected a string, got an integer"),
        ("url", ["a"], "expected a string, got an array"),
        ("url", timedelta(1), "expected a string, got a Python object of type timedelta"),
        ("password", 5, "expected a string or a reference, got an integer"),
        ("timeout", "5x", "'5x' is not a duration: write seconds, or a number with ms, s, m, h, d or w, like \"30s\""),
        ("timeout", -1, "-1 s is negative: a duration is not"),
        ("timeout", float("nan"), "nan is not a duration: write a finite number of seconds"),
        ("timeout", float("inf"), "inf is not a duration: write a finite number of seconds"),
        ("timeout", 10**400, "the duration is longer than a thousand years"),
        ("timeout", "99999999d", "8.64e+12 s is longer than a thousand years"),
        ("timeout", True, 'expected a duration like "30s", got a boolean'),
        ("cache", "5XB", "'5XB' is not a size: write bytes, or a number with B, KB, MB, GB or TB, like \"64KB\""),
        ("cache", 1.5, 'expected a size like "64KB", got a float'),
        ("rate", "25/d", "'25/d' is not a rate: write a number per s, m or h, like \"25/s\""),
        ("rate", 25, 'expected a rate like "25/s", got an integer'),
        ("durability", "disc", 'expected "disk" or "process", got \'disc\''),
        ("durability", 5, 'expected "disk" or "process", got an integer'),
        ("modules", "shop", "expected an array, got a string"),
        ("labels", [], "expected a table, got an array"),
        ("pool", 5, "expected a table, got an integer"),
        ("token_file", 5, "expected a path, got an integer"),
        ("token_file", "", "the path is empty"),
    ],
)
def test_a_wrong_type_names_what_was_expected_and_what_was_given(aion, key, value, text):
    assert problem(aion, "event_store", key, value) == text


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"bukcet": 1}, "event_store.bukcet: unknown key (did you mean 'bucket'?)"),
        ({"pool": {"sise": 1}}, "event_store.pool.sise: unknown key (did you mean 'size'?)"),
        ({"pool": {"zzz": 1}}, "event_store.pool.zzz: unknown key (known: size)"),
        ({"pool": {"size": 101}}, "event_store.pool.size: 101 is too much: at most 100"),
        ({"modules": ["a", 5]}, "event_store.modules[1]: expected a string, got an integer"),
        ({"labels": {"a b": "x"}}, 'event_store.labels."a b": expected an integer, got a string'),
    ],
)
def test_a_problem_inside_a_driver_s_table_has_its_whole_path(aion, table, text):
    assert aion.problems({"event_store": table}) == [text]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"gaurd": {}}, "gaurd: unknown key (did you mean 'guard'?)"),
        ({"engine": {"residnet": 5}}, "engine.residnet: unknown key (did you mean 'resident'?)"),
        ({"engine": 5}, "engine: expected a table, got an integer"),
        ({"engine": {"resident": -1}}, "engine.resident: -1 is too little: at least 0"),
        ({"engine": {"turn_deadline": 0}}, "engine.turn_deadline: 0 s is too little: at least 0.001 s"),
        ({"limits": {"payload": 0}}, "limits.payload: 0 bytes is too little: at least 1 bytes"),
        ({"guard": {"calls": "error"}}, "guard.calls: expected \"raise\" or \"warn\" or \"off\", got 'error'"),
        ({"queues": 5}, "queues: expected a table"),
        ({"queues": {"a": {"rate": "5"}}}, None),
        ({"queues": {"my queue": {"concurency": 5}}}, 'queues."my queue".concurency: unknown key (did you mean \'concurrency\'?)'),
        ({"queues": {"a": {"runtime": "x"}}}, "queues.a.runtime: there is no [runtimes.x] (there are none)"),
        ({"activities": {"heartbeet": 5}}, "activities.heartbeet: unknown key (did you mean 'heartbeat'?)"),
        ({"activities": {"charge": {"retry": {"jiter": 1}}}}, "activities.charge.retry.jiter: unknown key (did you mean 'jitter'?)"),
        ({"loaders": {}}, "loaders: expected an array of tables: write [[loaders]]"),
        ({"loaders": [{"use": "module", "module": 5}]}, "loaders[0].module: unknown key (did you mean 'modules'?)"),
        ({"loaders": [{}]}, "loaders[0].use: missing: name a driver"),
        ({"loaders": ["x"]}, "loaders[0]: expected a table with `use`, the name of a driver"),
        ({"runtimes": {"x": {"workers": 1}}}, "runtimes.x.use: missing: name a driver"),
        ({"runtime": {"use": 5}}, "runtime.use: expected a string, the name of a driver"),
        ({"visibility_store": {"url": "x"}}, 'visibility_store.url: unknown key (with `use = "event_store"` there are no others)'),
        ({"search_attributes": {"customer": "text"}}, "search_attributes.customer: search attribute 'customer' is declared as 'text'; the types are str, int, float, bool, datetime, keywords"),
        ({"search_attributes": {"id": "str"}}, "search_attributes.id: search attribute 'id' has the name of a field that every run has: choose another"),
        ({"plugins": {"enabled": "otel"}}, "plugins.enabled: expected an array, got a string"),
        ({"event_store": {"use": "strict"}}, "event_store.path: missing: this key has no default"),
        ({"event_store": {"use": "strict", "path": "x", "first": 20}}, "event_store: first (20) is after last (10)"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_told_with_its_path(aion, config, text):
    problems = aion.problems(config)
    assert len(problems) == 1
    if text is not None:
        assert problems == [text]


def test_an_unknown_runtime_of_a_queue_lists_the_known_ones(aion):
    config = {"runtimes": {"sandbox": {"use": "x"}}, "queues": {"a": {"runtime": "sandbx"}}}
    assert aion.problems(config) == ["queues.a.runtime: there is no [runtimes.sandbx] (known: sandbox)"]


def test_all_problems_of_all_sections_are_reported_at_once(aion):
    aion.write('[event_store]\nbukcet = 1\nworkers = "x"\n[engine]\nresident = true\n[queues.a]\nrate = "x"')
    error = aion.error(AION__LIMITS__DEPTH="deep")
    assert isinstance(error, ConfigError)
    assert list(error.problems) == [
        "engine.resident: expected an integer, got a boolean",
        "limits.depth: expected an integer, got 'deep' (from AION__LIMITS__DEPTH)",
        "event_store.bukcet: unknown key (did you mean 'bucket'?)",
        "event_store.workers: expected an integer, got a string",
        "queues.a.rate: 'x' is not a rate: write a number per s, m or h, like \"25/s\"",
    ]
    assert str(error).startswith(f"the configuration in {aion.folder / 'aion.toml'} can not be used, 5 problems:\n  ")


def test_a_problem_of_a_profile_names_the_profile(aion):
    aion.write("[profiles.prod.engine]\nresident = true")
    assert aion.problems(profile="prod") == ["engine.resident: expected an integer, got a boolean (from profile prod)"]


def test_a_driver_that_is_not_installed_is_its_own_error(aion):
    error = aion.error({"event_store": {"use": "s3"}})
    assert isinstance(error, PluginNotFound)
    assert error.code == "plugin-not-found"
    assert "pip install aion-store-s3" in str(error)


def test_a_second_driver_that_is_not_installed_is_told_in_a_note(aion):
    error = aion.error({"event_store": {"use": "s3"}, "runtime": {"use": "s3"}})
    assert "event_store 's3'" in str(error)
    assert ["runtime 's3'" in note for note in error.__notes__] == [True]


def test_beside_other_problems_a_missing_driver_is_one_of_them(aion):
    found = aion.problems({"event_store": {"use": "s3"}, "engine": {"resident": -1}})
    assert found[0] == "engine.resident: -1 is too little: at least 0"
    assert found[1].startswith("event_store: aion.toml asks for event_store 's3'")


def test_everything_that_is_written_arrives_typed(aion):
    aion.write(
        """
        [queues.stripe]
        concurrency = 64
        rate = "25/s"
        per_key = 1
        runtime = "sandbox"
        [runtimes.sandbox]
        use = "isolated"
        network = "none"
        [activities]
        start_to_close = "5m"
        retry = { max_attempts = 5 }
        [activities.charge]
        heartbeat = 10
        on_exhausted = "block"
        retry = { initial = "2s", non_retryable = ["CardDeclined"] }
        [search_attributes]
        customer = "str"
        [plugins]
        enabled = ["b", "a"]
        """
    )
    config = aion.load()
    queue = config.queues["stripe"]
    assert (queue.concurrency, queue.rate, queue.per_key, queue.runtime) == (64, Rate(25.0, 1.0), 1, "sandbox")
    assert config.runtimes["sandbox"].settings.network == "none"
    assert config.search_attributes == AttributeSchema({"customer": AttributeType.STR})
    assert config.plugins.enabled == ("b", "a")
    assert config.lookup.enabled == ("b", "a")


def test_the_table_of_an_activity_lies_over_the_defaults(aion):
    config = aion.load(
        {
            "activities": {
                "queue": "all",
                "retry": {"max_attempts": 5, "factor": 3},
                "charge": {"heartbeat": 10, "on_exhausted": "block", "retry": {"factor": 1}},
            }
        }
    )
    charge = config.activities.of("charge")
    assert (charge.start_to_close, charge.queue, charge.heartbeat) == (600, "all", 10)
    assert charge.on_exhausted is Exhaustion.BLOCK
    assert (charge.retry.max_attempts, charge.retry.factor) == (5, 1)
    assert config.activities.of("other").heartbeat is None


def test_a_timedelta_is_a_duration(aion):
    assert aion.load({"inbox": {"keep": timedelta(hours=1)}}).inbox.keep == 3600


# ---- the environment


def test_variables_are_parsed_by_the_type_of_their_key(aion):
    settings = aion.load(
        AION__EVENT_STORE__WORKERS="4",
        AION__EVENT_STORE__FAST="TRUE",
        AION__EVENT_STORE__RATIO="0.25",
        AION__EVENT_STORE__TIMEOUT="90",
        AION__EVENT_STORE__CACHE="1024",
        AION__EVENT_STORE__RATE="5/m",
        AION__EVENT_STORE__URL="123",
        AION__EVENT_STORE__DURABILITY="process",
        AION__EVENT_STORE__MODULES='["a", "b"]',
        AION__EVENT_STORE__LABELS="{ a = 1 }",
        AION__EVENT_STORE__POOL="{ size = 7 }",
    ).event_store.settings
    assert (settings.workers, settings.fast, settings.ratio) == (4, True, 0.25)
    assert (settings.timeout, settings.cache, settings.rate) == (90, 1024, Rate(5.0, 60.0))
    assert (settings.url, settings.durability, settings.modules) == ("123", "process", ("a", "b"))
    assert (settings.labels, settings.pool.size) == ({"a": 1}, 7)


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("AION__EVENT_STORE__BUKCET", "x", "event_store.bukcet: unknown key (did you mean 'bucket'?)"),
        ("AION__ENGNE__RESIDENT", "5", "engne: unknown key (did you mean 'engine'?)"),
        ("AION__EVENT_STORE__WORKERS", "four", "event_store.workers: expected an integer, got 'four'"),
        ("AION__EVENT_STORE__WORKERS", "0", "event_store.workers: 0 is too little: at least 1"),
        ("AION__EVENT_STORE__FAST", "yes", "event_store.fast: expected true or false, got 'yes'"),
        ("AION__EVENT_STORE__RATIO", "half", "event_store.ratio: expected a number, got 'half'"),
        ("AION__EVENT_STORE__TIMEOUT", "-1", "event_store.timeout: -1 s is negative: a duration is not"),
        ("AION__EVENT_STORE__MODULES", "a,b", "event_store.modules: expected an array as TOML writes it"),
        ("AION__EVENT_STORE__MODULES", "5", "event_store.modules: expected an array, got an integer"),
        ("AION__EVENT_STORE__LABELS", "a\nb=1", "event_store.labels: expected a table as TOML writes it"),
        ("AION__QUEUES", "x y", "queues: expected a TOML table or array"),
        ("AION__SCHEMA", "1", "schema: belongs in the file"),
    ],
)
def test_a_problem_of_a_variable_names_it(aion, variable, value, text):
    if variable == "AION__SCHEMA":
        assert aion.problems(**{variable: value})[0].startswith("schema: unknown key")
    else:
        assert aion.problems(**{variable: value}) == [f"{text} (from {variable})"]


@pytest.mark.parametrize("variable", ["AION__", "AION____X", "AION__ENGINE__"])
def test_a_variable_that_names_no_key_is_refused(aion, variable):
    assert aion.problems(**{variable: "x"}) == [f"{variable}: names no key; write AION__SECTION__KEY"]


def test_variables_with_one_underscore_are_no_settings(aion):
    assert aion.load(AION_ENGINE_RESIDENT="5", AION_DEBUG="1").engine.resident == 10_000


def test_a_variable_finds_a_name_of_the_file_whatever_its_case_and_dashes(aion):
    aion.write("[queues.Bulk-Mail]\nconcurrency = 1\n[activities.sendMail]\nheartbeat = 5")
    config = aion.load(AION__QUEUES__BULK_MAIL__CONCURRENCY="2", AION__ACTIVITIES__SENDMAIL__HEARTBEAT="6")
    assert config.queues["Bulk-Mail"].concurrency == 2
    assert config.activities.named["sendMail"].heartbeat == 6


def test_a_variable_may_hold_a_whole_section(aion):
    config = aion.load(AION__LOADERS='[{ use = "module", modules = ["shop"] }]', AION__QUEUES="{ a = { per_key = 1 } }")
    assert config.loaders[0].settings.modules == ("shop",)
    assert config.queues["a"].per_key == 1
    assert str(config.origin("queues.a.per_key")) == "AION__QUEUES"


def test_a_table_and_a_key_in_it_can_not_both_be_variables(aion):
    found = aion.problems(AION__QUEUES__A="{ per_key = 1 }", AION__QUEUES__A__RATE="5/s")
    assert found == ["AION__QUEUES__A__RATE: a variable for the whole table is set, too; keep one of them"]


# ---- what is shown


def test_values_are_shown_as_one_would_write_them(aion):
    shown = aion.shown(
        {
            "queues": {"a b": {"rate": "25/s"}},
            "event_store": {"cache": 65536, "timeout": 0.5, "labels": {"x": 1}, "modules": ["m"]},
            "inbox": {"keep": 90061},
        }
    )
    assert shown['queues."a b".rate'] == "25/s"
    assert shown["event_store.cache"] == "64KB"
    assert shown["event_store.timeout"] == "0.5s"
    assert shown["event_store.labels"] == {"x": 1}
    assert shown["event_store.modules"] == ["m"]
    assert shown["event_store.pool.size"] == 5
    assert shown["inbox.keep"] == "90061s"
    assert shown["limits.payload"] == "2MB"
    assert "retention.closed" not in shown


def test_with_an_error_elsewhere_the_values_are_shown_all_the_same(aion):
    found = aion.examine({"engine": {"resident": 5, "turn_deadline": True}, "inbox": {"keep": "1h"}})
    shown = {value.path: value.shown for value in found.values}
    assert found.config is None
    assert shown["inbox.keep"] == "1h"
    assert shown["engine.resident"] == 5
