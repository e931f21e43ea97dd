"""Write the pages of the reference that follow from the code: `python -m docs.generate [--check]`.

A page is a function that returns Markdown, registered with its place. `--check` writes nothing and fails when a page
on disk is not what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from docs.pages import commands, configuration, errors

ROOT: Final = Path(__file__).parent
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/configuration.md": configuration.page,
    "reference/errors.md": errors.page,
    "reference/commands.md": commands.page,
}
NOTE: Final = "<!-- Written by `make docs` from the code: change it there. -->\n\n"


def written() -> Mapping[Path, str]:
    """Every page with its text."""
    return {ROOT / place: NOTE + page().rstrip() + "\n" for place, page in PAGES.items()}


def stale() -> Iterator[Path]:
    """The pages that are not what the code says."""
    for place, text in written().items():
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            yield place


def main() -> int:
    """Write or check; the exit code."""
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: python -m docs.generate [--check]", file=sys.stderr)
        return 2
    found = list(stale())
    for place in found:
        print(f"{'stale' if sys.argv[1:] else 'written'}: {place.relative_to(ROOT.parent)}")
    if sys.argv[1:]:
        return 1 if found else 0
    for place, text in written().items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
