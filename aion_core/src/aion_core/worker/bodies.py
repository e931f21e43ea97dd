"""Runs the bodies of activities: one attempt from its input to its outcome, whatever the body does on the way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from aion_core.authoring.activities import AsyncActivity, SyncActivity
from aion_core.authoring.activity_context import ActivityContext, CompleteLater, running
from aion_core.authoring.resources import Resources
from aion_core.authoring.waiting import waiting
from aion_core.codec import Values
from aion_core.codec.failures import failure_of
from aion_core.model.errors import PayloadError
from aion_core.model.failures import Failure
from aion_core.model.ids import TaskId
from aion_core.model.payloads import EMPTY, Payload
from aion_core.spi.calls import RunActivity
from aion_core.spi.interceptors import Interceptor, chain, without_loop
from aion_core.spi.runtime import ActivityDone, ActivityTask, CodeSource, WorkerSettings

Beat: TypeAlias = Callable[[TaskId, Payload | None], None]
"""`RuntimeHost.activity_heartbeat`."""

AnyActivity: TypeAlias = SyncActivity[..., Any] | AsyncActivity[..., Any]


class Attempt(Struct, eq=False, gc=False):
    """One attempt that a worker has taken, made by `Bodies.take`."""

    task: ActivityTask
    activity: AnyActivity
    context: ActivityContext
    task_id: TaskId
    is_async: bool
    """Which of `Bodies`' ways runs it."""
    cancelled_at: float | None = None
    over: bool = False
    """For the runtime: somebody has answered, or is about to, and nobody else may."""

    def cancel(self, now: float) -> None:
        """Tell the body: `cancelled()` is true, and the next heartbeat of a plain function raises. From any thread.

        `now` is kept in `cancelled_at`. The task of an async body is cancelled by the runtime, which made it.
        """
        if self.cancelled_at is None:
            self.cancelled_at = now
            self.context.cancel()

    def unrun(self) -> ActivityDone:
        """The outcome of an attempt that was cancelled before its body began."""
        message = f"{self.task.activity_type!r} was cancelled before it began"
        return ActivityDone(task_id=self.task_id, failure=Failure(type="CancelledError", message=message))


class Bodies:
    """The activities of one worker. Any number of threads may run attempts at once."""

    def __init__(
        self, source: CodeSource, settings: WorkerSettings, *, values: Values, beat: Beat, resources: Resources
    ) -> None:
        """`beat` takes heartbeats: `RuntimeHost.activity_heartbeat`."""
        self._source = source
        self._values = values
        self._beat = beat
        self._resources = resources
        self._interceptors = tuple(
            interceptor
            for interceptor in settings.interceptors
            if type(interceptor).run_activity is not Interceptor.run_activity
        )

    def take(self, task: ActivityTask) -> Attempt | ActivityDone:
        """The attempt, ready to run; or its outcome, when there is no such activity.

        The type may be known to a worker that is deployed in a minute, so that is a failure like an outage.
        """
        try:
            activity = cast("AnyActivity", self._source.activity(task.activity_type, task.version))
        except LookupError as error:
            message = (
                f"no activity {task.activity_type!r} in version {task.version}: {error.args[0] if error.args else ''}"
            )
            failure = Failure(type="UnknownActivity", message=message.rstrip(": "))
            return ActivityDone(task_id=task.task_id, failure=failure)
        except Exception as error:  # noqa: BLE001  # importing users' code may raise anything
            return ActivityDone(task_id=task.task_id, failure=failure_of(error))
        context = ActivityContext(
            task, values=self._values, beat=self._beat, resources=self._resources, by_exception=not activity.is_async
        )
        return Attempt(task, activity, context, task.task_id, activity.is_async)

    def run(self, attempt: Attempt) -> ActivityDone:
        """Run the body of a plain function, on this thread, in a context of its own."""
        if attempt.cancelled_at is not None:
            return attempt.unrun()
        return Context().run(self._run, attempt)

    async def run_async(self, attempt: Attempt) -> ActivityDone:
        """Run the body of an async function. Each belongs into a task with a context of its own."""
        running.set(attempt.context)
        task = attempt.task
        try:
            args, kwargs = attempt.activity.signature.decode(self._values, task.input)
        except Exception as error:  # noqa: BLE001  # validators of users' types may raise anything
            return self._refused(task, error)

        def body() -> Coroutine[Any, Any, Any]:
            steps = attempt.activity.fn(*args, **kwargs)
            return waiting(steps) if self._resources.may_wait else steps

        try:
            result = await self._intercepted(task, body) if self._interceptors else await body()
        except BaseException as error:  # noqa: BLE001  # a body may raise anything; it ends the attempt and nothing else
            return self._failed(task, error)
        return self._completed(task, result)

    # ----

    def _run(self, attempt: Attempt) -> ActivityDone:
        running.set(attempt.context)
        task, activity = attempt.task, attempt.activity
        try:
            args, kwargs = activity.signature.decode(self._values, task.input)
        except Exception as error:  # noqa: BLE001  # as in run_async
            return self._refused(task, error)
        try:
            if self._interceptors:

                async def body() -> Any:
                    return activity.fn(*args, **kwargs)

                result = without_loop(self._intercepted(task, body))
            else:
                result = activity.fn(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  # as in run_async
            return self._failed(task, error)
        return self._completed(task, result)

    def _intercepted(
        self, task: ActivityTask, body: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Coroutine[Any, Any, Any]:
        call = RunActivity(
            headers=task.headers,
            workflow_id=task.workflow_id,
            run_id=task.run_id,
            activity_type=task.activity_type,
            queue=task.queue,
            attempt=task.attempt,
        )
        last: Callable[[RunActivity], Coroutine[Any, Any, Any]] = lambda _: body()  # noqa: E731
        return chain(self._interceptors, Interceptor.run_activity, last)(call)

    def _completed(self, task: ActivityTask, result: object) -> ActivityDone:
        try:
            payload = EMPTY if result is None else self._values.encode(result)
        except Exception as error:  # noqa: BLE001  # encoding runs users' code, too
            return self._refused(task, error)
        return ActivityDone(task_id=task.task_id, result=payload)

    def _refused(self, task: ActivityTask, error: Exception) -> ActivityDone:
        """Input that does not fit, a result that can not be written: no other attempt would end otherwise."""
        failure = failure_of(error, tracebacks=not isinstance(error, PayloadError))
        return ActivityDone(task_id=task.task_id, failure=replace(failure, retryable=False))

    def _failed(self, task: ActivityTask, error: BaseException) -> ActivityDone:
        if isinstance(error, CompleteLater):
            return ActivityDone(task_id=task.task_id, later=True)
        place = error.__traceback__
        while place is not None and str(place.tb_frame.f_globals.get("__name__", "")).startswith("aion_core."):
            place = place.tb_next  # ours: what the body is run by
        failure = failure_of(error.with_traceback(place), values=self._values)
        return ActivityDone(task_id=task.task_id, failure=failure)
