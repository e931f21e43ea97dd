"""Finding and reading the file: an explicit one, `AION_CONFIG`, or the nearest `aion.toml` upwards."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from attrs import frozen

from aion_core.config.layers import ARGUMENT, Kind, Origin, Table
from aion_core.model.errors import ConfigError

FILE_NAME: Final = "aion.toml"
PROJECT_FILE: Final = "pyproject.toml"
SCHEMA: Final = 1


@frozen
class Source:
    """A table as it was written, and the folder that its relative paths are meant from."""

    table: Table
    origin: Origin
    folder: Path

    @property
    def name(self) -> str | None:
        """The file, for errors; None when it is no file."""
        return self.origin.name or None


def source_of(
    config: str | Path | Mapping[str, object] | None, *, environ: Mapping[str, str], cwd: Path, home: Path | None
) -> Source | None:
    """The one source that the configuration is read from; None when there is none and the defaults are meant."""
    if isinstance(config, Mapping):
        return Source(_text_keys(config), ARGUMENT, cwd)
    if isinstance(config, str | Path):
        return read(cwd / config)
    given: object = config
    if given is not None:
        raise ConfigError([f"expected a path, a Config, a dict or None, got {type(given).__name__}"])
    if variable := environ.get("AION_CONFIG"):
        return read(cwd / variable, asked_by="the environment variable AION_CONFIG")
    return discover(cwd, home=home)


def discover(cwd: Path, *, home: Path | None) -> Source | None:
    """The nearest `aion.toml`, or `[tool.aion]` of a `pyproject.toml`, from `cwd` upwards; the former wins in a folder.

    The last folder that is looked at holds a `.git`, or is the home directory.
    """
    for folder in _upwards(cwd, home):
        file = folder / FILE_NAME
        if _is_there(file):
            return read(file)
        project = folder / PROJECT_FILE
        if _is_there(project) and (source := _read_project(project)):
            return source
    return None


def read(file: Path, *, asked_by: str | None = None) -> Source:
    """The table of a file; of a `pyproject.toml`, its `[tool.aion]`."""
    if file.name == PROJECT_FILE and _is_there(file):
        if source := _read_project(file):
            return source
        raise ConfigError(["there is no table [tool.aion]"], source=str(file))
    table = _parsed(_content(file, asked_by), file)
    if not table:
        raise ConfigError([f"the file is empty: it needs at least `schema = {SCHEMA}`"], source=str(file))
    return _checked(table, file, "")


def _read_project(file: Path) -> Source | None:
    content = _content(file, None)
    # Somebody else's pyproject.toml may be a template that no TOML parser reads, and is then no concern of ours.
    if not re.search(r"^\s*\[+\s*(\[\s*)?tool\s*\.\s*[\"']?aion\b", content, re.MULTILINE):
        return None
    tool = _parsed(content, file).get("tool")
    table = cast("Table", tool).get("aion") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigError(["tool.aion: expected a table"], source=str(file))
    return _checked(cast("Table", table), file, "tool.aion.")


def _checked(table: Table, file: Path, prefix: str) -> Source:
    where = f"[{prefix[:-1]}] of {file}" if prefix else str(file)
    if problem := schema_problem(table):
        raise ConfigError([f"{prefix}schema: {problem}"], source=str(file))
    return Source(table, Origin(Kind.FILE, where), file.parent)


def schema_problem(table: Mapping[str, object]) -> str | None:
    """What is wrong with the key `schema`, if anything: nothing else is read with a schema that is not known."""
    match table.get("schema"):
        case None:
            return f"missing: add `schema = {SCHEMA}`, so that later versions know how to read the file"
        case bool() | float() | str() | list() | dict():
            return f"expected the number {SCHEMA}"
        case int(newer) if newer > SCHEMA:
            return f"{newer} is newer than this version, which reads schema {SCHEMA}: upgrade aion-durable-core"
        case int(number) if number == SCHEMA:
            return None
        case other:
            return f"{other} is unknown; write `schema = {SCHEMA}`"


def _content(file: Path, asked_by: str | None) -> str:
    by = f" (named by {asked_by})" if asked_by else ""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([f"there is no such file{by}"], source=str(file)) from None
    except IsADirectoryError:
        hint = f": name the file, {file / FILE_NAME}" if _is_there(file / FILE_NAME) else ""
        raise ConfigError([f"it is a directory{by}{hint}"], source=str(file)) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"byte {error.start} is not UTF-8"], source=str(file)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError([f"it can not be read{by}: {reason}"], source=str(file)) from None


_PLACE: Final = re.compile(r"(?P<what>.*) \(at (?P<where>line \d+, column \d+|end of document)\)", re.DOTALL)


def _parsed(content: str, file: Path) -> Table:
    try:
        return tomllib.loads(content)
    except RecursionError:
        raise ConfigError(["it is nested too deeply"], source=str(file)) from None
    except ValueError as error:
        found = _PLACE.fullmatch(str(error))
        problem = f"{found['where']}: {found['what']}" if found else str(error)
        raise ConfigError([f"invalid TOML: {problem}"], source=str(file)) from None


def _upwards(cwd: Path, home: Path | None) -> Iterator[Path]:
    for folder in (cwd, *cwd.parents):
        yield folder
        if folder == home or _is_there(folder / ".git"):
            return


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


_DEEPEST: Final = 64


def _text_keys(config: Mapping[str, object], path: str = "", depth: int = 0) -> Table:
    """A dict that was handed over, as TOML could have said it: keys are text, nesting has an end."""
    if depth > _DEEPEST:
        raise ConfigError([f"{path}: nested too deeply"])
    table: Table = {}
    for key, value in cast("Mapping[object, object]", config).items():
        if not isinstance(key, str):
            raise ConfigError(
                [f"{path or 'the dict'}: expected keys that are strings, got a key of type {type(key).__name__}"]
            )
        at = f"{path}.{key}" if path else key
        table[key] = _text_keys(cast("Table", value), at, depth + 1) if isinstance(value, Mapping) else value
    return table
