"""The list of all cases as a page: `python -m aion_testkit.catalogue`."""

from __future__ import annotations

import sys
from itertools import groupby

from aion_testkit.conformance import Case, Conformance
from aion_testkit.running import KINDS

_INTRODUCTION = """\
<!-- Written by `python -m aion_testkit.catalogue`: change the cases, not this page. -->

# Conformance cases

Every case is a test of the kit; its name is what it checks. *Needs* names the capability without which it does not
apply. How to run them: [Conformance](../plugins/conformance.md)."""


def page() -> str:
    """Every case of every kind, by layer."""
    return "\n\n".join([_INTRODUCTION, *(_section(cls) for cls in KINDS.values())]) + "\n"


def sentence(case: Case) -> str:
    """What a case checks, in words."""
    return case.name.removeprefix("test_").replace("_", " ")


def _section(cls: type[Conformance]) -> str:
    parts = [f"## `{cls.kind}`: {len(cls.cases)} cases"]
    by_layer = sorted(cls.cases, key=lambda case: case.layer)
    for layer, cases in groupby(by_layer, key=lambda case: case.layer):
        rows = [f"| {sentence(case)} | {', '.join(f'`{need}`' for need in sorted(case.needs))} |" for case in cases]
        parts.append(f"### {layer}\n\n| case | needs |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
