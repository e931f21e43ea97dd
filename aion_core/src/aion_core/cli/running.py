"""`aion worker` and `aion run`: commands that run workflow code, in an engine of their own."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar, cast

import click

from aion_core.cli.arguments import arguments, duration
from aion_core.cli.code import catalog_of, code_of, workflows_option
from aion_core.cli.exits import Detached, Exit
from aion_core.cli.output import print_json, progress
from aion_core.cli.reaching import detachable, store_options, waited_for
from aion_core.cli.results import print_result
from aion_core.cli.start import asked, start_options, started

if TYPE_CHECKING:
    from aion_core.authoring.workflows import Workflow
    from aion_core.client.run import Run
    from aion_core.client.verbs import Verbs
    from aion_core.config import Config
    from aion_core.engine.catalog import Catalog
    from aion_core.engine.health import Health

F = TypeVar("F", bound=Callable[..., object])

_LEVELS: Final = ("debug", "info", "warning", "error")
_LAST_BODIES: Final = 5.0
"""Seconds that `run` waits for activities of other workflows which its engine has begun."""


def log_option(level: str) -> Callable[[F], F]:
    """`--log`, as `log_level`."""
    return click.option(
        "--log", "log_level", type=click.Choice(_LEVELS), default=level, show_default=True, help="What is logged."
    )


@click.command()
@workflows_option
@click.option(
    "--grace", type=duration, default=30.0, help="How long activities may go on when it is stopped.  [default: 30 s]"
)
@log_option("info")
@store_options
def worker(
    modules: Sequence[str],
    *,
    grace: float,
    log_level: str,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    """Run workflows until it is stopped.

    SIGTERM or Ctrl-C closes it: nothing new is begun, activities end within the grace, and what is unfinished goes on
    with the next worker. A second one does not wait.
    """
    from aion_core.opening import Engine
    from aion_core.opening.stopping import Stop

    config = _config(config_path, profile, modules)
    code = code_of(modules)
    catalog_of(code)
    _log(log_level)
    with Stop(
        lambda: progress(f"stopping: activities have {grace:g} s to end; once more, and it does not wait")
    ) as stop:
        try:
            with Engine.open(config, workflows=code) as engine:
                _tell(engine.health(), config, as_json=as_json)
                engine.serve(grace, stop=stop)
        except KeyboardInterrupt:
            _leave()
    if as_json:
        print_json({"event": "stopped"})
    else:
        progress("stopped")


@click.command()
@click.argument("workflow", metavar="TYPE")
@click.argument("args", nargs=-1, metavar="[JSON]...")
@workflows_option
@start_options
@log_option("warning")
@store_options
def run(
    workflow: str,
    args: Sequence[str],
    *,
    modules: Sequence[str],
    source: BinaryIO | None,
    log_level: str,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
    **options: Any,
) -> None:
    """Start a workflow, run it here, and print its result.

    Every argument is one JSON value; a bare word will do where the workflow takes a `str`. Where another engine holds
    the store, that one runs it. Exits as `aion result` does. Ctrl-C leaves the workflow to the next engine.
    """
    config = _config(config_path, profile, modules)
    code = code_of(modules)
    known = _known(catalog_of(code), workflow)
    values = arguments(args, source, takes_text=lambda position: _takes_text(known, position))
    given = asked(config, **options)
    _log(log_level)
    with _engine_or_client(config, code) as verbs:
        if known is None:
            begun = verbs.start(workflow, *values, **given)
        else:
            begun = verbs.start(known.bind(*_decoded(known, values, config)), **given)
        # Without the function: what it returned is printed as JSON, and not made into objects before.
        plain = verbs.handle(begun.id, begun.run_id or None)
        with detachable(begun, goes_on="goes on where an engine runs it"):
            progress(_posted(begun) if begun.pending else started(begun))
            print_result(plain, waited_for(plain.result), as_json=as_json)


def _config(config_path: str | None, profile: str | None, modules: Sequence[str]) -> Config:
    from aion_core.config import load

    config = load(config_path, profile=profile)
    if not modules and not config.loaders:
        raise click.UsageError("there is no code to run: name it with --workflows MODULE, or configure [[loaders]].")
    return config


def _log(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def _tell(health: Health, config: Config, *, as_json: bool) -> None:
    """What it serves, and who it is."""
    types = health.workflow_types
    if as_json:
        print_json(
            {
                "event": "serving",
                "engine_id": health.engine_id,
                "host": health.host,
                "pid": health.pid,
                "store": health.store.place,
                "workflow_types": list(types),
                "shards": health.shards,
                "shards_in_all": health.shards_in_all,
            }
        )
        return
    progress(f"serving {len(types)} workflow{'' if len(types) == 1 else 's'}: {', '.join(types) or 'none'}")
    progress(f"  store    {health.store.place}, {health.shards} of {health.shards_in_all} shards are ours")
    progress(f"  runtime  {config.runtime.use}")
    progress(f"  engine   {health.engine_id} on {health.host}, process {health.pid}")


def _leave() -> None:
    """Go without waiting for any thread: what is recorded is safe, and somebody has asked twice."""
    progress("stopped at once: what was running is run again by the next worker")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(Exit.INTERRUPTED)


def _known(catalog: Catalog, workflow: str) -> Workflow[..., Any] | None:
    """The workflow of this name, if its code was named on the command line."""
    if workflow not in catalog.types:
        return None
    return cast("Workflow[..., Any]", catalog.workflow(workflow, catalog.version))


def _takes_text(known: Workflow[..., Any] | None, position: int) -> bool:
    if known is None:
        return False
    names = known.signature.takes
    return position < len(names) and known.signature.type_of(names[position]) is str


def _decoded(known: Workflow[..., Any], values: Sequence[object], config: Config) -> Sequence[Any]:
    """The arguments as the workflow will get them. Raises `PayloadError` for what it does not take."""
    from aion_core.codec import Values

    codec = Values(config.limits)
    positional, _ = known.signature.decode(codec, codec.encode(list(values)))
    return positional


def _posted(begun: Run[Any]) -> str:
    """Where another engine ended without a word, its leases have to run out before anybody goes on."""
    return f"posted {begun.id}: it begins once an engine holds this part of the store"


@contextmanager
def _engine_or_client(config: Config, code: Sequence[object]) -> Generator[Verbs]:
    """An engine; where another one holds the store, a client of that one."""
    from aion_core.model.failed import StoreInUse
    from aion_core.opening import Client, Engine

    try:
        engine = Engine.open(config, workflows=code)
    except StoreInUse as held:
        progress(f"the engine on {held.host or 'this host'} (process {held.pid}) holds the store, and runs it")
        with Client.open(config) as client:
            yield client
        return
    try:
        yield engine
    except Detached:
        engine.close(0)
        raise
    finally:
        engine.close(_LAST_BODIES)
