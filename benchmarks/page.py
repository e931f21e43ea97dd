"""The figures of a run as a page of Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_APART: Final = frozenset({"figure", "place", "target", "met", "python", "cpu_us_by_room", "cpu_us_by_part"})
_OF_OTHERS: Final = ("raw", "peer", "ratio")
_UNITS: Final = {"per_s": "/s", "ms": "ms", "us": "µs", "s": "s", "bytes": "bytes"}
_THREE_DIGITS: Final = 100
_BUSY: Final = 0.9
"""Of a core: a process that computes for so much of the time has no time for more."""


def written(names: Sequence[str], lines: Sequence[Mapping[str, Any]], page: Path) -> str:
    """The page. It says which command wrote it, and on what machine: figures of another one are others."""
    command = " ".join(["python -m benchmarks", *names, f"--markdown {page}"])
    parts = [*_head(command), *_table([line for line in lines if "place" not in line])]
    for place in dict.fromkeys(line["place"] for line in lines if "place" in line):
        parts += _place(place, [line for line in lines if line.get("place") == place])
    return "\n".join([*parts, *_rooms(lines), *_parts(lines)]).rstrip() + "\n"


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


def _place(place: str, lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The figures of stores outside the process, where other engines keep theirs, too."""
    yield f"## On {place}"
    yield ""
    yield "The raw limit is what the database's driver commits, bare, between the rounds of the figure. The peer is"
    yield "measured in the same rounds, by a program of ours against its public API: it is asked for less where it"
    yield "would take minutes, and its cell says for how much. *Times better* are our rates over the peer's, or the"
    yield "peer's times over ours. CPU time is of the process that runs the workflows, without the database's server."
    yield ""
    yield from _table(lines, beside_peers=True)


def _table(lines: Sequence[Mapping[str, Any]], *, beside_peers: bool = False) -> Iterator[str]:
    if not lines:
        return
    heads = ["figure", "measured", "raw limit", "times raw", "target", "reached"]
    if beside_peers:
        heads[4:4] = ["peer", "times better"]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for line in lines:
        cells = [line["figure"], _own(line), _beside("raw", line), _ratio("raw", line)]
        if beside_peers:
            cells += [_beside("peer", line), _ratio("peer", line)]
        cells += [line.get("target", ""), {True: "yes", False: "**no**", None: ""}[line.get("met")]]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _own(line: Mapping[str, Any]) -> str:
    return _lines(_said(key, value) for key, value in line.items() if not key.startswith(_OF_OTHERS))


def _beside(whose: str, line: Mapping[str, Any]) -> str:
    """What it is, and its figures."""
    its = (_said(key.removeprefix(f"{whose}_"), value) for key, value in line.items() if key.startswith(f"{whose}_"))
    return _lines([str(line.get(whose, "")), *its])


def _ratio(whose: str, line: Mapping[str, Any]) -> str:
    """Of what the line is about first, then of what else is compared."""
    to = f"ratio_to_{whose}"
    ratios = {key.removeprefix(to).strip("_"): value for key, value in line.items() if key.startswith(to)}
    return _lines(f"{'CPU ' if key.startswith('cpu') else ''}{value:,.2f}" for key, value in ratios.items())


def _lines(parts: Iterable[str]) -> str:
    return "<br>".join(filter(None, parts))


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
        figure = " on ".join(filter(None, [line["figure"], line.get("place")]))
        yield f"| {' | '.join([figure, str(line['concurrent']), *shares, whole, garbage])} |"
    yield ""


def _parts(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a step's CPU time is spent on, and what was done about it."""
    told = [line for line in lines if "cpu_us_by_part" in line]
    if not told:
        return
    yield "## Where the time goes"
    yield ""
    at_once = told[0]["concurrent"]
    yield f"The same engine with all its lanes on one thread, {at_once} workflows at once, a sample of the"
    yield "stack at every millisecond of CPU. Nothing is handed from thread to thread here: what a step takes beyond"
    yield "this in the table above is the price of threads (handing over, the interpreter's lock, cold caches) and of"
    yield "the garbage of many workflows."
    yield ""
    heads = [f"on {line.get('place', 'the in-memory store')}, µs" for line in told]
    yield f"| part of a step | {' | '.join(heads)} |"
    yield "|---" * (len(told) + 1) + "|"
    for part in dict.fromkeys(part for line in told for part in line["cpu_us_by_part"]):
        spent = [line["cpu_us_by_part"].get(part) for line in told]
        yield f"| {part} | {' | '.join('' if each is None else f'{each:,.1f}' for each in spent)} |"
    all_of_it = (f"{line['cpu_us']:,.1f}" for line in told)
    yield f"| all | {' | '.join(all_of_it)} |"
    yield ""
    yield from _missed(lines, told)
    yield from _TRIED


def _missed(lines: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the targets beside a peer would take, in figures of this run."""
    spent = {line.get("place"): line["cpu_us"] for line in told}
    for line in lines:
        place, wanted = line.get("place"), line.get("target", "")
        if line["figure"] != "steps" or line.get("met") is not False or place not in spent or "the peer" not in wanted:
            continue
        times = float(wanted.split()[1])
        rate = times * line["peer_steps_per_s"]
        yield (
            f"**On {place}** {times:.0f} times the peer would be {rate:,.0f} steps/s in this run: "
            f"{1e6 / rate:,.1f} µs for a step, all included. Python runs one thread at a time, and this step takes "
            f"{spent[place]:,.1f} µs on one thread without any hand-over, {line['cpu_ms_per_step'] * 1e3:,.1f} with "
            f"threads. {_bound(line['steps_per_s'] * line['cpu_ms_per_step'] / 1e3)}"
        )
        yield ""


def _bound(busy: float) -> str:
    """By what the rate is bound, of a process that computes for this part of the time."""
    if busy > _BUSY:
        return "The rate is that of the CPU, and not of the disk."
    return f"The process computes for {busy:.0%} of the time; for the rest it waits for the database."


_TRIED: Final = """\
No part stands out. It is some 150 calls of Python functions and as many of functions in C, and the interpreter's own
loop takes a third of the time. So a step becomes cheaper with every object and every call that it does without, and
by nothing else.

What helped, in CPU time:

* a turn without containers that stay empty, an arrival that is checked and numbered once, an attempt that is given up
  once: a step on one thread took 54 µs before and 41 after;
* members of enums bound to names of their module where every turn asks for them: in Python 3.11 a look into an enum
  takes 90 ns, twice a call;
* telling the garbage collector of fewer objects: what holds nothing that leads back to it (turns, recordings,
  arrivals, attempts) is not tracked. With a thousand workflows at once it runs half as often, and takes 9 µs of a step
  instead of 20;
* one deadline for an attempt instead of two: the engine keeps all limits, the thread runtime none;
* in replay, weighing and comparing events without a call for each, and checking the numbers of a batch in one go: an
  event took 6.2 µs before and 5.1 after.

On databases:

* one row for a turn instead of one for an event, and rows handed over as arrays or in one call of `executemany`: no
  statement is executed per workflow;
* PostgreSQL gets all rows of a commit in one statement, and is asked for heads and feeds in one: five waits for a
  commit instead of eight to ten. Each is a round trip while shards are locked, and takes more on a network than here.

What did not:

* sending PostgreSQL statements without waiting for each answer (pipeline mode). It saves three more waits, but a
  process that is stopped between two of them is not idle for the server, which then never ends its transaction;
* giving SQLite 64 rows with each statement instead of executing it for each: within the noise, alone and beside a
  thread that never rests;
* freezing what was imported, so that the collector passes it by: within the noise;
* decoding many batches of a history in one call: joining them takes what the calls take;
* sharing one empty mapping among events without headers: new empty ones come from the interpreter's free list.

A program may take away another tenth by letting the collector run less often (`gc.set_threshold(5000, 20, 20)`, at a
thousand workflows at once). That is the program's to say: the engine is a guest in its process.
""".splitlines()


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
            return f"{what.replace('_', ' ')} {number} {_UNITS[unit]} per {each}"
    return f"{key.replace('_', ' ')} {number}"


def _rounded(value: object) -> str:
    """Three digits that count."""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < _THREE_DIGITS else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
