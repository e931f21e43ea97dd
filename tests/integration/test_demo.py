"""What `make demo` shows is true, whenever the program is killed."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from examples import demo
from tests.databases import SERVERS

ROOT = Path(__file__).parents[2]
ACTIVITIES = {"reserve", "charge", "pack", "ship"}


PLAYS = (
    {"sqlite": 67, "postgresql": 17}
    if os.environ.get("AION_TEST_PROFILE") == "nightly"
    else {"sqlite": 3, "postgresql": 1}
)


@pytest.fixture(scope="module", params=[(kind, seed) for kind, plays in PLAYS.items() for seed in range(plays)])
def story(request, tmp_path_factory):
    """A play, with kills at other moments each time."""
    kind, seed = request.param
    folder = tmp_path_factory.mktemp("demo")
    if kind == "sqlite":
        yield demo.play(seed, folder, lambda *_: None)
        return
    database = SERVERS[kind]()
    store = database.rent()
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in store.section.items())
    (folder / "aion.toml").write_text(f'schema = 1\n[engine]\nlease = "0.5s"\n[event_store]\nuse = "sql"\n{settings}')
    yield demo.play(seed, folder, lambda *_: None)
    database.give_back(store)


def test_an_order_survives_every_kill_of_its_program(story):
    *dead, last = story.lives

    assert story.receipt == "receipt-42"
    assert [life.killed for life in dead] == [True] * len(dead)
    assert not last.killed
    kinds = Counter(event.type for event in story.history)
    assert kinds["WorkflowStarted"] == kinds["SignalReceived"] == kinds["WorkflowCompleted"] == 1

    assert {effect.activity for effect in story.effects} == ACTIVITIES
    for name in ACTIVITIES:
        assert story.recorded(name) == 1
        assert len({effect.key for effect in story.effects if effect.activity == name}) == 1


def test_what_a_history_had_when_its_process_died_is_not_run_again(story):
    for life, later in zip(story.lives, story.lives[1:], strict=False):
        ran = {effect.activity for effect in story.effects if effect.pid == later.pid}
        assert not ran & recorded_until(story.history, life.head)


def recorded_until(history, head):
    scheduled = {e.data["ordinal"]: e.data["activity_type"] for e in history if e.type == "ActivityScheduled"}
    return {scheduled[e.data["ordinal"]] for e in history if e.type == "ActivityCompleted" and e.seq <= head}


def test_the_demo_says_what_was_killed_and_that_the_order_arrived():
    command = [sys.executable, "-W", "error", "-m", "examples.demo", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert not done.stderr
    assert done.stdout.count("kill -9 ") == demo.KILLS
    assert f"The program was killed {demo.KILLS} times, and the order has arrived: receipt-42." in done.stdout
    assert 'completed → "receipt-42"' in done.stdout
    assert "--seed 7" in done.stdout
    assert "\x1b" not in done.stdout
