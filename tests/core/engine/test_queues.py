import pytest

from aion_core.engine.queues import QueueLimits, Queues
from aion_core.model.settings import Rate


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def queue(clock):
    def make(**limits):
        return Queues({"pci": QueueLimits(**limits)}, lambda: clock[0])["pci"]

    return make


def taken(queue, count):
    return [queue.reserve() for _ in range(count)]


def test_a_queue_that_nothing_is_said_of_has_no_limits(clock):
    assert all(taken(Queues({}, lambda: clock[0])["default"], 1000))


def test_no_more_run_at_once_than_the_concurrency_allows(queue):
    pci = queue(concurrency=2)
    assert taken(pci, 3) == [True, True, False]
    pci.free()
    assert taken(pci, 2) == [True, False]


def test_nobody_takes_a_slot_before_those_who_wait(queue):
    pci = queue(concurrency=1)
    pci.reserve()
    pci.waiting["first"] = pci.waiting["second"] = None
    pci.free()
    assert pci.reserve() is False
    assert [pci.next(), pci.next()] == ["first", None]


def test_no_more_begin_in_a_time_than_the_rate_allows(queue, clock):
    pci = queue(rate=Rate(2, 1.0))
    assert taken(pci, 3) == [True, True, False]
    clock[0] = 0.5
    assert taken(pci, 2) == [True, False]


def test_a_quiet_time_saves_up_no_more_than_one_rate(queue, clock):
    pci = queue(rate=Rate(2, 1.0))
    clock[0] = 1000.0
    assert taken(pci, 3) == [True, True, False]


def test_a_rate_below_one_in_its_time_lets_one_begin(queue, clock):
    pci = queue(rate=Rate(0.5, 1.0))
    assert taken(pci, 2) == [True, False]
    clock[0] = 2.0
    assert pci.reserve()


def test_what_never_began_does_not_count_towards_the_rate(queue):
    pci = queue(rate=Rate(1, 60.0), concurrency=5)
    pci.reserve()
    pci.give_back()
    assert (pci.reserve(), pci.running) == (True, 1)


def test_a_queue_knows_when_its_rate_lets_the_next_begin(queue, clock):
    pci = queue(rate=Rate(1, 60.0))
    pci.reserve()
    assert pci.ready_at is None
    pci.waiting["next"] = None
    assert pci.ready_at == 60.0
    clock[0] = pci.ready_at
    assert pci.next() == "next"


def test_time_alone_does_not_help_when_all_slots_are_taken(queue):
    pci = queue(rate=Rate(1, 60.0), concurrency=1)
    pci.reserve()
    pci.waiting["next"] = None
    assert pci.ready_at is None
