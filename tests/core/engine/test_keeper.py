import logging
import random
from itertools import count

import pytest
from msgspec.structs import replace

from aion_core.engine.keeper import TTL, Beat, Close, Drained, Keeper, Leased
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.model.errors import StoreRefused, StoreUnavailable
from aion_core.model.times import SECOND
from aion_core.spi import Capability, Fenced
from aion_testkit.builders import engine, start_commit
from aion_testkit.clock import SteppedPlatform
from aion_testkit.faults import FaultInjectingStore, FaultPlan, PlannedFault
from aion_testkit.simulated import SimulatedPlatform

SHARDS = 64
_names = count()


class Store(FaultInjectingStore):
    """A memory store that can be away, and notes how it was asked."""

    def __init__(self, inner, process, plan=None):
        super().__init__(inner, plan or FaultPlan(), process)
        self.away = False
        self.asked = []
        self.released = []

    def lease(self, me, want, ttl):
        self.asked.append((me.types, want))
        self._check()
        return super().lease(me, want, ttl)

    def release(self, leases):
        self._check()
        self.released.extend(leases)
        super().release(leases)

    def _check(self):
        if self.away:
            raise StoreUnavailable("away")


class Node:
    """An engine of which only the keeper is there: what it is told, and the lane where it answers."""

    def __init__(self, cluster, name, *, types=("order",), plan=None, slow=0.0, shared=True):
        self.process = cluster.world.process(name)
        inner = MemoryEventStore(cluster.settings, self.process)
        inner.open()
        self.store = Store(inner, self.process, plan)
        if not shared:
            vars(self.store)["capabilities"] = inner.capabilities - {Capability.MULTI_ENGINE}
        self.told = []
        self.slow = slow
        self.owing = []
        self.refused = []
        self.keeper = Keeper(
            self.store, self.process, engine(name, types=types), leased=self.hear, refused=self.refused.append
        )
        self.lane = self.process.lane(self.keeper.handle, name="keeper")
        self.engine = self.process.lane(self.drain, name="engine")

    def hear(self, news):
        self.told.append(news)
        self.engine.put(news)

    def drain(self, items):
        for news in items:
            self.owing = list(news.giving)
        if self.owing and not self.slow:
            self.answer()

    def answer(self):
        self.lane.put(Drained(tuple(self.owing)))
        self.owing = []

    @property
    def shards(self):
        return {lease.shard for lease in self.told[-1].leases} if self.told else set()


class Cluster:
    def __init__(self, *, seed=5, pace=0.0):
        self.world = SimulatedPlatform(seed=seed, pace=pace)
        self.settings = MemorySettings(name=f"keeper-{next(_names)}", shards=SHARDS)
        self.nodes = []

    def join(self, name, **fields):
        node = Node(self, name, **fields)
        node.lane.put(Beat())
        self.nodes.append(node)
        return node

    def alone(self, name, **fields):
        """One that has got its leases, at once."""
        node = self.join(name, **fields)
        self.world.run_until(lambda: bool(node.told))
        return node

    def settle(self, seconds=3 * TTL):
        self.world.run_for(seconds)

    def owners(self):
        """The shards by owner, as the store sees it."""
        store = MemoryEventStore(self.settings, self.world)
        store.open()
        owners = store.lease(engine("onlooker", types=()), 0, 0.001).owners
        found = {}
        for shard, owner in owners.items():
            found.setdefault(owner, set()).add(shard)
        return found

    def counts(self):
        return {owner: len(shards) for owner, shards in self.owners().items()}


@pytest.fixture
def cluster():
    return Cluster()


# ---- alone


def test_an_engine_that_is_alone_owns_everything_before_any_time_has_passed(cluster):
    node = cluster.alone("e1")
    assert cluster.world.monotonic() == 0
    assert node.shards == set(range(SHARDS))
    assert node.keeper.fences == {lease.shard: lease.fence for lease in node.told[0].leases}
    assert node.keeper.may_write()


def test_on_a_store_for_one_engine_nothing_is_given_to_another(cluster):
    node = cluster.alone("e1", shared=False)
    cluster.join("e2", shared=False)
    cluster.settle()
    assert node.shards == set(range(SHARDS))


def test_who_waits_for_a_store_for_one_engine_takes_it_within_a_second(cluster):
    node = cluster.alone("e1", shared=False)
    second = cluster.join("e2", shared=False)
    cluster.settle()
    node.lane.put(Close())
    cluster.settle(1)
    assert second.shards == set(range(SHARDS))


def test_a_store_that_refuses_before_the_first_picture_is_told_of(cluster):
    def refuse(*_):
        raise StoreRefused("it may not be written")

    node = Node(cluster, "e1")
    node.store.lease = refuse
    node.lane.put(Beat())
    cluster.settle(0.01)
    assert [str(error) for error in node.refused] == ["it may not be written"]


def test_the_engine_is_told_of_changes_only(cluster):
    node = cluster.join("e1")
    cluster.settle()
    assert len(node.told) == 1


def test_a_lease_is_renewed_three_times_in_its_time(cluster):
    node = cluster.alone("e1")
    before = len(node.store.asked)
    cluster.settle(TTL + 0.1)
    assert len(node.store.asked) - before == 3


def test_an_engine_without_types_is_listed_and_owns_nothing(cluster):
    watcher, worker = cluster.join("w", types=()), cluster.join("e1")
    cluster.settle()
    assert watcher.told == [Leased(table=watcher.told[0].table)]
    assert cluster.counts() == {"e1": SHARDS}
    assert {info.engine_id for info in worker.keeper.table.engines} >= {"w", "e1"}


# ---- several


def test_who_joins_gets_its_share_and_nobody_loses_more_than_the_surplus(cluster):
    first = cluster.join("e1")
    cluster.settle()
    kept = first.shards
    cluster.join("e2")
    cluster.settle()
    assert cluster.counts() == {"e1": 32, "e2": 32}
    assert first.shards < kept
    cluster.join("e3")
    cluster.settle()
    assert sorted(cluster.counts().values()) == [20, 22, 22]
    assert sorted(len(node.shards) for node in cluster.nodes) == [20, 22, 22]


def test_shards_are_released_only_when_the_engine_has_finished_with_them(cluster):
    first = cluster.join("e1", slow=True)
    cluster.settle()
    cluster.join("e2")
    cluster.settle()
    assert len(first.shards) == 32
    assert len(first.owing) == 32
    assert len(first.keeper.fences) == SHARDS
    assert cluster.counts() == {"e1": SHARDS}
    first.answer()
    cluster.settle()
    assert cluster.counts() == {"e1": 32, "e2": 32}
    assert len(first.keeper.fences) == 32


def test_what_is_being_given_is_not_taken_back_before_it_was_released(cluster):
    first = cluster.join("e1", slow=True)
    cluster.settle()
    second = cluster.join("e2")
    cluster.settle()
    second.process.crash()
    cluster.settle()
    assert len(first.shards) == 32
    given = set(first.owing)
    first.answer()
    cluster.settle()
    assert len(first.shards) == SHARDS
    assert not given & set(first.told[-1].leases)  # the same shards, under other fences


def test_what_is_being_given_does_not_count_when_the_share_shrinks_again(cluster):
    first = cluster.join("e1", slow=True)
    cluster.settle()
    second = cluster.join("e2")
    cluster.settle()
    first.answer()
    cluster.settle()
    others = [second, cluster.join("e3"), cluster.join("e4")]
    cluster.settle()
    assert (len(first.shards), len(first.owing)) == (16, 16)
    for node in others:
        node.process.crash()
    cluster.settle()
    assert len(first.shards) == 48
    cluster.join("e5")
    cluster.settle()
    assert len(first.shards) == 32


def test_only_what_is_being_given_can_be_released(cluster):
    node = cluster.join("e1")
    cluster.settle()
    node.lane.put(Drained(node.told[-1].leases))
    cluster.settle()
    assert cluster.counts() == {"e1": SHARDS}
    assert node.store.released == []


def test_who_leaves_leaves_everything_to_the_others_at_their_next_renewal(cluster):
    first, second = cluster.join("e1"), cluster.join("e2")
    cluster.settle()
    second.lane.put(Close())
    cluster.settle(TTL / 3 + 0.2)
    assert len(first.shards) == SHARDS
    assert cluster.counts() == {"e1": SHARDS}


def test_who_dies_is_inherited_when_its_leases_end(cluster):
    first, second = cluster.join("e1"), cluster.join("e2")
    cluster.settle()
    before = dict(second.keeper.fences)
    second.process.crash()
    cluster.settle(TTL + TTL / 3 + 0.2)
    assert len(first.shards) == SHARDS
    assert all(first.keeper.fences[shard] == fence + 1 for shard, fence in before.items())


# ---- stopped, and in the dark


def test_a_process_that_was_stopped_does_not_believe_that_it_may_write(cluster):
    first, second = cluster.join("e1"), cluster.join("e2")
    cluster.settle()
    (mine, *_) = second.told[-1].leases
    commit = next(
        commit
        for commit in (start_commit(f"order-{n}", fence=mine.fence) for n in range(10_000))
        if second.store.append([commit]) and second.store.state([commit.workflow_id])[0]
    )
    second.process.stall(2 * TTL)
    assert not second.keeper.may_write()
    assert len(first.shards) == SHARDS
    late = replace(start_commit(commit.workflow_id, fence=mine.fence), expected_seq=1)
    assert isinstance(second.store.append([replace(late, batch=None)])[0], Fenced)
    cluster.settle()
    assert second.keeper.may_write()
    assert mine not in second.told[-1].leases
    assert cluster.counts() == {"e1": 32, "e2": 32}


def test_writing_ends_before_others_may_take_over(cluster):
    node = cluster.alone("e1")
    node.store.away = True
    cluster.world.advance(0.8 * TTL - 0.01)
    assert node.keeper.may_write()
    cluster.world.advance(0.02)
    assert not node.keeper.may_write()


def test_the_time_of_a_renewal_counts_from_before_it_was_asked_for(cluster):
    plan = FaultPlan(PlannedFault.parse("lease:3:delay"), delay=0.9 * TTL)
    node = cluster.join("e1", plan=plan)
    node.process.run_until(lambda: bool(plan.met))
    assert not node.keeper.may_write()


def test_a_short_outage_changes_nothing_and_is_told_once(cluster, caplog):
    node = cluster.join("e1")
    cluster.settle()
    with caplog.at_level(logging.ERROR, "aion.store"):
        node.store.away = True
        cluster.settle(0.4 * TTL)
        assert "away" in node.keeper.trouble
        node.store.away = False
        cluster.settle()
    assert len(node.told) == len(caplog.records) == 1
    assert node.keeper.trouble is None


def test_leases_are_in_doubt_when_the_store_is_silent_for_too_long_and_come_back(cluster):
    node = cluster.join("e1")
    cluster.settle(1)
    node.store.away = True
    cluster.settle(TTL)
    assert node.told[1:] == [Leased()]
    assert node.keeper.fences == {}
    node.store.away = False
    cluster.settle(0.6)
    assert len(node.told) == 3
    assert len(node.shards) == SHARDS
    assert node.keeper.may_write()


def test_the_doubt_comes_when_the_margin_begins(cluster):
    node = cluster.alone("e1")
    node.store.away = True
    node.process.run_until(lambda: len(node.told) > 1)
    assert cluster.world.monotonic() == pytest.approx(0.8 * TTL)


def test_a_release_that_could_not_be_sent_is_sent_later(cluster):
    first = cluster.join("e1", slow=True)
    cluster.settle()
    cluster.join("e2")
    cluster.settle()
    first.store.away = True
    first.answer()
    cluster.settle(1)
    first.store.away = False
    cluster.settle()
    assert cluster.counts() == {"e1": 32, "e2": 32}


def test_an_error_of_the_driver_does_not_end_the_heartbeat(cluster, monkeypatch):
    node = cluster.join("e1")
    cluster.settle()
    with monkeypatch.context() as broken:
        broken.setattr(node.store, "lease", lambda *_: 1 / 0)
        cluster.settle(TTL / 2)
    cluster.settle()
    assert len(node.told) == 1
    assert node.keeper.trouble is None


def test_a_store_that_is_closed_ends_the_leases(cluster):
    node = cluster.join("e1")
    cluster.settle()
    node.store.close()
    cluster.settle()
    assert node.told[-1] == Leased()


# ---- the end


def test_closing_gives_up_everything_once(cluster):
    node = cluster.join("e1")
    cluster.settle()
    mine = node.told[-1].leases
    node.lane.put(Close())
    node.lane.put(Close())
    node.lane.close()
    assert node.lane.join(1)
    assert node.store.released == list(mine)
    assert node.store.asked.count(((), 0)) == 2  # the first look, and the farewell
    assert not node.keeper.may_write()
    assert node.keeper.fences == {}
    assert cluster.counts() == {None: SHARDS}


def test_closing_takes_back_what_was_to_be_given(cluster):
    first = cluster.join("e1", slow=True)
    cluster.settle()
    cluster.join("e2")
    cluster.settle()
    first.lane.put(Close())
    cluster.settle()
    assert cluster.counts() == {"e2": SHARDS}


def test_closing_does_not_wait_for_a_store_that_is_away(cluster):
    node = cluster.join("e1")
    cluster.settle()
    node.store.away = True
    node.lane.put(Close())
    node.lane.close()
    assert node.lane.join(1)
    assert not node.keeper.may_write()


def test_closing_before_the_first_picture_asks_nothing(cluster):
    node = cluster.join("e1", slow=True)
    node.keeper.handle([Beat(), Close()])
    node.lane.close()
    assert node.lane.join(1)
    assert node.store.asked == []
    assert node.told == []


# ---- clocks


class Desk:
    """A keeper on a clock of its own, over a store whose clock is another."""

    def __init__(self):
        self.store_clock, self.clock = SteppedPlatform(), SteppedPlatform()
        self.store = MemoryEventStore(platform=self.store_clock)
        self.store.open()
        self.told = []
        self.refused = []
        self.keeper = Keeper(self.store, self.clock, engine("e1"), leased=self.told.append, refused=self.refused.append)

    def beat(self):
        self.keeper.handle([Beat()])


@pytest.mark.parametrize("ahead", [-6, 6])
def test_a_clock_that_is_wrong_takes_nothing_and_says_so(caplog, ahead):
    desk = Desk()
    (desk.clock if ahead > 0 else desk.store_clock).advance(abs(ahead))
    with caplog.at_level(logging.ERROR, "aion.store"):
        desk.beat()
        desk.beat()
    assert desk.told == [Leased(table=desk.told[0].table)]
    assert f"6.0 s {'ahead of' if ahead > 0 else 'behind'} the event store's" in desk.keeper.trouble
    assert len(caplog.records) == 1
    (seen,) = desk.keeper.table.engines
    assert seen.types == ()  # so that nobody leaves a share of the shards to it


@pytest.mark.parametrize("ahead", [-5, 5])
def test_a_clock_that_is_a_little_wrong_is_good_enough(ahead):
    desk = Desk()
    (desk.clock if ahead > 0 else desk.store_clock).advance(abs(ahead))
    desk.beat()
    assert len(desk.told[-1].leases) == SHARDS


def test_the_time_that_the_call_took_is_not_the_clocks_fault(monkeypatch):
    desk = Desk()
    ask = desk.store.lease

    def slow(*args):
        desk.clock.advance(7)
        desk.store_clock.advance(7)
        return ask(*args)

    monkeypatch.setattr(desk.store, "lease", slow)
    desk.beat()
    assert len(desk.told[-1].leases) == SHARDS


def test_a_clock_that_goes_wrong_gives_back_what_it_has_and_takes_it_again_when_it_is_right():
    desk = Desk()
    desk.beat()
    desk.store_clock.advance(6)
    desk.beat()
    assert desk.told[-1].leases == ()
    giving = desk.told[-1].giving
    assert len(giving) == SHARDS
    desk.keeper.handle([Drained(giving)])
    assert not desk.store.lease(engine("e2", types=()), 0, 1.0).owners[0]
    desk.clock.advance(6 - 1 / SECOND)
    desk.beat()
    assert len(desk.told[-1].leases) == SHARDS
    assert desk.keeper.trouble is None


# ---- whatever happens


def nobody_shares_a_shard(cluster):
    writers = {}
    for node in cluster.nodes:
        if node.process.crashed or not node.keeper.may_write():
            continue
        for shard in node.keeper.fences:
            assert shard not in writers, f"{writers[shard]} and {node.process.name} both write to shard {shard}"
            writers[shard] = node.process.name


@pytest.mark.parametrize("seed", range(20))
def test_no_two_engines_believe_that_they_may_write_to_a_shard_and_all_is_shared_out_in_the_end(seed):
    cluster = Cluster(seed=seed, pace=0.2)
    chance = random.Random(seed)
    for name in ("e1", "e2", "e3"):
        cluster.join(name)
    for _ in range(60):
        node = chance.choice(cluster.nodes)
        match chance.randrange(4):
            case 0:
                node.store.away = True
            case 1:
                node.process.stall(chance.uniform(0, 2 * TTL))
            case _:
                node.store.away = False
        end = cluster.world.monotonic() + chance.uniform(0, TTL)
        while cluster.world.monotonic() < end and cluster.world.step():
            nobody_shares_a_shard(cluster)
    for node in cluster.nodes:
        node.store.away = False
    cluster.settle(10 * TTL)
    assert sorted(len(node.shards) for node in cluster.nodes) == [20, 22, 22]
    assert all(node.keeper.may_write() for node in cluster.nodes)
