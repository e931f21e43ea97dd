"""Runs blocks of `console` in documents: behind `$ ` stands a command, below it what it prints, both streams together.

There are two commands: `aion`, run in this process with the configuration that the document's `AION_CONFIG` names, and
`echo $?`, the exit code of the one before. `...` stands for anything.
"""

from __future__ import annotations

import re
import shlex
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker

from click.testing import CliRunner
from sybil import Example

from aion_core.cli.root import command

_FLAGS = ELLIPSIS | NORMALIZE_WHITESPACE


def run_console(example: Example) -> str | None:
    """What went another way than the block says; None when all is as it stands there."""
    code = example.namespace.get("LAST_EXIT", 0)
    for block in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        line, _, expected = block.partition("\n")
        name, *args = shlex.split(line)
        if [name, *args] == ["echo", "$?"]:
            printed = f"{code}\n"
        elif name == "aion":
            done = CliRunner().invoke(command(), args, env={"AION_CONFIG": example.namespace.get("AION_CONFIG")})
            printed, code = done.output, done.exit_code
        else:
            return f"{name} is no command that is run here"
        if not OutputChecker().check_output(expected, printed, _FLAGS):
            return f"$ {line}\nprinted:\n{printed}\nand not:\n{expected}"
    example.namespace["LAST_EXIT"] = code
    return None
