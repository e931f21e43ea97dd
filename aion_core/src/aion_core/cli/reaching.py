"""The way from a command to workflows: the store that is configured, as a client of it."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import click

from aion_core.cli.exits import Detached
from aion_core.cli.output import config_options, json_option

if TYPE_CHECKING:
    from aion_core.client.run import Run
    from aion_core.config import Config
    from aion_core.opening import Client

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

_LISTEN: Final = 0.2
"""Seconds until Ctrl-C is heard at the latest."""


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
def detachable(run: Run[object], *, goes_on: str = "goes on") -> Generator[None]:
    """While a run is waited for, Ctrl-C ends the wait and nothing else."""
    try:
        yield
    except KeyboardInterrupt:
        message = f"no longer waiting: workflow {run.id!r} {goes_on}.\n  See:  {see(run)}"
        raise Detached(message) from None


def waited_for(call: Callable[[], T]) -> T:
    """What a long call gives, made on a thread of its own, so that Ctrl-C is heard in time.

    A signal that arrives just before the main thread blocks in a lock does not wake it.
    """
    answer: Future[T] = Future()
    done = threading.Event()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is the caller's
            answer.set_exception(error)
        done.set()

    threading.Thread(target=run, name="aion-wait", daemon=True).start()
    while not done.wait(_LISTEN):
        pass
    return answer.result()


def see(run: Run[object]) -> str:
    """The command that shows a workflow."""
    return f"aion describe {shlex.quote(run.id)}"
