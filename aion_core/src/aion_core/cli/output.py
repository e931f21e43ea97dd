"""Data on stdout: tables for people, one JSON object per line for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias, TypeVar, cast

import click

from aion_core.cli.moments import iso

F = TypeVar("F", bound=Callable[..., object])
Style: TypeAlias = str | Callable[[str], str]
"""Of a column, or of each of its cells."""

_STATUSES: Final = {"completed": "green", "failed": "red", "timed out": "red", "blocked": "yellow", "running": "cyan"}


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
    click.echo(json.dumps(record, ensure_ascii=False, default=_plain))


def print_value(value: object) -> None:
    """A user's value as JSON: on one line, but for a person on as many as it takes."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain, indent=2 if sys.stdout.isatty() else None))


def _plain(value: object) -> object:
    """What JSON has no form for: times in ISO 8601, durations in seconds, bytes in base64."""
    match value:
        case datetime():
            return iso(value)
        case timedelta():
            return value.total_seconds()
        case bytes():
            return b64encode(value).decode()
        case Mapping():
            return dict(cast("Mapping[str, object]", value))
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")


def status_style(status: str) -> str:
    """The colour of a run's status."""
    return _STATUSES.get(status, "")


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, styles: Sequence[Style] = (), spare: Sequence[str] = ()
) -> None:
    """A table: with colours and folded to the width on a terminal, else in plain columns without headings' rules.

    Where a terminal is too narrow for it, columns that can be spared are left out before anything is folded.
    """
    table = [list(row) for row in rows]
    if not sys.stdout.isatty():
        _print_plain(headings, table)
        return
    kept = _kept(headings, table, spare)
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    looks = [*styles, *[""] * (len(headings) - len(styles))]
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number in kept:
        drawn.add_column(headings[number], overflow="fold", no_wrap=number == 0)
    for row in table:
        drawn.add_row(*(Text(row[number], style=_look(looks[number], row[number])) for number in kept))
    Console(width=shutil.get_terminal_size().columns, no_color=bool(os.environ.get("NO_COLOR")) or None).print(drawn)


def _kept(headings: Sequence[str], table: Sequence[Sequence[str]], spare: Sequence[str]) -> list[int]:
    """The columns that a terminal has room for, by their numbers."""
    widths = [max(map(len, column)) + 2 for column in zip(headings, *table, strict=True)]
    kept = list(range(len(headings)))
    for heading in spare:
        if sum(widths[number] for number in kept) - 2 > shutil.get_terminal_size().columns:
            kept.remove(list(headings).index(heading))
    return kept


def _look(style: Style, cell: str) -> str:
    return style(cell) if callable(style) else style


def _print_plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def print_heading(text: str) -> None:
    """A line that stands out on a terminal."""
    click.secho(text, bold=not os.environ.get("NO_COLOR"))


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Facts below a heading: names, and what there is to say of each."""
    known = list(pairs)
    width = max((len(name) for name, _ in known), default=0)
    for name, text in known:
        print_hanging(f"  {name:<{width}}  ", text)


def print_hanging(lead: str, text: str, *, style: str = "") -> None:
    """A line that begins alike; on a terminal, what is too long goes on below its `text`."""
    if not sys.stdout.isatty():
        click.echo(f"{lead}{text}")
        return
    width = max(shutil.get_terminal_size().columns - len(lead), 20)
    folded = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    plain = bool(os.environ.get("NO_COLOR"))
    click.echo(lead if plain else click.style(lead, dim=True), nl=False)
    for number, line in enumerate(folded):
        click.echo(" " * len(lead) if number else "", nl=False)
        click.echo(line if plain or not style else click.style(line, fg=style))


def print_paragraphs(text: str) -> None:
    """Text that was written in a source file, folded to the width of a terminal."""
    width = shutil.get_terminal_size().columns
    click.echo(click.wrap_text(text, width, preserve_paragraphs=True) if sys.stdout.isatty() else text)


def progress(message: str) -> None:
    """A line about what goes on, on stderr."""
    click.echo(message, err=True)
