"""The store that fails by plan: what each fault does, how calls are counted, and that the dead do nothing."""

import pytest

from aion_core.codec import decode_batch
from aion_core.memory import MemoryEventStore
from aion_core.model.errors import HistoryCorrupt
from aion_core.spi import Committed, Conflict, EventStore, StoreUnavailable, Unknown
from aion_testkit import (
    Crash,
    FaultInjectingStore,
    FaultKind,
    FaultPlan,
    PlannedFault,
    SimulatedPlatform,
    check_forwarding,
)
from aion_testkit.builders import engine, message, next_commit, outcome, start_commit
from aion_testkit.faults import METHODS

SHARDS = range(64)


class Place:
    """One store, one process, one plan."""

    def __init__(self, *faults):
        self.world = SimulatedPlatform()
        self.process = self.world.process("engine-1")
        self.inner = MemoryEventStore(platform=self.world)
        self.inner.open()
        self.inner.lease(engine(), 64, 60)
        self.plan = FaultPlan(*map(PlannedFault.parse, faults))
        self.landed = []
        self.store = FaultInjectingStore(self.inner, self.plan, self.process, landed=self.landed.append)


def test_every_call_reaches_the_store():
    check_forwarding(EventStore, lambda spy: FaultInjectingStore(spy, FaultPlan(), SimulatedPlatform()))


@pytest.mark.parametrize("text", ["append:7:crash_after", "any:1:error_before", "read:2:flipped"])
def test_a_planned_fault_is_written_as_it_is_read(text):
    assert str(PlannedFault.parse(text)) == text


@pytest.mark.parametrize("text", ["append:7", "apend:7:crash_after", "append:seven:delay", "append:7:explode"])
def test_a_malformed_fault_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011  # the enum's own message is one of them
        PlannedFault.parse(text)


def test_a_plan_counts_the_calls_by_method():
    place = Place()
    place.store.state(["a"])
    place.store.state(["b"])
    place.store.list_routes()
    assert place.plan.calls == {"state": 2, "list_routes": 1}
    assert place.plan.met == []


def test_a_fault_hits_the_call_of_its_number_only():
    place = Place("state:2:error_before")
    place.store.state(["a"])
    with pytest.raises(StoreUnavailable):
        place.store.state(["a"])
    place.store.state(["a"])
    assert [str(fault) for fault in place.plan.met] == ["state:2:error_before"]


def test_a_fault_of_any_call_is_counted_over_all():
    place = Place("any:2:error_before")
    place.store.list_routes()
    with pytest.raises(StoreUnavailable):
        place.store.state(["a"])


def test_a_plan_is_shared_by_the_lives_of_an_engine():
    place = Place("state:2:error_before")
    place.store.state(["a"])
    again = FaultInjectingStore(place.inner, place.plan, place.world.process("engine-2"))
    with pytest.raises(StoreUnavailable):
        again.state(["a"])


def test_a_fault_that_a_method_can_not_have_does_nothing():
    place = Place("state:1:truncated")
    assert place.store.state(["a"]) == [None]
    assert place.plan.met == []


def test_a_healed_plan_has_no_faults():
    place = Place("state:1:error_before")
    place.plan.heal()
    assert place.store.state(["a"]) == [None]


@pytest.mark.parametrize(
    ("kind", "landed"),
    [("error_before", False), ("error_after", True), ("unknown_before", False), ("conflict", False), ("delay", True)],
)
def test_an_append_is_applied_or_not_as_the_fault_says(kind, landed):
    place = Place(f"append:1:{kind}")
    commit = start_commit("order-42", fence=1)
    try:
        [answer] = place.store.append([commit])
    except StoreUnavailable:
        answer = None
    kinds = {"error_before": type(None), "conflict": Conflict, "delay": Committed}
    assert isinstance(answer, kinds.get(kind, Unknown))
    assert (place.inner.state(["order-42"]) != [None]) == landed
    assert place.landed == ([commit] if landed else [])


def test_a_spurious_conflict_names_the_real_head():
    place = Place("append:2:conflict")
    first = start_commit("order-42", fence=1)
    place.store.append([first])
    assert place.store.append([next_commit(first)]) == [Conflict(1, first.op_id)]


def test_a_duplicate_append_is_answered_by_the_second():
    place = Place("append:1:duplicate")
    assert place.store.append([start_commit("order-42", fence=1)]) == [Committed(1)]
    assert len(place.inner.read("order-42").items) == 1


def test_a_lost_answer_of_another_call_is_unavailability():
    place = Place("post:1:error_after")
    with pytest.raises(StoreUnavailable, match="answer of post is lost"):
        place.store.post([message("order-42", "m-1")])
    assert len(place.inner.inbox(SHARDS, limit=10).items) == 1


def test_a_delay_is_longer_than_a_lease():
    place = Place("lease:1:delay")
    before = place.world.monotonic()
    place.store.lease(engine(), 1, 60)
    assert place.world.monotonic() - before > 60


def test_a_duplicate_inbox_shows_what_was_settled_meanwhile():
    place = Place("inbox:2:duplicate")
    posted = message("order-42", "m-1")
    place.inner.post([posted])
    assert place.store.inbox(SHARDS, limit=10).items == (posted,)
    place.inner.settle([outcome(posted)])
    assert place.store.inbox(SHARDS, limit=10).items == (posted,)
    assert place.store.inbox(SHARDS, limit=10).items == ()


@pytest.mark.parametrize("kind", ["truncated", "flipped"])
def test_a_damaged_read_can_not_be_decoded(kind):
    place = Place(f"read:1:{kind}")
    place.inner.append([start_commit("order-42", fence=1)])
    with pytest.raises(HistoryCorrupt):
        decode_batch(place.store.read("order-42").items[-1])


def test_a_damaged_read_leaves_the_store_as_it_is():
    place = Place("read:1:flipped")
    place.inner.append([start_commit("order-42", fence=1)])
    damaged = place.store.read("order-42").items
    assert damaged != place.store.read("order-42").items == place.inner.read("order-42").items


@pytest.mark.parametrize(("kind", "landed"), [("crash_before", False), ("crash_after", True)])
def test_a_crash_ends_the_process_before_or_after_the_call(kind, landed):
    place = Place(f"append:1:{kind}")
    with pytest.raises(Crash):
        place.store.append([start_commit("order-42", fence=1)])
    assert place.process.crashed
    assert (place.inner.state(["order-42"]) != [None]) == landed


def test_the_dead_can_not_reach_the_store():
    place = Place("append:1:crash_before")

    def engine_code():
        try:
            place.store.append([start_commit("order-42", fence=1)])
        finally:
            place.store.release([])

    with pytest.raises(Crash):
        engine_code()
    assert place.plan.calls == {"append": 1}


def test_the_dead_do_not_close_the_store_of_the_living():
    place = Place()
    place.process.crash()
    place.store.close()
    assert place.inner.store_id


def test_a_crash_in_a_lane_reaches_the_scheduler():
    place = Place("state:1:crash_before")
    place.process.lane(place.store.state, name="reader").put("order-42")
    place.world.run_for(1)
    assert place.process.crashed


def test_every_method_can_fail_and_every_kind_fits_some():
    assert {"append", "inbox", "lease", "feed", "open"} <= set(METHODS)
    assert all(any(kind.fits(method) for method in METHODS) for kind in FaultKind)
