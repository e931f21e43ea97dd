"""What `make demo` shows is true, wherever the engine is killed."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from examples import demo, orders
from examples.demo import Place, play

ROOT = Path(__file__).parents[2]
SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_survives_the_kill_of_its_engine(seed):
    place = Place.any(seed)
    story = play(place, lambda *_: None)
    first, second = story.lines

    assert story.receipt == "receipt-42"
    assert len(first.turns) == place.after, "it was killed somewhere else"
    assert second.turns, "nobody went on"

    written = first.turns[-1].batch.last_seq
    kinds = Counter(event.type for event in story.history)
    assert kinds["WorkflowStarted"] == kinds["SignalReceived"] == kinds["WorkflowCompleted"] == 1

    for name, times in orders.times().items():
        assert demo.recorded(story, name) == 1
        assert len({effect.key for effect in orders.EFFECTS if effect.activity == name}) == 1
        before = story.effects_at_drop.get(name, 0)
        if result_of(story, name).seq <= written:
            assert times == before == 1, "it ran again, although its result was recorded"
        else:
            assert times == before + 1


def result_of(story, activity):
    [scheduled] = [e for e in story.history if e.type == "ActivityScheduled" and e.data["activity_type"] == activity]
    [completed] = [
        e for e in story.history if e.type == "ActivityCompleted" and e.data["ordinal"] == scheduled.data["ordinal"]
    ]
    return completed


def test_the_seeds_reach_every_place():
    assert {Place.any(seed) for seed in range(60)} == {
        Place(after, at_last) for after in range(1, demo.TURNS) for at_last in (False, True)
    }


def test_an_order_that_nobody_kills_takes_as_many_turns_as_the_demo_says():
    story = play(Place(demo.TURNS, at_last=False), lambda *_: None)  # after the last one there is nothing to do
    assert [event.type for event in story.history].count("WorkflowCompleted") == 1
    assert (len(story.lines[0].turns), len(story.lines[1].turns)) == (demo.TURNS, 0)


def test_the_demo_shows_its_seed_and_the_history_without_a_terminal():
    command = [sys.executable, "-W", "error", "-m", "examples.demo", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert not done.stderr
    assert "--seed 7" in done.stdout
    assert "engine 1 is killed, and engine 2 goes on" in done.stdout
    assert 'completed → "receipt-42"' in done.stdout
    assert "\x1b" not in done.stdout
