"""Queries on the side of workflow code: read-only views of its state, and typed references to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from aion_core.authoring.awaiting import recording
from aion_core.authoring.context import CurrentRun
from aion_core.authoring.handlers import handler_name, name_of
from aion_core.authoring.signature import Signature
from aion_core.model.events import Headers
from aion_core.model.payloads import EMPTY, Payload
from aion_core.spi.calls import HandleQuery
from aion_core.spi.interceptors import Interceptor, chain

P = ParamSpec("P")
R = TypeVar("R")


class Query(Generic[P, R]):
    """A query by name and types, for both sides: `State = aion.Query[[], str]("status")`.

    `@State.handler` in the workflow; `run.query(State)` outside of it, whose answer has the type in the brackets.
    """

    def __init__(self, name: str, *, fn: Callable[P, R] | None = None) -> None:
        """`fn` is its handler, where `aion.query` makes it."""
        self.name = name_of("query", name)
        self._fn = fn

    @property
    def returns(self) -> Any:
        """What its answers are decoded as; `Any` where nothing says it."""
        if self._fn is not None:
            return Signature.of(self._fn).returns
        alias = getattr(self, "__orig_class__", None)  # typing's own note of the brackets
        return Any if alias is None else alias.__args__[-1]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the handler, of a query that `aion.query` made; any other is asked with `run.query()`."""
        if self._fn is None:
            raise TypeError(f"query {self.name!r} is asked with run.query().")
        return self._fn(*args, **kwargs)

    def handler(self, fn: Callable[P, R], /) -> Callable[P, R]:
        """Answer it with this function, as `aion.query` does."""
        _answer(fn, self.name)
        return fn

    def __repr__(self) -> str:
        return f"<query {self.name}>"


class _QueryDecorator(Protocol):
    def __call__(self, fn: Callable[P, R], /) -> Query[P, R]: ...


@overload
def query(fn: Callable[P, R], /, *, name: str | None = None) -> Query[P, R]: ...
@overload
def query(name: str, /) -> _QueryDecorator: ...
@overload
def query(*, name: str | None = None) -> _QueryDecorator: ...
def query(fn: Any = None, /, name: str | None = None) -> Any:
    """Let the outside ask this function: `@aion.query`, or on any callable `aion.query(cart.total)`.

    The name is its `__name__` unless given. It is called between turns and answers at once from the workflow's state,
    also when the workflow has ended; it can change and record nothing. A second one of a name replaces the first.
    """
    if callable(fn):
        return _decorated(fn, name)
    given = name if fn is None else name_of("query", fn)

    def decorate(fn: Callable[..., Any]) -> Query[..., Any]:
        return _decorated(fn, given)

    return decorate


def _decorated(fn: Callable[..., Any], given: str | None) -> Query[..., Any]:
    name = handler_name("query", fn, given)
    _answer(fn, name)
    return Query[..., Any](name, fn=fn)


def _answer(fn: Callable[..., Any], name: str) -> None:
    run = recording("aion.query", "call it in the workflow, on the instance that answers")
    if inspect.iscoroutinefunction(fn):
        raise TypeError(f"query {name!r} is answered at once: write `def`, not `async def`.")
    signature = Signature.of(fn)

    def answered(payload: Payload) -> Payload:
        args, kwargs = signature.decode(run.surroundings.values, payload)
        answer = fn(*args, **kwargs)
        return EMPTY if answer is None else run.surroundings.values.encode(answer)

    def answer(payload: Payload, headers: Headers) -> Payload:
        observing = run.surroundings.around("handle_query")
        if not observing:
            return answered(payload)
        call = _seen(run, name, headers)
        return chain(observing, Interceptor.handle_query, lambda _: answered(payload))(call)

    run.answer(name, answer)


def _seen(run: CurrentRun, name: str, headers: Headers) -> HandleQuery:
    return HandleQuery(headers=headers, workflow_id=run.workflow_id, run_id=run.run_id, name=name)
