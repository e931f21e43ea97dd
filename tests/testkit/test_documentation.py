"""The pages about the kit say what the kit does, and their examples run."""

import re
from pathlib import Path

import pytest

from aion_testkit import EventStoreConformance, VisibilityStoreConformance
from aion_testkit.catalogue import page

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/plugins/conformance.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", GUIDE, re.MULTILINE)
CASES = {case.name for cls in (EventStoreConformance, VisibilityStoreConformance) for case in cls.cases}


def test_the_page_of_all_cases_is_what_the_kit_has():
    written = (ROOT / "docs/reference/conformance.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m aion_testkit.catalogue > docs/reference/conformance.md"


def test_the_guide_names_all_fifty_cases_of_the_original():
    assert [int(number) for number, _ in ROWS] == list(range(1, 51))


@pytest.mark.parametrize(("number", "here"), ROWS)
def test_the_counterparts_in_the_guide_exist(number, here):
    assert set(re.findall(r"`(test_\w+)`", here)) <= CASES


def runnable():
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "acme_store" not in block and not block.startswith(" ")]


@pytest.mark.parametrize("block", runnable())
def test_the_examples_of_the_guide_run(block):
    exec(compile(block, "guide", "exec"), {"__name__": "guide"})  # documentation is executed


def test_there_are_examples_to_run():
    assert len(runnable()) == 3
