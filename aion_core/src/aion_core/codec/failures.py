"""Exceptions to failures: whatever a user's code raises can be written down, and nothing of it is lost that matters."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any, Final, cast

from aion_core.codec.values import Values
from aion_core.model.errors import AionError, PayloadError
from aion_core.model.failed import ActivityError, Failed, WorkflowError
from aion_core.model.failures import Failure
from aion_core.model.payloads import Payload

_LONGEST_TYPE: Final = 255
_LONGEST_MESSAGE: Final = 16_384
_LONGEST_TRACEBACK: Final = 65_536
_LONGEST_CHAIN: Final = 16
_MOST_MEMBERS: Final = 32


def failure_of(error: BaseException, *, tracebacks: bool = True, values: Values | None = None) -> Failure:
    """The failure of an exception, with its causes and, of a group, its members.

    What `ActivityError` and `WorkflowError` were raised with is kept: `type`, `retryable`, and with `values` the
    details. Of an error that was caught from somebody else's code, what was recorded of that is the cause.

    Never raises: an exception whose own `__str__` raises, whose message is huge, whose details can not be encoded or
    whose causes form a circle is written as far as it goes.
    """
    return _failure(error, tracebacks=tracebacks, values=values, depth=_LONGEST_CHAIN, seen=set())


def _failure(error: BaseException, *, tracebacks: bool, values: Values | None, depth: int, seen: set[int]) -> Failure:
    if type(error) is Failed:
        return error.failure  # a link of a chain that came out of a history
    seen.add(id(error))
    cause = error.__cause__ if error.__cause__ is not None or error.__suppress_context__ else error.__context__
    chained = cause is not None and depth > 0 and id(cause) not in seen
    kind = type(error)

    def inner(other: BaseException) -> Failure:
        return _failure(other, tracebacks=tracebacks, values=values, depth=depth - 1, seen=seen)

    recorded = error.failure if isinstance(error, Failed) else None
    raised = error if isinstance(error, ActivityError | WorkflowError) else None
    name = kind.__name__ if raised is None else _type_of(raised)
    classes = kind.__mro__[1:] if name == kind.__name__ else kind.__mro__
    return Failure(
        type=name,
        message=_storable(_message(error), _LONGEST_MESSAGE),
        bases=tuple(base.__name__ for base in classes if base not in {BaseException, object}),
        details=None if raised is None or values is None else _details(raised, values),
        traceback=_storable(_traceback(error), _LONGEST_TRACEBACK) if tracebacks else None,
        cause=recorded if recorded is not None else inner(cause) if chained and cause else None,
        members=tuple(
            inner(member) for member in _members(error)[:_MOST_MEMBERS] if depth > 0 and id(member) not in seen
        ),
        retryable=bool(getattr(raised, "retryable", True)),
        code=error.code if isinstance(error, AionError) else None,
        retry_after=getattr(raised, "retry_after", None),
    )


def _type_of(error: ActivityError | WorkflowError) -> str:
    """Its `type=`; of a subclass that never called our constructor, its class."""
    given: object = getattr(error, "type", None)
    return _storable(given, _LONGEST_TYPE) if isinstance(given, str) and given else type(error).__name__


def _details(error: ActivityError | WorkflowError, values: Values) -> Payload | None:
    details: object = getattr(error, "details", None)
    if details is None:
        return None
    try:
        return values.encode(details)
    except PayloadError as problem:
        return values.encode(f"(the details can not be encoded: {problem})")


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
