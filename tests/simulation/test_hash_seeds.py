"""Task groups, `wait` and `as_completed` do the same whatever the order of sets is: one log of commands."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 40
BESIDE = 2
"""Processes at a time."""


def started(seed):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation.orders"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_forty_hash_seeds_give_one_log_of_commands():
    logs = set()
    for first in range(0, RUNS, BESIDE):
        for process in [started(seed) for seed in range(first, first + BESIDE)]:
            logs.add(process.communicate()[0])
            assert process.returncode == 0
    assert len(logs) == 1
    events, _ = logs.pop().split()
    assert int(events) > 100
