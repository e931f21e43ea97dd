"""The runtime of simulations: bodies that rest at heartbeats, cancellations that reach them, and crashes."""

import pytest

import aion_core as aion
from aion_core.codec import Values
from aion_core.engine.catalog import Catalog
from aion_core.spi import ActivityTask, TaskId, WorkerSettings
from aion_testkit import InlineRuntime, InlineSettings, SimulatedPlatform


@aion.activity
def beating(beats: int) -> int:
    for done in range(beats):
        aion.heartbeat(done)
    return beats


@aion.activity
async def soon(value: int) -> int:
    return value + 1


@aion.workflow
async def calls() -> None:
    await beating(1)


class Host:
    """The engine's side."""

    settings = WorkerSettings()

    def __init__(self, platform):
        self.platform = platform
        self.source = Catalog([calls], [beating, soon])
        self.done = []
        self.beats = []

    def activity_finished(self, results):
        self.done += results

    def activity_heartbeat(self, task_id, details):
        self.beats.append((task_id, details.content))


class Place:
    def __init__(self):
        self.world = SimulatedPlatform()
        self.process = self.world.process("engine")
        self.ran = []
        self.host = Host(self.process)
        self.runtime = InlineRuntime(InlineSettings(beat=1.0), self.process, ran=self.ran.append)
        self.runtime.open(self.host)

    def execute(self, activity, argument, name="task-1"):
        task = ActivityTask(
            task_id=TaskId(name),
            workflow_id="w",
            run_id="r",
            workflow_type="calls",
            version="v",
            ordinal=0,
            attempt=1,
            activity_type=activity.name,
            input=Values().encode([argument]),
        )
        self.runtime.execute([task])
        return task


@pytest.fixture
def place():
    place = Place()
    yield place
    place.runtime.abandon()


def test_a_body_rests_at_each_heartbeat(place):
    place.execute(beating, 3)
    place.world.run_for(1.5)
    assert (len(place.host.beats), place.host.done) == (2, [])
    place.world.run_for(2)
    assert [done.result.content for done in place.host.done] == [b"3"]


def test_a_cancellation_reaches_a_body_at_its_next_heartbeat(place):
    task = place.execute(beating, 100)
    place.world.run_for(1.5)
    place.runtime.cancel_activity(task.task_id)
    place.world.run_for(2)
    assert [done.failure.type for done in place.host.done] == ["CancelledError"]


def test_an_attempt_that_is_cancelled_before_it_begins_never_runs(place):
    task = place.execute(beating, 1)
    place.runtime.cancel_activity(task.task_id)
    place.world.run_for(5)
    assert (place.ran, len(place.host.done)) == ([], 1)


def test_an_async_body_runs_to_its_end_at_once(place):
    place.execute(soon, 1)
    place.world.run_for(0)
    while place.world.step():
        pass
    assert [done.result.content for done in place.host.done] == [b"2"]


def test_a_body_whose_process_ended_says_nothing(place):
    place.execute(beating, 3)
    place.world.run_for(1.5)
    place.process.crash()
    place.runtime.abandon()
    place.world.run_for(10)
    assert place.host.done == []


def test_a_runtime_that_is_closed_answers_for_what_it_had(place):
    place.execute(beating, 100)
    place.world.run_for(1.5)
    place.runtime.close(grace=3)
    assert [done.lost for done in place.host.done] == [True]
