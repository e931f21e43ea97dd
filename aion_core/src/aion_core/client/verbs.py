"""`Verbs`: what users call on an engine or a client, for callers that block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CoroutineType
from typing import Any, TypeVar, TypeVarTuple, Unpack, overload

from aion_core.authoring.signals import Signal
from aion_core.authoring.workflows import Bound
from aion_core.client.backend import Backend
from aion_core.client.handles import Desk
from aion_core.client.run import Run
from aion_core.client.starting import StartOptions
from aion_core.client.views import FeedEntry, Summary
from aion_core.client.waiting import Blocking, at_once, each

R = TypeVar("R")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Verbs:
    """The verbs that block. Callable from any thread."""

    def __init__(self, backend: Backend) -> None:
        """Over this backend."""
        self._desk = Desk(backend, Blocking(backend.platform))

    # ---- starting

    @overload
    def start(self, workflow: Bound[R], /, **options: Unpack[StartOptions]) -> Run[R]: ...
    @overload
    def start(
        self,
        workflow: Callable[[Unpack[Ts]], CoroutineType[Any, Any, R]],
        /,
        *args: *Ts,
        **options: Unpack[StartOptions],
    ) -> Run[R]: ...
    @overload
    def start(self, workflow: str, /, *args: Any, **options: Unpack[StartOptions]) -> Run[Any]: ...
    def start(self, workflow: object, /, *args: object, **options: Unpack[StartOptions]) -> Run[Any]:
        """Start a workflow: the function, its name, or what its `bind()` returned. On return the start is durable.

        * `id`: chosen by you, so that starting again finds the same run. Otherwise `request_id`, or a new UUID.
        * `policy`: what happens when the id is known already; `run.created` says whether this call started the run.
          `WorkflowIdConflict` when the policy does not share the id.
        * `attributes`: declared search attributes. `memo`: free-form values that lists show.
        * `delay`: seconds until its code runs. `timeout`: seconds until the run is ended as timed out.
        * `version`: of a deployed package; the routed one unless given.
        * `request_id`: the same start sent again changes nothing and returns the same run.
        """
        return self._desk.handle(Run[Any], at_once(self._desk.sending.start(workflow, args, options)))

    @overload
    def run(self, workflow: Bound[R], /, **options: Unpack[StartOptions]) -> R: ...
    @overload
    def run(
        self,
        workflow: Callable[[Unpack[Ts]], CoroutineType[Any, Any, R]],
        /,
        *args: *Ts,
        **options: Unpack[StartOptions],
    ) -> R: ...
    @overload
    def run(self, workflow: str, /, *args: Any, **options: Unpack[StartOptions]) -> Any: ...
    def run(self, workflow: object, /, *args: object, **options: Unpack[StartOptions]) -> Any:
        """Start a workflow and wait for its result. The keywords are those of `start`."""
        return self._desk.handle(Run[Any], at_once(self._desk.sending.start(workflow, args, options))).result()

    @overload
    def signal_with_start(
        self,
        workflow: Bound[R],
        /,
        *,
        signal: Signal[Any] | str,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> Run[R]: ...
    @overload
    def signal_with_start(
        self,
        workflow: Callable[[Unpack[Ts]], CoroutineType[Any, Any, R]],
        /,
        *args: *Ts,
        signal: Signal[Any] | str,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> Run[R]: ...
    @overload
    def signal_with_start(
        self,
        workflow: str,
        /,
        *args: Any,
        signal: Signal[Any] | str,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> Run[Any]: ...
    def signal_with_start(
        self,
        workflow: object,
        /,
        *args: object,
        signal: object,
        value: object = None,
        **options: Unpack[StartOptions],
    ) -> Run[Any]:
        """Send a signal to the open run of this id, or start one that has it from the beginning: one step.

        The keywords are those of `start`; the policy is `existing` unless given.
        """
        begun = self._desk.sending.start(workflow, args, {"policy": "existing", **options}, signal=(signal, value))
        return self._desk.handle(Run[Any], at_once(begun))

    @overload
    def handle(self, id: str, run_id: str | None = None) -> Run[Any]: ...
    @overload
    def handle(
        self, id: str, run_id: str | None = None, *, workflow: Callable[..., CoroutineType[Any, Any, R]]
    ) -> Run[R]: ...
    def handle(self, id: str, run_id: str | None = None, *, workflow: object = None) -> Run[Any]:
        """A handle on a workflow, or on one run of it. Nothing is read: its verbs raise `WorkflowNotFound`.

        With the function, results are decoded and typed by it; without, they are JSON's own types.
        """
        return self._desk.handle_of(Run[Any], id, run_id, workflow)

    # ---- finding and watching

    def list(
        self,
        query: str = "",
        *,
        params: Mapping[str, object] | None = None,
        order: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Iterator[Summary]:
        """Runs that match a query, newest first or by `order` (`"closed desc"`); `$name` stands for `params["name"]`.

        Read page by page while you iterate. `after=summary.cursor` goes on behind that run.
        """
        return each(self._desk.looking.list(query, params=params, order=order, limit=limit, after=after))

    def count(self, query: str = "", params: Mapping[str, object] | None = None) -> int:
        """How many runs match a query."""
        return at_once(self._desk.looking.count(query, params=params))

    def subscribe(
        self, query: str = "", after: str | None = None, *, params: Mapping[str, object] | None = None
    ) -> Iterator[FeedEntry]:
        """Committed events of all runs that match, from the oldest that is kept on; waits for more, and never ends.

        `after=entry.cursor` goes on behind that event, without gaps. Those of one workflow come in order. A run matches
        as it is when its event is read. `CursorTooOld` when retention has removed what comes next.
        """
        return each(self._desk.looking.subscribe(query, params=params, after=after))

    # ---- the rest

    def delete(self, id: str) -> None:
        """Remove a closed workflow and its history, for good. `WorkflowOpen` for one that is not."""
        at_once(self._desk.sending.delete(id))

    def complete_activity(self, task_token: str, value: object = None) -> None:
        """The result of an activity whose body raised `CompleteLater`. Durable on return."""
        at_once(self._desk.sending.complete_activity(task_token, value))

    def fail_activity(self, task_token: str, error: BaseException) -> None:
        """The failure of such an activity, as if the body had raised it: it is retried as its policy says."""
        at_once(self._desk.sending.fail_activity(task_token, error))

    def heartbeat_activity(self, task_token: str, details: object = None) -> None:
        """A sign of life of such an activity, with details that its next attempt would find."""
        at_once(self._desk.sending.heartbeat_activity(task_token, details))
