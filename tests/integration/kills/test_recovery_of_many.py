"""A process with many open runs is killed, and the next one goes on with all of them."""

import json
import subprocess
import sys
import time

import pytest
from tests.integration.kills.loop import NAMES, ROOT
from tests.integration.kills.thousand import delivery
from tests.integration.soundness import wrong_with

LEASE = 0.5
COUNT = 1_000


@pytest.fixture
def config(section):
    return {"event_store": section, "engine": {"lease": LEASE}}


def test_all_runs_of_a_process_that_was_killed_go_on_in_the_next_one(config, kind, evidence):
    with _process(config) as killed:
        assert json.loads(killed.stdout.readline())
        at = time.monotonic()
        killed.kill()
    with _process(config, "go") as heir:
        seconds = json.loads(heir.stdout.readline())["at"] - at
        assert heir.wait(60) == 0
    assert wrong_with(config, delivery) == []
    evidence(
        "recovery",
        on=NAMES[kind],
        times=1,
        open_runs=COUNT,
        seconds_of_lease=LEASE,
        seconds_until_all_had_gone_on=seconds,
    )


def _process(config, *arguments):
    command = [sys.executable, "-m", "tests.integration.kills.thousand", json.dumps(config), str(COUNT), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
