"""The thirty lines that the README shows are a file, and do what it says."""

import re
import subprocess
import sys
from pathlib import Path

import aion_core as aion
from aion_core.config import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOP = ROOT / "examples" / "shop.py"


def block(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]


def test_the_readme_prints_the_example_as_it_is():
    assert block("python") == SHOP.read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_says_and_a_second_process_finds_the_order(tmp_path):
    (tmp_path / "shop.py").write_text(block("python"))
    command = [sys.executable, "-W", "error", "shop.py"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        assert (done.stdout, "Traceback" in done.stderr) == ("receipt-42 waiting for approval\n", False)
    with aion.Client.open({"event_store": {"use": "sql", "url": f"sqlite:///{tmp_path}/aion.db"}}) as client:
        (run,) = client.list()
        assert run.id == "order-42"


def test_the_configuration_of_a_shared_database_is_one(tmp_path):
    path = tmp_path / "aion.toml"
    path.write_text(block("toml"))
    assert load(path, stores_only=True).event_store.use == "sql"
