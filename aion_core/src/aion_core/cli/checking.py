"""`aion plugins check`: the conformance kit against a store in a place of its own."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from aion_core.cli.exits import CommandFailed, Exit
from aion_core.cli.output import print_json, print_table, progress
from aion_core.config import settings_of
from aion_core.platform import SYSTEM
from aion_core.plugins import Driver, DriverKind, compose

MISSING_KIT = "the conformance kit is not installed.\n  Install it with:  pip install aion-testkit"


def check_driver(kind: DriverKind, name: str, settings: Sequence[str], *, only: str | None, as_json: bool) -> None:
    """Run the kit and print what came of every case."""
    driver = compose().driver(kind, name)
    table = _table(settings)
    run_conformance = _kit()
    with tempfile.TemporaryDirectory(prefix="aion-check-") as folder:
        progress(f"checking {kind.value} {name!r} from {driver.provider} in {folder}")
        report = run_conformance(kind.value, _factory(driver, table, Path(folder)), only=only)
    if as_json:
        for case in report.cases:
            print_json({"layer": case.layer, "case": case.case, "outcome": case.outcome, "detail": case.detail})
    else:
        _print(report)
    if report.failed:
        raise CommandFailed(
            f"{name!r} does not keep the contract of {kind.value}: "
            f"{report.failed} of {len(report.cases)} cases failed.",
            Exit.CONFIGURATION,
        )


def _factory(driver: Driver[Any], table: Mapping[str, object], folder: Path) -> Callable[[], Any]:
    """Every call makes the same store once more, in the folder."""
    settings = settings_of(driver.settings, table, folder=folder, name=driver.name)
    return lambda: driver.make(settings, SYSTEM)


def _kit() -> Callable[..., Any]:
    try:
        kit = importlib.import_module("aion_testkit")
    except ModuleNotFoundError as error:
        raise CommandFailed(MISSING_KIT, Exit.CONFIGURATION) from error
    run: Callable[..., Any] = kit.run_conformance
    return run


def _table(settings: Sequence[str]) -> dict[str, str]:
    table: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--set takes KEY=VALUE, not {key!r}.")
        table[key] = value
    return table


def _print(report: Any) -> None:
    layers = list(dict.fromkeys(case.layer for case in report.cases))
    outcomes = list(dict.fromkeys(case.outcome for case in report.cases))
    rows = [
        [layer, *(str(sum(case.layer == layer and case.outcome == each for case in report.cases)) for each in outcomes)]
        for layer in layers
    ]
    print_table(["LAYER", *(outcome.upper() for outcome in outcomes)], rows, styles=["bold"])
    for case in report.cases:
        if case.outcome == "failed":
            click.echo(f"\n{case.layer}: {case.case}")
            click.echo("\n".join(f"  {line}" for line in str(case.detail).splitlines()))
    click.echo(f"\n{report.passed} passed, {report.failed} failed")
