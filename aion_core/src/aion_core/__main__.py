"""`python -m aion_core` is the `aion` command."""

from aion_core.cli import main

main(prog_name="aion")
