"""Try the figures of stores outside the process: `python -m benchmarks.sql [--small] [PLACE …]`."""

from __future__ import annotations

import argparse

from benchmarks.sql.everything import PLACES, measured
from benchmarks.sql.grounds import FULL, PEERS, SMALL


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sql", description=__doc__)
    parser.add_argument("places", nargs="*", metavar="PLACE", help=f"of {', '.join(PLACES)}")
    parser.add_argument("--small", action="store_true", help="a few of everything, to see that it works")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.places if name not in PLACES]:
        parser.error(f"there is no place {', '.join(unknown)}; there are {', '.join(PLACES)}")
    ours, theirs = (SMALL, SMALL) if arguments.small else (FULL, PEERS)
    for name in arguments.places or PLACES:
        measured(name, ours, theirs)


if __name__ == "__main__":
    main()
