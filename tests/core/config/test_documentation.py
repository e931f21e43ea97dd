from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aion_core.config.describing import described
from aion_core.config.sections import PLAIN_SECTIONS, SECTIONS, ActivityDefaults, Queue

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs/guides/configuration.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_pages_of_the_reference_say_what_the_code_says():
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), f"run `make docs`: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", blocks("toml"))
def test_the_examples_of_the_guide_are_valid(aion, block):
    aion.write(block, schema=False)
    config = aion.load(AION_DB_PASSWORD="secret")
    assert config.event_store.settings.password.reveal() == "secret"


def test_the_profile_of_the_guide_s_example_is_valid(aion):
    aion.write(blocks("toml")[0], schema=False)
    assert aion.load(profile="test").event_store.use == "memory"


def test_the_python_of_the_guide_runs():
    (block,) = blocks("python")
    names: dict[str, object] = {"__name__": "guide"}
    exec(compile(block, "guide", "exec"), names)  # documentation is executed
    assert names["RedisSettings"]


def test_every_section_and_every_key_is_documented():
    page = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    for section in SECTIONS:
        assert re.search(rf"^## `\[+{section}", page, re.MULTILINE), section
    for kind in (*PLAIN_SECTIONS.values(), Queue, ActivityDefaults):
        for setting in described(kind):
            assert setting.text, f"{kind.__name__}.{setting.key} has no text"
            assert f"| `{setting.key}` |" in page
