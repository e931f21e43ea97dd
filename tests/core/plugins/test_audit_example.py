"""The example extension, and with it every hook that an extension has a use for."""

from __future__ import annotations

import importlib.util
import json
import logging
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from aion_core.model.errors import PluginContractError
from aion_core.model.failures import Failure
from aion_core.plugins import compose
from aion_core.plugins.extensions import HOOKS, implemented
from aion_core.spi import (
    Batch,
    ErrorClass,
    FeedEntry,
    Interceptor,
    RunningEngine,
    RunWorkflow,
    SendQuery,
    SendSignal,
    SendUpdate,
    StartWorkflow,
)
from aion_core.spi.interceptors import chain, without_loop

EXAMPLE = Path(__file__).parents[3] / "examples" / "audit_plugin.py"


@pytest.fixture
def audit(monkeypatch):
    monkeypatch.setenv("AION_ACTOR", "alice")
    spec = importlib.util.spec_from_file_location("audit_plugin", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def plugins(audit):
    with compose(extras=[audit]) as plugins:
        yield plugins


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="aion.audit")
    return lambda: [record.getMessage() for record in caplog.records]


def sent(plugins, verb, call):
    calls: list[object] = []
    chain(plugins.interceptors({}), verb, calls.append)(call)
    return {name: json.loads(value.content) for name, value in calls[0].headers.items()}


@pytest.mark.parametrize(
    ("verb", "call"),
    [
        (Interceptor.start, StartWorkflow(workflow_id="order-42", workflow_type="checkout")),
        (Interceptor.signal, SendSignal(workflow_id="order-42", name="approve")),
        (Interceptor.update, SendUpdate(workflow_id="order-42", name="add", update_id="u1")),
    ],
)
def test_what_changes_a_workflow_carries_the_actors_name(plugins, verb, call):
    assert sent(plugins, verb, call) == {"audit-actor": "alice"}


def test_a_query_changes_nothing_and_carries_nothing(plugins):
    assert sent(plugins, Interceptor.query, SendQuery(workflow_id="order-42", name="status")) == {}


@pytest.mark.parametrize(("replaying", "logged"), [(False, ["checkout order-42 started by alice"]), (True, [])])
def test_the_actor_is_logged_where_a_workflow_begins_and_not_again_in_replay(plugins, audit, lines, replaying, logged):
    async def main(call):
        return "receipt"

    [stamp] = plugins.interceptors({})
    call = RunWorkflow(
        workflow_id="order-42",
        run_id="r",
        workflow_type="checkout",
        attempt=1,
        replaying=replaying,
        headers=stamp._signed({}),
    )
    assert without_loop(chain([stamp], Interceptor.run_workflow, main)(call)) == "receipt"
    assert lines() == logged


def test_every_committed_batch_is_a_line(plugins, lines):
    batch = Batch.of(3, 5, b"[]")
    [trail] = plugins.observers({})
    trail.committed([FeedEntry(shard=1, n=9, workflow_id="order-42", run_id="r", batch=batch)])
    assert lines() == ["order-42 events 3-5 at 1.9"]


def test_a_secret_is_read_from_the_keyring_file(plugins, tmp_path, monkeypatch):
    keyring = tmp_path / "keyring.toml"
    keyring.write_text('orders-db = "s3cret"')
    monkeypatch.setenv("AION_KEYRING", str(keyring))
    assert plugins.resolve_secret({"keyring": "orders-db"}) == "s3cret"
    assert plugins.resolve_secret({"keyring": "other"}) is None
    assert plugins.resolve_secret({"vault": "orders-db"}) is None


def test_a_keyring_that_can_not_be_read_names_the_extension(plugins, tmp_path, monkeypatch):
    monkeypatch.setenv("AION_KEYRING", str(tmp_path / "missing.toml"))
    with pytest.raises(PluginContractError, match="plugin 'audit_plugin' from the application failed in aion_resolve_"):
        plugins.resolve_secret({"keyring": "orders-db"})


@pytest.mark.parametrize(
    ("type_", "bases", "expected"),
    [
        ("PermissionError", ("OSError", "Exception"), ErrorClass.PERMANENT),
        ("ConnectionResetError", ("ConnectionError", "OSError"), ErrorClass.TRANSIENT),
        ("ValueError", ("Exception",), None),
    ],
)
def test_errors_are_classified_by_their_names_and_bases(plugins, type_, bases, expected):
    assert plugins.classify(Failure(type=type_, bases=bases, message="")) is expected


def test_its_command_prints_the_actor(plugins):
    cli = click.Group()
    plugins.register_commands(cli)
    assert CliRunner().invoke(cli, ["audit-actor"]).output == "alice\n"


def test_start_and_end_of_the_engine_are_lines(plugins, lines):
    info = RunningEngine(
        engine_id="e1",
        namespace="default",
        store_id="s1",
        event_store="memory",
        visibility_store="event_store",
        runtimes=("thread",),
        workflow_types=(),
        core_version="0.1.0",
    )
    plugins.started(info)
    plugins.stopping(info)
    assert lines() == ["engine e1 opened default (memory)", "engine e1 closes default"]


def test_it_uses_every_hook_but_those_for_drivers_and_codecs(audit):
    drivers = {"aion_event_stores", "aion_visibility_stores", "aion_runtimes", "aion_loaders"}
    assert {one.hook for one in implemented(audit)} == HOOKS.keys() - drivers - {"aion_register_codecs"}
