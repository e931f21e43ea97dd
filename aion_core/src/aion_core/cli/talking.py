"""`aion signal`, `query`, `cancel` and `terminate`: telling and asking a workflow something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from aion_core.cli.arguments import arguments, duration, input_option, one_value
from aion_core.cli.engines import is_served
from aion_core.cli.exits import CommandFailed, Exit
from aion_core.cli.output import print_json, print_value, progress
from aion_core.cli.reaching import client_of, run_option, store_options, stores

if TYPE_CHECKING:
    from aion_core.client.run import Run

F = TypeVar("F", bound=Callable[..., object])


@click.command()
@click.argument("id")
@click.argument("name")
@click.argument("value", required=False, metavar="[JSON]")
@input_option
@click.option("--message-id", metavar="ID", help="The same message sent again changes nothing.")
@run_option
@store_options
def signal(
    id: str,
    name: str,
    value: str | None,
    *,
    source: BinaryIO | None,
    message_id: str | None,
    run_id: str | None,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    """Send a signal to a workflow.

    The value is one JSON value, null without one. Without an engine the signal is kept in the store until there is one.
    """
    sent = one_value(value, source)
    with client_of(config_path, profile) as client:
        run = client.handle(id, run_id)
        run.signal(name, sent, message_id=message_id)
        _tell(run, f"signal {name} recorded by {id}", as_json=as_json)


@click.command()
@click.argument("id")
@click.argument("name")
@click.argument("args", nargs=-1, metavar="[JSON]...")
@input_option
@click.option("--timeout", type=duration, default=10.0, help="How long to wait for the answer.  [default: 10 s]")
@run_option
@store_options
def query(
    id: str,
    name: str,
    args: Sequence[str],
    *,
    source: BinaryIO | None,
    timeout: float,
    run_id: str | None,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    """Ask a workflow's code something, and print the answer as JSON.

    Changes nothing. Closed runs answer, too, but an engine has to be there that runs the code.
    """
    values = arguments(args, source)
    _require_engine(id, config_path, profile)
    with client_of(config_path, profile) as client:
        answer = client.handle(id, run_id).query(name, *values, timeout=timeout)
    if as_json:
        print_json({"id": id, "query": name, "answer": answer})
    else:
        print_value(answer)


@click.command()
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the history.")
@run_option
@store_options
def cancel(id: str, **given: Any) -> None:
    """Ask a workflow to stop.

    Its code gets `asyncio.CancelledError`, may clean up, and may refuse.
    """
    _stop(id, lambda run, reason: run.cancel(reason), f"cancellation recorded by {id}", **given)


@click.command()
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the history.")
@run_option
@store_options
def terminate(id: str, **given: Any) -> None:
    """End a workflow at once.

    Its code does not hear of it and can not clean up: `aion cancel` lets it.
    """
    _stop(id, lambda run, reason: run.terminate(reason), f"terminated {id}", **given)


def _stop(
    id: str,
    verb: Callable[[Run[Any], str], None],
    done: str,
    *,
    reason: str,
    run_id: str | None,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    with client_of(config_path, profile) as client:
        run = client.handle(id, run_id)
        verb(run, reason)
        _tell(run, done, as_json=as_json)


def _tell(run: Run[Any], done: str, *, as_json: bool) -> None:
    """Whether it was recorded, or waits for an engine to do so."""
    if as_json:
        print_json({"id": run.id, "pending": run.pending})
    elif run.pending:
        progress(f"posted to {run.id}: no engine is there, and it waits in the store for one{_known(run)}")
    else:
        progress(done)


def _known(run: Run[Any]) -> str:
    """A word of warning where nobody has heard of the workflow: the id may be misspelt."""
    from aion_core.model.failed import WorkflowNotFound

    with suppress(WorkflowNotFound):
        run.status()
        return ""
    return f".\n  There is no workflow {run.id!r} yet: unless its start is waiting as well, this comes to nothing"


def _require_engine(id: str, config_path: str | None, profile: str | None) -> None:
    """Nobody would answer, and waiting would tell it late."""
    from aion_core.platform import SYSTEM

    with stores(config_path, profile).event_store.make(SYSTEM) as store:
        if not is_served(store, id):
            raise CommandFailed(
                f"no engine is there that could answer for workflow {id!r}.\n"
                "  Run one:  aion worker --workflows MODULE",
                Exit.UNAVAILABLE,
            )
