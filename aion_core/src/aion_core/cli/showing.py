"""`aion describe` and `aion history`: one workflow, as it is and how it came there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from aion_core.cli.moments import age, clock, told
from aion_core.cli.output import print_hanging, print_heading, print_json, print_pairs, print_table
from aion_core.cli.reaching import client_of, detachable, run_option, store_options
from aion_core.cli.records import description_record, event_record

if TYPE_CHECKING:
    from aion_core.client.history import History
    from aion_core.client.run import Run
    from aion_core.client.views import Description, PendingActivity

_BAD: Final = ("Failed", "TimedOut", "Blocked", "Terminated")
"""How the types of events end that somebody may have to look into."""


@click.command()
@click.argument("id")
@run_option
@store_options
def describe(id: str, *, run_id: str | None, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Show what a workflow is doing: its state, what it waits for, why it failed."""
    from aion_core.model.times import as_datetime
    from aion_core.platform import SYSTEM

    with client_of(config_path, profile) as client:
        found = client.handle(id, run_id).describe()
    if as_json:
        print_json(description_record(found))
        return
    now = as_datetime(SYSTEM.now())
    print_heading(f"{found.id}  {found.type}  {str(found.status).replace('_', ' ')}")
    print_pairs(_facts(found, now))
    if found.pending:
        click.echo()
        _print_pending(found.pending, now)


@click.command()
@click.argument("id")
@run_option
@click.option("--follow", "-f", is_flag=True, help="Print what happens from now on, too, until the run has ended.")
@store_options
def history(
    id: str, *, run_id: str | None, follow: bool, as_json: bool, config_path: str | None, profile: str | None
) -> None:
    """Tell what has happened in a workflow, event by event.

    With --json every event has its data, as it was recorded.
    """
    with client_of(config_path, profile) as client:
        run = client.handle(id, run_id)
        # Pinned to the run that is there now: the one that follows it has a history of its own.
        run = client.handle(id, run.describe().run_id)
        with detachable(run):
            if as_json:
                for event in run.events(wait=follow):
                    print_json(event_record(event))
            else:
                _print_histories(_growing(run) if follow else [run.history()])


def _facts(found: Description, now: datetime) -> Iterator[tuple[str, str]]:
    yield "run", str(found.run_id)
    yield "started", told(found.started, now)
    if found.closed:
        yield "ended", told(found.closed, now)
    if found.parent:
        yield "parent", found.parent
    if found.schedule:
        yield "schedule", found.schedule
    if found.version:
        yield "version", found.version
    yield "history", f"{found.history_length} event{'' if found.history_length == 1 else 's'}"
    if found.failure:
        yield str(found.status), f"{found.failure.type}: {found.failure.message}"
    elif found.blocked_reason:
        yield "blocked", found.blocked_reason
    yield from _named("attributes", found.attributes)
    yield from _named("memo", found.memo)


def _named(heading: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, (name, value) in enumerate(values.items()):
        yield heading if number == 0 else "", f"{name} = {_text(value)}"


def _text(value: object) -> str:
    return f"{len(value):,} bytes" if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, default=str)


def _print_pending(pending: Iterable[PendingActivity], now: datetime) -> None:
    print_table(
        ["ACTIVITY", "QUEUE", "ATTEMPT", "SINCE", "STATE", "LAST ERROR"],
        [
            [
                f"{each.activity} #{each.ordinal}",
                each.queue,
                str(each.attempt),
                age(each.scheduled, now),
                _state(each, now),
                "" if each.last_error is None else str(each.last_error),
            ]
            for each in pending
        ],
        styles=["bold"],
    )


def _state(activity: PendingActivity, now: datetime) -> str:
    if activity.dispatched:
        details = "" if activity.details is None else f", at {_text(activity.details)}"
        return f"may be running{details}"
    if activity.next_attempt is not None and activity.next_attempt > now:
        return f"again in {age(activity.next_attempt, now)}"
    return "waits for a place"


def _growing(run: Run[Any]) -> Iterator[History]:
    """The history, and again whenever there is more of it, until it has ended."""
    while True:
        whole = run.history()
        yield whole
        if next(run.events(after=whole.recorded[-1].seq), None) is None:
            return


def _print_histories(histories: Iterable[History]) -> None:
    """What each of them has more than the one before."""
    from aion_core.client.telling import Past, headline, length

    past = Past()
    shown = 0
    for whole in histories:
        if not shown:
            print_heading(headline(whole.summary, whole.recorded))
        began = whole.recorded[0].at
        for event, recorded in zip(whole.events[shown:], whole.recorded[shown:], strict=True):
            times = f"{event.seq:>3}  {clock(event.at)}  {'+' + length(recorded.at - began):>9}  "
            print_hanging(times, past.words(recorded), style="red" if event.type.endswith(_BAD) else "")
        shown = len(whole)
