import threading
import time
import uuid

import pytest

from aion_core.platform import SYSTEM


def test_now_is_the_wall_clock_in_whole_microseconds():
    before = time.time_ns() // 1000
    now = SYSTEM.now()
    assert isinstance(now, int)
    assert before <= now <= time.time_ns() // 1000


def test_the_monotonic_clock_never_goes_back():
    readings = [SYSTEM.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)


def test_run_ids_are_uuids_of_version_7_that_sort_by_their_time():
    ids = [SYSTEM.run_id() for _ in range(1000)]
    assert all(uuid.UUID(text).version == 7 for text in ids)
    assert ids == sorted(set(ids))


def test_no_two_commits_have_the_same_op_id():
    assert len({SYSTEM.op_id() for _ in range(1000)}) == 1000


def test_random_bytes_are_as_many_as_were_asked_for():
    assert len(SYSTEM.random_bytes(33)) == 33
    assert SYSTEM.random_bytes(16) != SYSTEM.random_bytes(16)


def test_a_wait_ends_with_a_notice_or_says_that_the_time_passed():
    condition = threading.Condition()
    with condition:
        assert not SYSTEM.wait(condition, 0)
        woken = SYSTEM.thread(lambda: _notify(condition), name="notifier")
        assert SYSTEM.wait(condition, 60)
    woken.join()


def _notify(condition):
    with condition:
        condition.notify_all()


def test_a_thread_is_named_and_does_not_keep_the_process_alive():
    seen = []
    thread = SYSTEM.thread(lambda: seen.append(threading.current_thread()), name="aion-test")
    thread.join()
    assert [(each.name, each.daemon) for each in seen] == [("aion-test", True)]


# ---- lanes


class Gate:
    """A lane's handler that keeps what it was given, and stands still in its first call until it is opened."""

    def __init__(self, *dues):
        self.seen = []
        self.entered = threading.Event()
        self.opened = threading.Event()
        self._dues = list(dues)

    def __call__(self, items):
        self.seen.append(items)
        self.entered.set()
        assert self.opened.wait(60)
        return self._dues.pop(0) if self._dues else None


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def lane(gate):
    lane = SYSTEM.lane(gate, name="aion-test")
    yield lane
    gate.opened.set()
    lane.close()
    assert lane.join(60)


def test_a_lane_hands_over_in_order_everything_that_came_while_it_was_busy(lane, gate):
    lane.put(1)
    assert gate.entered.wait(60)
    for item in range(2, 100):
        lane.put(item)
    gate.opened.set()
    lane.close()
    assert lane.join(60)
    assert gate.seen == [[1], list(range(2, 100))]


def test_what_is_queued_when_a_lane_closes_is_handled_and_what_comes_later_is_not(lane, gate):
    lane.put("first")
    assert gate.entered.wait(60)
    lane.put("queued")
    lane.close()
    lane.put("late")
    gate.opened.set()
    assert lane.join(60)
    assert gate.seen == [["first"], ["queued"]]


def test_closing_an_idle_lane_calls_nothing_and_closing_it_twice_is_fine(lane, gate):
    lane.close()
    lane.close()
    assert lane.join(60)
    assert gate.seen == []


def test_joining_says_whether_the_end_came_in_time(lane, gate):
    lane.put(1)
    assert gate.entered.wait(60)
    lane.close()
    assert not lane.join(0)
    gate.opened.set()
    assert lane.join(60)


def test_a_lane_that_joins_itself_does_not_wait():
    answers = []
    lane = SYSTEM.lane(lambda _: answers.append(lane.join(60)), name="aion-test")
    lane.put(1)
    lane.close()
    assert lane.join(60)
    assert answers == [True]


def test_a_lane_is_called_without_items_when_the_time_it_asked_for_has_come():
    seen, called = [], threading.Event()

    def handle(items):
        seen.append(items)
        if items:
            return SYSTEM.monotonic()
        called.set()
        return None

    lane = SYSTEM.lane(handle, name="aion-test")
    lane.put(1)
    assert called.wait(60)
    lane.close()
    assert lane.join(60)
    assert seen == [[1], []]


def test_an_item_does_not_wait_for_the_time_that_a_lane_asked_for():
    gate = Gate(SYSTEM.monotonic() + 3600)
    gate.opened.set()
    lane = SYSTEM.lane(gate, name="aion-test")
    lane.put(1)
    assert gate.entered.wait(60)
    lane.put(2)
    lane.close()
    assert lane.join(60)
    assert [item for items in gate.seen for item in items] == [1, 2]
    assert [] not in gate.seen


def test_a_lane_runs_on_a_thread_of_its_own_that_has_its_name():
    names = []
    lane = SYSTEM.lane(lambda _: names.append(threading.current_thread().name), name="aion-writer")
    lane.put(1)
    lane.close()
    assert lane.join(60)
    assert names == ["aion-writer"]
