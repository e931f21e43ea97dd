"""The page of commands: every command with its options, as click knows them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from aion_core.cli.exits import Exit
from aion_core.cli.root import command


def page() -> str:
    """Every command, in the order of the help."""
    root = command()
    context = click.Context(root, info_name="aion")
    parts = [
        "# Commands",
        (
            "Data goes to stdout, progress and errors to stderr. With `--json`, data is one JSON object per line, and "
            'an error is an object `{"error": {"code": …, "message": …}}`. `python -m aion_core` is the same as `aion`.'
        ),
        (
            "Extensions that `[plugins] enabled` names may add commands. `AION_DEBUG=1` shows tracebacks, "
            "`NO_COLOR=1` turns colours off."
        ),
        "## Exit codes",
        "\n".join(["| code | meaning |", "|---|---|", *_exits()]),
    ]
    for name in root.list_commands(context):
        found = root.get_command(context, name)
        if found is not None:
            parts.extend(_sections(found, context, name))
    return "\n\n".join(parts)


def _exits() -> Iterator[str]:
    for code in Exit:
        yield f"| {code.value} | {code.name.lower().replace('_', ' ')} |"


def _sections(found: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(found, info_name=name, parent=parent)
    if isinstance(found, click.Group):
        for each in found.list_commands(context):
            inner = found.get_command(context, each)
            if inner is not None:
                yield from _sections(inner, context, each)
        return
    yield f"## `{context.command_path}`"
    yield f"```\n{found.get_usage(context).removeprefix('Usage: ')}\n```"
    yield _text(found.help or "")
    rows = [_row(option, context) for option in found.params if isinstance(option, click.Option)]
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows])


def _text(help_: str) -> str:
    r"""Paragraphs; what click is told not to fold (a line of `\\b`) is code."""
    paragraphs = re.split(r"\n\n", inspect.cleandoc(help_))
    return "\n\n".join(f"```\n{part[2:].strip()}\n```" if part.startswith("\b\n") else part for part in paragraphs)


def _row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    names, text = record or (", ".join(option.opts), "")
    return f"| `{_cell(names)}` | {_cell(text)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
