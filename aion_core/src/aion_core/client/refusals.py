"""Errors on the wire: the body of an outcome that refuses, and the error that the caller of the verb gets.

An error crosses as its code, its text and its attributes, never as an object. So the class that is built is always one
of ours: of a subclass that a plugin or a user made, the nearest of ours that it derives from. What a verb raises is the
same whether the engine is in this process or in another one, save the causes, which stay where they were raised.

The tag is a part of the format of outcomes, as those of requests are. A released error that gains an attribute gives
it a default in its class: outcomes that were written before lack it.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from aion_core.codec import write_json
from aion_core.codec.failures import failure_of
from aion_core.model.errors import AionError, all_errors
from aion_core.model.failed import Failed
from aion_core.model.failures import Failure

_OURS: Final = {kind.code: kind for kind in all_errors()}


class _Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="error/1"):
    code: str
    text: str
    """For people, and for programs that do not know the code."""
    attributes: dict[str, Raw] = {}  # msgspec copies an empty default for every instance
    """JSON of each."""
    tuples: dict[str, tuple[str, ...]] = {}  # likewise
    """Attributes that are tuples of text, which JSON alone would give back as lists."""
    failure: Failure | None = None
    """Of a `Failed`."""


_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(_Refusal).decode


def refusal_bytes(error: AionError) -> bytes:
    """The body of a refusal. Never raises: an attribute that JSON can not hold becomes its text, or None."""
    attributes: dict[str, Raw] = {}
    tuples: dict[str, tuple[str, ...]] = {}
    for name, value in vars(error).items():
        if name.startswith("_") or isinstance(value, Failure):
            continue
        if isinstance(value, tuple):
            tuples[name] = tuple(_storable(item) for item in cast("tuple[object, ...]", value) if isinstance(item, str))
        else:
            attributes[name] = Raw(_json(value))
    return _ENCODE(
        _Refusal(
            code=_nearest(type(error)).code,
            text=failure_of(error, tracebacks=False).message,
            attributes=attributes,
            tuples=tuples,
            failure=error.failure if isinstance(error, Failed) else None,
        )
    )


def error_of(body: bytes) -> AionError:
    """The error that a refusal's body holds; an `AionError` with its text when its code is of a newer version.

    Raises `msgspec.DecodeError` for a body that is no refusal, or one in a newer format.
    """
    refusal = _DECODE(body)
    kind = _OURS.get(refusal.code, AionError)
    if issubclass(kind, Failed):
        return _failed(kind, refusal) if refusal.failure is not None else AionError(refusal.text)
    # Not by the constructor: that takes what the text is made of, and the text stands here already.
    error = kind.__new__(kind, refusal.text)
    vars(error).update(_attributes(refusal))
    return error


def _failed(kind: type[Failed], refusal: _Refusal) -> Failed:
    """One that makes its text of its failure, and its causes too."""
    error = kind.__new__(kind, refusal.failure)
    Failed.__init__(error, refusal.failure)  # type: ignore[arg-type]  # the caller has looked
    vars(error).update(_attributes(refusal))
    return error


def _attributes(refusal: _Refusal) -> dict[str, Any]:
    plain = {name: msgspec.json.decode(text) for name, text in refusal.attributes.items()}
    return {**plain, **refusal.tuples}


def _nearest(kind: type[AionError]) -> type[AionError]:
    return next(base for base in kind.__mro__ if issubclass(base, AionError) and _OURS.get(base.code) is base)


def _json(value: object) -> bytes:
    try:
        return write_json(value)
    except ValueError:  # NaN, a set, somebody's object: that one's `__repr__` is not ours to call
        return write_json(_storable(value) if isinstance(value, str) else None)


def _storable(text: str) -> str:
    """Text with the characters escaped that no database keeps."""
    return str.__str__(text).encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
