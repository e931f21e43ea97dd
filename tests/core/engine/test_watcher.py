import logging
from collections import Counter
from itertools import count, pairwise

import pytest
from msgspec.structs import replace

from aion_core.engine.keeper import TTL, Beat, Drained, Keeper
from aion_core.engine.watcher import Poke, Settled, Shards, Watcher
from aion_core.memory import MemoryEventStore, MemorySettings
from aion_core.model.errors import StoreUnavailable
from aion_core.spi import shard_of
from aion_testkit.builders import engine, message, moment, outcome, start_commit
from aion_testkit.faults import FaultInjectingStore, FaultPlan, PlannedFault
from aion_testkit.simulated import SimulatedPlatform

SHARDS = 8
_names = count()


class Store(FaultInjectingStore):
    """A memory store that can be away, and counts the reads."""

    def __init__(self, inner, process, *faults):
        super().__init__(inner, FaultPlan(*map(PlannedFault.parse, faults)), process)
        self.away = False
        self.looks = []
        self.tries = 0
        self._clock = process.monotonic

    def inbox(self, shards, *, after=None, limit):
        self.looks.append(self._clock())
        self._check()
        return super().inbox(shards, after=after, limit=limit)

    def wakes(self, shards, until, *, after=None, limit):
        self._check()
        return super().wakes(shards, until, after=after, limit=limit)

    def _check(self):
        self.tries += 1
        if self.away:
            raise StoreUnavailable("away")


class Node:
    """An engine of which only the watcher is there, and what it was given."""

    def __init__(self, world, settings, name="e1", *faults, **fields):
        self.world = world
        self.process = world.process(name)
        inner = MemoryEventStore(settings, self.process)
        inner.open()
        self.store = Store(inner, self.process, *faults)
        self.given = []
        self.batches = []
        self.due = []
        self.watcher = Watcher(self.store, self.process, messages=self.take, wakes=self.due.extend, **fields)
        self.lane = self.process.lane(self.watcher.handle, name="watcher")

    def take(self, messages):
        self.batches.append(len(messages))
        self.given.extend(messages)

    @property
    def ids(self):
        return [message.message_id for message in self.given]

    def lease(self, *, want=SHARDS):
        self.leases = self.store.lease(engine(self.process.name), want, 1e6).mine
        self.own(self.leases)

    def own(self, leases):
        self.lane.put(Shards(tuple(leases)))
        self.run(2)

    def post(self, *ids, workflow_id="order-1", **fields):
        self.store.post([message(workflow_id, name, n=n, **fields) for n, name in enumerate(ids)])

    def settle(self, *messages):
        """As an engine does: first durably, then it says so."""
        self.store.settle([outcome(each) for each in messages])
        self.lane.put(Settled(tuple((each.workflow_id, each.message_id) for each in messages)))

    def sleeping(self, name, at):
        fence = next(each.fence for each in self.leases if each.shard == shard_of(name, SHARDS))
        self.store.append([start_commit(name, fence=fence, next_wake=moment(at))])

    def run(self, seconds):
        self.world.run_for(seconds)

    def again(self, *, fence=0):
        """Lose the leases and get them back, under another fence."""
        return tuple(replace(lease, fence=lease.fence + fence) for lease in self.leases)


@pytest.fixture
def world():
    return SimulatedPlatform(seed=3)


@pytest.fixture
def settings():
    return MemorySettings(name=f"watcher-{next(_names)}", shards=SHARDS)


@pytest.fixture
def node(world, settings):
    node = Node(world, settings)
    node.lease()
    return node


# ---- messages


def test_what_is_in_the_inbox_already_is_handed_over_with_the_lease(world, settings):
    node = Node(world, settings)
    node.post("m1", "m2")
    node.run(60)
    assert node.store.looks == []
    node.lease()
    assert node.ids == ["m1", "m2"]


def test_a_message_is_handed_over_once_as_soon_as_it_is_posted(node):
    node.run(60)
    began = node.world.monotonic()
    node.post("m1")
    node.world.run_until(lambda: bool(node.given))
    assert node.world.monotonic() - began < 0.01
    node.run(60)
    assert node.ids == ["m1"]


def test_all_pages_are_handed_over_in_the_order_of_their_posters(node):
    ids = [f"m{n:04}" for n in range(1200)]
    node.post(*ids)
    node.run(2)
    assert node.ids == ids
    assert len(node.batches) == 2


def test_messages_of_shards_that_are_not_ours_stay_where_they_are(world, settings):
    node = Node(world, settings)
    node.lease(want=4)
    mine = {lease.shard for lease in node.leases}
    for n in range(40):
        node.post(f"m{n}", workflow_id=f"order-{n}")
    node.run(2)
    assert {each.message_id for each in node.given} == {
        f"m{n}" for n in range(40) if shard_of(f"order-{n}", SHARDS) in mine
    }


def test_a_message_that_was_settled_is_forgotten(node):
    node.post("m1", "m2")
    node.run(2)
    assert node.watcher.unsettled == 2
    node.settle(node.given[0])
    node.run(2)
    assert node.watcher.unsettled == 1
    assert not node.watcher._settled


def test_a_page_that_was_on_its_way_brings_no_settled_message_back(world, settings):
    node = Node(world, settings, "e1", *(f"inbox:{n}:duplicate" for n in range(2, 50)))
    node.post("m1")
    node.lease()
    node.settle(node.given[0])
    node.run(30)
    assert node.store._plan.met
    assert node.ids == ["m1"]


def test_a_new_epoch_of_the_lease_hands_everything_over_again(node):
    node.post("m1")
    node.run(2)
    node.own(node.leases)
    assert node.ids == ["m1"]
    node.own(node.again(fence=1))
    assert node.ids == ["m1", "m1"]
    assert node.watcher.unsettled == 1


def test_a_lease_that_was_in_doubt_hands_everything_over_again(node):
    node.post("m1")
    node.run(2)
    node.own(())
    assert node.watcher.unsettled == 0
    looks = len(node.store.looks)
    node.run(60)
    assert len(node.store.looks) == looks  # who owns nothing rests
    node.own(node.again())
    assert node.ids == ["m1", "m1"]


def test_a_lease_that_is_kept_hands_nothing_over_again_when_another_one_goes(node):
    node.post("m1", workflow_id="order-1")
    node.run(2)
    kept = [lease for lease in node.leases if lease.shard == shard_of("order-1", SHARDS)]
    node.own(kept)
    node.own(node.leases)
    assert node.ids == ["m1"]


def test_no_more_is_handed_over_than_the_engine_can_hold_and_the_rest_follows(world, settings):
    node = Node(world, settings, most=10)
    node.post(*(f"m{n:02}" for n in range(25)))
    node.lease()
    node.run(60)
    assert len(node.given) == node.watcher.unsettled == 10
    node.settle(*node.given[:5])
    node.run(2)
    assert len(node.given) == 15
    node.settle(*node.given[5:])
    node.run(2)
    assert node.ids == [f"m{n:02}" for n in range(25)]


# ---- how often


def test_an_idle_engine_looks_about_once_a_second(node):
    node.run(60)
    before = len(node.store.looks)
    node.run(3600)
    assert len(node.store.looks) - before <= 3650


def test_after_news_it_looks_more_often(node):
    node.run(60)
    node.post("m1")
    node.run(0.01)
    before = len(node.store.looks)
    node.run(1)
    assert len(node.store.looks) - before >= 4


def test_much_news_that_is_none_for_us_does_not_keep_it_busy(node):
    node.run(60)
    before, began = len(node.store.looks), node.world.monotonic()
    for n in range(1000):
        node.store.settle([outcome(message("other", f"m{n}"))])
        node.run(0.001)
    assert len(node.store.looks) - before <= (node.world.monotonic() - began) / 0.005 + 1


def test_a_look_that_takes_long_is_followed_by_a_rest_whatever_comes(node, monkeypatch):
    read = node.store.inbox

    def slowly(*args, **fields):
        page = read(*args, **fields)
        node.world.advance(0.1)
        return page

    monkeypatch.setattr(node.store, "inbox", slowly)
    node.store.looks.clear()
    for n in range(500):
        node.post(f"m{n}")
        node.run(0.01)
    gaps = [after - before for before, after in pairwise(node.store.looks)]
    assert len(gaps) >= 8
    assert min(gaps) >= 0.5 - 1e-9


def test_a_full_engine_is_not_read_for_until_it_has_settled_half(world, settings):
    node = Node(world, settings, most=10)
    node.post(*(f"m{n:02}" for n in range(25)))
    node.lease()
    node.settle(*node.given[:4])
    node.run(2)
    before, began = len(node.store.looks), world.monotonic()
    node.run(60)
    assert len(node.store.looks) == before
    node.settle(node.given[4])
    world.run_until(lambda: len(node.given) > 10)
    assert world.monotonic() - began <= 60.06
    assert len(node.given) == 15


def test_a_poke_is_a_look(node):
    node.run(60.7)
    before = len(node.store.looks)
    node.watcher.handle([Poke()])
    assert len(node.store.looks) == before + 1


# ---- wakes


def test_what_is_due_within_a_minute_is_known_with_the_lease_however_old(node):
    node.own(())
    for name, at in (("old", -1e6), ("soon", 59), ("later", 3600)):
        node.sleeping(name, at)
    node.own(node.leases)
    assert [wake.workflow_id for wake in node.due] == ["old", "soon"]


def test_a_shard_that_is_gained_later_brings_its_own_wakes_only(node):
    names = [f"w{n}" for n in range(20)]
    for name in names:
        node.sleeping(name, 1)
    first, *others = node.leases
    node.own([first])
    node.due.clear()
    node.own(node.leases)
    gained = {lease.shard for lease in others}
    assert {wake.workflow_id for wake in node.due} == {name for name in names if shard_of(name, SHARDS) in gained}


def test_every_wake_is_known_half_a_minute_before_it_is_due(node):
    for n in range(40):
        node.sleeping(f"w{n}", 100 + 7 * n)
    known = {}
    while len(known) < 40:
        node.run(1)
        for wake in node.due:
            known.setdefault(wake.workflow_id, node.world.monotonic())
        node.due.clear()
    assert all(28 <= 100 + 7 * int(name[1:]) - at <= 60 for name, at in known.items())


def test_a_wall_clock_that_was_set_ahead_brings_the_wakes_at_once(node, monkeypatch):
    node.sleeping("w1", 3700)
    node.run(3)
    assert node.due == []
    now = node.process.now
    monkeypatch.setattr(node.process, "now", lambda: now() + 3700 * 1_000_000)
    node.run(2)
    assert [wake.workflow_id for wake in node.due] == ["w1"]


def test_a_wall_clock_that_was_set_back_delays_nothing(node, monkeypatch):
    node.run(3)
    now = node.process.now
    monkeypatch.setattr(node.process, "now", lambda: now() - 3600 * 1_000_000)
    node.sleeping("w1", 600 - 3600)
    node.run(600 - 3 - 28)
    assert {wake.workflow_id for wake in node.due} == {"w1"}


def test_all_pages_of_wakes_are_read(node):
    node.own(())
    for n in range(1100):
        node.sleeping(f"w{n}", 1)
    node.own(node.leases)
    assert len({wake.workflow_id for wake in node.due}) == 1100


# ---- when the store is away


def test_an_outage_is_told_once_and_loses_nothing(node, caplog):
    node.sleeping("w1", 90)
    with caplog.at_level(logging.ERROR, "aion.store"):
        node.store.away = True
        node.post("m1")
        before = node.store.tries
        node.run(120)
        assert len(caplog.records) == 1
    assert "away" in node.watcher.trouble
    assert node.store.tries - before <= 40
    node.store.away = False
    node.run(6)
    assert node.watcher.trouble is None
    assert node.ids == ["m1"]
    assert "w1" in {wake.workflow_id for wake in node.due}


def test_pokes_do_not_press_a_store_that_is_away(node):
    node.store.away = True
    node.run(60)
    before = node.store.tries
    node.watcher.handle([Poke()])
    node.watcher.handle([Poke()])
    assert node.store.tries == before


def test_wakes_of_a_shard_that_was_gained_in_an_outage_are_read_after_it(node):
    node.own([lease for lease in node.leases if lease.shard != shard_of("w1", SHARDS)])
    node.sleeping("w1", 1)
    node.store.away = True
    node.own(node.leases)
    node.own(node.leases)
    node.store.away = False
    node.run(6)
    assert [wake.workflow_id for wake in node.due] == ["w1"]


def test_an_error_of_the_driver_is_no_end(node, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(node.store, "inbox", lambda *_, **__: 1 / 0)
        node.run(10)
    node.post("m1")
    node.run(10)
    assert node.ids == ["m1"]


def test_a_store_that_is_closed_ends_it(node):
    node.store.close()
    node.run(60)
    before = len(node.store.looks)
    node.own(node.again(fence=1))
    assert len(node.store.looks) == before
    assert node.watcher.trouble is None


# ---- with keepers


class Engine(Node):
    """A keeper and a watcher, with an engine between them that has nothing to finish."""

    def __init__(self, *args, **fields):
        super().__init__(*args, **fields)
        self.refused = []
        self.keeper = Keeper(
            self.store, self.process, engine(self.process.name), leased=self.leased, refused=self.refused.append
        )
        self.keeping = self.process.lane(self.keeper.handle, name="keeper")
        self.keeping.put(Beat())

    def leased(self, news):
        self.lane.put(Shards(news.leases))
        self.keeping.put(Drained(news.giving))


def test_messages_for_a_dead_engine_reach_its_heir_when_the_lease_ends(world, settings):
    first = Engine(world, settings, "e1")
    world.run_for(5)
    second = Engine(world, settings, "e2")
    world.run_for(5)
    for n in range(20):
        first.post(f"m{n}", workflow_id=f"order-{n}")
    world.run_for(1)
    assert first.given
    assert second.given
    assert Counter(first.ids + second.ids) == Counter(f"m{n}" for n in range(20))
    first.process.crash()
    world.run_for(TTL + TTL / 3 + 2)
    assert Counter(second.ids) == Counter(f"m{n}" for n in range(20))
