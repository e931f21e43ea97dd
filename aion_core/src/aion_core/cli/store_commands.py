"""`aion store`: the care for the configured store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from aion_core.cli.exits import CommandFailed, Exit
from aion_core.cli.output import config_options, json_option, print_json, print_table, progress

if TYPE_CHECKING:
    from aion_core.config import Config
    from aion_core.spi.stores import EventStore
    from aion_core.spi.upkeep import Migration, Upkeep
    from aion_core.upkeep.retention import Removal


@click.group()
def store() -> None:
    """Migrate, check, back up, restore and trim the store."""


@store.command()
@click.option("--dry-run", is_flag=True, help="Print the statements, and do nothing.")
@json_option
@config_options
def migrate(*, dry_run: bool, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Bring the store to the schema of this program.

    That happens by itself when it is opened, unless [event_store] says migrate = "manual". One that was interrupted
    goes on. Engines of the version before may be running. A visibility store of its own is migrated, too.
    """
    from aion_core.opening.clients import stores_of
    from aion_core.platform import SYSTEM
    from aion_core.spi.upkeep import Upkeep

    config = _config(config_path, profile)
    stores: tuple[object, ...] = stores_of(config, SYSTEM)
    found = [each for each in stores if isinstance(each, Upkeep)]
    if not found:
        raise _without_upkeep(config, "has no schema to migrate")
    migrations = [each for one in found for each in (one.pending() if dry_run else one.migrate())]
    if as_json:
        for migration in migrations:
            print_json(
                {
                    "migration": migration.number,
                    "title": migration.title,
                    "statements": list(migration.statements),
                    "done": not dry_run,
                }
            )
        return
    for migration in migrations:
        _print_migration(migration, statements=dry_run)
    if not migrations:
        click.echo("the store has the newest schema")


def _print_migration(migration: Migration, *, statements: bool) -> None:
    if not statements:
        click.echo(f"migrated to schema {migration.number}: {migration.title}")
        return
    click.echo(f"-- schema {migration.number}: {migration.title}")
    for statement in migration.statements:
        click.echo(f"{statement};")


@store.command()
@json_option
@config_options
def check(*, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Look for what is damaged or contradicts itself, in the database and in every history.

    Reads everything and changes nothing. Engines may be running: what they are about to write is no finding.
    """
    from aion_core.spi.capabilities import Capability
    from aion_core.spi.stores import VisibilityStore
    from aion_core.spi.upkeep import Upkeep
    from aion_core.upkeep.checking import check_store

    config = _config(config_path, profile)
    told = _Findings(as_json=as_json)
    with _opened(config) as found:
        if isinstance(found, Upkeep):
            facts = found.facts()
            progress(f"checking {facts.place} ({facts.kind}, schema {facts.schema}, store {facts.store_id})")
            for damage in found.check():
                told.add(damage.place, damage.problem)
        else:
            progress(f"checking the histories of event_store {config.event_store.use!r}; it has no check of its own")
        atomic = isinstance(found, VisibilityStore) and Capability.ATOMIC_VISIBILITY in found.capabilities
        for violation in check_store(found, found if isinstance(found, VisibilityStore) and atomic else None):
            told.add(violation.workflow_id or "", violation.problem, invariant=violation.invariant.value)
    told.end()


class _Findings:
    """What a check finds, told as it is found."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._count = 0

    def add(self, place: str, problem: str, *, invariant: str | None = None) -> None:
        self._count += 1
        if self._as_json:
            kind = {"place": place} if invariant is None else {"id": place or None, "invariant": invariant}
            print_json({**kind, "problem": problem})
        else:
            click.echo(f"{place}: {problem}" if place else problem)

    def end(self) -> None:
        if self._count:
            findings = "1 finding" if self._count == 1 else f"{self._count} findings"
            raise CommandFailed(
                f"the store is not what it should be: {findings}. Keep a copy of it as it is, then restore a backup.",
                Exit.STORE_INTEGRITY,
            )
        if self._as_json:
            print_json({"ok": True})
        else:
            click.echo("no problems")


@store.command()
@click.argument("target")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--run", is_flag=True, help="Run the database's own program, where that makes the backup.")
@json_option
@config_options
def backup(target: str, *, force: bool, run: bool, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Write the store as of one moment to the file TARGET, and verify it. Engines may be running.

    A database on a server is backed up by its own program: the command is printed, or run with --run, without the
    password in it.
    """
    config = _config(config_path, profile)
    with _opened(config) as found:
        made = _upkeep(found, config, "can not be backed up by this command").backup(target, force=force, run=run)
    if as_json:
        print_json({"files": list(made.files), "rows": made.rows, "command": made.command})
    elif made.files:
        rows = f" ({made.rows:,} rows)" if made.rows else ""
        click.echo(f"written and verified: {', '.join(made.files)}{rows}" if made.rows else f"written: {made.files[0]}")
    else:
        progress("nothing was done. The database's own program makes the backup; with --run it is run:")
        click.echo(made.command)


@store.command()
@click.argument("source", required=False)
@click.option("--force", is_flag=True, help="Replace a store that is there.")
@json_option
@config_options
def restore(source: str | None, *, force: bool, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Put the backup SOURCE in the place of the store. Engines and clients must be stopped.

    A database on a server is brought back by its own program; then this command, without SOURCE, begins the new
    incarnation: engines of the time before are fenced, and cursors of feeds from then are too old.
    """
    from aion_core.platform import SYSTEM

    config = _config(config_path, profile)
    found = config.event_store.make(SYSTEM)
    made = _upkeep(found, config, "can not be restored by this command").restore(source, force=force)
    if as_json:
        print_json({"incarnation": made.incarnation, "rows": made.rows})
    else:
        rows = f", {made.rows:,} rows" if made.rows else ""
        click.echo(f"restored: incarnation {made.incarnation}{rows}")


@store.command()
@click.argument("query", default="")
@click.option(
    "--older-than", metavar="AGE", help='How long ago runs were closed: "90d".  [default: [retention] closed]'
)
@click.option("--archive", "folder", metavar="FOLDER", help="Keep them as files first.  [default: [retention] archive]")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@json_option
@config_options
def trim(
    query: str,
    *,
    older_than: str | None,
    folder: str | None,
    dry_run: bool,
    as_json: bool,
    config_path: str | None,
    profile: str | None,
) -> None:
    """Remove closed runs whose time is over, of workflows of which a closed run matches QUERY.

    Whole runs, the oldest of each workflow first; a workflow that is closed and old goes whole, and its id may be used
    again. Engines do the same by themselves with [retention] closed.
    """
    from pathlib import Path

    from aion_core.model.times import SECOND, Instant, as_datetime
    from aion_core.opening.clients import stores_of
    from aion_core.platform import SYSTEM
    from aion_core.spi.stores import VisibilityStore
    from aion_core.upkeep.archive import Archive
    from aion_core.upkeep.retention import trim_store
    from aion_core.visibility import parse_condition

    config = _config(config_path, profile)
    age = config.retention.closed if older_than is None else _seconds(older_than)
    if age is None:
        raise click.UsageError('say how old is old enough: --older-than 90d, or [retention] closed = "90d".')
    place = config.retention.archive if folder is None else Path(folder)
    now = SYSTEM.now()
    where = parse_condition(query, schema=config.search_attributes, now=now, limits=config.limits)
    removed: list[Removal] = []

    def tell(removal: Removal) -> None:
        removed.append(removal)
        runs = [str(entry.run_id) for entry in removal.runs]
        if as_json:
            whole = removal.before_run is None
            print_json({"id": removal.workflow_id, "runs": runs, "whole": whole, "removed": not dry_run})

    event_store, own = stores_of(config, SYSTEM)
    with event_store:
        if own is not None:
            own.open()
        try:
            visibility = own if own is not None else event_store
            assert isinstance(visibility, VisibilityStore)  # noqa: S101 # the configuration has seen to it
            trim_store(
                event_store,
                visibility,
                as_datetime(Instant(now - round(age * SECOND))),
                where=where,
                archive=None if place is None else Archive(place),
                projected=own,
                dry_run=dry_run,
                removed=tell,
            )
        finally:
            if own is not None:
                own.close()
    if not as_json:
        _print_removed(removed, dry_run=dry_run)


def _print_removed(removed: list[Removal], *, dry_run: bool) -> None:
    if removed:
        print_table(
            ["ID", "RUNS", "LAST CLOSED", "LEFT"],
            [
                [
                    each.workflow_id,
                    str(len(each.runs)),
                    f"{each.runs[-1].summary.closed:%Y-%m-%d}",
                    "nothing" if each.before_run is None else "later runs",
                ]
                for each in removed
            ],
            styles=["bold"],
        )
    runs, workflows = sum(len(each.runs) for each in removed), len(removed)
    verb = "would be removed" if dry_run else "removed"
    progress(f"{verb}: {runs} run{_s(runs)} of {workflows} workflow{_s(workflows)}")


def _s(count: int) -> str:
    return "" if count == 1 else "s"


# ---- what the commands share


def _config(path: str | None, profile: str | None) -> Config:
    from aion_core.config import load

    return load(path, profile=profile, stores_only=True)


@contextmanager
def _opened(config: Config) -> Generator[EventStore, None, None]:
    from aion_core.platform import SYSTEM

    with config.event_store.make(SYSTEM) as found:
        yield found


def _upkeep(found: EventStore, config: Config, otherwise: str) -> Upkeep:
    from aion_core.spi.upkeep import Upkeep

    if not isinstance(found, Upkeep):
        raise _without_upkeep(config, otherwise)
    return found


def _without_upkeep(config: Config, what: str) -> CommandFailed:
    return CommandFailed(f"event_store {config.event_store.use!r} {what}.", Exit.CONFIGURATION)


def _seconds(text: str) -> float:
    from aion_core.config.units import UnitError, seconds

    try:
        return seconds(text)
    except UnitError as error:
        raise click.UsageError(f"--older-than: {error}.") from error
