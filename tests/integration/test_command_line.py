"""Commands in processes of their own, which know each other only through a store on disk."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = '{"id": "42", "cents": 1999}'
CODE = "tests.engine.programs.orders"


@pytest.fixture
def aion(tmp_path):
    (tmp_path / "aion.toml").write_text("schema = 1\n")

    def run(*args):
        command = [sys.executable, "-m", "aion_core", *args, "--config", str(tmp_path / "aion.toml")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_what_one_process_posted_another_one_runs_and_a_third_one_sees(aion):
    posted = aion("start", "total", ORDER, "--id", "t")
    assert (posted.returncode, posted.stdout) == (0, "t\n"), posted.stderr
    assert "waits in the store" in posted.stderr

    # The same start again, by the function and no longer by its name: it is the one that waits.
    ran = aion("run", "total", ORDER, "--id", "t", "--workflows", CODE)
    assert (ran.returncode, ran.stdout) == (0, "1999\n"), ran.stderr

    [seen] = [json.loads(line) for line in aion("list", "--json").stdout.splitlines()]
    assert (seen["id"], seen["status"]) == ("t", "completed")
    assert aion("result", "t").stdout == "1999\n"
    asked = aion("query", "t", "status")
    assert asked.returncode == 6
    assert "no engine is there" in asked.stderr
