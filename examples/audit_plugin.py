"""An extension that keeps an audit trail: who started what, and every batch that was committed.

Publish it with an entry point and enable it by name:

    [project.entry-points."aion.plugins"]        # pyproject.toml of its distribution
    audit = "audit_plugin"

    [plugins]                                    # aion.toml of the application
    enabled = ["audit"]

or hand it over: `Engine.open(plugins=[audit_plugin])`.
"""

from __future__ import annotations

import getpass
import json
import logging
import os
import tomllib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click
from attrs import evolve

from aion_core.spi import (
    ErrorClass,
    Failure,
    FeedEntry,
    Interceptor,
    Observer,
    Payload,
    RunningEngine,
    RunWorkflow,
    SendSignal,
    SendUpdate,
    StartWorkflow,
    hookimpl,
    json_payload,
)

ACTOR = "audit-actor"
"""The header that says who asked for something. It stands in the history with the event that it caused."""

T = TypeVar("T")

log = logging.getLogger("aion.audit")


class Stamp(Interceptor):
    """Writes the actor's name on what is sent, and reads it where a workflow begins."""

    def __init__(self, actor: str) -> None:
        self._actor = json_payload(json.dumps(actor).encode())

    def start(self, call: StartWorkflow, proceed: Callable[[StartWorkflow], T]) -> T:
        return proceed(evolve(call, headers=self._signed(call.headers)))

    def signal(self, call: SendSignal, proceed: Callable[[SendSignal], T]) -> T:
        return proceed(evolve(call, headers=self._signed(call.headers)))

    def update(self, call: SendUpdate, proceed: Callable[[SendUpdate], T]) -> T:
        return proceed(evolve(call, headers=self._signed(call.headers)))

    async def run_workflow(self, call: RunWorkflow, proceed: Callable[[RunWorkflow], Awaitable[T]]) -> T:
        if not call.replaying:  # a replay goes over what was logged when it happened
            actor = json.loads(call.headers[ACTOR].content) if ACTOR in call.headers else "unknown"
            log.info("%s %s started by %s", call.workflow_type, call.workflow_id, actor)
        return await proceed(call)

    def _signed(self, headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
        return {**headers, ACTOR: self._actor}


class Trail(Observer):
    """Logs one line per committed batch."""

    def committed(self, entries: Sequence[FeedEntry]) -> None:
        for entry in entries:
            first, last = entry.batch.first_seq, entry.batch.last_seq
            log.info("%s events %d-%d at %d.%d", entry.workflow_id, first, last, entry.shard, entry.n)


@hookimpl
def aion_register_interceptors() -> Iterable[Interceptor]:
    return [Stamp(actor())]


@hookimpl
def aion_register_observers() -> Iterable[Observer]:
    return [Trail()]


@hookimpl
def aion_resolve_secret(reference: Mapping[str, object]) -> str | None:
    """`{ keyring = "orders-db" }` is the entry `orders-db` of the TOML file that `AION_KEYRING` names."""
    name, path = reference.get("keyring"), os.environ.get("AION_KEYRING")
    if name is None or path is None:
        return None
    entry = tomllib.loads(Path(path).read_text(encoding="utf-8")).get(str(name))
    return None if entry is None else str(entry)


@hookimpl
def aion_classify_error(error: Failure) -> ErrorClass | None:
    """Wrong credentials do not become right by trying again; an overloaded service recovers."""
    if error.is_("AuthenticationError", PermissionError):
        return ErrorClass.PERMANENT
    if error.is_("RateLimited", ConnectionError):
        return ErrorClass.TRANSIENT
    return None


@hookimpl
def aion_register_commands(cli: click.Group) -> None:
    """`aion audit-actor` prints the name that would be stamped."""
    cli.add_command(click.Command("audit-actor", callback=lambda: click.echo(actor())))


@hookimpl
def aion_engine_started(info: RunningEngine) -> None:
    log.info("engine %s opened %s (%s)", info.engine_id, info.namespace, info.event_store)


@hookimpl
def aion_engine_stopping(info: RunningEngine) -> None:
    log.info("engine %s closes %s", info.engine_id, info.namespace)


def actor() -> str:
    """`AION_ACTOR`, or the name that this process runs under."""
    return os.environ.get("AION_ACTOR") or getpass.getuser()
