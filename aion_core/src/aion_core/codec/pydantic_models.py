"""Pydantic models to JSON and back, without importing pydantic."""

# pyright: basic
# Values and types of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aion_core.codec.json_text import write_json
from aion_core.codec.unions import Structure, shown


def is_pydantic(kind: Any) -> bool:
    """Whether a type is a pydantic model."""
    pydantic = sys.modules.get("pydantic")  # nobody has a model without having imported it
    return pydantic is not None and isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def pydantic_reader(kind: Any) -> Structure:
    """The hook of a model; TypeError for one that could not read what it writes."""
    by_name = any(kind.model_config.get(key) for key in ("populate_by_name", "validate_by_name"))
    for name, field in kind.model_fields.items():
        written = field.serialization_alias or field.alias or name
        read = field.validation_alias or field.alias or name
        if written not in getattr(read, "choices", [read]) and not (by_name and written == name):
            raise TypeError(
                f"the field {name!r} of {shown(kind)} is written as {written!r} and read as {read!r}: "
                "give it one alias for both"
            )
    return lambda value, _: kind.model_validate_json(write_json(value), strict=True)


def write_pydantic(value: Any, *, omit_defaults: bool, check_datetime: Callable[[datetime], object]) -> Any:
    """What pydantic writes, held to Aion's rules: aware datetimes, sets in one order, no secrets."""
    plain = value.model_dump(mode="json", by_alias=True, round_trip=True, exclude_defaults=omit_defaults)
    own = value.model_dump(mode="python", by_alias=True, round_trip=True, exclude_defaults=omit_defaults)
    return _held_to_rules(plain, own, check_datetime)


def _held_to_rules(plain: Any, own: Any, check_datetime: Callable[[datetime], object]) -> Any:
    """`plain` with the sets of `own` sorted: their order differs between processes, and JSON's must not."""
    if isinstance(own, datetime):
        check_datetime(own)
    elif isinstance(own, dict) and isinstance(plain, dict) and len(own) == len(plain):
        for key in own:
            _held_to_rules(key, key, check_datetime)
        pairs = zip(plain.items(), own.values(), strict=True)
        return {key: _held_to_rules(item, kept, check_datetime) for (key, item), kept in pairs}
    elif isinstance(own, list | tuple | set | frozenset) and isinstance(plain, list) and len(own) == len(plain):
        items = [_held_to_rules(item, kept, check_datetime) for item, kept in zip(plain, own, strict=True)]
        is_set = isinstance(own, set | frozenset)
        return sorted(items, key=lambda item: write_json(item, sort=True)) if is_set else items
    elif hasattr(own, "get_secret_value") and plain and plain == str(own):
        raise ValueError("holds a pydantic secret, which is written as asterisks: pass a reference to it")
    return plain
