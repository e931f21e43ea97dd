"""JSON text: what may stand in a history, how it is written, and how text from outside is read."""

# pyright: basic
# Values and types of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import msgspec

from aion_core.model.errors import PayloadError
from aion_core.model.limits import Limits

_ATOMS: Final = frozenset({str, int, bool, type(None)})
_ENCODE: Final = msgspec.json.Encoder().encode
_NUL: Final = b"\\u0000"
_TOO_LONG: Final = "holds an integer of more digits than Python turns into text: write it as a str"
_DEEP: Final = Limits().depth


def write_flat(plain: object) -> bytes | None:
    """JSON text of an atom, or of a sequence of atoms: nothing in it has to be looked into. None for anything else."""
    kind: Any = type(plain)
    if kind is tuple or kind is list:
        items: Any = plain
        if not _ATOMS.issuperset(map(type, items)):
            return None
    elif kind not in _ATOMS:
        return None
    try:
        text = _ENCODE(plain)
    except ValueError:  # `write_json` says what is wrong with it
        return None
    return None if _NUL in text else text


def write_json(plain: object, *, depth: int = _DEEP, sort: bool = False) -> bytes:
    """JSON text of plain data: dicts with str keys, lists, str, int, float, bool, None.

    A subclass of str, int or float (a `StrEnum`, say) is written as what it is in JSON.
    Refuses what JSON or a database can not hold: NaN and infinities, NUL, lone surrogates, other types, deep nesting.
    """
    if type(plain) not in _ATOMS:
        try:
            _check(plain, depth, ())
        except _Subclass:
            plain = _exact(plain, depth)
            _check(plain, depth, ())
    try:
        text = msgspec.json.encode(plain, order="deterministic" if sort else None)
    except UnicodeEncodeError:
        _refuse_text(plain, "\ud800", "\udfff", "holds a lone surrogate, which is no character")
        raise
    except ValueError as error:
        raise PayloadError(_TOO_LONG) from error
    if _NUL in text:  # it may be somebody's backslashes: then this finds nothing
        _refuse_text(plain, "\x00", "\x00", "holds a NUL character, which no database keeps")
    return text


def read_json(text: bytes | msgspec.Raw) -> object:
    """Plain data of JSON text that `write_json` wrote."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise PayloadError(f"is not the JSON that was written: {error}") from error


def read_strict_json(text: str | bytes, *, depth: int = _DEEP) -> object:
    """Plain data of JSON text from outside: a duplicate key, NaN or anything `write_json` refuses is an error."""
    try:
        plain = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
    except json.JSONDecodeError as error:
        raise PayloadError(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise PayloadError(f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError:
        raise PayloadError(f"is nested more than {depth} levels deep") from None
    except PayloadError:
        raise
    except ValueError as error:
        raise PayloadError(_TOO_LONG) from error
    write_json(plain, depth=depth)
    return plain


def shown_path(path: Sequence[str | int]) -> str:
    """`$.items[2].price`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


class _Subclass(Exception):
    """The data holds a subclass of str, int or float. Rare, so the common way pays nothing for it."""


def _exact(plain: Any, depth: int) -> Any:
    """The data without subclasses of str, int and float."""
    kind = type(plain)
    if kind in _ATOMS or depth < 0:
        return plain
    if kind is list:
        return [_exact(item, depth - 1) for item in plain]
    if kind is dict:
        return {_exact(key, depth): _exact(item, depth - 1) for key, item in plain.items()}
    if isinstance(plain, str):
        return str.__str__(plain)
    if isinstance(plain, int):
        return int.__int__(plain)
    return float.__float__(plain) if isinstance(plain, float) else plain


def _check(plain: Any, depth: int, path: tuple[str | int, ...]) -> None:
    kind = type(plain)
    if kind is float:
        if plain - plain != 0:  # NaN and infinities are the floats whose difference with themselves is not 0
            raise PayloadError(f"is {plain}, which JSON can not hold", path=shown_path(path))
    elif depth <= 0:
        raise PayloadError("is nested too deeply, or contains itself", path=shown_path(path[:8]))
    elif kind is list:
        for index, item in enumerate(plain):
            if type(item) not in _ATOMS:
                _check(item, depth - 1, (*path, index))
    elif kind is dict:
        for key, item in plain.items():
            if type(key) is not str:
                _refuse_key(key, path)
            if type(item) not in _ATOMS:
                _check(item, depth - 1, (*path, key))
    elif kind not in _ATOMS:
        _refuse_value(plain, path)


def _refuse_value(value: Any, path: tuple[str | int, ...]) -> NoReturn:
    if isinstance(value, str | int | float):
        raise _Subclass
    problem = f"is a {type(value).__module__}.{type(value).__qualname__}, which can not be encoded"
    raise PayloadError(f"{problem}: use a dataclass, attrs class, pydantic model or plain data", path=shown_path(path))


def _refuse_key(key: Any, path: tuple[str | int, ...]) -> NoReturn:
    if isinstance(key, str):
        raise _Subclass
    problem = f"has the key {key!r} of type {type(key).__name__}; keys of JSON objects are str"
    raise PayloadError(f"{problem}, so annotate the dict's key type", path=shown_path(path))


def _refuse_text(plain: object, first: str, last: str, problem: str) -> None:
    """Raise for a text that holds one of these characters, saying where it is."""
    pending: list[tuple[Any, tuple[str | int, ...]]] = [(plain, ())]
    while pending:
        item, path = pending.pop()
        if isinstance(item, str) and any(first <= char <= last for char in item):
            raise PayloadError(problem, path=shown_path(path))
        if isinstance(item, list):
            pending.extend((inner, (*path, index)) for index, inner in enumerate(item))
        elif isinstance(item, dict):
            pending.extend((inner, (*path, key)) for key, inner in item.items())
            pending.extend((key, path) for key in item)


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PayloadError(f"has the key {twice!r} twice in one object")
    return found


def _no_constants(name: str) -> NoReturn:
    raise PayloadError(f"holds {name}, which is not JSON")
