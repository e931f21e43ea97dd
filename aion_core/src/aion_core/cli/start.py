"""`aion start`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import click

from aion_core.cli.arguments import arguments, attributes_of, duration, input_option, memo_of
from aion_core.cli.output import print_json, progress
from aion_core.cli.reaching import detachable, see, store_options, stores, waited_for
from aion_core.cli.results import print_result

if TYPE_CHECKING:
    from aion_core.client.run import Run
    from aion_core.config import Config

F = TypeVar("F", bound=Callable[..., object])

POLICIES: Final = ("idempotent", "existing", "reject", "allow_closed", "allow_failed", "restart")


_OPTIONS: Final = (
    click.option("--id", metavar="ID", help="The workflow's id, so that the same start finds the same run."),
    click.option(
        "--policy",
        type=click.Choice(POLICIES),
        default="idempotent",
        show_default=True,
        metavar="POLICY",
        help=f"What happens when the id is known already: {', '.join(POLICIES)}.",
    ),
    click.option("--delay", type=duration, help="How long until its code runs: seconds, or 30s, 5m, 2h, 1d."),
    click.option("--timeout", type=duration, help="How long until the run is ended as timed out."),
    click.option(
        "--attribute", "attributes", multiple=True, metavar="NAME=VALUE", help="A search attribute; repeatable."
    ),
    click.option("--memo", multiple=True, metavar="NAME=JSON", help="A value that lists show; repeatable."),
    click.option("--request-id", metavar="ID", help="The same request sent again changes nothing."),
    input_option,
)


def start_options(command: F) -> F:
    """What `start` and `run` take, as keywords for `asked`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked(config: Config, *, attributes: Sequence[str], memo: Sequence[str], **options: Any) -> dict[str, Any]:
    """The keywords of the verb, from those of the command."""
    declared = {name: str(kind) for name, kind in config.search_attributes.types.items()}
    return {**options, "attributes": attributes_of(attributes, declared), "memo": memo_of(memo)}


@click.command()
@click.argument("workflow", metavar="TYPE")
@click.argument("args", nargs=-1, metavar="[JSON]...")
@start_options
@click.option("--wait", is_flag=True, help="Wait for the result and print it, as `aion result` does.")
@store_options
def start(
    workflow: str,
    args: Sequence[str],
    *,
    source: BinaryIO | None,
    wait: bool,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
    **options: Any,
) -> None:
    """Start a workflow, for an engine elsewhere to run.

    Every argument is one JSON value. Prints the workflow's id. Without an engine the start is kept in the store until
    there is one.
    """
    from aion_core.opening import Client

    config = stores(config_path, profile)
    values = arguments(args, source)
    with Client.open(config) as client:
        run = client.start(workflow, *values, **asked(config, **options))
        if not wait:
            _print(run, as_json=as_json)
            return
        with detachable(run):
            progress(started(run))
            print_result(run, waited_for(run.result), as_json=as_json)


def _print(run: Run[Any], *, as_json: bool) -> None:
    if as_json:
        record = {"id": run.id, "run_id": run.run_id or None, "created": run.created, "pending": run.pending}
        # Nobody knows yet whether a start that is only posted will find a run of this id.
        print_json({**record, "created": None} if run.pending else record)
        return
    click.echo(run.id)
    progress(started(run))
    progress("  Run one:  aion worker --workflows MODULE" if run.pending else f"  See:  {see(run)}")


def started(run: Run[Any]) -> str:
    """What has become of a start, as a sentence."""
    if run.pending:
        return f"posted {run.id}: no engine is there yet, and the start waits in the store for one"
    return f"started {run.id}, run {run.run_id}" if run.created else f"{run.id} was there already, run {run.run_id}"
