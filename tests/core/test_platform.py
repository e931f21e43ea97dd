import threading
import time
import uuid

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
