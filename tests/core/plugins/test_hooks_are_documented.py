from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from aion_core.model import errors
from aion_core.plugins import DriverKind
from aion_core.spi import hookspecs

DOCS = Path(__file__).parents[3] / "docs" / "plugins"
HEADING = re.compile(r"^## (aion_.*)$", re.MULTILINE)


def specs():
    return {
        f"{name}({', '.join(inspect.signature(spec).parameters)})": spec
        for name, spec in vars(hookspecs).items()
        if hasattr(spec, "aion_spec")
    }


def test_every_hook_has_a_section_with_its_exact_arguments_and_every_section_a_hook():
    assert HEADING.findall((DOCS / "hooks.md").read_text()) == list(specs())


def test_every_section_has_an_example_that_implements_its_hook():
    text = (DOCS / "hooks.md").read_text()
    sections = HEADING.split(text)[1:]
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        assert f"@hookimpl\ndef {heading}:" in body, heading


@pytest.mark.parametrize("spec", specs().values(), ids=lambda spec: spec.__name__)
def test_every_hook_says_what_it_is_for(spec):
    assert inspect.getdoc(spec)


def test_every_plugin_error_and_every_group_is_in_the_guide():
    text = (DOCS / "writing.md").read_text()
    documented = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert documented == {error.__name__ for error in errors.PluginError.__subclasses__()}
    for kind in DriverKind:
        assert f"| `{kind}` | `{kind.group}` |" in text
