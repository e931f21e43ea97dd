"""`aion plugins check`: the conformance kit against a plugin, a store in a place of its own."""

from __future__ import annotations

import importlib
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import click

from aion_core.cli.exits import CommandFailed, Exit
from aion_core.cli.output import print_json, print_table, progress
from aion_core.config import settings_of
from aion_core.platform import SYSTEM
from aion_core.plugins import Driver, DriverKind, compose

PLACE = "{place}"
"""In a setting: the name of the place of one case, for drivers that keep their places apart by name."""

MISSING_KIT = "the conformance kit is not installed.\n  Install it with:  pip install aion-testkit"


def check_driver(kind: DriverKind, name: str, settings: Sequence[str], *, only: Sequence[str], as_json: bool) -> None:
    """Run the kit and print what came of every case."""
    driver = compose().driver(kind, name)
    table = _table(settings)
    run_conformance = _kit()
    with tempfile.TemporaryDirectory(prefix="aion-check-") as folder:
        progress(f"checking {kind.value} {name!r} from {driver.provider} in {folder}")
        report = run_conformance(kind.value, _places(driver, table, Path(folder)), only=only or None)
    if as_json:
        for case in report.cases:
            print_json({"layer": case.layer, "case": case.case, "verdict": str(case.verdict), "error": case.error})
    else:
        _print(report)
    if not report.conforms:
        failed = f"{len(report.failed)} of {len(report.cases)} cases failed"
        raise CommandFailed(f"{name!r} does not keep the contract of {kind.value}: {failed}.", Exit.CONFIGURATION)


def _places(driver: Driver[Any], table: Mapping[str, str], folder: Path) -> Callable[[], Callable[[], Any]]:
    """Every call gives a new place, in a folder and under a name of its own; the place makes stores onto itself."""
    numbers = count(1)

    def make_place() -> Callable[[], Any]:
        place = f"{folder.name}-{next(numbers)}"
        named = {key: value.replace(PLACE, place) for key, value in table.items()}
        (folder / place).mkdir()
        settings = settings_of(driver.settings, named, folder=folder / place, name=driver.name)
        return lambda: driver.make(settings, SYSTEM)

    make_place()  # settings that can not be used are told before any case runs
    return make_place


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
    counts = Counter((case.layer, str(case.verdict)) for case in report.cases)
    verdicts = ("passed", "failed", "not applicable")
    rows = [[layer, *(str(counts[layer, verdict]) for verdict in verdicts)] for layer in layers]
    print_table(["LAYER", *(verdict.upper() for verdict in verdicts)], rows, styles=["bold"])
    for case in report.failed:
        click.echo(f"\n{case.layer}: {case.case}")
        click.echo("\n".join(f"  {line}" for line in case.error.splitlines()))
    click.echo(f"\n{len(report.passed)} passed, {len(report.failed)} failed")
