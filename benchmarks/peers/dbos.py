"""DBOS as a subject, where `make peers` has installed it."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from benchmarks.places import Place
from benchmarks.subjects import ROOT, Subject

PYTHON: Final = ROOT / ".venv-peers" / "bin" / "python"
RUNS_ON: Final = ("SQLite", "PostgreSQL")
MISSING: Final = "DBOS is not installed: `make peers`"
_VERSION: Final = "from importlib.metadata import version; print(version('dbos'))"
_MODULE: Final = "benchmarks.peers.dbos_program"


def dbos(kind: str) -> tuple[Mapping[str, Subject], str]:
    """Its subjects on such places, by the prefix of what lines say of them, and its name; or none, and why."""
    if kind not in RUNS_ON:
        return {}, f"DBOS does not run on {kind}"
    version = _version(PYTHON)
    if version is None:
        return {}, MISSING
    name = f"DBOS {version}"
    subjects = {"peer": Subject(name=name, python=PYTHON, module=_MODULE, place=_at)}
    if kind == "SQLite":  # beside its own default journal, as somebody sets it up who knows SQLite
        subjects["peer_wal"] = Subject(name="the same in WAL mode", python=PYTHON, module=_MODULE, place=_in_wal)
    return subjects, name


def _version(python: Path) -> str | None:
    if not python.exists():
        return None
    said = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=False)
    return None if said.returncode else said.stdout.strip()


def _at(place: Place) -> Mapping[str, str]:
    return {"url": place.url}


def _in_wal(place: Place) -> Mapping[str, str]:
    with closing(sqlite3.connect(place.path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # the file keeps it
    return _at(place)
