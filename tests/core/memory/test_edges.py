"""The reference stores at the exact moment and in the odd order: other stores may round, these may not."""

import pytest

from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.model.errors import CursorTooOld
from aion_core.spi import Cursor, Lease, Posted, Settled
from aion_testkit import SteppedPlatform
from aion_testkit.builders import closing_commit, engine, message, moment, outcome, start_commit


@pytest.fixture
def platform():
    return SteppedPlatform()


@pytest.fixture
def store(platform):
    with MemoryEventStore(MemorySettings(shards=1), platform) as store:
        yield store


def test_a_lease_is_over_at_its_last_moment_and_whoever_takes_it_gets_a_new_epoch(store, platform):
    (first,) = store.lease(engine("engine-1"), 1, 10.0).mine
    platform.advance(10)
    (second,) = store.lease(engine("engine-2"), 1, 10.0).mine
    assert second == Lease(first.shard, first.fence + 1)


def test_a_lease_that_expired_and_that_nobody_took_is_renewed_under_its_epoch(store, platform):
    (first,) = store.lease(engine("engine-1"), 1, 10.0).mine
    platform.advance(10)
    assert store.lease(engine("engine-1"), 1, 10.0).mine == (first,)
    assert store.lease(engine("engine-2"), 1, 10.0).mine == ()


def test_releasing_a_lease_that_another_engine_has_taken_leaves_it_alone(store, platform):
    (stale,) = store.lease(engine("engine-1"), 1, 10.0).mine
    platform.advance(10)
    (taken,) = store.lease(engine("engine-2"), 1, 10.0).mine
    store.release([stale])
    assert store.lease(engine("engine-2"), 1, 10.0).mine == (taken,)


def test_a_clock_that_goes_back_takes_no_lease_away(store, platform):
    (mine,) = store.lease(engine("engine-1"), 1, 10.0).mine
    platform.advance(-3600)
    assert store.lease(engine("engine-2"), 1, 10.0).mine == ()
    assert store.lease(engine("engine-1"), 1, 10.0).mine == (mine,)


def test_a_tombstone_is_gone_at_its_last_moment(store, platform):
    posted = message("order-1", "m")
    store.settle([outcome(posted, expires_at=moment(10))])
    platform.advance(9)
    assert store.post([posted]) == [Settled(outcome(posted, expires_at=moment(10)))]
    assert store.sweep_blobs(store.lease(engine(), 1, 60.0).mine) == 0
    platform.advance(1)
    assert store.outcomes([("order-1", "m")]) == [None]
    assert store.sweep_blobs(store.lease(engine(), 1, 60.0).mine) == 1
    assert store.post([posted]) == [Posted()]


def test_trimming_in_any_order_leaves_nobody_behind_unnoticed(store):
    (lease,) = store.lease(engine(), 1, 10.0).mine
    for name in ("order-1", "order-2"):
        start = start_commit(name, fence=lease.fence)
        store.append([start])
        store.append([closing_commit(start)])
    for name in ("order-2", "order-1"):
        store.trim(name, None)
    with pytest.raises(CursorTooOld) as caught:
        store.feed(Cursor({0: 3}), limit=1)
    assert (caught.value.code, caught.value.floor) == ("cursor-too-old", 4)


def test_a_message_to_a_workflow_that_was_trimmed_waits_like_any_other(store):
    (lease,) = store.lease(engine(), 1, 10.0).mine
    start = start_commit("order-1", fence=lease.fence)
    store.append([start])
    store.append([closing_commit(start)])
    store.trim("order-1", None)
    late = message("order-1", "late")
    assert store.post([late]) == [Posted()]
    assert store.inbox([0], limit=10).items == (late,)
