"""`aion list` and `aion count`: runs that match a query."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from aion_core.cli.moments import age, clock
from aion_core.cli.output import print_json, print_table, progress, status_style
from aion_core.cli.reaching import client_of, store_options
from aion_core.cli.records import summary_record

if TYPE_CHECKING:
    from aion_core.client.views import Summary

_MICROSECOND: Final = timedelta(microseconds=1)
_QUERY: Final = """QUERY is a condition, such as

\b
status = 'failed' and started > -2h
type in ('checkout', 'refund') and customer = 'acme'"""


@click.command(
    "list",
    help=f"""List workflows, the newest first.

{_QUERY}

A cursor that is printed when there are more (and with --json for every run) goes on behind that run: --after CURSOR.
""",
)
@click.argument("query", default="")
@click.option("--order", metavar="FIELD [desc]", help="By this field, not by start.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", default=50, help="At most so many.  [default: 50]")
@click.option("--after", metavar="CURSOR", help="Go on behind this run.")
@store_options
def list_(
    query: str,
    *,
    order: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    """Print a table of runs."""
    from aion_core.model.times import as_datetime
    from aion_core.platform import SYSTEM

    with client_of(config_path, profile) as client:
        runs = client.list(query, order=order, limit=limit + 1, after=after)
        found: list[Summary] = []
        for run in islice(runs, limit):
            found.append(run)
            if as_json:
                print_json(summary_record(run))
        more = next(runs, None) is not None
    if not as_json:
        _print(found, as_datetime(SYSTEM.now()))
    if more:
        progress(f"{limit} shown, and there are more. Go on with:  --after {shlex.quote(found[-1].cursor)}")


@click.command(help=f"Count workflows.\n\n{_QUERY}\n")
@click.argument("query", default="")
@store_options
def count(query: str, *, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Print how many runs match."""
    with client_of(config_path, profile) as client:
        number = client.count(query)
    if as_json:
        print_json({"count": number})
    else:
        click.echo(str(number))


def _print(found: list[Summary], now: datetime) -> None:
    from aion_core.client.telling import length

    if not found:
        progress("no workflows match")
        return
    print_table(
        ["ID", "TYPE", "STATUS", "STARTED (UTC)", "AGO", "TOOK"],
        [
            [
                run.id,
                run.type,
                str(run.status).replace("_", " "),
                clock(run.started),
                age(run.started, now),
                length((run.closed - run.started) // _MICROSECOND) if run.closed else "",
            ]
            for run in found
        ],
        styles=["bold", "", status_style, "dim", "dim", "dim"],
        spare=["STARTED (UTC)", "TOOK"],
    )
