"""The first program that anybody sees, as it is printed."""

import subprocess
import sys
from pathlib import Path

SHOP = Path(__file__).parents[2] / "examples" / "shop.py"


def test_the_thirty_lines_run_in_an_empty_folder(tmp_path):
    (tmp_path / "shop.py").write_text(SHOP.read_text())
    (tmp_path / "aion.toml").write_text('schema = 1\n\n[event_store]\nuse = "memory"\n')
    done = subprocess.run(
        [sys.executable, "-W", "error", "shop.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "receipt-42 waiting for approval\n")
