"""What it costs to import the core and to ask the command for help, and that neither loads what it does not need."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

from benchmarks.measure import report

RUNS = 7
HEAVY = ("sqlalchemy", "boto3", "rich", "stevedore", "hypothesis", "pytest", "pydantic", "asyncio", "aion_testkit")
NOTHING = "pass"
IMPORT = "import aion_core"
HELP = """
import sys
sys.argv = ["aion", "--help"]
from aion_core.cli import main
try:
    main()
except SystemExit:
    pass
"""
LOADED = "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def startup() -> None:
    """CPU milliseconds of a fresh interpreter, beside one that does nothing."""
    nothing = _cpu_ms(NOTHING)
    for figure, program, target in (("import aion_core", IMPORT, 150), ("aion --help", HELP, 250)):
        cost = _cpu_ms(program)
        heavy = [name for name in HEAVY if name in _modules(program)]
        report(
            figure,
            cpu_ms=cost,
            raw="an interpreter that does nothing",
            raw_cpu_ms=nothing,
            target=f"<= {target}",
            met=cost <= target,
            loaded_but_not_needed=heavy,
        )
        if heavy:
            raise SystemExit(f"{figure} loads {', '.join(heavy)}")


def _cpu_ms(program: str) -> float:
    samples: list[float] = []
    for _ in range(RUNS):
        before = os.times()
        _run(program)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        samples.append(used * 1000)
    return statistics.median(samples)


def _modules(program: str) -> set[str]:
    loaded: list[str] = json.loads(_run(program + LOADED).stderr)
    return set(loaded)


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
