"""A store that was written outside of this repository is installed, selected by name, and passes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "diary_store"
AION_TOML = """
schema = 1

[event_store]
use = "diary"
path = "diary.txt"
"""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """The project in a folder of its own, installed where only its own processes see it."""
    project = tmp_path_factory.mktemp("elsewhere") / "diary_store"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__"))
    site = project.parent / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", site]
    subprocess.run([*pip, project], check=True, capture_output=True)
    (project / "aion.toml").write_text(AION_TOML)

    def run(*command):
        environ = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, *command], cwd=project, env=environ, capture_output=True, text=True, check=False
        )

    return run


def test_its_ten_line_conformance_test_passes(stranger):
    done = stranger("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout


def test_it_is_listed_with_the_distribution_it_comes_from(stranger):
    assert "diary-store 1.0" in stranger("-m", "aion_core", "plugins", "list").stdout


def test_it_is_selected_by_its_name_in_aion_toml(stranger):
    done = stranger(
        "-c", "from aion_core.config import load; print(load(stores_only=True).event_store.driver.provider)"
    )
    assert done.stdout.strip() == "diary-store 1.0", done.stderr


def test_an_unknown_key_of_its_table_is_an_error_with_a_suggestion(stranger):
    program = "from aion_core.config import load; load({'event_store': {'use': 'diary', 'pth': 'x'}}, stores_only=True)"
    assert "event_store.pth: unknown key (did you mean 'path'?)" in stranger("-c", program).stderr


def test_the_command_checks_it_and_prints_a_table(stranger):
    done = stranger("-m", "aion_core", "plugins", "check", "diary", "--set", "path=diary.txt", "--only", "golden")
    assert done.returncode == 0, done.stderr
    assert "golden" in done.stdout
    assert "0 failed" in done.stdout


def test_a_store_that_breaks_its_promise_is_reported_by_the_case(stranger):
    program = (
        "import diary_store, sys\n"
        "from aion_core.cli import main\n"
        "diary_store.DiaryStore.read = lambda self, workflow_id, *, after=0, limit=None: __import__('aion_core.spi')"
        ".spi.Page(())\n"
        "sys.argv = ['aion', 'plugins', 'check', 'diary', '--set', 'path=diary.txt', '--only', 'golden']\n"
        "main()"
    )
    done = stranger("-c", program)
    assert done.returncode == 8
    assert "does not keep the contract of event_store" in done.stderr
