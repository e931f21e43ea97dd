"""Run the benchmarks that are named, or all of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import codecs, machine, queries, startup

BENCHMARKS: dict[str, Callable[[], None]] = {
    "events": codecs.events,
    "values": codecs.values,
    "queries": queries.parser,
    "machine": machine.machine,
    "startup": startup.startup,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)}")
    names: list[str] = parser.parse_args().names
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
