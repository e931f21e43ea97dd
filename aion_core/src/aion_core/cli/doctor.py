"""`aion doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from aion_core.cli.code import workflows_option
from aion_core.cli.exits import CommandFailed, Exit
from aion_core.cli.output import print_hanging, print_json
from aion_core.cli.reaching import store_options

if TYPE_CHECKING:
    from aion_core.cli.checks import Finding

_COLOURS: Final = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@workflows_option
@store_options
def doctor(modules: Sequence[str], *, as_json: bool, config_path: str | None, profile: str | None) -> None:
    """Look for what would keep workflows from running.

    Checks the configuration, plugins, the store, who serves it, the runtime, the clock, and the modules that
    --workflows names. Takes nothing over; a store that is not there yet is made. Warnings are no failure; of problems,
    the first one's exit code is that of the command: 8 for configuration, plugins and code, 6 for what can not be
    reached, 7 for a store that can not be used.
    """
    from aion_core.cli.checks import Verdict, findings

    problems: list[Finding] = []
    for finding in findings(config_path, profile, modules):
        if finding.verdict is Verdict.PROBLEM:
            problems.append(finding)
        if as_json:
            print_json(_record(finding))
        else:
            _print(finding)
    if problems:
        number = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        raise CommandFailed(f"{number} found.", Exit(problems[0].exit))


def _print(finding: Finding) -> None:
    lead = f"{finding.verdict:<8}{finding.check:<14}"
    first, *more = finding.text.splitlines()
    print_hanging(lead, first, style=_COLOURS[finding.verdict] if finding.verdict != "ok" else "")
    for line in [*more, *finding.advice.splitlines()]:
        print_hanging(" " * len(lead), line)


def _record(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "verdict": str(finding.verdict),
        "text": finding.text,
        "advice": finding.advice or None,
    }
