"""Verbs of a process that runs nothing, on workflows that an engine in another process runs."""

import json
import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

import aion_core as aion
from aion_core.spi import Status

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0


@contextmanager
def engine_on(config):
    module = "tests.integration.processes"
    command = [sys.executable, "-m", f"{module}.engine_process", json.dumps(config), f"{module}.desk"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout.readline() == "open\n"
        yield engine
        engine.stdin.close()
        assert engine.wait(PATIENCE) == 0


@pytest.fixture(scope="module")
def config(section):
    return {"event_store": section, "engine": {"lease": 1}}


@pytest.fixture(scope="module")
def engine(config):
    with engine_on(config) as engine:
        yield engine


@pytest.fixture
def client(engine, config):
    with aion.Client.open(config) as client:
        yield client


@pytest.fixture
def ids():
    """Ids that no other test has."""
    first = next(_numbers)
    return [f"d-{first}-{n}" for n in range(3)]


_numbers = count()


def test_a_run_is_started_spoken_to_and_asked_and_its_result_comes_back(client, ids):
    run = client.start("desk", "Ann", id=ids[0])
    assert run.created
    run.signal("say", "hello")
    run.signal("say", "help")
    assert run.query("notes", "hel", timeout=PATIENCE) == ["hello", "help"]
    run.signal("say", "bye")
    assert run.result(timeout=PATIENCE) == "Ann said 3"
    assert run.describe().memo == {"last": "bye"}


def test_signals_arrive_in_the_order_in_which_they_were_sent(client, ids):
    run = client.start("desk", "Ann", id=ids[0])
    words = [f"word {n}" for n in range(50)]
    for word in words:
        run.signal("say", word)
    assert run.query("notes", timeout=PATIENCE) == words


def test_a_message_id_counts_once_from_another_process_too(client, ids):
    run = client.start("desk", "Ann", id=ids[0])
    for _ in range(3):
        run.signal("say", "hello", message_id="hello-1")
    assert run.query("notes", timeout=PATIENCE) == ["hello"]


def test_refusals_come_back_as_what_they_are(client, ids):
    run = client.start("desk", "Ann", id=ids[0])
    with pytest.raises(aion.WorkflowIdConflict):
        client.start("desk", "Bob", id=ids[0])
    with pytest.raises(aion.UnknownHandler):
        run.query("nothing", timeout=PATIENCE)
    with pytest.raises(aion.WorkflowNotFound):
        client.handle(ids[1]).signal("say", "hello")
    run.signal("say", "boom")
    with pytest.raises(aion.WorkflowFailed, match="a vase fell"):
        run.result(timeout=PATIENCE)
    with pytest.raises(aion.WorkflowClosed):
        run.signal("say", "hello")


def test_runs_are_cancelled_terminated_listed_and_counted(client, ids):
    runs = [client.start("desk", "Ann", id=each) for each in ids]
    runs[0].cancel("closing time")
    runs[1].terminate("fire")
    with pytest.raises(aion.WorkflowCancelled):
        runs[0].result(timeout=PATIENCE)
    with pytest.raises(aion.WorkflowTerminated):
        runs[1].result(timeout=PATIENCE)
    query, params = "id in ($a, $b, $c)", dict(zip("abc", ids, strict=True))
    assert {run.id: run.status for run in client.list(query, params=params)} == {
        ids[0]: Status.CANCELLED,
        ids[1]: Status.TERMINATED,
        ids[2]: Status.RUNNING,
    }
    assert client.count(f"status = 'running' and {query}", params=params) == 1


def test_what_is_posted_without_an_engine_is_done_when_there_is_one(tmp_path):
    config = {"event_store": {"use": "sql", "url": f"sqlite:///{tmp_path}/aion.db"}}
    with aion.Client.open(config) as client:
        run = client.start("desk", "Ann", id="d-1")
        assert run.pending
        run.signal("say", "bye")
        with engine_on(config):
            assert run.result(timeout=PATIENCE) == "Ann said 1"


def test_the_feed_shows_what_the_other_process_commits(client, ids):
    run = client.start("desk", "Ann", id=ids[0])
    run.signal("say", "bye")
    seen = []
    for entry in client.subscribe("id = $id", params={"id": ids[0]}):
        seen.append(entry.event.type)
        if entry.event.type == "WorkflowCompleted":
            break
    assert seen == [event.type for event in run.history()]
