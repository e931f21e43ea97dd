"""Programs that use the API, as two type checkers see them: what is right passes, what is wrong is reported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PROGRAMS = sorted(path for path in HERE.glob("*_side*.py"))


def refused(path, checker):
    """The lines that say of themselves that they are wrong, to this checker."""
    lines = enumerate(path.read_text().splitlines(), start=1)
    return {number for number, line in lines if line.endswith(("# refused", f"# refused by {checker}"))}


def by_mypy():
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--hide-error-context",
        *map(str, PROGRAMS),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    for line in done.stdout.splitlines():
        name, number, kind, message = line.split(":", 3)
        if kind.strip() == "error":
            yield ROOT / name, int(number), message


def by_pyright(folder):
    config = {
        "include": [os.path.relpath(path, folder) for path in PROGRAMS],  # absolute ones it ignores
        "extraPaths": [str(ROOT / "aion_core/src")],
        "pythonVersion": "3.11",
        "typeCheckingMode": "strict",
        # Handlers are called by nobody, and variables are there to be looked at.
        "reportUnusedFunction": "none",
        "reportUnusedVariable": "none",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "-p", str(folder), "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for found in json.loads(done.stdout)["generalDiagnostics"]:
        if found["severity"] == "error":
            yield Path(found["file"]), found["range"]["start"]["line"] + 1, found["message"]


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def reported(request, tmp_path_factory):
    pytest.importorskip(request.param)  # a wheel is tested where there is no checker
    found = {}
    for path, line, message in by_mypy() if request.param == "mypy" else by_pyright(tmp_path_factory.mktemp("pyright")):
        found.setdefault(path, {})[line] = message
    assert found
    return request.param, found


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_exactly_what_is_wrong_is_reported(reported, path):
    checker, by_path = reported
    found, wrong = by_path.get(path, {}), refused(path, checker)
    unexpected = {line: found[line] for line in found.keys() - wrong}
    assert (unexpected, wrong - found.keys()) == ({}, set())
