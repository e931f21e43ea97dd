"""The way from a command to workflows: the store that is configured, as a client of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from aion_core.cli.exits import Detached
from aion_core.cli.output import config_options, json_option

if TYPE_CHECKING:
    from aion_core.client.run import Run
    from aion_core.config import Config
    from aion_core.opening import Client

F = TypeVar("F", bound=Callable[..., object])


def store_options(command: F) -> F:
    """What every command that talks to a store takes: `--json`, `--config` and `--profile`."""
    return json_option(config_options(command))


def run_option(command: F) -> F:
    """`--run`, as `run_id`."""
    return click.option("--run", "run_id", metavar="RUN_ID", help="This run of it, not the current one.")(command)


def stores(config_path: str | None, profile: str | None) -> Config:
    """The configuration, as far as a client needs it."""
    from aion_core.config import load

    return load(config_path, profile=profile, stores_only=True)


@contextmanager
def client_of(config_path: str | None, profile: str | None) -> Generator[Client]:
    """A client of the configured store."""
    from aion_core.opening import Client

    with Client.open(stores(config_path, profile)) as client:
        yield client


@contextmanager
def detachable(run: Run[object]) -> Generator[None]:
    """While a run is waited for, Ctrl-C ends the wait and nothing else."""
    try:
        yield
    except KeyboardInterrupt:
        raise Detached(f"no longer waiting: workflow {run.id!r} goes on.\n  See:  {see(run)}") from None


def see(run: Run[object]) -> str:
    """The command that shows a workflow."""
    return f"aion describe {shlex.quote(run.id)}"
