"""Data on stdout: tables for people, one JSON object per line for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def json_option(command: F) -> F:
    """`--json`, as the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")(command)


def config_options(command: F) -> F:
    """`--config` and `--profile`, as `config_path` and `profile`."""
    profile = click.option("--profile", metavar="NAME", help="The profile to lay over it.  [env: AION_PROFILE]")
    config = click.option(
        "--config",
        "config_path",
        metavar="PATH",
        help="The file to read, not the nearest aion.toml.  [env: AION_CONFIG]",
    )
    return config(profile(command))


def print_json(record: Mapping[str, object]) -> None:
    """One object on one line."""
    click.echo(json.dumps(record, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, styles: Sequence[str] = ()) -> None:
    """A table: with colours and folded to the width on a terminal, else in plain columns without headings' rules."""
    table = [list(row) for row in rows]
    if not sys.stdout.isatty():
        _print_plain(headings, table)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, heading in enumerate(headings):
        style = styles[number] if number < len(styles) else ""
        drawn.add_column(heading, style=style, overflow="fold", no_wrap=number == 0)
    for row in table:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(width=shutil.get_terminal_size().columns, no_color=bool(os.environ.get("NO_COLOR")) or None).print(drawn)


def _print_plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def print_heading(text: str) -> None:
    """A line that stands out on a terminal."""
    click.secho(text, bold=not os.environ.get("NO_COLOR"))


def print_paragraphs(text: str) -> None:
    """Text that was written in a source file, folded to the width of a terminal."""
    width = shutil.get_terminal_size().columns
    click.echo(click.wrap_text(text, width, preserve_paragraphs=True) if sys.stdout.isatty() else text)


def progress(message: str) -> None:
    """A line about what goes on, on stderr."""
    click.echo(message, err=True)
