import threading

import pytest

from aion_core.client.reply import Reply
from aion_core.model.errors import StoreUnavailable, WaitTimeout
from aion_core.platform import SYSTEM, SystemPlatform

DOWN = StoreUnavailable("the store can not be reached")


class Meanwhile(SystemPlatform):
    """Every wait passes its whole time on this clock, after something else has happened on another thread."""

    def __init__(self, happens=lambda: None):
        self.happens = happens
        self.waits = []
        self._now = 0.0

    def monotonic(self):
        return self._now

    def wait(self, condition, timeout):
        self.waits.append(timeout)
        condition.release()
        other = SYSTEM.thread(self.happens, name="other")
        other.join(60)
        condition.acquire()
        self._now += timeout
        return False


@pytest.mark.parametrize("later", [lambda reply: reply.set(2), lambda reply: reply.fail(DOWN)])
def test_what_comes_after_an_answer_is_ignored(later):
    reply = Reply()
    reply.set(1)
    later(reply)
    assert reply.result() == 1


@pytest.mark.parametrize("later", [lambda reply: reply.set(2), lambda reply: reply.fail(KeyError())])
def test_what_comes_after_a_failure_is_ignored(later):
    reply = Reply()
    reply.fail(DOWN)
    later(reply)
    with pytest.raises(StoreUnavailable) as caught:
        reply.result()
    assert caught.value is DOWN


def test_none_is_an_answer():
    reply = Reply()
    reply.set(None)
    assert reply.done
    assert reply.wait(SYSTEM) is None


def test_a_reply_that_is_not_settled_has_no_result():
    with pytest.raises(AssertionError, match="not settled"):
        Reply().result()


def test_an_answer_that_is_there_already_is_not_waited_for():
    platform, reply = Meanwhile(), Reply()
    reply.set("there")
    assert reply.wait(platform, 0) == "there"
    assert platform.waits == []


def test_an_answer_of_another_thread_ends_the_wait():
    reply = Reply()
    assert reply.wait(Meanwhile(lambda: reply.set("from elsewhere")), 5) == "from elsewhere"


def test_a_failure_of_another_thread_is_raised_where_it_is_waited_for():
    reply = Reply()
    with pytest.raises(StoreUnavailable, match="can not be reached"):
        reply.wait(Meanwhile(lambda: reply.fail(DOWN)), 5)


def test_every_thread_that_waits_gets_the_answer():
    reply, answers, ready = Reply(), [], threading.Barrier(4)

    def ask():
        ready.wait(60)
        answers.append(reply.wait(SYSTEM, 60))

    threads = [SYSTEM.thread(ask, name=f"asker-{number}") for number in range(3)]
    ready.wait(60)
    reply.set("all of you")
    for thread in threads:
        thread.join(60)
    assert answers == ["all of you"] * 3


def test_a_wait_that_ends_first_says_what_did_not_come_and_the_answer_may_still_come():
    reply = Reply()
    with pytest.raises(WaitTimeout, match=r"^the start did not come within 2\.5 s; it may still come\.$"):
        reply.wait(Meanwhile(), 2.5, what="the start")
    reply.set("late")
    assert reply.wait(Meanwhile(), 0) == "late"


def test_waking_early_does_not_end_a_wait():
    class Nervous(Meanwhile):
        def wait(self, condition, timeout):
            return super().wait(condition, timeout / 2)

    platform = Nervous(lambda: len(platform.waits) == 3 and reply.set("at last"))
    reply = Reply()
    assert reply.wait(platform, 8) == "at last"
    assert platform.waits == [4, 2, 1]


def test_a_wait_without_a_limit_goes_on_until_the_answer_comes():
    platform = Meanwhile(lambda: len(platform.waits) == 100 and reply.set("after days"))
    reply = Reply()
    assert reply.wait(platform) == "after days"


def test_callbacks_are_called_once_in_their_order_by_whoever_settles():
    reply, seen = Reply(), []
    for name in "ab":
        reply.then(lambda settled, name=name: seen.append((name, settled.result(), threading.current_thread().name)))
    assert seen == []
    settler = SYSTEM.thread(lambda: reply.set(7), name="settler")
    settler.join(60)
    reply.set(8)
    assert seen == [("a", 7, "settler"), ("b", 7, "settler")]


def test_a_callback_of_a_settled_reply_is_called_at_once():
    reply, seen = Reply(), []
    reply.fail(DOWN)
    reply.then(seen.append)
    assert seen == [reply]


def test_a_callback_may_ask_for_another_one():
    reply, seen = Reply(), []
    reply.then(lambda settled: settled.then(lambda again: seen.append(again.result())))
    reply.set("both")
    assert seen == ["both"]
