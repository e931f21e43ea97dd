"""`Stop`: signals that are kept in mind until somebody waits for them."""

import signal

import pytest

from aion_core.opening import stopping
from aion_core.opening.stopping import Stop

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


def test_signals_mean_afterwards_what_they_meant_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Stop():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
