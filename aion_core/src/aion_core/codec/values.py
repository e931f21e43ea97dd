"""Users' values to payloads and back. Every value that crosses a border of the engine goes through here."""

# pyright: basic
# Values and types of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import hashlib
import sys
from typing import Any, Final, TypeVar, overload

import msgspec
from cattrs.v import transform_error
from msgspec import UNSET, Raw

from aion_core.codec.converter import build_converter, check_type
from aion_core.codec.json_text import read_json, write_flat, write_json
from aion_core.codec.unions import shown
from aion_core.model.errors import PayloadError, PayloadTooLarge
from aion_core.model.limits import Limits
from aion_core.model.payloads import JSON, Payload

T = TypeVar("T")
_LONGEST: Final = 400
"""Characters of a problem: a value that is repeated in it may be of any size."""


_EXACT: Final = frozenset({str, int, bool})
"""The class itself and none derived from it: what it holds is what was written."""


class Values:
    """Encodes and decodes by the annotated types of functions. Thread-safe; make one and keep it.

    Decoding is strict: `"5"` is no int, `1` no bool; an int is accepted for a float. Unknown keys of a class are
    ignored and missing ones need a default, so that code may change while runs sleep. Without an annotation (`Any`)
    a value is what JSON makes of it. A value is written as the class it is of and read as the annotated one: what a
    subclass adds is not there afterwards, and fields that `__init__` does not take are computed again by the class.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        """`limits` are those of the configuration."""
        self._limits = limits or Limits()
        self._converter = build_converter()
        self._detailed = build_converter(detailed=True)
        self._without_defaults = build_converter(omit_defaults=True)

    def encode(self, value: object) -> Payload:
        """The payload of a value, by its own type. Raises `PayloadError` before anything is recorded."""
        text = write_flat(value) or self._written(value)
        if len(text) > self._limits.payload:
            raise PayloadTooLarge(len(text), self._limits.payload)
        return Payload(json=Raw(text))

    @overload
    def decode(self, payload: Payload, kind: type[T]) -> T: ...
    @overload
    def decode(self, payload: Payload, kind: Any = Any) -> Any: ...
    def decode(self, payload: Payload, kind: Any = Any) -> Any:
        """The value that a payload holds, as this type. Raises `PayloadError`, with the path inside the value."""
        if payload.type != JSON or payload.encodings:
            what = f"encoded with {', '.join(payload.encodings)}" if payload.encodings else payload.type
            raise PayloadError(f"is {what}, and no codec for it is enabled", type_name=shown(kind))
        text = payload.json
        plain = read_json(payload.content if text is UNSET else text)
        return plain if type(plain) is kind and kind in _EXACT else self.structure(plain, kind)

    def structure(self, plain: object, kind: Any = Any) -> Any:
        """A value of this type from JSON's own. What `decode` does after reading the text."""
        if kind is Any or (type(plain) is kind and kind in _EXACT):
            return plain
        try:
            return self._converter.structure(plain, kind)
        except RecursionError:
            raise PayloadError("is nested too deeply", type_name=shown(kind)) from None
        except Exception as error:  # a user's __post_init__ or validator may raise anything
            raise self._located(plain, kind, error) from error

    def plain(self, value: object) -> Any:
        """A value as JSON's own types."""
        return read_json(self._written(value))

    def fingerprint(self, *parts: object) -> str:
        """SHA-256 of the canonical JSON of these values. Fields that equal their default do not count.

        So a new field with a default changes no fingerprint, and neither does the order of keys.
        """
        plain = self._unstructured(list(parts), self._without_defaults)
        return hashlib.sha256(write_json(plain, depth=self._limits.depth, sort=True)).hexdigest()

    def check_type(self, kind: Any) -> None:
        """Refuse a type whose values could not be decoded, with a TypeError that says why. For registration."""
        if kind is not Any:
            check_type(kind, self._converter)

    def _written(self, value: object) -> bytes:
        return write_json(self._unstructured(value, self._converter), depth=self._limits.depth)

    def _unstructured(self, value: object, converter: Any) -> object:
        try:
            return converter.unstructure(value)
        except RecursionError:
            raise PayloadError("is nested too deeply, or contains itself") from None
        except PayloadError:
            raise
        except Exception as error:  # a user's property or serializer may raise anything
            raise PayloadError(_sentence(error, "can not be encoded")) from error

    def _located(self, plain: object, kind: Any, error: Exception) -> PayloadError:
        """Decode again with the converter that remembers where it was, and tell the first thing that is wrong."""
        try:
            self._detailed.structure(plain, kind)
        except Exception as detailed:  # noqa: BLE001  # as above
            try:
                problem, _, path = transform_error(detailed, format_exception=_problem)[0].rpartition(" @ ")
            except Exception:  # noqa: BLE001  # an exception that cattrs can not take apart is shown as it is
                problem, path = _problem(detailed, None), "$"
            expected = _expected(detailed, kind)
            return PayloadError(problem, path=path, type_name=expected)
        return PayloadError(_problem(error, None), type_name=shown(kind))


def _problem(error: Any, _: Any) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, msgspec.ValidationError):
        return f"does not fit: {error}"
    if _is_pydantic_error(error):
        found = ((".".join(map(str, problem["loc"])), problem["msg"]) for problem in error.errors())
        return "does not fit: " + "; ".join(f"{where}: {what}" if where else what for where, what in found)
    return _sentence(error, "was refused")


def _sentence(error: Exception, otherwise: str) -> str:
    """The rest of a sentence that begins with the value: ours as it stands, anybody else's behind `otherwise`."""
    text = str(error)
    if not text.startswith(("is ", "has ", "lacks ", "holds ")):
        text = f"{otherwise}: {text or repr(error)}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_pydantic_error(error: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(error, pydantic.ValidationError)


def _expected(error: BaseException, kind: Any) -> str:
    """The type that was expected at the place of the first error."""
    expected = kind
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
        for note in getattr(error, "__notes__", []):
            expected = getattr(note, "type", expected)
    return shown(expected)
