import logging
from itertools import chain

import pytest
from msgspec.structs import replace

from aion_core.engine.writer import Chore, Write, Writer
from aion_core.memory import MemoryEventStore
from aion_core.model.errors import StoreRefused, StoreUnavailable
from aion_core.spi import CommitLimits, Committed, Conflict, EngineId, EngineInfo, Fenced
from aion_testkit.builders import message, next_commit, start_commit
from aion_testkit.clock import SteppedPlatform
from aion_testkit.faulty import Fault, FaultyEventStore

SMALL = CommitLimits(call_commits=8, call_bytes=4096, commit_bytes=4096)


class Store(FaultyEventStore):
    """A memory store that meets planned faults, refuses what is named bad, and notes the calls."""

    def __init__(self, plan=(), *, bad=()):
        inner = MemoryEventStore()
        inner.open()
        super().__init__(inner, plan)
        self.calls = []
        self.bad = set(bad)
        self.limits = SMALL

    def append(self, commits):
        self.calls.append([commit.workflow_id for commit in commits])
        if self.bad & {commit.workflow_id for commit in commits}:
            raise StoreRefused("a value that no database takes.")
        return super().append(commits)


class Desk:
    """A writer, the verdicts it gave, and the leases it writes under."""

    def __init__(self, store):
        self.store = store
        self.table = store.lease(EngineInfo(engine_id=EngineId("e1")), store.shards, 1e6)
        self.fences = {lease.shard: lease.fence for lease in self.table.mine}
        self.fence = self.table.mine[0].fence
        self.verdicts = {}
        self.order = []
        self.lease_holds = True
        self.writer = Writer(
            store,
            SteppedPlatform(),
            written=self.written,
            leases=lambda: self.table.mine,
            may_write=lambda: self.lease_holds,
        )

    def written(self, group):
        for each in group:
            self.order.append(each.commit.workflow_id)
            self.verdicts.setdefault(each.commit.workflow_id, []).append(type(each.verdict))

    def start(self, name, **fields):
        return Write(commit=start_commit(name, fence=self.fence, **fields), start=True)

    def running(self, name):
        return Write(commit=start_commit(name, fence=self.fence))

    def heads(self, *names):
        return [state and state.head for state in self.store.state(names)]


def committed(names):
    return {name: [Committed] for name in names}


@pytest.fixture
def desk():
    return Desk(Store())


def test_what_is_ready_at_the_same_moment_goes_to_the_store_in_one_call(desk):
    desk.writer.handle([desk.running(name) for name in "abc"])
    assert desk.store.calls == [["a", "b", "c"]]
    assert desk.verdicts == committed("abc")


def test_a_group_is_no_larger_than_the_store_takes(desk):
    desk.writer.handle([desk.running(f"w{n}") for n in range(20)])
    assert [len(call) for call in desk.store.calls] == [8, 8, 4]


def test_a_group_is_no_heavier_than_the_store_takes(desk):
    heavy = [Write(commit=start_commit(name, fence=desk.fence, body=b"[" + b" " * 3000 + b"]")) for name in "ab"]
    desk.writer.handle(heavy)
    assert desk.store.calls == [["a"], ["b"]]


def test_starts_yield_to_what_runs_and_still_get_every_fourth_place(desk):
    starts = [desk.start(f"s{n}") for n in range(4)]
    running = [desk.running(f"r{n}") for n in range(12)]
    desk.writer.handle([*starts, *running])
    assert desk.store.calls[0] == ["r0", "r1", "r2", "s0", "r3", "r4", "r5", "s1"]
    assert sorted(chain(*desk.store.calls)) == sorted([f"s{n}" for n in range(4)] + [f"r{n}" for n in range(12)])


def test_an_outage_loses_nothing_and_is_told_once(caplog):
    desk = Desk(Store([Fault.UNAVAILABLE, Fault.UNAVAILABLE]))
    with caplog.at_level(logging.ERROR, "aion.store"):
        first = desk.writer.handle([desk.running("a")])
        second = desk.writer.handle([desk.running("b")])
    assert 0 < first < second
    assert (desk.verdicts, len(caplog.records)) == ({}, 1)
    assert desk.writer.trouble
    assert desk.writer.handle([]) is None
    assert desk.verdicts == {"a": [Committed], "b": [Committed]}
    assert desk.writer.trouble is None


@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.LOST_REQUEST, Fault.HALF])
def test_an_unknown_outcome_is_found_out_and_every_commit_is_written_once(fault):
    desk = Desk(Store([fault]))
    desk.writer.handle([desk.running(name) for name in "abc"])
    assert desk.verdicts == committed("abc")
    assert desk.heads("a", "b", "c") == [1, 1, 1]


def test_a_commit_that_the_store_refuses_stands_alone_in_the_end(desk):
    desk.store.bad = {"c"}
    desk.writer.handle([desk.running(name) for name in "abcdefgh"])
    assert desk.verdicts.pop("c") == [StoreRefused]
    assert desk.verdicts == committed("abdefgh")


def test_an_outage_while_the_culprit_is_searched_loses_nothing():
    desk = Desk(Store([Fault.NONE, Fault.UNAVAILABLE], bad={"d"}))
    desk.writer.handle([desk.running(name) for name in "abcdefgh"])
    desk.writer.handle([])
    assert desk.verdicts.pop("d") == [StoreRefused]
    assert desk.verdicts == committed("abcefgh")


def test_a_conflict_of_one_disturbs_no_other(desk):
    desk.writer.handle([desk.running("a")])
    desk.writer.handle([desk.running("a"), desk.running("b")])
    assert desk.verdicts == {"a": [Committed, Conflict], "b": [Committed]}


def test_nothing_is_sent_when_the_lease_may_be_over(desk):
    desk.lease_holds = False
    desk.writer.handle([desk.running("a")])
    assert desk.verdicts == {"a": [Fenced]}
    assert desk.store.calls == []


def test_an_error_of_the_driver_is_an_unknown_outcome_and_not_the_end_of_the_writer(desk, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(desk.store, "append", lambda _: 1 / 0)
        assert desk.writer.handle([desk.running("a")]) is not None
    desk.writer.handle([])
    assert desk.verdicts == {"a": [Committed]}


def test_messages_of_a_commit_are_delivered_after_it(desk, monkeypatch):
    left = [2, 1, 0]
    monkeypatch.setattr(desk.store, "deliver", lambda leases: left.pop(0))
    desk.writer.handle([Write(commit=start_commit("a", fence=desk.fence, posts=[message("b", "m1")]))])
    assert left == []


def test_chores_are_done_in_order_and_tell_how_they_went(desk):
    done = []
    chores = [Chore(call=lambda _: done.append(1)), Chore(call=lambda _: 1 / 0), Chore(call=lambda _: done.append(2))]
    desk.writer.handle(chores)
    assert done == [1, 2]
    assert chores[0].reply.result() is None
    with pytest.raises(ZeroDivisionError):
        chores[1].reply.result()


def test_a_chore_waits_for_a_store_that_can_not_be_reached(desk):
    tries = []

    def once_away(_):
        tries.append(1)
        if len(tries) == 1:
            raise StoreUnavailable("away")

    chore = Chore(call=once_away)
    assert desk.writer.handle([chore]) is not None
    assert not chore.reply.done
    desk.writer.handle([])
    assert chore.reply.done


def test_the_next_commit_of_a_workflow_follows_the_one_before(desk):
    first = start_commit("a", fence=desk.fence)
    desk.writer.handle([Write(commit=first)])
    desk.writer.handle([Write(commit=replace(next_commit(first, events=2)))])
    assert desk.heads("a") == [3]
