"""What is written on a command line, as values: JSON, durations, attributes and memos."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar, cast

import click

if TYPE_CHECKING:
    from aion_core.model.errors import PayloadError

F = TypeVar("F", bound=Callable[..., object])

_SHOWN: Final = 60


def duration(text: str | float) -> float:
    """A type of options: seconds, or a number with a unit; in seconds."""
    from aion_core.config.units import UnitError, seconds
    from aion_core.config.units import duration as checked

    try:
        return checked(float(text)) if _is_number(text) else seconds(str(text))
    except UnitError as error:
        raise click.BadParameter(f"{error}.") from None


def input_option(command: F) -> F:
    """`--input`, as `source`."""
    return click.option(
        "--input",
        "source",
        type=click.File("rb"),
        metavar="FILE",
        help="Read the JSON from a file; - is standard input.",
    )(command)


def arguments(
    texts: Sequence[str], source: BinaryIO | None, *, takes_text: Callable[[int], bool] = lambda _: False
) -> list[object]:
    """The arguments: one JSON text each, or those of a file, where an array is all of them.

    `takes_text` says of which positions code is known that takes a `str` there: those may be bare words.
    """
    if source is None:
        return [_argument(text, position, takes_text) for position, text in enumerate(texts)]
    whole = _read(source, given=bool(texts))
    return cast("list[object]", whole) if isinstance(whole, list) else [whole]


def one_value(text: str | None, source: BinaryIO | None) -> object:
    """One value: a JSON text, or all that a file holds; None when there is neither."""
    if source is not None:
        return _read(source, given=text is not None)
    return None if text is None else json_value(text, "the value")


def json_value(text: str, what: str) -> object:
    """The value of a JSON text. What is none is a usage error that shows how to write it."""
    from aion_core.codec import read_strict_json
    from aion_core.model.errors import PayloadError

    try:
        return read_strict_json(text)
    except PayloadError as error:
        raise click.UsageError(f"{what} is not JSON: {_cut(text)}\n{_advice(text, error)}") from None


def attributes_of(settings: Iterable[str], types: Mapping[str, str]) -> dict[str, object]:
    """`NAME=VALUE` as attributes of the declared `types`; a name that is given again makes keywords longer."""
    found: dict[str, object] = {}
    for name, text in _pairs(settings, "--attribute"):
        try:
            value = _attribute(text, types.get(name, "str"))
        except ValueError:
            raise click.UsageError(f"--attribute {name} is a {types[name]}, and {text!r} is none.") from None
        before = found.get(name)
        found[name] = (*before, *value) if isinstance(before, tuple) and isinstance(value, tuple) else value
    return found


def memo_of(settings: Iterable[str]) -> dict[str, object]:
    """`NAME=JSON` as a memo."""
    return {name: json_value(text, f"--memo {name}") for name, text in _pairs(settings, "--memo")}


def _argument(text: str, position: int, takes_text: Callable[[int], bool]) -> object:
    try:
        return json_value(text, f"argument {position + 1}")
    except click.UsageError:
        if takes_text(position):
            return text
        raise


def _read(source: BinaryIO, *, given: bool) -> object:
    from aion_core.codec import read_strict_json
    from aion_core.model.errors import PayloadError

    if given:
        raise click.UsageError("give values on the command line or with --input, not both.")
    try:
        return read_strict_json(source.read())
    except PayloadError as error:
        raise click.UsageError(f"--input {source.name}: {error}") from None


def _advice(text: str, error: PayloadError) -> str:
    """How to write it: a word that lacks JSON's quotes, or JSON that the shell has taken apart."""
    if text.strip()[:1] not in {"{", "[", '"', "'"}:
        return f"  JSON's strings have quotes of their own:  {shlex.quote(json.dumps(text, ensure_ascii=False))}"
    cause = error.__cause__
    where = f"{cause.msg}, at column {cause.colno}" if isinstance(cause, json.JSONDecodeError) else str(error)
    return f'  {where}\n  In a shell, JSON stands in single quotes:  \'{{"id": "42"}}\''


def _is_number(text: str | float) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pairs(settings: Iterable[str], option: str) -> Iterable[tuple[str, str]]:
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} takes NAME=VALUE, not {setting!r}.")
        yield name, text


def _attribute(text: str, kind: str) -> object:
    match kind:
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "bool":
            return {"true": True, "false": False}[text] if text in {"true", "false"} else _none(text)
        case "datetime":
            return datetime.fromisoformat(text)
        case "keywords":
            return (text,)
        case _:
            return text


def _none(text: str) -> object:
    raise ValueError(text)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
