from __future__ import annotations

import logging

import click
import pytest

from aion_core.model.errors import ConfigError, PluginConflict, PluginContractError
from aion_core.model.failures import Failure
from aion_core.plugins import compose
from aion_core.spi import ErrorClass, Interceptor, Observer, PayloadCodec, RunningEngine, hookimpl

INFO = RunningEngine(
    engine_id="e1",
    namespace="default",
    store_id="s1",
    event_store="memory",
    visibility_store="event_store",
    runtimes=("thread",),
    workflow_types=("checkout",),
    core_version="0.1.0",
)
FAILURE = Failure(type="RateLimited", message="slow down")


class Silent(Observer):
    def committed(self, entries): ...


class Named(PayloadCodec):
    def __init__(self, name):
        self.name = name

    def encode(self, payload, context):
        return payload

    def decode(self, payload, context):
        return payload


def extension(hook, body, *, name="Ext", parameter="config"):
    """An object whose one hook calls `body` with the hook's argument."""
    function = {
        "config": lambda self, config: body(config),
        "cli": lambda self, cli: body(cli),
        "reference": lambda self, reference: body(reference),
        "error": lambda self, error: body(error),
        "info": lambda self, info: body(info),
    }[parameter]
    function.__name__ = hook
    return type(name, (), {hook: hookimpl(function)})()


def raising(error):
    def body(_):
        raise error

    return body


# ---- interceptors, observers, codecs


COLLECTED = [
    ("interceptors", "aion_register_interceptors", Interceptor),
    ("observers", "aion_register_observers", Silent),
    ("codecs", "aion_register_codecs", lambda: Named(f"codec-{next(NUMBERS)}")),
]
NUMBERS = iter(range(1000))


@pytest.mark.parametrize(("collect", "hook", "make"), COLLECTED)
def test_what_is_collected_stands_in_the_order_of_the_extensions_outermost_first(collect, hook, make):
    a, b, c, d = (make() for _ in range(4))
    outer = extension(hook, lambda _: [a, b])
    middle = extension(hook, lambda _: None)
    inner = extension(hook, lambda _: (one for one in (c, d)))
    plugins = compose(extras=[outer, middle, inner])
    assert getattr(plugins, collect)({}) == (a, b, c, d)


@pytest.mark.parametrize(("collect", "hook", "make"), COLLECTED)
def test_nothing_is_collected_where_nobody_offers(collect, hook, make):
    assert getattr(compose(), collect)({}) == ()


@pytest.mark.parametrize(("collect", "hook", "make"), COLLECTED)
def test_extensions_are_asked_with_the_configuration(collect, hook, make):
    seen: list[object] = []
    config = {"engine": {"resident": 7}}
    getattr(compose(extras=[extension(hook, seen.append)]), collect)(config)
    assert seen == [config]


@pytest.mark.parametrize(
    ("collect", "hook", "given", "problem"),
    [
        (
            "interceptors",
            "aion_register_interceptors",
            [7],
            "gave an object of type int to {hook}, which takes Interceptors.",
        ),
        ("interceptors", "aion_register_interceptors", [Interceptor], "gave the class Interceptor to {hook}, which"),
        (
            "observers",
            "aion_register_observers",
            Silent(),
            "returned an object of type Silent from {hook}, not several Observers.",
        ),
        (
            "observers",
            "aion_register_observers",
            "otel",
            "returned an object of type str from {hook}, not several Observers.",
        ),
        (
            "codecs",
            "aion_register_codecs",
            [Interceptor()],
            "gave an object of type Interceptor to {hook}, which takes PayloadCodecs.",
        ),
        ("codecs", "aion_register_codecs", [Named("")], "gave a codec without a name: an object of type Named."),
        ("codecs", "aion_register_codecs", [Named(7)], "gave a codec without a name: an object of type Named."),
    ],
)
def test_something_of_another_type_names_the_extension(collect, hook, given, problem):
    plugins = compose(extras=[extension(hook, lambda _: given, name="Acme")])
    with pytest.raises(PluginContractError) as caught:
        getattr(plugins, collect)({})
    assert str(caught.value).startswith(f"plugin 'Acme' from the application {problem.format(hook=hook)}")


def test_an_extension_that_raises_is_named_with_the_hook_and_the_error():
    plugins = compose(extras=[extension("aion_register_observers", raising(KeyError("url")), name="Acme")])
    with pytest.raises(PluginContractError) as caught:
        plugins.observers({})
    assert str(caught.value) == (
        "plugin 'Acme' from the application failed in aion_register_observers: KeyError: 'url'."
    )
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_of_our_own_that_an_extension_raises_is_left_as_it_is():
    error = ConfigError(["otel.url: is missing"])
    plugins = compose(extras=[extension("aion_register_observers", raising(error))])
    with pytest.raises(ConfigError) as caught:
        plugins.observers({})
    assert caught.value is error


def test_two_codecs_of_one_name_are_a_conflict():
    plugins = compose(extras=[extension("aion_register_codecs", lambda _: [Named("zstd")]) for _ in range(2)])
    with pytest.raises(PluginConflict, match="codec 'zstd' is provided more than once: the application, the appl"):
        plugins.codecs({})


# ---- commands


def test_every_extension_adds_its_commands():
    cli = click.Group()
    first = extension("aion_register_commands", lambda cli: cli.add_command(click.Command("one")), parameter="cli")
    second = extension("aion_register_commands", lambda cli: cli.add_command(click.Command("two")), parameter="cli")
    compose(extras=[first, second]).register_commands(cli)
    assert sorted(cli.commands) == ["one", "two"]


def test_a_command_that_exists_can_not_be_replaced():
    cli = click.Group(commands=[click.Command("start")])
    bad = extension("aion_register_commands", lambda cli: cli.add_command(click.Command("start")), parameter="cli")
    with pytest.raises(PluginConflict) as caught:
        compose(extras=[bad]).register_commands(cli)
    assert str(caught.value) == (
        "command 'start' is provided more than once: core (built in), the application. Uninstall all but one."
    )


# ---- secrets


def secrets(body):
    return extension("aion_resolve_secret", body, parameter="reference")


def test_the_first_extension_that_knows_a_secret_answers_and_the_others_are_not_asked():
    asked: list[object] = []
    plugins = compose(extras=[secrets(lambda _: None), secrets(lambda _: "s3cret"), secrets(asked.append)])
    assert plugins.resolve_secret({"keyring": "db"}) == "s3cret"
    assert asked == []


def test_a_reference_that_nobody_knows_is_none():
    assert compose(extras=[secrets(lambda _: None)]).resolve_secret({"keyring": "db"}) is None


def test_a_secret_of_another_type_is_refused_without_showing_it():
    with pytest.raises(PluginContractError) as caught:
        compose(extras=[secrets(lambda _: 1234)]).resolve_secret({"keyring": "db"})
    assert (
        str(caught.value)
        == "plugin 'Ext' from the application gave an object of type int for a secret, which is a str."
    )


# ---- classification


def classifier(body):
    return extension("aion_classify_error", body, parameter="error")


def test_the_first_extension_with_an_opinion_classifies_an_error():
    seen: list[Failure] = []
    plugins = compose(
        extras=[
            classifier(seen.append),
            classifier(lambda _: ErrorClass.TRANSIENT),
            classifier(lambda _: ErrorClass.PERMANENT),
        ]
    )
    assert plugins.classify(FAILURE) is ErrorClass.TRANSIENT
    assert seen == [FAILURE]


def test_without_a_classifier_there_is_no_opinion():
    assert compose().classify(FAILURE) is None


@pytest.mark.parametrize("body", [raising(ZeroDivisionError("oops")), lambda _: "transient"])
def test_a_classifier_that_fails_is_logged_and_has_no_say(body, caplog):
    plugins = compose(extras=[classifier(body), classifier(lambda _: ErrorClass.PERMANENT)])
    assert plugins.classify(FAILURE) is ErrorClass.PERMANENT
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "'Ext'" in record.getMessage()


# ---- start and stop


class Told:
    def __init__(self, name, log, *, start=None, stop=None):
        self.name, self.log, self.start, self.stop = name, log, start, stop

    @hookimpl
    def aion_engine_started(self, info):
        if self.start:
            raise self.start
        self.log.append(f"{self.name} started {info.engine_id}")

    @hookimpl
    def aion_engine_stopping(self, info):
        if self.stop:
            raise self.stop
        self.log.append(f"{self.name} stopping {info.engine_id}")


def test_extensions_are_told_of_the_start_in_order_and_of_the_end_in_reverse():
    log: list[str] = []
    plugins = compose(extras=[Told("a", log), Told("b", log)])
    plugins.started(INFO)
    plugins.stopping(INFO)
    assert log == ["a started e1", "b started e1", "b stopping e1", "a stopping e1"]


def test_after_a_failed_start_only_those_that_had_started_are_told_of_the_end():
    log: list[str] = []
    plugins = compose(extras=[Told("a", log), Told("b", log, start=OSError("no port")), Told("c", log)])
    with pytest.raises(PluginContractError, match="failed in aion_engine_started: OSError: no port"):
        plugins.started(INFO)
    plugins.stopping(INFO)
    assert log == ["a started e1", "a stopping e1"]


def test_an_extension_that_fails_to_stop_is_logged_and_stops_nobody(caplog):
    log: list[str] = []
    plugins = compose(extras=[Told("a", log), Told("b", log, stop=OSError("gone"))])
    plugins.started(INFO)
    log.clear()
    plugins.stopping(INFO)
    assert log == ["a stopping e1"]
    assert "plugin 'Told' failed while the engine was stopping" in caplog.text


def test_the_end_is_told_once():
    log: list[str] = []
    plugins = compose(extras=[Told("a", log)])
    plugins.started(INFO)
    plugins.stopping(INFO)
    plugins.stopping(INFO)
    assert log == ["a started e1", "a stopping e1"]
