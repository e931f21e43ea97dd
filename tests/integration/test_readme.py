"""The thirty lines that the README shows are a file, and do what it says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOP = ROOT / "examples" / "shop.py"


def block(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]


def test_the_readme_prints_the_example_as_it_is():
    assert block("python") == SHOP.read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_says(tmp_path):
    (tmp_path / "aion.toml").write_text(block("toml"))
    (tmp_path / "shop.py").write_text(block("python"))
    command = [sys.executable, "-W", "error", "shop.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("receipt-42 waiting for approval\n", "")
