"""The main function of a workflow, as the machine takes it: arguments decoded, interceptors around, result encoded."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from aion_core.authoring.workflows import Workflow
from aion_core.codec import Values
from aion_core.machine import WorkflowRun, run_plain
from aion_core.machine.run import Main
from aion_core.model.events import WorkflowStarted
from aion_core.model.payloads import EMPTY, Payload
from aion_core.spi.calls import RunWorkflow
from aion_core.spi.interceptors import Interceptor, chain


def main_of(workflow: Workflow[..., Any], values: Values, interceptors: Sequence[Interceptor] = ()) -> Main:
    """What `WorkflowRun` runs. One serves any number of runs.

    Input that the function does not take, and a result that can not be written, fail the run like an exception of its
    own: interceptors see them, too.
    """

    async def code(started: WorkflowStarted) -> Payload:
        args, kwargs = workflow.signature.decode(values, started.input)
        fn: Callable[..., Any] = workflow.fn
        result = await (fn(*args, **kwargs) if workflow.is_async else run_plain(fn, *args, **kwargs))
        return EMPTY if result is None else values.encode(result)

    observing = [it for it in interceptors if type(it).run_workflow is not Interceptor.run_workflow]
    if not observing:
        return lambda _, started: code(started)

    def main(run: WorkflowRun, started: WorkflowStarted) -> Coroutine[Any, Any, Payload]:
        last: Callable[[RunWorkflow], Coroutine[Any, Any, Payload]] = lambda _: code(started)  # noqa: E731
        call = RunWorkflow(
            headers=started.headers,
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            replaying=run.replaying,
            workflow_type=started.workflow_type,
            attempt=started.attempt,
        )
        return chain(observing, Interceptor.run_workflow, last)(call)

    return main
