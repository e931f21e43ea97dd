"""Other processes, which a test leads by the hand."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


class Other:
    """A process that does what it is told, one line after the other."""

    def __init__(self, url):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "default", "-m", "tests.store_sql.programs.other", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )

    def begin(self, line):
        """Let it do this; `ended` waits for what comes of it."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def ended(self):
        return self.process.stdout.readline().rstrip("\n")

    def does(self, line):
        """What comes of this: the representation of its value, or the error's name and text."""
        self.begin(line)
        return self.ended()

    def kill(self):
        """End it without a word."""
        self.process.kill()
        self.process.communicate()

    def leave(self):
        """Let it end as it likes; what it had to say of errors."""
        _, said = self.process.communicate()
        return said
