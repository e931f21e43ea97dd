"""What `make demo` shows is true, whenever the program is killed."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from examples import demo

ROOT = Path(__file__).parents[2]
ACTIVITIES = {"reserve", "charge", "pack", "ship"}


@pytest.fixture(scope="module", params=range(3))
def story(request, tmp_path_factory):
    """A play, with kills at other moments each time."""
    return demo.play(request.param, tmp_path_factory.mktemp("demo"), lambda *_: None)


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
