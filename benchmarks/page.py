"""The figures of a run as a page of Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_APART: Final = frozenset({"figure", "raw", "target", "met", "python", "cpu_us_by_room"})
_UNITS: Final = {"per_s": "/s", "ms": "ms", "us": "µs", "bytes": "bytes"}
_THREE_DIGITS: Final = 100


def written(names: Sequence[str], lines: Sequence[Mapping[str, Any]], page: Path) -> str:
    """The page. It says which command wrote it, and on what machine: figures of another one are others."""
    command = " ".join(["python -m benchmarks", *names, f"--markdown {page}"])
    return "\n".join([*_head(command), *_table(lines), "", *_rooms(lines)]).rstrip() + "\n"


def _head(command: str) -> Iterator[str]:
    yield f"<!-- Written by `{command}`: run it again instead of changing the page. -->"
    yield ""
    yield "# Performance"
    yield ""
    yield f"Figures of one run of `{command}`."
    yield "Each stands beside its raw limit: what a part that nothing can do without takes alone, on the same machine"
    yield "in the same minutes. Other machines have other figures, and so has this one when it is busy: **the ratios"
    yield "count**. CPU time is of the whole process, the caller included."
    yield ""
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    yield (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {platform.python_implementation()} "
        f"{platform.python_version()}; load averages at the end of the run: {load}."
    )
    yield ""


def _table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| figure | measured | raw limit | times raw | target | reached |"
    yield "|---|---|---|---|---|---|"
    for line in lines:
        own = [_said(key, value) for key, value in line.items() if not key.startswith(("raw", "ratio"))]
        raw = [_said(key.removeprefix("raw_"), value) for key, value in line.items() if key.startswith("raw_")]
        ratio = [f"{value:,.2f}" for key, value in line.items() if key.startswith("ratio")]
        reached = {True: "yes", False: "**no**", None: ""}[line.get("met")]
        cells = (
            line["figure"],
            "<br>".join(filter(None, own)),
            "<br>".join([str(line.get("raw", "")), *filter(None, raw)]),
            "<br>".join(ratio),
            line.get("target", ""),
            reached,
        )
        yield f"| {' | '.join(map(str, cells))} |"


def _rooms(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Where the CPU time goes, for the figures that say it."""
    told = [line for line in lines if "cpu_us_by_room" in line]
    if not told:
        return
    rooms = list(dict.fromkeys(room for line in told for room in line["cpu_us_by_room"]))
    yield "## Where the CPU time goes"
    yield ""
    yield "Microseconds of CPU per step in each room of the engine, as the kernel counts them for its threads. The"
    yield "garbage collector works on whichever thread allocates: its share is in the rooms."
    yield ""
    yield f"| figure | at once | {' | '.join(rooms)} | all | of it collecting garbage |"
    yield "|---" * (len(rooms) + 4) + "|"
    for line in told:
        of = line["cpu_us_by_room"]
        shares = [f"{of[room]:,.1f}" if room in of else "" for room in rooms]
        whole = f"{line['cpu_ms_per_step'] * 1e3:,.1f}"
        garbage = f"{line['cpu_us_of_it_collecting_garbage']:,.1f}"
        yield f"| {' | '.join([line['figure'], str(line['concurrent']), *shares, whole, garbage])} |"


def _said(key: str, value: object) -> str:
    """A value with its name and unit, as people read it; nothing for what has a place of its own."""
    if key in _APART or "garbage" in key:
        return ""
    number = _rounded(value)
    for ending, unit in _UNITS.items():
        if key == ending or key.endswith(f"_{ending}"):
            what = key.removesuffix(ending).strip("_").replace("_", " ")
            return f"{number} {what}{unit}" if unit == "/s" else f"{what} {number} {unit}".strip()
    for unit in ("us", "ms"):  # as in `cpu_ms_per_step`
        if f"{unit}_per" in key:
            what, _, each = key.partition(f"_{unit}_per_")
            return f"{what} {number} {_UNITS[unit]} per {each}"
    return f"{key.replace('_', ' ')} {number}"


def _rounded(value: object) -> str:
    """Three digits that count."""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < _THREE_DIGITS else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
