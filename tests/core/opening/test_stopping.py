"""`Stop`: signals that are kept in mind until somebody waits for them."""

import os
import signal
import threading
from contextlib import suppress

import pytest

from aion_core.opening import Engine, stopping
from aion_core.opening.stopping import Stop
from aion_core.platform import SYSTEM

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_came_before_the_wait_ends_it(number):
    heard = []
    with Stop(lambda: heard.append("once")) as stop:
        signal.raise_signal(number)
        assert heard == []
        stop.wait(lambda: pytest.fail("there was nothing to wait for"))
    assert heard == ["once"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_interrupts(number):
    with Stop():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_a_wait_that_is_in_vain_ends_with_the_reason(monkeypatch):
    monkeypatch.setattr(stopping, "_LOOK", 0.001)

    def complain():
        raise RuntimeError("the engine has stopped")

    with Stop() as stop, pytest.raises(RuntimeError, match="has stopped"):
        stop.wait(complain)


def test_a_signal_is_heard_while_a_call_is_under_way():
    ends = threading.Event()

    def close():
        os.kill(os.getpid(), signal.SIGTERM)
        ends.wait()

    with Stop() as stop:
        signal.raise_signal(signal.SIGINT)
        stop.wait(lambda: None)
        with pytest.raises(KeyboardInterrupt):
            stop.listening(close)
    ends.set()


def test_what_a_call_raises_is_raised():
    def fail():
        raise RuntimeError("it did not close")

    with Stop() as stop, pytest.raises(RuntimeError, match="did not close"):
        stop.listening(fail)


def test_signals_mean_afterwards_what_they_meant_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


class Backend:
    """An engine behind its face, which only says how it was closed."""

    closed = False

    def __init__(self):
        self.platform = SYSTEM
        self.graces = []

    def complain(self):
        raise RuntimeError("the engine has stopped")

    def close(self, grace):
        self.graces.append(grace)
        self.closed = True


def again():
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(("heard", "grace"), [(None, 7.0), (again, 0.0)])
def test_an_engine_closes_with_its_grace_unless_it_is_told_twice(heard, grace):
    backend = Backend()
    with Stop(heard) as stop:
        signal.raise_signal(signal.SIGTERM)
        with suppress(KeyboardInterrupt), Engine(backend) as engine:
            engine.serve(7, stop=stop)
    assert backend.graces[0] == grace


def test_an_engine_that_has_stopped_by_itself_serves_no_more(monkeypatch):
    monkeypatch.setattr(stopping, "_LOOK", 0.001)
    with Engine(Backend()) as engine, pytest.raises(RuntimeError, match="has stopped"):
        engine.serve()
