"""Workflow code that is named on the command line: imported, and what is wrong with it in one sentence."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from aion_core.cli.exits import CommandFailed, Exit

if TYPE_CHECKING:
    from aion_core.engine.catalog import Catalog

F = TypeVar("F", bound=Callable[..., object])


def workflows_option(command: F) -> F:
    """`--workflows`, as `modules`."""
    return click.option(
        "--workflows",
        "-w",
        "modules",
        multiple=True,
        metavar="MODULE[:NAME]",
        help="Workflows and activities: all of a module, or one; repeatable.",
    )(command)


def code_of(modules: Sequence[str]) -> tuple[object, ...]:
    """The modules and objects of these names, found from the current folder as with `python -m`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return tuple(_imported(each) for each in modules)


def catalog_of(code: Sequence[object]) -> Catalog:
    """What is in there, by name. Raises `DuplicateName`."""
    from aion_core.engine.catalog import Catalog

    try:
        return Catalog(code)
    except TypeError as error:
        raise CommandFailed(str(error), Exit.CONFIGURATION) from error


def _imported(text: str) -> object:
    name, _, attribute = text.partition(":")
    try:
        module = import_module(name)
    except Exception as error:
        raise CommandFailed(_problem(name, error), Exit.CONFIGURATION) from error
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise CommandFailed(f"module {name!r} has no {attribute!r}.", Exit.CONFIGURATION) from None


def _problem(name: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name is not None and f"{name}.".startswith(f"{error.name}."):
        return f"there is no module {error.name!r}, neither here ({Path.cwd()}) nor installed."
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f" ({where.filename}:{where.lineno})"
    return f"module {name!r} could not be imported: {type(error).__name__}: {error}{place}"
