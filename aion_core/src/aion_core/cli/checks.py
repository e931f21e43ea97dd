"""What `aion doctor` looks at, one thing after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from attrs import frozen

from aion_core.cli.code import catalog_of, code_of
from aion_core.cli.engines import leases_of, serving
from aion_core.cli.exits import CommandFailed, Exit, exit_of
from aion_core.config import examine
from aion_core.model.errors import AionError
from aion_core.model.times import SECOND, as_datetime
from aion_core.opening import Client, Engine
from aion_core.platform import SYSTEM
from aion_core.plugins import DriverKind, Plugins

if TYPE_CHECKING:
    from aion_core.config import Config
    from aion_core.spi.records import LeaseTable

_SINCE: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""No clock that is right shows less."""
_APART: Final = 5.0
"""Seconds that clocks may differ before anybody should look after them."""


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@frozen(kw_only=True)
class Finding:
    """What one check found."""

    check: str
    verdict: Verdict = Verdict.OK
    text: str
    advice: str = ""
    """What to do about it."""
    exit: Exit = Exit.OK
    """The exit code that a problem asks for."""


def findings(config_path: str | None, profile: str | None, modules: Sequence[str]) -> Iterator[Finding]:
    """Look at everything; what can not be looked at after a problem is left out."""
    whole = examine(config_path, profile=profile)
    if whole.error is None:
        yield Finding(check="configuration", text=whole.source or "no aion.toml found, defaults only")
    else:
        yield _problem("configuration", whole.error)
    yield from _plugins()
    reached = examine(config_path, profile=profile, stores_only=True).config
    if reached is not None:
        yield from _store(reached)
    if whole.config is not None:
        yield _runtime(whole.config)
    yield from _clock()
    for module in modules:
        yield _code(module)


def _plugins() -> Iterator[Finding]:
    installed = [plugin for kind in DriverKind for plugin in Plugins.installed(kind)]
    installed += Plugins.installed_extensions()
    for plugin in installed:
        if plugin.problem is not None:
            yield Finding(
                check="plugins",
                verdict=Verdict.WARNING,
                text=f"{plugin.kind} {plugin.name!r} could not be used: {plugin.problem}",
                advice=f"pip uninstall it, or see:  aion plugins info {plugin.name}",
            )
    if not any(plugin.problem for plugin in installed):
        yield Finding(check="plugins", text=f"{len(installed)} installed, none is broken")


def _store(config: Config) -> Iterator[Finding]:
    try:
        with config.event_store.make(SYSTEM) as store:
            health = store.health()
            yield Finding(check="store", text=f"{health.place} opens: {store.shards} shards, id {store.store_id}")
            for remark in health.remarks:
                yield Finding(
                    check="store",
                    verdict=Verdict.WARNING,
                    text=remark,
                    advice="For data that you can lose, it will do.",
                )
            table = leases_of(store)
        yield from _engines(table)
        yield from _store_clock(table)
        with Client.open(config) as client:
            blocked = client.count("status = 'blocked'")
            yield _runs(client.count(), blocked)
    except AionError as error:
        yield _problem("store", error)


def _engines(table: LeaseTable) -> Iterator[Finding]:
    for engine in serving(table):
        types = ", ".join(engine.types)
        text = f"{engine.engine_id} on {engine.host}, process {engine.pid}, serves {types}"
        yield Finding(check="engines", text=text)
    if not serving(table):
        yield Finding(
            check="engines",
            verdict=Verdict.WARNING,
            text="none is there: what is started and sent waits",
            advice="Run one:  aion worker --workflows MODULE",
        )


def _store_clock(table: LeaseTable) -> Iterator[Finding]:
    apart = (table.now - SYSTEM.now()) / SECOND
    if abs(apart) > _APART:
        direction = "ahead of" if apart > 0 else "behind"
        yield Finding(
            check="clock",
            verdict=Verdict.WARNING,
            text=f"the store's clock is {abs(apart):.0f} s {direction} this machine's",
            advice="Synchronise both with a time server: timers and leases rely on them.",
        )


def _runs(runs: int, blocked: int) -> Finding:
    if not blocked:
        return Finding(check="runs", text=f"{runs}, none is blocked")
    return Finding(
        check="runs",
        verdict=Verdict.WARNING,
        text=f"{runs}, and {blocked} of them can not go on until their code changes",
        advice="See:  aion list \"status = 'blocked'\"",
    )


def _runtime(config: Config) -> Finding:
    """Opened by an engine without code, which takes nothing over."""
    names = ", ".join(dict.fromkeys((config.runtime.use, *(table.use for table in config.runtimes.values()))))
    try:
        with Engine.open(config) as engine:
            troubles = engine.health().problems
    except AionError as error:
        return _problem("runtime", error)
    if troubles:
        return Finding(check="runtime", verdict=Verdict.WARNING, text="; ".join(troubles))
    return Finding(check="runtime", text=f"{names} opens")


def _clock() -> Iterator[Finding]:
    now = as_datetime(SYSTEM.now())
    if now >= _SINCE:
        yield Finding(check="clock", text=f"{now:%Y-%m-%d %H:%M:%S} UTC")
        return
    yield Finding(
        check="clock",
        verdict=Verdict.PROBLEM,
        text=f"this machine believes that it is {now:%Y-%m-%d %H:%M}",
        advice="Set its clock: histories keep the times that they are given.",
        exit=Exit.UNAVAILABLE,
    )


def _code(module: str) -> Finding:
    try:
        types = catalog_of(code_of([module])).types
    except (AionError, CommandFailed) as error:
        return _problem("workflows", error)
    if not types:
        return Finding(check="workflows", verdict=Verdict.WARNING, text=f"{module} has none")
    return Finding(check="workflows", text=f"{module} has {', '.join(types)}")


def _problem(check: str, error: AionError | CommandFailed) -> Finding:
    advice = f"See:  aion explain {error.code}" if isinstance(error, AionError) else ""
    return Finding(check=check, verdict=Verdict.PROBLEM, text=str(error), advice=advice, exit=exit_of(error))
