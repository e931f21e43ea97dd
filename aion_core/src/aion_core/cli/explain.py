"""`aion explain`."""

from __future__ import annotations

import difflib
import inspect

import click

from aion_core.cli.exits import EXITS, CommandFailed, Exit
from aion_core.cli.output import json_option, print_heading, print_json, print_paragraphs, print_table
from aion_core.model.errors import AionError, all_errors


@click.command()
@click.argument("code", required=False)
@json_option
def explain(code: str | None, *, as_json: bool) -> None:
    """Say what an error code means and what to do about it.

    Without a code, list all of them. The class's name will do, too.
    """
    known = list(all_errors())
    if code is None:
        _list(known, as_json=as_json)
        return
    found = next((error for error in known if code.lower() in {error.code, error.__name__.lower()}), None)
    if found is None:
        near = difflib.get_close_matches(code.lower(), [error.code for error in known], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`aion explain` lists all codes."
        raise CommandFailed(f"there is no error code {code!r}: {hint}", Exit.NOT_FOUND)
    if as_json:
        print_json(_record(found))
        return
    print_heading(f"{found.code} ({found.__name__})")
    click.echo()
    print_paragraphs(explanation(found))
    click.echo()
    click.echo(f"A command that ends with it exits with {exit_code(found)}.")
    kinds = [parent.code for parent in found.__mro__[1:] if issubclass(parent, AionError) and parent is not AionError]
    if kinds:
        click.echo(f"It is a kind of: {', '.join(kinds)}.")


def explanation(error: type[AionError]) -> str:
    """The class's documentation, as it was written."""
    return inspect.cleandoc(error.__doc__ or "")


def exit_code(error: type[AionError]) -> int:
    """The code that the command exits with."""
    return next(int(EXITS[cls]) for cls in error.__mro__ if cls in EXITS)


def _list(known: list[type[AionError]], *, as_json: bool) -> None:
    if as_json:
        for error in known:
            print_json(_record(error))
        return
    print_table(
        ["CODE", "MEANING"],
        [[error.code, explanation(error).split("\n\n")[0].replace("\n", " ")] for error in known],
        styles=["bold"],
    )


def _record(error: type[AionError]) -> dict[str, object]:
    return {"code": error.code, "class": error.__name__, "text": explanation(error), "exit": exit_code(error)}
