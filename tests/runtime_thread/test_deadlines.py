"""One heap for everything that happens after a while, which does not grow with what has happened."""

import threading

import pytest

from aion_runtime_thread.deadlines import Deadlines


class Thing:
    over = False


@pytest.fixture
def deadlines(clock):
    made = Deadlines(clock)
    yield made
    made.close()
    assert made.join(5.0)


def test_calls_come_in_the_order_of_their_times(deadlines, clock):
    called, done = [], threading.Event()
    deadlines.add(3.0, lambda _: done.set(), Thing())
    for at in (2.0, 1.0, 2.0, 0.5):
        deadlines.add(at, lambda _, at=at: called.append(at), Thing())
    clock.advance(3.0)
    assert done.wait(10)
    assert called == [0.5, 1.0, 2.0, 2.0]


def test_what_is_over_is_not_called(deadlines, clock):
    called, done, thing = [], threading.Event(), Thing()
    deadlines.add(1.0, called.append, thing)
    deadlines.add(2.0, lambda _: done.set(), Thing())
    thing.over = True
    clock.advance(2.0)
    assert done.wait(10)
    assert called == []


def test_a_call_may_add_another(deadlines, clock):
    done = threading.Event()
    deadlines.add(1.0, lambda thing: deadlines.add(2.0, lambda _: done.set(), thing), Thing())
    clock.advance(5.0)
    assert done.wait(10)


def test_what_is_over_leaves_the_heap_long_before_its_time(deadlines):
    alive = [Thing() for _ in range(100)]
    for thing in alive:
        deadlines.add(600.0, lambda _: None, thing)
    for _ in range(50_000):
        thing = Thing()
        deadlines.add(600.0, lambda _: None, thing)
        thing.over = True
    assert 100 <= len(deadlines) <= 2_000
