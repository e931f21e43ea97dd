"""All figures of stores outside the process, by `python -m benchmarks sql`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from benchmarks import places
from benchmarks.measure import report
from benchmarks.parts import parts
from benchmarks.places import Kind, Unreachable
from benchmarks.sql.grounds import FULL, PEERS, Amounts, Ground, ground
from benchmarks.sql.growing import growth
from benchmarks.sql.latencies import alone, signals, signals_from_outside
from benchmarks.sql.leavings import opening, recovery
from benchmarks.sql.throughput import steps
from benchmarks.subjects import Failed

Figure = Callable[[Ground], None]


def rooms_of_a_step(ground: Ground) -> None:
    """Where its CPU time goes when nothing is handed from thread to thread."""
    with ground.make() as place:
        parts(place)


IN_PROCESS: Final[Sequence[Figure]] = (steps, rooms_of_a_step, alone, signals, growth)
ACROSS: Final[Sequence[Figure]] = (signals_from_outside, opening, recovery)
"""What it takes several processes for."""


@frozen
class _Measured:
    kind: Kind
    figures: Sequence[Figure]


PLACES: Final[Mapping[str, _Measured]] = {
    "memory": _Measured(places.memory, IN_PROCESS),
    "SQLite": _Measured(places.sqlite, (*IN_PROCESS, *ACROSS)),
    "PostgreSQL": _Measured(places.postgresql, (*IN_PROCESS, *ACROSS)),
    "MariaDB": _Measured(places.mariadb, (steps,)),
}


def sql() -> None:
    """On SQLite, PostgreSQL and MariaDB, as far as this machine has them."""
    for name in ("SQLite", "PostgreSQL", "MariaDB"):
        measured(name, FULL, PEERS)


def measured(name: str, ours: Amounts, theirs: Amounts) -> None:
    """The figures of one kind of place. What is not there, or fails, is a line of its own."""
    place = PLACES[name]
    try:
        with ground(name, place.kind, ours, theirs) as here:
            for figure in place.figures:
                try:
                    figure(here)
                except Failed as failed:
                    report(figure.__name__, place=name, problem=str(failed), met=False)
    except Unreachable as unreachable:
        report("all", place=name, problem=str(unreachable).splitlines()[0], met=False)
