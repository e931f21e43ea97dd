"""The kit's stage with a clock that the test moves, and with activities and workflows of the test's own."""

import threading

import pytest

from aion_core.authoring.activities import activity
from aion_core.authoring.workflows import workflow
from aion_core.spi import SYSTEM
from aion_runtime_thread import ThreadRuntime, ThreadSettings
from aion_testkit import SteppedPlatform
from aion_testkit.runtimes import programs
from aion_testkit.runtimes.stage import Stage


@pytest.fixture
def clock():
    return SteppedPlatform()


@pytest.fixture
def open_stage(clock):
    """`open_stage(threads=…, grace=…, turn_deadline=…)`: an open runtime; it is closed with the test."""
    made = []

    def make(*, turn_deadline=60.0, **settings):
        runtime = ThreadRuntime(ThreadSettings(**settings), SYSTEM)
        made.append(Stage(lambda: runtime, platform=clock, turn_deadline=turn_deadline))
        return made[-1]

    yield make
    for stage in made:
        stage.close(grace=0.0)
        assert stage.host.complaints == []


@pytest.fixture
def code(monkeypatch):
    """`code(fn)` is an activity that the runtime finds; `code.workflow(fn)` a workflow."""

    def known(fn):
        made = activity(fn)
        monkeypatch.setitem(programs.ACTIVITIES, made.name, made)
        return made.name

    def known_workflow(fn):
        made = workflow(fn)
        monkeypatch.setitem(programs.WORKFLOWS, made.name, made)
        return made.name

    known.workflow = known_workflow
    return known


@pytest.fixture
def gate():
    """What bodies and turns of the test wait at; open at its end at the latest."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def until(clock):
    """`until(holds, seconds)`: move the clock by so much, again and again, until it holds."""

    def move(holds, seconds=1.0):
        for _ in range(20_000):
            if holds():
                return
            clock.advance(seconds)
            SYSTEM.sleep(0.0005)  # for the threads under test to do what is due
        raise AssertionError("it never came to this")

    return move
