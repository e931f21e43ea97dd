"""`AION__SECTION__KEY`: values from environment variables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Final, cast

from aion_core.config.layers import Kind, Layers, Origin, Table, Text

PREFIX: Final = "AION__"


def lay_environment(layers: Layers, environ: Mapping[str, str], sections: Iterable[str]) -> list[str]:
    """Lay the variables over what the file says; the problems with their names and their syntax.

    Names of variables are upper case, those of queues and activities need not be: a part means the key that is there
    already and reads the same in upper case, with `_` for whatever a variable can not hold; else itself in lower case.
    """
    problems: list[str] = []
    known = dict.fromkeys(sections)
    for variable in sorted((name for name in environ if name.startswith(PREFIX)), key=_order):
        parts = variable.removeprefix(PREFIX).split("__")
        if not all(parts):
            problems.append(f"{variable}: names no key; write {PREFIX}SECTION__KEY")
            continue
        path = _path(parts, layers.table, known)
        if isinstance(_below(layers.table, path[:-1]), Text):
            problems.append(f"{variable}: a variable for the whole table is set, too; keep one of them")
            continue
        value: object = Text(environ[variable], variable)
        if len(path) == 1:
            try:
                value = toml_value(environ[variable])
            except ValueError:
                problems.append(f"{path[0]}: expected a TOML table or array (from {variable})")
                continue
        table: object = value
        for part in reversed(path):
            table = {part: table}
        layers.lay(cast("Table", table), Origin(Kind.ENVIRONMENT, variable))
    return problems


def _order(variable: str) -> tuple[bool, bool, str]:
    """A whole section comes before its keys, and the choice of a driver, which empties its table, before the others."""
    return "__" in variable.removeprefix(PREFIX), not variable.endswith("__USE"), variable


def toml_value(text: str) -> object:
    """The value that TOML reads from `text`, on the right of an equals sign."""
    try:
        table = tomllib.loads(f"value = {text}")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if len(table) != 1:
        raise ValueError("more than one value")
    return table["value"]


def _path(parts: list[str], table: Table, known: Mapping[str, object]) -> tuple[str, ...]:
    path: list[str] = []
    here: object = {**known, **table}
    for part in parts:
        keys = cast("Table", here) if isinstance(here, dict) else {}
        name = next((key for key in keys if _as_variable(key) == part.upper()), part.lower())
        path.append(name)
        here = _below(table, tuple(path))
    return tuple(path)


def _as_variable(key: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", key.upper())


def _below(table: object, path: tuple[str, ...]) -> object:
    for part in path:
        if not isinstance(table, dict):
            return table if isinstance(table, Text) else None
        table = cast("Table", table).get(part)
    return table
