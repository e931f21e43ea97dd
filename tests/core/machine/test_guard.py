import asyncio
import logging
import os
import socket
import sqlite3
import sys
import zoneinfo
from pathlib import Path

import pytest

from aion_core.machine import Guard, WorkflowLoop
from aion_core.model import events as e
from aion_core.model.errors import NonDeterministicCall

CALLS = {
    "a file": lambda: Path(__file__).read_text(),
    "a folder": lambda: list(os.scandir(".")),
    "the environment": lambda: os.environ.__setitem__("AION_TEST_GUARD", "1"),
    "a process": lambda: os.system("true"),  # noqa: S605, S607  # it never gets there
    "a socket": socket.socket,
    "a name lookup": lambda: socket.getaddrinfo("127.0.0.1", 1),
    "the host's name": socket.gethostname,
    "a database": lambda: sqlite3.connect(":memory:"),
}


@pytest.mark.parametrize("what", CALLS)
def test_what_leaves_the_process_is_refused_whatever_the_code_catches(record, what):
    async def main(run):
        with pytest.raises(NonDeterministicCall):
            CALLS[what]()

    blocked = record(main).history[1]
    assert isinstance(blocked, e.WorkflowBlocked)
    assert f"workflow code can not use {what} at test_guard.py:" in blocked.failure.message


def test_outside_of_a_drain_nothing_is_refused(loop):
    assert Path(__file__).read_text()


def test_a_time_zone_and_a_lazy_import_may_be_read(record):
    async def main(run):
        zoneinfo.ZoneInfo.no_cache("Europe/Berlin")
        sys.modules.pop("colorsys", None)
        __import__("colorsys")

    assert isinstance(record(main).history[-1], e.WorkflowCompleted)


def test_a_guard_that_warns_lets_it_happen_and_says_where(recording, caplog):
    async def main(run):
        Path(__file__).read_text()

    with WorkflowLoop(guard=Guard.WARN) as loop, caplog.at_level(logging.WARNING, "aion.guard"):
        story = recording(loop, main)
    assert isinstance(story.history[-1], e.WorkflowCompleted)
    assert "workflow code can not use a file" in caplog.text


def test_a_guard_that_is_off_is_silent(recording, caplog):
    async def main(run):
        Path(__file__).read_text()

    with WorkflowLoop(guard=Guard.OFF) as loop:
        story = recording(loop, main)
    assert isinstance(story.history[-1], e.WorkflowCompleted)
    assert not caplog.text


def test_an_ordinary_event_loop_is_left_alone():
    async def main():
        return Path(__file__).read_text()  # that it may is what is tested

    assert asyncio.run(main())
