"""Another program that writes to the same SQLite file: `python foreigner.py FILE`, told by lines what to do."""

import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager


class Foreigner:
    """It, as a test has it."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process

    def take(self) -> None:
        """Have the lock that writers need. Returns when it is had."""
        self._say("BEGIN IMMEDIATE")

    def give(self) -> None:
        """Give it back."""
        self._say("COMMIT")

    def hold(self, seconds: float) -> None:
        """Have it for so long."""
        self._say(f"HOLD {seconds}")

    def _say(self, statement: str) -> None:
        print(statement, file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def foreigner(path):
    """Another process, ended at the end."""
    command = [sys.executable, __file__, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Foreigner(process)
        finally:
            process.stdin.close()


def main() -> None:
    connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
    for line in sys.stdin:
        if line.startswith("HOLD"):
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(float(line.split()[1]))
            connection.execute("COMMIT")
        else:
            connection.execute(line)
        sys.stdout.write("done\n")
        sys.stdout.flush()
    connection.close()


if __name__ == "__main__":
    main()
