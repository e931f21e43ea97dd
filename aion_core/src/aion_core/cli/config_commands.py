"""`aion config`: what is configured, and where it was said."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aion_core.cli.output import config_options, json_option, print_json, print_table, progress
from aion_core.config import Examined, Value, examine


@click.group()
def config() -> None:
    """Show and check the configuration."""


@config.command()
@json_option
@config_options
def show(*, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Print every value with where it came from.

    Secrets are shown as ****. With an error in the configuration, what could be read is printed all the same.
    """
    found = examine(config_path, profile=profile)
    if as_json:
        for value in found.values:
            print_json({"path": value.path, "value": value.shown, "origin": str(value.origin)})
    else:
        progress(_heading(found))
        print_table(
            ["SETTING", "VALUE", "FROM"],
            [[value.path, written(value), _short(str(value.origin))] for value in found.values],
            styles=["bold", "", "dim"],
        )
    if found.error is not None:
        raise found.error


@config.command()
@json_option
@config_options
def check(*, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Say everything that is wrong with the configuration.

    Looks up every driver that it names, but opens no store.
    """
    found = examine(config_path, profile=profile)
    if found.error is not None:
        raise found.error
    if as_json:
        print_json({"source": found.source, "profile": found.profile, "ok": True})
        return
    click.echo(f"{_heading(found)}: no problems")


def written(value: Value) -> str:
    """A value as TOML writes it, nearly: a mask has no quotes, so that nobody takes it for a value."""
    return json.dumps(value.shown, ensure_ascii=False) if value.shown != "****" else "****"


def _heading(found: Examined) -> str:
    source = _short(found.source) if found.source else "no aion.toml found, defaults only"
    return f"{source}, profile {found.profile}" if found.profile else source


def _short(place: str) -> str:
    """A file below the current folder is named from there."""
    here = f"{Path.cwd()}/"
    return place.replace(here, "")
