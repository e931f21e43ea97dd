"""Attempts of activities, run on the thread of the test."""

import asyncio

import pytest

from aion_core.authoring.resources import Resources
from aion_core.codec import Values
from aion_core.model.limits import Limits
from aion_core.spi import ActivityTask, WorkerSettings, json_payload
from aion_core.worker.bodies import Attempt, Bodies


class Source:
    def __init__(self):
        self.activities = {}

    def activity(self, name, version):
        return self.activities[name]


class Worker:
    """Bodies, and everything that was heard of them."""

    def __init__(self, settings):
        self.source = Source()
        self.beats = []
        self.resources = Resources(asyncio.get_running_loop)
        self.bodies = Bodies(
            self.source, settings, values=Values(settings.limits), beat=self.beat, resources=self.resources
        )

    def beat(self, task_id, details):
        self.beats.append((task_id, details and details.content))

    def task(self, activity, *args, **fields):
        self.source.activities[activity.name] = activity
        values = {
            "task_id": "task-1",
            "workflow_id": "order-42",
            "run_id": "run-1",
            "workflow_type": "checkout",
            "version": "v1",
            "ordinal": 1,
            "attempt": 1,
            "activity_type": activity.name,
            "input": Values().encode(args),
        }
        return ActivityTask(**{**values, **fields})

    def take(self, activity, *args, **fields) -> Attempt:
        return self.bodies.take(self.task(activity, *args, **fields))

    def run(self, activity, *args, **fields):
        attempt = self.take(activity, *args, **fields)
        return asyncio.run(self.bodies.run_async(attempt)) if attempt.is_async else self.bodies.run(attempt)


@pytest.fixture
def worker():
    return Worker(WorkerSettings(limits=Limits(payload=2_000)))


@pytest.fixture
def worker_with():
    return lambda **settings: Worker(WorkerSettings(**settings))


@pytest.fixture
def payload():
    return json_payload
