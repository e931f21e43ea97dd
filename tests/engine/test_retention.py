"""Retention, by an engine: what is over goes into files, and is replayed from there."""

import threading
from itertools import count

import pytest
from tests.engine.programs.orders import CODE, Order, parcel, total

import aion_core as aion
from aion_core.engine.catalog import Catalog
from aion_core.memory import MemoryEventStore
from aion_core.memory.world import World
from aion_core.opening.engines import opened_core
from aion_core.spi import WorkflowId
from aion_core.upkeep.archive import read_archive
from aion_testkit import Replays, SteppedPlatform

DAY = 24 * 3600
_names = (f"retention-{number}" for number in count())


@pytest.fixture
def platform():
    return SteppedPlatform()


@pytest.fixture
def opened(platform, tmp_path):
    """An engine that keeps closed runs for a week, and then in files."""
    name = next(_names)
    core = opened_core(
        {
            "event_store": {"use": "memory", "name": name},
            "runtime": {"use": "thread"},
            "retention": {"closed": "7d", "archive": str(tmp_path / "kept")},
        },
        platform,
        workflows=CODE,
    )
    with aion.Engine(core) as engine:
        yield engine
    World.named.pop(name)


@pytest.fixture
def removed(monkeypatch):
    """Set once a workflow was removed."""
    event = threading.Event()
    trim = MemoryEventStore.trim

    def trimmed(*args, **options):
        trim(*args, **options)
        event.set()

    monkeypatch.setattr(MemoryEventStore, "trim", trimmed)
    return event


def wait_for(event, platform):
    """Each piece of the janitor's is for a time that it names when it has done the one before."""
    for _ in range(2000):
        if event.wait(0.01):
            return
        platform.advance(1)
    raise AssertionError("nothing was removed")


def test_a_run_that_is_over_for_long_is_archived_and_gone(opened, platform, removed, tmp_path):
    opened.run(total, Order("1", 700), id="order-1")
    going_on = opened.start(parcel, "2", id="order-2")
    platform.advance(8 * DAY)
    wait_for(removed, platform)
    with pytest.raises(aion.WorkflowNotFound):
        opened.handle("order-1").describe()
    (path,) = (tmp_path / "kept").rglob("*.jsonl")
    history = read_archive(path)
    assert history.summary.status is aion.Status.COMPLETED
    Replays(Catalog(CODE))(WorkflowId(history.id), history.recorded)
    going_on.signal("end", "delivered")
    assert going_on.result(timeout=20) == "2: delivered"


def test_an_id_whose_workflow_was_removed_may_be_used_again(opened, platform, removed):
    opened.run(total, Order("1", 700), id="order-1")
    platform.advance(8 * DAY)
    wait_for(removed, platform)
    again = opened.start(total, Order("1", 900), id="order-1")
    assert again.created
    assert again.result(timeout=20) == 900
