"""The simulated platform: what lanes see of it, that a seed is a run, and what a crash leaves."""

import threading
from itertools import pairwise

import pytest

from aion_core.client.reply import Reply
from aion_core.memory import MemoryEventStore
from aion_core.model.errors import WaitTimeout
from aion_testkit import Crash, SimulatedPlatform, Stuck
from aion_testkit.builders import T0, message


def collector(world, name="lane"):
    seen = []
    lane = world.lane(seen.append, name=name)
    return lane, seen


def test_a_lane_gets_everything_that_was_put_in_order():
    world = SimulatedPlatform()
    lane, seen = collector(world)
    for number in range(20):
        lane.put(number)
    while world.step():
        pass
    assert [item for items in seen for item in items] == list(range(20))
    assert all(seen)


def test_nothing_runs_before_somebody_waits():
    lane, seen = collector(SimulatedPlatform())
    lane.put(1)
    assert seen == []


def test_over_the_seeds_a_lane_gets_every_prefix():
    sizes = set()
    for seed in range(60):
        world = SimulatedPlatform(seed)
        lane, seen = collector(world)
        for number in range(4):
            lane.put(number)
        world.step()
        sizes.add(len(seen[0]))
    assert sizes == {1, 2, 3, 4}


def test_over_the_seeds_lanes_run_in_every_order():
    orders = set()
    for seed in range(60):
        world, order = SimulatedPlatform(seed), []
        for name in "abc":
            world.lane(order.extend, name=name).put(name)
        while world.step():
            pass
        orders.add("".join(order))
    assert len(orders) == 6


def chatter(seed):
    """Two lanes that write to each other, with ids and times in what they write."""
    world = SimulatedPlatform(seed, pace=0.01)
    log, lanes = [], {}

    def handle(me, other):
        def handler(items):
            log.append((me, len(items), world.now(), world.op_id()))
            if len(log) < 40:
                lanes[other].put(1)
                lanes[me].put(1)
            return world.monotonic() + 1 if len(log) < 50 else None

        return handler

    lanes.update((me, world.lane(handle(me, other), name=me)) for me, other in ("ab", "ba"))
    lanes["a"].put(1)
    world.run_for(1000)
    return log


def test_the_same_seed_is_the_same_run():
    assert chatter(3) == chatter(3)


def test_another_seed_is_another_run():
    assert [entry[:2] for entry in chatter(3)] != [entry[:2] for entry in chatter(4)]


def test_time_jumps_to_what_is_due_next():
    world = SimulatedPlatform()
    times = []

    def handle(items):
        times.append(world.monotonic())
        return times[-1] + 10 if len(times) < 4 else None

    world.lane(handle, name="clock").put(1)
    world.run_for(100)
    assert times == [0, 10, 20, 30]
    assert (world.monotonic(), world.now()) == (100, T0 + 100_000_000)


def test_time_passes_no_further_than_somebody_waits():
    world = SimulatedPlatform()
    lane, _ = collector(world)
    lane.put(1)
    world.lane(lambda _: 50.0, name="later").put(1)
    world.run_for(20)
    assert world.monotonic() == 20


def test_a_call_takes_a_part_of_the_pace():
    world = SimulatedPlatform(pace=0.5)
    lane, _ = collector(world)
    lane.put(1)
    world.step()
    assert 0 < world.monotonic() < 0.5


def test_a_closed_lane_handles_what_it_has_and_ends():
    world = SimulatedPlatform()
    lane, seen = collector(world)
    for item in (1, 2):
        lane.put(item)
    lane.close()
    lane.put(3)
    assert lane.join(10)
    assert [item for items in seen for item in items] == [1, 2]
    assert not world.step()


def test_a_lane_that_is_not_closed_is_joined_in_vain():
    world = SimulatedPlatform()
    lane, _ = collector(world)
    assert not lane.join(5)
    assert world.monotonic() == 5


def test_a_lane_may_join_itself():
    world, joined = SimulatedPlatform(), []
    lane = world.lane(lambda _: joined.append(lane.join(1)), name="self")
    lane.put(1)
    world.step()
    assert joined == [True]


def test_a_reply_that_a_lane_sets_is_waited_for():
    world, reply = SimulatedPlatform(), Reply()
    world.lane(lambda items: reply.set(items[0]), name="answers").put("yes")
    assert reply.wait(world) == "yes"


def test_a_reply_that_comes_later_is_waited_for():
    world, reply = SimulatedPlatform(), Reply()

    def handle(items):
        if not items:
            reply.set(world.monotonic())
        return 30.0 if items else None

    world.lane(handle, name="answers").put(1)
    assert reply.wait(world, 60) == 30


def test_a_reply_that_comes_too_late_is_a_wait_timeout():
    world, reply = SimulatedPlatform(), Reply()
    world.lane(lambda items: 30.0 if items else reply.set(1), name="answers").put(1)
    with pytest.raises(WaitTimeout):
        reply.wait(world, 20)


def test_a_reply_that_can_not_come_is_stuck_and_names_the_lanes():
    world = SimulatedPlatform()
    world.process("engine-1").lane(lambda _: None, name="writer").put(1)
    with pytest.raises(Stuck, match=r"engine-1/writer \(0 items\)"):
        Reply().wait(world)


def test_a_condition_that_can_not_come_true_is_stuck():
    with pytest.raises(Stuck, match="Lanes: none"):
        SimulatedPlatform().run_until(lambda: False)


def test_a_world_that_never_rests_ends_at_its_horizon():
    world = SimulatedPlatform(horizon=100)
    world.lane(lambda _: world.monotonic() + 1, name="keeper").put(1)
    with pytest.raises(Stuck, match=r"more than 100 s.*keeper"):
        Reply().wait(world)


def test_a_lane_can_not_run_the_world():
    world = SimulatedPlatform()
    world.lane(lambda _: world.run_for(1), name="greedy").put(1)
    with pytest.raises(AssertionError, match="greedy runs the world from inside"):
        world.step()


def test_a_lane_that_sleeps_lets_time_pass():
    world = SimulatedPlatform()
    world.lane(lambda _: world.sleep(3), name="slow").put(1)
    world.step()
    assert world.monotonic() == 3


def test_a_lane_that_waits_for_ever_in_its_own_call_is_stuck():
    world = SimulatedPlatform()
    world.lane(lambda _: Reply().wait(world), name="waits").put(1)
    with pytest.raises(Stuck, match="waits in its own call"):
        world.step()


def test_an_error_of_a_lane_reaches_whoever_runs_the_world():
    world = SimulatedPlatform()
    world.lane(lambda items: items[1], name="wrong").put(1)
    with pytest.raises(IndexError):
        world.step()


def test_threads_are_refused():
    with pytest.raises(AssertionError, match="make it a lane"):
        SimulatedPlatform().thread(lambda: None, name="writer")


def test_run_ids_are_sorted_version_7():
    world = SimulatedPlatform()
    ids = []
    for number in range(50):
        ids.append(world.run_id())
        world.advance(number % 3 / 1000)
    assert all(first < second for first, second in pairwise(ids))
    assert {(text[14], text[19] in "89ab", len(text)) for text in ids} == {("7", True, 36)}


# ---- a process that stands still


def test_the_others_run_while_a_process_stands_still_in_a_call():
    world, log = SimulatedPlatform(), []
    stopped, other = world.process("stopped"), world.process("other")
    behind = stopped.lane(lambda _: log.append("behind"), name="behind")
    runs = other.lane(lambda _: log.append(("other", world.monotonic())), name="runs")

    def handle(_):
        runs.put(1)
        behind.put(1)
        stopped.stall(100)
        log.append(("stopped", world.monotonic()))

    stopped.lane(handle, name="stops").put(1)
    world.step()
    assert log == [("other", 0), ("stopped", 100)]
    world.step()
    assert log[-1] == "behind"


def test_a_process_that_stood_still_does_not_handle_what_went_wrong_elsewhere():
    world = SimulatedPlatform()
    stopped = world.process("stopped")
    wrong = world.lane(lambda items: items[1], name="wrong")

    def handle(_):
        wrong.put(1)
        stopped.stall(1)

    stopped.lane(handle, name="stops").put(1)
    world.step()
    with pytest.raises(IndexError):
        world.step()


# ---- a watcher: a lane that waits for a store's news


def watcher(world, store, timeout=30.0):
    """A lane that calls `wait` and notes when it was called and how many messages there were."""
    seen = []

    def handle(_):
        store.wait(timeout)
        seen.append((world.monotonic(), len(store.inbox(range(store.shards), limit=10).items)))
        return world.monotonic()

    world.lane(handle, name="watcher").put("begin")
    return seen


def test_a_lane_that_waits_for_news_is_called_when_the_wait_is_over():
    world = SimulatedPlatform()
    with MemoryEventStore(platform=world) as store:
        seen = watcher(world, store)
        world.run_for(100)
    assert [at for at, _ in seen] == [0, 30, 60, 90]


def test_a_lane_that_waits_for_news_is_called_when_they_come():
    world = SimulatedPlatform()
    with MemoryEventStore(platform=world) as store:
        seen = watcher(world, store)
        world.run_for(10)
        store.post([message("order-42", "m-1")])
        world.run_for(5)
    assert seen[:2] == [(0, 0), (10, 1)]


# ---- crashes


def test_a_crash_takes_all_lanes_of_its_process_and_no_others():
    world = SimulatedPlatform()
    dies, lives = world.process("dies"), world.process("lives")
    lane, seen = collector(dies)
    other, heard = collector(lives)
    lane.put(1)
    other.put(2)
    dies.crash()
    lane.put(3)
    world.run_for(10)
    assert (seen, heard) == ([], [[2]])
    assert dies.crashed
    assert not lives.crashed


def test_a_crash_in_a_lane_ends_its_process():
    world = SimulatedPlatform()
    process = world.process("engine-1")
    other, seen = collector(process, "other")

    def handle(items):
        other.put(1)
        raise Crash

    process.lane(handle, name="writer").put(1)
    world.run_for(10)
    assert process.crashed
    assert seen == []


def test_the_clock_goes_on_after_a_crash():
    world = SimulatedPlatform()
    process = world.process("engine-1")
    process.advance(10)
    process.crash()
    assert world.process("engine-2").monotonic() == 10


def test_whoever_waits_for_a_process_that_dies_hears_of_it():
    world = SimulatedPlatform()
    process = world.process("engine-1")

    def die(_):
        raise Crash

    process.lane(die, name="writer").put(1)
    with pytest.raises(Crash):
        Reply().wait(process)


def test_a_dead_process_gets_no_lanes():
    process = SimulatedPlatform().process("engine-1")
    process.crash()
    with pytest.raises(Crash, match="engine-1"):
        process.lane(lambda _: None, name="late")


def test_a_condition_with_a_plain_lock_can_be_waited_on():
    world, condition = SimulatedPlatform(), threading.Condition(threading.Lock())

    def handle(_):
        with condition:
            condition.notify()

    world.lane(handle, name="notifies").put(1)
    with condition:
        assert world.wait(condition, 10)
