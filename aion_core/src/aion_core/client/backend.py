"""The way from a verb to the workflow: through an engine of this process, or through the store's inbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from aion_core.client.reply import Reply
from aion_core.client.requests import AnyReaction, AnyRequest, Ending
from aion_core.codec import Values
from aion_core.model.attributes import AttributeSchema
from aion_core.model.ids import MessageId, RunId, WorkflowId
from aion_core.model.limits import Limits
from aion_core.platform import Platform
from aion_core.spi.interceptors import Interceptor
from aion_core.spi.stores import EventStore, VisibilityStore

T = TypeVar("T")


class Backend(Protocol):
    """What the verbs need. Callable from any thread; nothing here blocks."""

    platform: Platform
    values: Values
    limits: Limits
    attributes: AttributeSchema
    interceptors: Sequence[Interceptor]

    def submit(
        self,
        workflow_id: WorkflowId,
        request: AnyRequest,
        *,
        run_id: RunId | None = None,
        message_id: MessageId | None = None,
    ) -> Reply[AnyReaction | None]:
        """Hand over a request. Its answer comes once it is durable; None: posted, and no engine holds the workflow.

        Questions (`QueryRequest`, `StackRequest`) are never answered by None: nothing is worth posting of them alone.
        `message_id` makes it idempotent. Fails with the errors that the verb documents; whoever waits has limits of
        its own, and an answer that comes later is dropped.
        """
        ...

    def ending(self, workflow_id: WorkflowId, run_id: RunId | None) -> Reply[Ending]:
        """How this run ends, once it has; None: the run that is current now. Fails with `WorkflowNotFound`.

        A run that has ended is told at once, as often as it is asked for.
        """
        ...

    def reading(self, job: Callable[[EventStore, VisibilityStore], T]) -> Reply[T]:
        """Run a job that only reads, on a thread for it. It sees everything that was acknowledged before."""
        ...

    def complain(self) -> None:
        """Raise `EngineClosed`, `ShuttingDown` or `EngineForked` when verbs can not be served any more."""
        ...
