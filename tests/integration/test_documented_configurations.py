"""Every `aion.toml` in the documents is one, as far as its plugins exist."""

import re
from contextlib import suppress
from pathlib import Path

import pytest

from aion_core.config import load
from aion_core.model.errors import PluginNotFound

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("*/README.md")))
BLOCKS = {
    f"{page.relative_to(ROOT)}-{number}": block
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    if not block.startswith("[project]")
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_documented_configuration_can_be_read(name, tmp_path, monkeypatch):
    for secret in re.findall(r'env = "(\w+)"', BLOCKS[name]):
        monkeypatch.setenv(secret, "something")
    whole = BLOCKS[name] if "schema" in BLOCKS[name] else f"schema = 1\n{BLOCKS[name]}"
    (tmp_path / "aion.toml").write_text(whole)
    with suppress(PluginNotFound):  # examples with other people's plugins
        load(tmp_path / "aion.toml", stores_only=True)


def test_the_pages_have_configurations():
    assert len(BLOCKS) > 10
