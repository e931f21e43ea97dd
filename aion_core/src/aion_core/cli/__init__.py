"""The `aion` command."""

from aion_core.cli.root import main

__all__ = ["main"]
