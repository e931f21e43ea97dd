"""Telling the members of a union apart by the JSON they leave, decided once per type and refused when it can not be."""

# pyright: basic
# Values and types of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

import attrs
import msgspec
from attrs import frozen

Structure = Callable[[Any, Any], Any]

_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    type(None): "null",
    list: "array",
    dict: "object",
}

_NAMES: Final[Mapping[type, str]] = {
    str: "a str",
    int: "an int",
    float: "a float",
    bool: "a bool",
    type(None): "null",
    list: "an array",
    dict: "an object",
}

_MODULES: Final = re.compile(r"\b(?:\w+\.)+")


class AmbiguousUnion(TypeError):
    """Two members of a union look the same in JSON."""


def is_union(kind: object) -> bool:
    """Whether a type is a union, in either spelling."""
    return get_origin(kind) in {Union, types.UnionType}


def union_hook(union: Any, hook_of: Callable[[Any], Structure]) -> Structure:
    """A function that structures a value as the member it is of."""
    members = _members(union)
    if Any in members or object in members:
        return lambda value, _: value
    by_kind = _by_kind(union, members)
    choices = {kind: _choice(union, kind, found, hook_of) for kind, found in by_kind.items()}
    if "float" in choices:
        choices.setdefault("integer", choices["float"])

    def structure(value: Any, _: Any) -> Any:
        choose = choices.get(_KINDS.get(type(value), "other"))
        if choose is None:
            raise TypeError(f"is {named(value)}")
        return choose(value)

    return structure


def _choice(union: Any, kind: str, members: Sequence[Any], hook_of: Callable[[Any], Structure]) -> Callable[[Any], Any]:
    if kind == "object" and len(members) > 1:
        return _by_keys(union, members, hook_of)
    if len(members) == 1:
        member, hook = members[0], hook_of(members[0])
        return lambda value: hook(value, member)
    by_value: dict[Any, tuple[Any, Structure]] = {}
    for member in members:
        for value in _constants(member):
            by_value[value] = (member, hook_of(member))

    def among_constants(value: Any) -> Any:
        constant = tuple(value) if isinstance(value, list) else value
        if constant not in by_value:
            raise ValueError(f"is {value!r}, which is none of {', '.join(map(repr, by_value))}")
        member, hook = by_value[constant]
        return hook(value, member)

    return among_constants


def _members(union: Any) -> list[Any]:
    """Members, with unions of unions and names of types opened."""
    if isinstance(union, TypeVar):
        return [union.__bound__ or Any]
    if hasattr(union, "__supertype__"):
        return _members(union.__supertype__) if is_union(union.__supertype__) else [union]
    if get_origin(union) is Annotated:
        return _members(get_args(union)[0])
    if is_union(union):
        return list(dict.fromkeys(member for arg in get_args(union) for member in _members(arg)))
    return [union]


def _by_kind(union: Any, members: Sequence[Any]) -> dict[str, list[Any]]:
    by_kind: dict[str, list[Any]] = {}
    for member in members:
        for kind in json_kinds(member):
            by_kind.setdefault(kind, []).append(member)
    for kind, found in by_kind.items():
        if len(found) == 1 or kind == "object":
            continue
        constants = [value for member in found for value in _constants(member)]
        if len(set(constants)) < len(constants) or not all(_constants(member) for member in found):
            raise AmbiguousUnion(
                f"{shown(union)} can not be told apart: {' and '.join(map(shown, found))} are both a JSON {kind}. "
                "Use one of them, or wrap them in dataclasses of their own."
            )
    return by_kind


def json_kinds(member: Any) -> AbstractSet[str]:
    """What kinds of JSON the values of a type become."""
    if member is None:
        return {"null"}
    while hasattr(member, "__supertype__"):
        member = member.__supertype__
    origin = get_origin(member)
    if origin is Annotated:
        return json_kinds(get_args(member)[0])
    if is_union(member):
        return frozenset[str]().union(*map(json_kinds, _members(member)))
    if origin is Literal:
        return {_KINDS[type(_constant(value))] for value in get_args(member)}
    plain: Any = origin or member
    if not isinstance(plain, type):
        raise AmbiguousUnion(f"{shown(member)} is not a type whose values can be encoded.")
    return _kinds_of_class(plain)


def _kinds_of_class(plain: Any) -> AbstractSet[str]:
    if issubclass(plain, Enum):
        return frozenset[str]().union(*(json_kinds(type(value.value)) for value in plain))
    if plain in _KINDS:
        return {_KINDS[plain]}
    if issubclass(plain, tuple | set | frozenset) or plain.__name__ in {"Sequence", "Set", "deque", "Collection"}:
        return {"array"}
    if getattr(plain, "__pydantic_root_model__", False):
        return json_kinds(plain.model_fields["root"].annotation)
    if issubclass(plain, msgspec.Struct) and plain.__struct_config__.array_like:
        return {"array"}
    if keys_of(plain) is not None or issubclass(plain, Mapping):
        return {"object"}
    for number in (int, float, str):
        if issubclass(plain, number):
            return {_KINDS[number]}
    return {"string"}  # datetime, UUID, Decimal, bytes, Path …: all written as text


@frozen
class Keys:
    """The keys of a class in JSON."""

    required: frozenset[str]
    constants: Mapping[str, frozenset[Any]]
    """Of fields whose type is a Literal."""


def keys_of(kind: Any) -> Keys | None:
    """The keys of a class that becomes a JSON object with known keys; None for any other type."""
    plain: Any = get_origin(kind) or kind
    if is_typeddict(plain):
        return Keys(frozenset(plain.__required_keys__), _literals(plain, plain.__required_keys__))
    if is_dataclass(plain):
        required = [f.name for f in fields(plain) if f.init and f.default is MISSING and f.default_factory is MISSING]
    elif attrs.has(plain):
        required = [f.name for f in attrs.fields(plain) if f.init and f.default is attrs.NOTHING]
    elif isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        required = [f.encode_name for f in msgspec.structs.fields(plain) if f.required]
    elif hasattr(plain, "model_fields") and hasattr(plain, "model_validate"):
        required = [field.alias or name for name, field in plain.model_fields.items() if field.is_required()]
    else:
        return None
    return Keys(frozenset(required), _literals(plain, None))


def _literals(kind: Any, names: AbstractSet[str] | None) -> dict[str, frozenset[Any]]:
    hints = get_type_hints(kind)
    return {
        name: frozenset(map(_constant, get_args(hint)))
        for name, hint in hints.items()
        if get_origin(hint) is Literal and (names is None or name in names)
    }


def _by_keys(union: Any, members: Sequence[Any], hook_of: Callable[[Any], Structure]) -> Callable[[Any], Any]:
    """Choose among classes: by a Literal field they all have, else by a required key that only one of them has."""
    known = [(member, keys_of(member)) for member in members]
    described = [(member, keys) for member, keys in known if keys is not None]
    if len(described) < len(members):
        raise AmbiguousUnion(
            f"{shown(union)} can not be told apart: any JSON object could be the dict. Use a dataclass."
        )
    hooks = {member: hook_of(member) for member, _ in described}

    shared = set.intersection(*(set(keys.constants) for _, keys in described))
    for tag in sorted(shared):
        by_tag = {value: member for member, keys in described for value in keys.constants[tag]}
        if len(by_tag) == sum(len(keys.constants[tag]) for _, keys in described):
            return _tagged(tag, by_tag, hooks)

    marks: list[tuple[str, Any]] = []
    rest: list[Any] = []
    for member, keys in described:
        others = frozenset[str]().union(*(_all_keys(other) for other, _ in described if other is not member))
        unique = sorted(keys.required - others)
        if unique:
            marks.append((unique[0], member))
        else:
            rest.append(member)
    if len(rest) > 1:
        raise AmbiguousUnion(
            f"{shown(union)} can not be told apart: {' and '.join(map(shown, rest))} have no required field of their "
            'own. Give each a field like  kind: Literal["…"].'
        )

    def marked(value: Any) -> Any:
        for key, member in marks:
            if key in value:
                return hooks[member](value, member)
        if not rest:
            raise ValueError(f"has none of the keys {', '.join(key for key, _ in marks)}")
        return hooks[rest[0]](value, rest[0])

    return marked


def _tagged(tag: str, by_tag: Mapping[Any, Any], hooks: Mapping[Any, Structure]) -> Callable[[Any], Any]:
    def structure(value: Any) -> Any:
        found = value.get(tag)
        if isinstance(found, list | dict) or found not in by_tag:
            raise ValueError(f"has {tag!r} {found!r}, which is none of {', '.join(map(repr, by_tag))}")
        return hooks[by_tag[found]](value, by_tag[found])

    return structure


def _all_keys(kind: Any) -> frozenset[str]:
    plain = get_origin(kind) or kind
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return frozenset(f.encode_name for f in msgspec.structs.fields(plain))
    return frozenset(get_type_hints(plain))


def _constants(member: Any) -> tuple[Any, ...]:
    """The values of a Literal or an Enum, as JSON has them."""
    if get_origin(member) is Literal:
        return tuple(map(_constant, get_args(member)))
    if isinstance(member, type) and issubclass(member, Enum):
        return tuple(value.value for value in member)
    return ()


def _constant(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def shown(kind: Any) -> str:
    """A type as people write it."""
    if isinstance(kind, type) and not get_args(kind):
        return "None" if kind is type(None) else kind.__name__
    return _MODULES.sub("", str(kind))


def named(value: object) -> str:
    """A JSON value's type, as part of a sentence."""
    return _NAMES.get(type(value), f"a {type(value).__name__}")
