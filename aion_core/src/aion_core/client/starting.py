"""What a start asks for: everything that the caller handed over is checked here, before anything is sent."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, TypeAlias, TypedDict, cast

from attrs import field, frozen

from aion_core.authoring.workflows import Bound, Workflow
from aion_core.client.backend import Backend
from aion_core.client.requests import SignalRequest, StartPolicy, StartRequest
from aion_core.codec import Values
from aion_core.model import ids
from aion_core.model.attributes import Attribute
from aion_core.model.errors import InvalidInput, LimitExceeded
from aion_core.model.ids import MessageId, WorkflowId
from aion_core.model.payloads import Payload
from aion_core.model.policies import RetryPolicy
from aion_core.model.times import Duration, Micros, micros

Policy: TypeAlias = Literal["idempotent", "existing", "reject", "allow_closed", "allow_failed", "restart"]
"""What a start does when its workflow id is known already."""


class StartOptions(TypedDict, total=False):
    """The keywords of `start`, as the caller wrote them."""

    id: str | None
    policy: Policy
    attributes: Mapping[str, object] | None
    memo: Mapping[str, object] | None
    delay: Duration | None
    timeout: Duration | None
    version: str | None
    request_id: str | None


@frozen(kw_only=True)
class PreparedStart:
    """A start that can be sent."""

    workflow_id: WorkflowId
    message_id: MessageId | None
    request: StartRequest
    returns: Any = field(default=Any)
    """The type of the result, as far as the caller knows it."""


def prepared(
    backend: Backend,
    workflow: object,
    args: Sequence[object],
    options: StartOptions,
    *,
    signal: SignalRequest | None = None,
) -> PreparedStart:
    """The start, checked. Raises an `InvalidInput`, or a `TypeError` for what is no workflow or not its arguments."""
    if unknown := options.keys() - StartOptions.__annotations__.keys():
        known = ", ".join(StartOptions.__annotations__)
        raise TypeError(
            f"a start has no keyword {min(unknown)!r}; there are {known}. "
            "Keyword arguments of the workflow are bound first: start(workflow.bind(…), id=…)."
        )
    called = _called(backend.values, workflow, args)
    request_id, timeout, version = options.get("request_id"), options.get("timeout"), options.get("version")
    message_id = None if request_id is None else ids.message_id(request_id)
    chosen = request_id if options.get("id") is None else options.get("id")
    workflow_id = WorkflowId(backend.platform.run_id()) if chosen is None else ids.workflow_id(chosen)
    request = StartRequest(
        workflow_type=called.name,
        input=called.input,
        input_hash=called.digest,
        policy=_policy(options.get("policy", StartPolicy.IDEMPOTENT)),
        attributes=_attributes(backend, options.get("attributes")),
        memo=_memo(backend, options.get("memo")),
        delay=_delay(options.get("delay")),
        timeout=called.timeout if timeout is None else micros(timeout, what="timeout"),
        retry=called.retry,
        version=None if version is None else ids.package_version(version),
        signal=signal,
    )
    return PreparedStart(workflow_id=workflow_id, message_id=message_id, request=request, returns=called.returns)


def result_type(workflow: object) -> Any:
    """What a handle's result is decoded as."""
    if workflow is None:
        return Any
    if isinstance(workflow, Workflow):
        return cast("Workflow[..., Any]", workflow).signature.returns
    raise _no_workflow("handle(workflow=…)", workflow)


def start_hash(values: Values, workflow: Workflow[..., Any], payload: Payload) -> str:
    """What the start policies compare: type and arguments, without fields and parameters that equal their default."""
    # Decoded, so that what the workflow will get is what counts, whatever form the caller's objects had.
    positional, keywords = workflow.signature.decode(values, payload)
    parameters = _parameters(workflow.fn)
    by_position = list(parameters.values())
    kept = list(positional)
    while kept and len(kept) <= len(by_position) and _is_default(kept[-1], by_position[len(kept) - 1]):
        kept.pop()
    said = {
        name: value
        for name, value in keywords.items()
        if name not in parameters or not _is_default(value, parameters[name])
    }
    return values.fingerprint(workflow.name, kept, said)


@frozen(kw_only=True)
class _Called:
    """A workflow with its arguments, as far as the caller knows it."""

    name: str
    input: Payload
    digest: str
    returns: Any = field(default=Any)
    timeout: Micros | None = None
    retry: RetryPolicy | None = None


def _called(values: Values, workflow: object, args: Sequence[object]) -> _Called:
    if isinstance(workflow, str):
        if not workflow or workflow != workflow.strip():
            raise InvalidInput(f"{workflow!r} is not the name of a workflow.")
        plain = list(args)
        return _Called(name=workflow, input=values.encode(plain), digest=values.fingerprint(workflow, plain, {}))
    kwargs: dict[str, object] = {}
    if isinstance(workflow, Bound):
        if args:
            raise TypeError("a bound workflow has its arguments already: give them all to bind().")
        bound = cast("Bound[Any]", workflow)  # type: ignore[redundant-cast]  # pyright says Unknown without it
        workflow, args, kwargs = bound.workflow, bound.args, bound.kwargs
    if not isinstance(workflow, Workflow):
        raise _no_workflow("start", workflow)
    known = cast("Workflow[..., Any]", workflow)
    payload = known.signature.encode(values, tuple(args), kwargs)
    return _Called(
        name=known.name,
        input=payload,
        digest=start_hash(values, known, payload),
        returns=known.signature.returns,
        timeout=known.timeout,
        retry=known.retry,
    )


@lru_cache(maxsize=256)
def _parameters(fn: Callable[..., object]) -> Mapping[str, inspect.Parameter]:
    """Of a function; looked at anew they would be most of the cost of a start."""
    return inspect.signature(fn).parameters


def _is_default(value: object, parameter: inspect.Parameter) -> bool:
    if parameter.default is inspect.Parameter.empty:
        return False
    try:
        return bool(value == parameter.default)
    except Exception:  # noqa: BLE001  # a user's __eq__ may raise anything
        return False


def _no_workflow(verb: str, given: object) -> TypeError:
    shown = getattr(given, "__name__", None) or type(given).__name__
    return TypeError(
        f"{verb} takes a workflow: a function decorated with @aion.workflow, its name, or what its bind() returned; "
        f"{shown!r} is none of these."
    )


def _policy(given: str) -> StartPolicy:
    try:
        return StartPolicy(given)
    except ValueError:
        near = get_close_matches(str(given), list(StartPolicy), 1)
        guess = f" Did you mean {str(near[0])!r}?" if near else ""
        known = ", ".join(StartPolicy)
        raise InvalidInput(f"there is no start policy {given!r}; there are {known}.{guess}") from None


def _attributes(backend: Backend, given: Mapping[str, object] | None) -> dict[str, Attribute]:
    if not given:
        return {}
    checked = backend.attributes.check_all(given, limit=backend.limits.attributes)
    return {name: value for name, value in checked.items() if value is not None}  # nothing is there to be unset


def _memo(backend: Backend, given: Mapping[str, object] | None) -> dict[str, Payload]:
    if not given:
        return {}
    for name in given:
        if not isinstance(name, str):
            raise InvalidInput(f"a memo has names; {name!r} is of type {type(name).__name__}.")
    memo = {name: backend.values.encode(value) for name, value in given.items() if value is not None}
    size = sum(len(name.encode()) + len(payload) for name, payload in memo.items())
    if size > backend.limits.memo:
        raise LimitExceeded("bytes of the memo", size, backend.limits.memo, setting="memo")
    return memo


def _delay(given: Duration | None) -> Micros | None:
    return (micros(given, what="delay", zero=True) or None) if given is not None else None
