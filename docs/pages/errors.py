"""The page of errors: every class with its code."""

from __future__ import annotations

import inspect

from aion_core.cli.explain import exit_code
from aion_core.model.errors import AionError, all_errors


def page() -> str:
    """Every class of the tree, parents before children."""
    sections = [_section(error) for error in all_errors()]
    return "\n\n".join(
        [
            "# Errors",
            (
                "Errors that a program may handle derive from `AionError`. Their `code` never changes; "
                "`aion explain CODE` prints what is written here. A class stands for its subclasses, too."
            ),
            *sections,
        ]
    )


def _section(error: type[AionError]) -> str:
    parent = error.__mro__[1]
    kind = f", a kind of `{parent.__name__}`" if issubclass(parent, AionError) else ""
    return (
        f"## `{error.__name__}`\n\n"
        f"Code `{error.code}`{kind}; the command exits with {exit_code(error)}.\n\n"
        f"{inspect.cleandoc(error.__doc__ or '')}"
    )
