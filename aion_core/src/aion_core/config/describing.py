"""What a settings class takes, for people: its fields with types, defaults and the text below them in the source."""

from __future__ import annotations

import ast
import inspect
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from aion_core.config.showing import shown
from aion_core.model.settings import Rate, Secret, Unit


@frozen
class Setting:
    """One key of a table."""

    key: str
    type: str
    default: str
    """As TOML writes it; empty when the key has none."""
    text: str


def described(kind: type[Any]) -> tuple[Setting, ...]:
    """The keys of a settings class, in its order."""
    return tuple(_settings(kind, ""))


def _settings(kind: type[Any], prefix: str) -> Iterator[Setting]:
    hints = get_type_hints(kind, include_extras=True)
    texts = field_texts(kind)
    for field in attrs.fields(kind):
        hint = hints.get(field.name)
        key = f"{prefix}{field.name}"
        if isinstance(hint, type) and attrs.has(hint) and hint is not Rate:
            yield from _settings(hint, f"{key}.")
        elif field.init:
            yield Setting(key, type_words(hint), _default(field, hint), texts.get(field.name, ""))


def field_texts(kind: type[Any]) -> Mapping[str, str]:
    """The texts below the fields of a class, also of those that it inherits; none where there is no source."""
    texts: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        try:
            tree = ast.parse(inspect.cleandoc(inspect.getsource(cls)) if cls is not object else "")
        except (OSError, TypeError, SyntaxError):
            continue
        for node in tree.body[:1]:
            if isinstance(node, ast.ClassDef):
                texts.update(_texts(node.body))
    return texts


def _texts(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, after in pairwise(body):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
            case _:
                pass


def type_words(hint: Any) -> str:
    """A type in the words of a configuration."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        units = [fact for fact in arguments[1:] if isinstance(fact, Unit)]
        return {Unit.BYTES: "size", Unit.SECONDS: "duration"}[units[0]] if units else type_words(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(type_words(each) for each in arguments if each is not type(None))
    if origin is Literal:
        return " or ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in arguments)
    if choices := _choices(hint):
        return " or ".join(f'"{each}"' for each in choices)
    words: dict[Any, str] = {
        str: "string",
        int: "integer",
        float: "number",
        bool: "boolean",
        Secret: "secret",
        Rate: "rate",
        Path: "path",
    }
    if origin in {tuple, list, set, frozenset, Sequence}:
        return f"array of {type_words(arguments[0])}s"
    if origin in {dict, Mapping}:
        return f"table of {type_words(arguments[1])}s"
    plain: Any = hint
    return words.get(plain) or str(getattr(plain, "__name__", plain))


def _choices(hint: Any) -> Sequence[object]:
    return [each.value for each in hint] if isinstance(hint, type) and issubclass(hint, Enum) else []


def _default(field: attrs.Attribute[Any], hint: Any) -> str:
    default = field.default
    if default is attrs.NOTHING or default is None or isinstance(default, attrs.Factory):  # type: ignore[arg-type] # a class at run time
        return ""
    return json.dumps(shown(default, "", hint))
