"""Write docs/reliability.md: `python -m docs.reliability FILE …`, of what `pytest --evidence FILE` has left there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

PAGE: Final = Path(__file__).with_name("reliability.md")
Evidence = Mapping[str, Any]


@frozen
class Trial:
    """Something that is tried: what it is called, what is done, and what must hold."""

    what: str
    done: str
    holds: str


INVARIANTS: Final = "all invariants, and every run comes to its end"
TRIALS: Final[Sequence[Trial]] = (
    Trial(
        "single faults", "One fault at one call of the store, at every call of every scenario, simulated", INVARIANTS
    ),
    Trial("several engines", "Engines that share a store, with many faults at random, simulated", INVARIANTS),
    Trial("planted bugs", "Bugs put into the engine on purpose, for the simulation to find", "each is caught"),
    Trial(
        "kill -9",
        "A process at work is killed with SIGKILL at a random moment, and the next one goes on",
        "nothing acknowledged is lost, no step runs again after its record, all invariants",
    ),
    Trial("recovery", "A process with 1,000 open runs is killed with SIGKILL", "the next one has all of them at work"),
    Trial(
        "stopped engines",
        "One of two engines is stopped with SIGSTOP past its lease, and continued",
        "the other does its work, every commit of the one that wakes up is refused, all invariants",
    ),
    Trial(
        "power loss",
        "The power fails at a random write: what was not synced is there, or not, or half",
        "nothing acknowledged is lost, the file is sound, all invariants",
    ),
    Trial(
        "unknown COMMIT",
        "The connection breaks at COMMIT, before or after the server has heard it",
        "nothing lost, nothing twice, all invariants",
    ),
    Trial("ended connections", "The server ends all connections under an engine at work", INVARIANTS),
    Trial("restarts", "The server is restarted, or killed, under an engine at work", INVARIANTS),
    Trial("foreign writer", "Another program holds the database's write lock again and again", INVARIANTS),
    Trial("full disk", "The disk is full in the middle of the work, and has room again later", INVARIANTS),
)

HEAD: Final = """\
<!-- Written by `python -m docs.reliability`: run it again instead of changing the page. -->

# Reliability

What was tried to make it lose something, how often, and with which seeds. Nothing here is a promise in words: each
row is a test of the suite that wrote its line after everything it checks had held. A row without a line says so.

The page is written from a run of the suite:

    python -m pytest --evidence evidence.jsonl
    python -m docs.reliability evidence.jsonl

`make test` tries as much as the table says of `ci`, `make test-nightly` much more.

## What must hold

The invariants are checked by one function over any store, `aion_testkit.check_invariants`, with what the test knows
of acknowledgements, and by replaying every history: the sequence of every history is whole; what was acknowledged can
be read; nothing of an older owner lands after something of a newer one; states and lists of runs are what the histories
say; one open run per workflow, one end per run; one record per activity, timer and message; every replay decides what
was decided.

## What was tried
"""


def page(evidence: Iterable[Evidence]) -> str:
    """The page. Lines of the same trial, place and profile are parts of one."""
    whole: dict[tuple[str, str, str], dict[str, Any]] = {}
    for line in evidence:
        key = (line["what"], line["on"], line["profile"])
        whole[key] = {**line, "times": line["times"] + whole.get(key, {"times": 0})["times"]}
    known = [trial.what for trial in TRIALS]
    if strange := sorted({what for what, _, _ in whole} - {*known}):
        raise SystemExit(f"docs/reliability.py does not know these trials: {', '.join(strange)}")
    rows = [
        row for trial in TRIALS for row in _rows(trial, [line for key, line in whole.items() if key[0] == trial.what])
    ]
    table = ["| trial | on | times | seed | measured on the way |", "|---|---|---|---|---|", *rows]
    told = [f"* **{trial.what}**: {trial.done}. What must hold: {trial.holds}." for trial in TRIALS]
    return "\n".join([HEAD, *told, "", *table, ""])


def _rows(trial: Trial, lines: Sequence[Evidence]) -> Iterator[str]:
    if not lines:
        yield f"| {trial.what} | | **not run** | | |"
    for line in lines:
        times = f"{line['times']:,}" + (" (nightly)" if line["profile"] == "nightly" else "")
        seed = "" if line["seed"] is None else line["seed"]
        measured = ", ".join(f"{name.replace('_', ' ')} {_told(value)}" for name, value in line["measured"].items())
        yield f"| {trial.what} | {line['on']} | {times} | {seed} | {measured} |"


def _told(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def main() -> int:
    """Write the page; the exit code."""
    if not sys.argv[1:]:
        print("usage: python -m docs.reliability FILE …", file=sys.stderr)
        return 2
    lines = [line for name in sys.argv[1:] for line in Path(name).read_text(encoding="utf-8").splitlines()]
    PAGE.write_text(page(map(json.loads, lines)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
