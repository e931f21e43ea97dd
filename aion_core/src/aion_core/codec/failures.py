"""Exceptions to failures: whatever a user's code raises can be written down, and nothing of it is lost that matters."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from msgspec.structs import replace

from aion_core.model.errors import AionError
from aion_core.model.failed import ActivityError, WorkflowError
from aion_core.model.failures import Failure
from aion_core.model.payloads import Payload

_LONGEST_MESSAGE: Final = 16_384
_LONGEST_TRACEBACK: Final = 65_536
_LONGEST_CHAIN: Final = 16
_MOST_MEMBERS: Final = 32


def failure_of(
    error: BaseException, *, tracebacks: bool = True, encode: Callable[[object], Payload] | None = None
) -> Failure:
    """The failure of an exception, with its causes and, of a group, its members.

    `encode` writes the details of an `ActivityError` or `WorkflowError`; without it they are left out. Never raises: an
    exception whose own `__str__` raises, whose message is huge, whose details can not be encoded or whose causes form
    a circle is written as far as it goes.
    """
    return _failure(error, tracebacks=tracebacks, encode=encode or _nothing, depth=_LONGEST_CHAIN, seen=set())


def _failure(
    error: BaseException,
    *,
    tracebacks: bool,
    encode: Callable[[object], Payload | None],
    depth: int,
    seen: set[int],
) -> Failure:
    seen.add(id(error))
    cause = error.__cause__ if error.__cause__ is not None or error.__suppress_context__ else error.__context__
    chained = cause is not None and depth > 0 and id(cause) not in seen
    kind = type(error)
    bases = tuple(base.__name__ for base in kind.__mro__[1:] if base not in {BaseException, object})
    failure = Failure(
        type=kind.__name__,
        message=_storable(_message(error), _LONGEST_MESSAGE),
        bases=bases,
        traceback=_storable(_traceback(error), _LONGEST_TRACEBACK) if tracebacks else None,
        cause=_failure(cause, tracebacks=tracebacks, encode=encode, depth=depth - 1, seen=seen)
        if chained and cause
        else None,
        members=tuple(
            _failure(member, tracebacks=tracebacks, encode=encode, depth=depth - 1, seen=seen)
            for member in _members(error)[:_MOST_MEMBERS]
            if depth > 0 and id(member) not in seen
        ),
        code=error.code if isinstance(error, AionError) else None,
    )
    return _told(error, failure, encode) if isinstance(error, ActivityError | WorkflowError) else failure


def _told(
    error: ActivityError | WorkflowError, failure: Failure, encode: Callable[[object], Payload | None]
) -> Failure:
    """The failure, and what its author said of it."""
    try:
        name = _storable(error.type, _LONGEST_MESSAGE)
        if name != failure.type:  # a handler may ask for the class as well
            failure = replace(failure, type=name, bases=(failure.type, *failure.bases))
        if isinstance(error, ActivityError):
            failure = replace(failure, retryable=bool(error.retryable), retry_after=error.retry_after)
        return failure if error.details is None else replace(failure, details=encode(error.details))
    except Exception as broken:  # noqa: BLE001  # a subclass may lack the attributes, details may be anything
        message = f"{failure.message} (its details can not be kept: {_message(broken)})"
        return replace(failure, message=_storable(message, _LONGEST_MESSAGE))


def _nothing(_: object) -> None:
    """What details are written as where nobody can write them."""


def _members(error: BaseException) -> Sequence[BaseException]:
    """Of an exception group."""
    return cast("BaseExceptionGroup[BaseException]", error).exceptions if isinstance(error, BaseExceptionGroup) else ()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  # a user's __str__ may raise anything
        return f"(its message can not be read: {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_tb(error.__traceback__))
    except Exception:  # noqa: BLE001  # source files may be anything by now
        return ""


def _storable(text: Any, longest: int) -> str:
    """Text that every database keeps, cut in the middle when it is too long."""
    clean = str(text).replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if len(clean) <= longest:
        return clean
    half = longest // 2
    return f"{clean[:half]}\n… {len(clean) - longest:,} characters left out …\n{clean[-half:]}"
