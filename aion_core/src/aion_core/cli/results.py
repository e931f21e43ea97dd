"""`aion result`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from aion_core.cli.arguments import duration
from aion_core.cli.output import print_json, print_value
from aion_core.cli.reaching import client_of, detachable, run_option, store_options, waited_for

if TYPE_CHECKING:
    from aion_core.client.run import Run


@click.command()
@click.argument("id")
@run_option
@click.option("--timeout", type=duration, help="How long to wait; the run goes on.  [exit code 124]")
@store_options
def result(
    id: str,
    *,
    run_id: str | None,
    timeout: float | None,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    """Wait for a workflow to end, and print what it returned.

    Prints JSON. Exits with 10 for a run that failed, 11 for one that was cancelled or terminated, 12 for one that timed
    out. Runs that go on as new ones are followed.
    """
    with client_of(config_path, profile) as client:
        run = client.handle(id, run_id)
        with detachable(run):
            print_result(run, waited_for(partial(run.result, timeout)), as_json=as_json)


def print_result(run: Run[object], value: object, *, as_json: bool) -> None:
    """What a workflow returned."""
    if as_json:
        print_json({"id": run.id, "status": "completed", "result": value})
    else:
        print_value(value)
