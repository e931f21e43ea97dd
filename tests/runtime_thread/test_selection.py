"""That an engine finds this runtime, and that its distribution says what it is."""

import tomllib
from pathlib import Path

from aion_core.config import load
from aion_core.spi import SYSTEM
from aion_runtime_thread import ThreadRuntime, ThreadSettings

FOLDER = Path(__file__).parents[2] / "aion_runtime_thread"


def test_it_is_the_runtime_of_a_configuration_that_names_none():
    config = load({"event_store": {"use": "memory"}})
    assert config.runtime.driver.cls is ThreadRuntime
    assert config.runtime.settings == ThreadSettings(threads=512, grace=10.0)


def test_its_settings_are_read_from_the_table():
    config = load({"event_store": {"use": "memory"}, "runtime": {"use": "thread", "threads": 8, "grace": "500ms"}})
    assert config.runtime.settings == ThreadSettings(threads=8, grace=0.5)


def test_before_it_is_opened_nothing_runs_and_closing_is_fine():
    runtime = ThreadRuntime(ThreadSettings(), SYSTEM)
    assert runtime.health().workers == 0
    runtime.close(0)


def test_the_meta_distribution_brings_it():
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    assert any(required.startswith("aion-runtime-thread") for required in project["dependencies"])
