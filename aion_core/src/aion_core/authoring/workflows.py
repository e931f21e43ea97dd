"""`@aion.workflow`: a function whose every decision is recorded, and which goes on after a crash where it stopped."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any, Generic, Literal, NoReturn, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from attrs import evolve, frozen

from aion_core.authoring.context import current_or_none
from aion_core.authoring.options import choice, limit, policy, text
from aion_core.authoring.retries import Retry
from aion_core.authoring.signature import Signature
from aion_core.model.errors import NotInWorkflow
from aion_core.model.ids import workflow_id
from aion_core.model.policies import ParentClose, RetryPolicy
from aion_core.model.times import Duration, Micros

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

ParentCloseName: TypeAlias = Literal["abandon", "cancel", "terminate"]


@frozen(kw_only=True)
class ChildOptions:
    """What `.options` says of a child; None is what it does not say."""

    id: str | None = None
    parent_close: ParentClose | None = None


class Workflow(Generic[P, R_co]):
    """A function that an engine runs: `engine.start(checkout, order)`. `checkout.fn` is the function itself."""

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str,
        timeout: Micros | None = None,
        retry: RetryPolicy | None = None,
        child: ChildOptions | None = None,
    ) -> None:
        """Use the decorator."""
        self.fn: Callable[P, R_co] | Callable[P, Coroutine[Any, Any, R_co]] = fn
        self.name = name
        self.signature = Signature.of(fn)
        self.is_async = inspect.iscoroutinefunction(fn)
        self.timeout = timeout
        """From the start of a run to its end; None is no limit."""
        self.retry = retry
        self.child = child or ChildOptions()
        self.__doc__ = fn.__doc__
        self.__name__ = name
        self.__module__ = fn.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> CoroutineType[None, None, R_co]:
        """In workflow code, run it as a child and wait for its result."""
        self.signature.bind(args, kwargs)
        if current_or_none() is None:
            raise NotInWorkflow(
                f"calling {self.name}()",
                f"run it with engine.run({self.name}, …); {self.name}.fn is the plain function",
            )
        self._no_children()

    def bind(self, *args: P.args, **kwargs: P.kwargs) -> Bound[R_co]:
        """The workflow with its arguments, keyword arguments among them; TypeError when it does not take them."""
        bound_args, bound_kwargs = self.signature.bind(args, kwargs)
        return Bound(self, bound_args, bound_kwargs)

    def options(
        self,
        *,
        id: str | None = None,
        parent_close: ParentCloseName | None = None,
        timeout: Duration | None = None,
        retry: Retry | None = None,
    ) -> Workflow[P, R_co]:
        """The workflow with other options, for one call. What is not given stays as it is; `math.inf` is no limit."""
        closing = choice("parent_close", parent_close, tuple(ParentClose))
        child = evolve(
            self.child,
            id=self.child.id if id is None else workflow_id(id),
            parent_close=self.child.parent_close if closing is None else ParentClose(closing),
        )
        return Workflow(
            self.fn,
            name=self.name,
            timeout=self.timeout if timeout is None else _timeout(timeout),
            retry=self.retry if retry is None else policy(retry),
            child=child,
        )

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"

    def _no_children(self) -> NoReturn:
        raise NotImplementedError(
            f"{self.name}() was called in a workflow: child workflows come in a later version. "
            f"Until then, start it from outside with engine.start({self.name}, …)."
        )


class Bound(Generic[R_co]):
    """A workflow and its arguments, for verbs whose own keywords would stand in the way."""

    __slots__ = ("args", "kwargs", "workflow")

    def __init__(self, workflow: Workflow[..., R_co], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Use `Workflow.bind`."""
        self.workflow = workflow
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        return f"<{self.workflow.name} with arguments>"


class _WorkflowDecorator(Protocol):
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Workflow[P, R]: ...


@overload
def workflow(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Workflow[P, R]: ...
@overload
def workflow(fn: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    name: str | None = None, *, timeout: Duration | None = None, retry: Retry | None = None
) -> _WorkflowDecorator: ...
def workflow(
    name: Callable[..., Any] | str | None = None, *, timeout: Duration | None = None, retry: Retry | None = None
) -> Any:
    """Make a function a workflow: `@aion.workflow`, or with options `@aion.workflow(timeout=3600)`.

    An `async def` function, or a plain `def`, which calls activities, `sleep` and `receive` without `await`.

    * `name`: of the type, in histories; the function's `__name__` unless given. Moving a function keeps its runs.
    * `timeout`: seconds (or a timedelta) from a run's start to its end. `retry`: when a failed run is started again.
    """
    limited = None if timeout is None else _timeout(timeout)
    retried = policy(retry)

    def decorate(fn: Callable[..., Any]) -> Workflow[..., Any]:
        _check(fn)
        return Workflow(fn, name=text("name", given_name) or fn.__name__, timeout=limited, retry=retried)

    if callable(name):
        given_name = None
        return decorate(name)
    given_name = name
    return decorate


def _timeout(timeout: Duration) -> Micros | None:
    return limit("timeout", timeout) or None


def _check(fn: object) -> None:
    if not inspect.isroutine(fn):
        raise TypeError(f"@aion.workflow stands on a function, not on {fn!r}.")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(f"{fn.__name__}() yields: a workflow returns one value.")
