"""`aion version`."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from aion_core.cli.output import json_option, print_json

DISTRIBUTION = "aion-durable-core"


@click.command()
@json_option
def version(*, as_json: bool) -> None:
    """Print the versions of Aion and Python."""
    try:
        installed = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        installed = "not installed"
    if as_json:
        print_json({"aion": installed, "python": platform.python_version(), "platform": platform.platform()})
        return
    click.echo(f"aion {installed} (Python {platform.python_version()}, {platform.platform()})")
