"""Runs blocks of `console` in documents: behind `$ ` stands a command, below it what it prints.

`aion` is run in this process, with the configuration that the document's `AION_CONFIG` names; it prints both streams
together. `python` and `cat` are processes in the current folder, and print their standard output: what is logged
depends on the machine. `aion … &` is a process that goes on. The next command begins when its last lines are those
below it, as many as are written there; `kill %1` and `kill -9 %1` end it. `echo $?` is the exit code of the command
before. `...` stands for anything.
"""

from __future__ import annotations

import atexit
import os
import re
import shlex
import signal
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from threading import Timer
from typing import Any, Final

from click.testing import CliRunner
from sybil import Example

from aion_core.cli.root import command

_FLAGS: Final = ELLIPSIS | NORMALIZE_WHITESPACE
_PATIENCE: Final = 60
"""Seconds until a process that says nothing, or does not end, is taken for one that never will."""
_JOB: Final = "CONSOLE_JOB"
_AION: Final = [sys.executable, "-c", "from aion_core.cli import main; main()"]


def shown(page: Path, name: str) -> str:
    """The block of Python that a page shows as this file: its first line is the name, as a comment."""
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        if block.startswith(f"# {name}\n"):
            return str(block)
    raise LookupError(f"{page} shows no {name}")


def run_console(example: Example) -> str | None:
    """What went another way than the block says; None when all is as it stands there."""
    names = example.namespace
    code = names.get("LAST_EXIT", 0)
    for block in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        line, _, expected = block.partition("\n")
        match shlex.split(line):
            case ["echo", "$?"]:
                printed = f"{code}\n"
            case ["aion", *args, "&"]:
                printed, code = _begun(args, expected, names), 0
            case ["kill", *how, "%1"]:
                printed, code = _ended(signal.SIGKILL if how else signal.SIGTERM, names), 0
            case ["aion", *args]:
                printed, code = _invoked(args, names)
            case ["python" | "cat" as name, *args]:
                printed, code = _run([sys.executable if name == "python" else name, *args])
            case _:
                return f"{line} is no command that is run here"
        if not _matches(expected, printed):
            return f"$ {line}\nprinted:\n{printed}\nand not:\n{expected}"
    names["LAST_EXIT"] = code
    return None


def _matches(expected: str, printed: str) -> bool:
    return OutputChecker().check_output(expected, printed, _FLAGS)


def _invoked(args: list[str], names: dict[str, Any]) -> tuple[str, int]:
    """What it prints, and its exit code. One that waits for ever is told to end as by Ctrl-C."""
    late = Timer(_PATIENCE, os.kill, (os.getpid(), signal.SIGINT))
    late.start()
    try:
        done = CliRunner().invoke(command(), args, env={"AION_CONFIG": names.get("AION_CONFIG")})
    finally:
        late.cancel()
    return done.output, done.exit_code


def _run(words: list[str]) -> tuple[str, int]:
    """What it prints, and its exit code as a shell has it. What is logged is told when it fails."""
    done = subprocess.run(  # noqa: S603 # of our own documents
        words, capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    return done.stdout + (done.stderr if done.returncode > 0 else ""), done.returncode % 256


def _begun(args: list[str], expected: str, names: dict[str, Any]) -> str:
    """What it said last: as expected, or all that it ever said."""
    config = {"AION_CONFIG": names["AION_CONFIG"]} if "AION_CONFIG" in names else {}
    process = subprocess.Popen(  # noqa: S603 # likewise
        [*_AION, *args], stderr=subprocess.PIPE, text=True, env={**os.environ, **config}
    )
    names[_JOB] = process
    atexit.register(process.kill)
    late = Timer(_PATIENCE, process.kill)
    late.start()
    lines: list[str] = []
    for line in process.stderr or ():
        lines.append(line)
        said = "".join(lines[-len(expected.splitlines()) :])
        if _matches(expected, said):
            late.cancel()
            return said
    return "".join(lines)


def _ended(how: signal.Signals, names: dict[str, Any]) -> str:
    process: subprocess.Popen[str] = names.pop(_JOB)
    process.send_signal(how)
    _, said = process.communicate(timeout=_PATIENCE)
    return said
