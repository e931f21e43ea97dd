"""Run the benchmarks that are named, or all of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import codecs, driver, engine, machine, measure, queries, startup
from benchmarks.page import written
from benchmarks.sql.everything import sql

BENCHMARKS: dict[str, Callable[[], None]] = {
    "events": codecs.events,
    "values": codecs.values,
    "queries": queries.parser,
    "machine": machine.machine,
    "driver": driver.driver,
    "engine": engine.engine,
    "sql": sql,
    "startup": startup.startup,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the figures to this page, too")
    arguments = parser.parse_args()
    names: list[str] = arguments.names
    page: Path | None = arguments.markdown
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    if page is not None:
        page.write_text(written(names, measure.reported, page), encoding="utf-8")


if __name__ == "__main__":
    main()
