"""The cattrs converter for users' types: strict where cattrs is lenient, and with the types that JSON has no word for.

Every rule is here once; `Values` builds one converter that is fast and one that says where in a value it failed.
"""

# pyright: basic
# Values and types of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import base64
import binascii
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from inspect import isabstract
from pathlib import PurePath
from types import GenericAlias
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

import attrs
import msgspec
from cattrs import Converter
from cattrs.cols import (
    homogenous_tuple_structure_factory,
    is_any_set,
    is_mapping,
    is_namedtuple,
    is_sequence,
    list_structure_factory,
    mapping_structure_factory,
    namedtuple_structure_factory,
)
from cattrs.errors import StructureHandlerNotFoundError
from cattrs.gen import make_mapping_structure_fn

from aion_core.codec.json_text import write_json
from aion_core.codec.pydantic_models import is_pydantic, pydantic_reader, write_pydantic
from aion_core.codec.unions import AmbiguousUnion, Structure, is_union, json_kinds, named, shown, union_hook

_EXACT: Final = (str, bool, int)


def build_converter(*, detailed: bool = False, omit_defaults: bool = False) -> Converter:
    """A converter with all of Aion's rules. `detailed` collects where in a value it failed; slower."""
    converter = Converter(detailed_validation=detailed, omit_if_default=omit_defaults)
    _scalars(converter)
    _containers(converter)
    _classes(converter, omit_defaults=omit_defaults)
    converter.register_structure_hook_factory(is_union, lambda union: union_hook(union, converter.get_structure_hook))
    converter.register_unstructure_hook_factory(is_union, lambda _: converter.unstructure)
    return converter


# ---- scalars


def _scalars(converter: Converter) -> None:
    to_enum = _enum_reader(converter)
    for kind in _EXACT:
        converter.register_structure_hook(kind, _exactly(kind, to_enum))
    converter.register_structure_hook(float, _to_float(to_enum))
    converter.register_structure_hook_func(_is_none, _exactly(type(None), to_enum))
    converter.register_structure_hook_func(_is_literal, _to_literal)
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
    converter.register_structure_hook_func(_is_enum, to_enum)
    converter.register_unstructure_hook_func(_is_enum, lambda value: converter.unstructure(value.value))
    for text_kind, write, read in _TEXTS:
        converter.register_unstructure_hook(text_kind, _to_text(write, converter))
        converter.register_structure_hook(text_kind, _from_text(text_kind, read, to_enum))
    converter.register_unstructure_hook_func(_is_path, str)
    converter.register_structure_hook_func(_is_path, lambda value, kind: kind(_text(value)))


def _exactly(kind: type, to_enum: Structure) -> Structure:
    def structure(value: Any, target: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"is {named(value)}")
        return value if target is kind else _as_subclass(value, target, to_enum, plain=value)

    return structure


def _to_float(to_enum: Structure) -> Structure:
    def structure(value: Any, target: Any) -> Any:
        if type(value) is not float and type(value) is not int:
            raise TypeError(f"is {named(value)}")
        found = float(value)
        return found if target is float else _as_subclass(found, target, to_enum, plain=found)

    return structure


def _as_subclass(value: Any, target: Any, to_enum: Structure, *, plain: Any) -> Any:
    """The way of an IntEnum, and of any other subclass: cattrs sends it to the hook of its base."""
    if target is None:
        return value
    if _is_enum(target):
        return to_enum(plain, target)
    return target.fromisoformat(value.isoformat()) if isinstance(value, date | time) else target(value)


def _is_none(kind: Any) -> bool:
    return kind is None or kind is type(None)


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _to_literal(value: Any, literal: Any) -> Any:
    for choice in get_args(literal):
        constant = choice.value if isinstance(choice, Enum) else choice
        if type(constant) is type(value) and constant == value:
            return choice
    raise ValueError(f"is {value!r}, which is none of {', '.join(repr(choice) for choice in get_args(literal))}")


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _enum_reader(converter: Converter) -> Structure:
    @cache
    def written(kind: type[Enum]) -> Sequence[tuple[Any, Enum]]:
        return [(converter.unstructure(choice.value), choice) for choice in kind]

    def structure(value: Any, kind: type[Enum]) -> Enum:
        for plain, choice in written(kind):
            if type(plain) is type(value) and plain == value:
                return choice
        try:
            return kind(value)  # several flags at once, and what the enum's own `_missing_` knows
        except ValueError:
            choices = ", ".join(repr(choice.value) for choice in kind)
            raise ValueError(f"is {value!r}, which is none of {choices}") from None

    return structure


def _is_path(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, PurePath)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"is {named(value)}")
    return value


def _to_text(write: Callable[[Any], str], converter: Converter) -> Callable[[Any], Any]:
    return lambda value: converter.unstructure(value.value) if isinstance(value, Enum) else write(value)


def _from_text(kind: type, read: Callable[[str], Any], to_enum: Structure) -> Structure:
    def structure(value: Any, target: Any) -> Any:
        found = read(_text(value))
        return found if target is kind else _as_subclass(found, target, to_enum, plain=value)

    return structure


def _write_datetime(value: datetime) -> str:
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(f"is the datetime {value.isoformat()} without a time zone: give it one, say tzinfo=UTC")
    return value.isoformat()


def _read_datetime(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"is the datetime {text} without a time zone")
    return found


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"is {value}, which can not be compared or stored")
    return str(value)


def _read_decimal(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"is {text!r}, which is no number") from None
    if not found.is_finite():
        raise ValueError(f"is {text}, which can not be compared or stored")
    return found


def _read_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64: {error}") from None


def _read_timedelta(text: str) -> timedelta:
    try:
        return msgspec.convert(text, timedelta)
    except msgspec.ValidationError:
        raise ValueError(f"is {text!r}, which is no ISO 8601 duration") from None


def _write_timedelta(value: timedelta) -> str:
    return str(msgspec.to_builtins(value))


_TEXTS: Final[tuple[tuple[type, Callable[[Any], str], Callable[[str], Any]], ...]] = (
    (datetime, _write_datetime, _read_datetime),
    (date, date.isoformat, date.fromisoformat),
    (time, time.isoformat, time.fromisoformat),
    (timedelta, _write_timedelta, _read_timedelta),
    (UUID, str, UUID),
    (Decimal, _write_decimal, _read_decimal),
    (bytes, lambda value: base64.b64encode(value).decode(), _read_bytes),
)


# ---- containers


def _containers(converter: Converter) -> None:
    register = converter.register_structure_hook_factory
    register(is_sequence, lambda t: _guarded(list, _sequence_hook(t, converter)))
    register(_is_tuple, lambda t: _guarded(list, _tuple_hook(t, converter)))
    register(is_any_set, lambda t: _guarded(list, _set_hook(t, converter)))
    register(is_mapping, lambda t: _guarded(dict, _mapping_hook(t, converter)))
    register(is_namedtuple, lambda t: _guarded(list, namedtuple_structure_factory(t, converter)))
    converter.register_unstructure_hook_factory(is_any_set, lambda _: _set_writer(converter))
    for is_array in (_is_tuple, is_namedtuple):
        converter.register_unstructure_hook_factory(is_array, lambda _: _array_writer(converter))
    converter.register_unstructure_hook_factory(is_mapping, lambda _: _mapping_writer(converter))


def _guarded(kind: type, inner: Structure) -> Structure:
    """Structure only what is exactly this JSON type: a str is no list of characters, a dict no list of its keys."""

    def structure(value: Any, target: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"is {named(value)}")
        return inner(value, target)

    return structure


def _sequence_hook(kind: Any, converter: Converter) -> Structure:
    inner = list_structure_factory(kind, converter)
    own = _own_class(kind, list)
    return inner if own is None else lambda value, target: own(inner(value, target))


def _own_class(kind: Any, plain: type) -> Any:
    """The class that values are to be of, where JSON's array or object alone is not one (a deque is no list)."""
    found = get_origin(kind) or kind
    return found if found is not plain and not isabstract(found) and not issubclass(plain, found) else None


def _is_tuple(kind: Any) -> bool:
    return (get_origin(kind) or kind) is tuple


def _tuple_hook(kind: Any, converter: Converter) -> Structure:
    args = get_args(kind)
    if not args:
        return lambda value, _: tuple(value)
    if args[-1] is Ellipsis:
        return homogenous_tuple_structure_factory(kind, converter)
    return converter.gen_structure_hetero_tuple(kind)


def _array_writer(converter: Converter) -> Callable[[Any], list[Any]]:
    return lambda value: [*map(converter.unstructure, value)]


def _set_hook(kind: Any, converter: Converter) -> Structure:
    items: Any = GenericAlias(list, get_args(kind) or (Any,))
    inner = list_structure_factory(items, converter)
    make = frozenset if issubclass(get_origin(kind) or kind, frozenset) else set
    return lambda value, _: make(inner(value, items))


def _set_writer(converter: Converter) -> Callable[[Any], list[Any]]:
    """The iteration order of a set differs between processes: its JSON must not."""
    return lambda value: sorted(map(converter.unstructure, value), key=lambda item: write_json(item, sort=True))


def _mapping_hook(kind: Any, converter: Converter) -> Structure:
    own = _own_class(kind, dict)
    key, value = (*get_args(kind), int)[:2] if own is Counter else get_args(kind) or (str, Any)
    inner = _dict_hook(key, value, converter)
    if own is None:
        return inner
    if own is defaultdict:
        default = get_origin(value) or value
        return lambda plain, target: defaultdict(default if callable(default) else None, inner(plain, target))
    return lambda plain, target: own(inner(plain, target))


def _dict_hook(key: Any, value: Any, converter: Converter) -> Structure:
    if key in {str, Any}:
        by_text: Any = GenericAlias(dict, (str, value))
        return mapping_structure_factory(by_text, converter)
    kinds = json_kinds(key)
    if kinds not in ({"string"}, {"integer"}):
        raise TypeError(f"{shown(key)} can not be the key of a JSON object, which is text: use str or int")
    writes_int = kinds == {"integer"}
    read_key = _read_int_key if writes_int else converter.get_structure_hook(key)

    def structure_key(text: str, _: Any) -> Any:
        found = read_key(text, key)
        return converter.structure(found, key) if writes_int else found

    keyed: Any = GenericAlias(dict, (key, value))
    return make_mapping_structure_fn(keyed, converter, key_type=_keyed(structure_key, key, converter))


def _keyed(hook: Structure, key: Any, converter: Converter) -> Any:
    """A key's hook is looked up by the converter: a type of its own, so that keys are read from text."""
    marker = type(f"{shown(key)} as a key", (), {})
    converter.register_structure_hook(marker, hook)
    return marker


def _read_int_key(text: str, _: Any) -> int:
    if str(found := int(text)) != text:
        raise ValueError(f"has the key {text!r}, which is no int")
    return found


def _mapping_writer(converter: Converter) -> Callable[[Any], dict[Any, Any]]:
    """Keys become text where that can be undone."""

    def write(value: Mapping[Any, Any]) -> dict[Any, Any]:
        plain = {
            key if type(key) is str else _key_text(key, converter.unstructure(key)): converter.unstructure(item)
            for key, item in value.items()
        }
        if len(plain) < len(value):
            raise ValueError("has two keys that are the same text in JSON")
        return plain

    return write


def _key_text(key: Any, plain: Any) -> str:
    if isinstance(plain, str):
        return str.__str__(plain)
    if type(plain) is not int:
        raise ValueError(f"has the key {key!r} of type {type(key).__name__}, which can not be the key of a JSON object")
    return str(plain)


# ---- classes


def _classes(converter: Converter, *, omit_defaults: bool) -> None:
    register = converter.register_structure_hook_factory
    register(_is_record, lambda t: _guarded(dict, converter.gen_structure_attrs_fromdict(_checked(_resolved(t)))))
    register(is_typeddict, lambda t: _guarded(dict, converter.gen_structure_typeddict(t)))
    converter.register_structure_hook_func(_is_struct, lambda value, kind: msgspec.convert(value, kind, strict=True))
    converter.register_unstructure_hook_func(_is_struct, _struct_writer(converter, omit_defaults=omit_defaults))
    register(is_pydantic, pydantic_reader)
    converter.register_unstructure_hook_func(
        is_pydantic, lambda value: write_pydantic(value, omit_defaults=omit_defaults, check_datetime=_write_datetime)
    )


def _is_record(kind: Any) -> bool:
    plain = get_origin(kind) or kind
    return isinstance(plain, type) and (is_dataclass(plain) or attrs.has(plain)) and not issubclass(plain, Enum)


def _checked(kind: Any) -> Any:
    """Refuse a dataclass that could not be made again: it keeps no value of an `InitVar`."""
    plain: Any = get_origin(kind) or kind
    if is_dataclass(plain):
        for name, hint in get_type_hints(plain).items():
            if isinstance(hint, InitVar):
                raise TypeError(f"the InitVar {name!r} of {shown(plain)} is not kept: make it a field")
    return kind


def _resolved(kind: Any) -> Any:
    """The class, with names of types that it quotes inside others (`list["Tree"]`) looked up: cattrs does not."""
    plain: Any = get_origin(kind) or kind
    if not attrs.has(plain) and is_dataclass(plain):
        hints = get_type_hints(plain, include_extras=True)
        for known in fields(plain):
            known.type = hints[known.name]
    return kind


def _is_struct(kind: Any) -> bool:
    plain = get_origin(kind) or kind
    return isinstance(plain, type) and issubclass(plain, msgspec.Struct)


def _struct_writer(converter: Converter, *, omit_defaults: bool) -> Callable[[msgspec.Struct], Any]:
    def write(value: msgspec.Struct) -> Any:
        own = msgspec.to_builtins(value, builtin_types=(datetime, float), str_keys=True)
        steady = msgspec.to_builtins(value, builtin_types=(datetime, float), str_keys=True, order="deterministic")
        plain = _with_order_of_keys(own, steady)
        if omit_defaults and isinstance(plain, dict):
            for known in msgspec.structs.fields(value):
                if not known.required and getattr(value, known.name) == _default_of(known):
                    plain.pop(known.encode_name, None)
        return converter.unstructure(plain)

    return write


def _with_order_of_keys(own: Any, steady: Any) -> Any:
    """`steady`, in which sets are sorted as they must be, with the keys of objects in the order they had."""
    if own == steady:
        return own
    if isinstance(own, dict) and isinstance(steady, dict) and own.keys() == steady.keys():
        return {key: _with_order_of_keys(item, steady[key]) for key, item in own.items()}
    if isinstance(own, list) and isinstance(steady, list):
        return [_with_order_of_keys(*pair) for pair in zip(own, steady, strict=True)]
    return steady


def _default_of(known: msgspec.structs.FieldInfo) -> Any:
    return known.default if known.default is not msgspec.NODEFAULT else known.default_factory()


# ---- refusing a type before any value of it exists


def check_type(kind: Any, converter: Converter) -> None:
    """Raise TypeError, saying why, for a type whose values could not be decoded: unions above all."""
    try:
        converter.get_structure_hook(kind)
    except AmbiguousUnion:
        raise
    except StructureHandlerNotFoundError as error:
        raise TypeError(
            f"values of {shown(kind)} can not be decoded: there is no rule for {shown(error.type_)}; "
            "use a dataclass, attrs class, pydantic model or plain data"
        ) from error
    except Exception as error:  # cattrs raises whatever the type's own machinery raises
        raise TypeError(f"values of {shown(kind)} can not be decoded: {error}") from error
