"""What happens to runs, activities and engines, as errors: raised by users, and caught by those who wait.

A part of the tree that `errors.py` draws. One raises `…Error`, one catches `…Failed`; the user's own class is never
built again, since the process that raised it may be another program by now.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable
from typing import Any, ClassVar

from aion_core.model.errors import AionError
from aion_core.model.failures import Failure, TimeoutKind
from aion_core.model.times import Duration, Micros, micros

# ---- raised by users


class ActivityError(AionError):
    """Raise it in an activity to say what went wrong, and whether trying again can help.

    `type` is what the workflow asks for with `failure.is_("CardDeclined")`; `details` any value that can be encoded.
    `retry_after` replaces the next delay of the retry policy.
    """

    code: ClassVar[str] = "activity"

    def __init__(
        self,
        message: str = "",
        *,
        type: str | None = None,  # the name it has in the contract
        details: object = None,
        retryable: bool = True,
        retry_after: Duration | None = None,
    ) -> None:
        """Nothing but the message is needed."""
        super().__init__(message)
        self.type = type or builtins.type(self).__name__
        self.message = message
        self.details = details
        self.retryable = retryable
        self.retry_after: Micros | None = (
            None if retry_after is None else micros(retry_after, what="retry_after", zero=True)
        )


class WorkflowError(AionError):
    """Raise it in a workflow to fail the run with a type and details of your own."""

    code: ClassVar[str] = "workflow"

    def __init__(
        self,
        message: str = "",
        *,
        type: str | None = None,  # likewise
        details: object = None,
    ) -> None:
        """Nothing but the message is needed."""
        super().__init__(message)
        self.type = type or builtins.type(self).__name__
        self.message = message
        self.details = details


# ---- caught by those who wait


class Failed(AionError):
    """Somebody else's code failed. Its exception stands here as it was recorded, its causes in `__cause__`."""

    code: ClassVar[str] = "failed"

    def __init__(self, failure: Failure) -> None:
        """What a history holds of it."""
        super().__init__(failure)
        self.failure = failure
        if failure.cause is not None:
            self.__cause__ = Failed(failure.cause)

    def __str__(self) -> str:
        """Type and message."""
        return f"{self.failure.type}: {self.failure.message}" if self.failure.message else self.failure.type

    @property
    def type(self) -> str:
        """The name of the exception's class, or the `type=` it was raised with."""
        return self.failure.type

    @property
    def message(self) -> str:
        """Its message."""
        return self.failure.message

    @property
    def details(self) -> Any:
        """What it was raised with, as JSON's own types; None when there was nothing."""
        return None if self.failure.details is None else json.loads(self.failure.details.content)

    @property
    def traceback(self) -> str:
        """Where it was raised, as text."""
        return self.failure.traceback or ""

    def is_(self, *types: builtins.type[BaseException] | str) -> bool:
        """Whether it was one of these, or of a class derived from one. Classes or names."""
        return self.failure.is_(*types)


class ActivityFailed(Failed):
    """An activity failed, and no attempts are left."""

    code: ClassVar[str] = "activity-failed"

    def __init__(self, failure: Failure, *, activity: str, attempts: int, ordinal: int | None = None) -> None:
        """Of which activity, after how many attempts; `ordinal` is its number in the run."""
        super().__init__(failure)
        self.activity = activity
        self.attempts = attempts
        self.ordinal = ordinal

    def __str__(self) -> str:
        """Which activity, and what of it."""
        tries = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return f"activity {self.activity!r} failed after {tries}: {super().__str__()}"


class ActivityTimedOut(ActivityFailed):
    """An activity did not end within one of its limits. `timeout` says which."""

    code: ClassVar[str] = "activity-timed-out"

    @property
    def timeout(self) -> TimeoutKind:
        """Which limit: `schedule_to_start`, `start_to_close`, `schedule_to_close` or `heartbeat`."""
        return self.failure.timeout or TimeoutKind.START_TO_CLOSE


class ActivityLost(ActivityFailed):
    """The process that ran an activity is gone, nobody knows what it had done, and no attempts are left."""

    code: ClassVar[str] = "activity-lost"


def activity_failed(failure: Failure, *, activity: str, attempts: int, ordinal: int | None = None) -> ActivityFailed:
    """The exception for an activity's failure."""
    kind = ActivityTimedOut if failure.timeout else ActivityLost if failure.lost else ActivityFailed
    return kind(failure, activity=activity, attempts=attempts, ordinal=ordinal)


class WorkflowFailed(Failed):
    """A workflow failed: an exception left its code."""

    code: ClassVar[str] = "workflow-failed"

    def __init__(self, failure: Failure, *, workflow_id: str, run_id: str) -> None:
        """Which run."""
        super().__init__(failure)
        self.id = workflow_id
        self.run_id = run_id

    def __str__(self) -> str:
        """Which workflow, and what of it."""
        return f"workflow {self.id!r} failed: {super().__str__()}"


class QueryFailed(Failed):
    """A query's handler raised. The workflow goes on as if nothing had been asked."""

    code: ClassVar[str] = "query-failed"


class UpdateRejected(Failed):
    """An update's validator raised. Nothing was recorded."""

    code: ClassVar[str] = "update-rejected"


class UpdateFailed(Failed):
    """An update's handler raised. The workflow goes on."""

    code: ClassVar[str] = "update-failed"


# ---- what a verb on a workflow meets


class RunError(AionError):
    """A verb met a workflow that is not in the state it needs."""

    code: ClassVar[str] = "run"

    def __init__(self, message: str, *, workflow_id: str, run_id: str | None = None) -> None:
        """Subclasses write the message."""
        super().__init__(message)
        self.id = workflow_id
        self.run_id = run_id


class WorkflowNotFound(RunError):
    """There is no workflow of this id, or it has no run of this run id."""

    code: ClassVar[str] = "workflow-not-found"

    def __init__(self, workflow_id: str, run_id: str | None = None) -> None:
        """`run_id` when the id is known and the run is not."""
        what = f"workflow {workflow_id!r} has no run {run_id}" if run_id else f"there is no workflow {workflow_id!r}"
        super().__init__(
            f"{what} in this store. `aion list` shows what there is.", workflow_id=workflow_id, run_id=run_id
        )


class WorkflowIdConflict(RunError):
    """A start's id is taken, and its policy does not share it. Nothing was recorded."""

    code: ClassVar[str] = "workflow-id-conflict"

    def __init__(self, workflow_id: str, run_id: str, *, status: str, policy: str, problem: str) -> None:
        """`problem` is what the two do not have in common, as the rest of a sentence."""
        super().__init__(
            f"workflow id {workflow_id!r} is taken by a run that is {status}, {problem} (policy {policy!r}). "
            "Choose another id, or another policy.",
            workflow_id=workflow_id,
            run_id=run_id,
        )
        self.status = status
        self.policy = policy
        self.problem = problem


class WorkflowClosed(RunError):
    """The run has ended: it takes no signals, updates or cancellations any more. Nothing was recorded."""

    code: ClassVar[str] = "workflow-closed"

    def __init__(self, workflow_id: str, run_id: str | None, *, status: str) -> None:
        """How it ended."""
        super().__init__(
            f"workflow {workflow_id!r} has ended ({status}): nothing was recorded.",
            workflow_id=workflow_id,
            run_id=run_id,
        )
        self.status = status


class WorkflowOpen(RunError):
    """The run has not ended: cancel or terminate it first. Nothing was changed."""

    code: ClassVar[str] = "workflow-open"

    def __init__(self, workflow_id: str, run_id: str | None, *, status: str) -> None:
        """What it is doing."""
        super().__init__(
            f"workflow {workflow_id!r} is {status}: cancel or terminate it first. Nothing was changed.",
            workflow_id=workflow_id,
            run_id=run_id,
        )
        self.status = status


class WorkflowCancelled(RunError):
    """The run ended by cancellation, so there is no result."""

    code: ClassVar[str] = "workflow-cancelled"

    def __init__(self, workflow_id: str, run_id: str | None, *, reason: str = "") -> None:
        """Why, if anybody said so."""
        super().__init__(
            f"workflow {workflow_id!r} was cancelled{_because(reason)}.", workflow_id=workflow_id, run_id=run_id
        )
        self.reason = reason


class WorkflowTerminated(RunError):
    """The run was ended from outside, without running its code, so there is no result."""

    code: ClassVar[str] = "workflow-terminated"

    def __init__(self, workflow_id: str, run_id: str | None, *, reason: str = "") -> None:
        """Why, if anybody said so."""
        super().__init__(
            f"workflow {workflow_id!r} was terminated{_because(reason)}.", workflow_id=workflow_id, run_id=run_id
        )
        self.reason = reason


class WorkflowTimedOut(RunError):
    """The run's deadline passed, so there is no result."""

    code: ClassVar[str] = "workflow-timed-out"

    def __init__(self, workflow_id: str, run_id: str | None) -> None:
        """Which run."""
        super().__init__(
            f"workflow {workflow_id!r} did not end within its timeout.", workflow_id=workflow_id, run_id=run_id
        )


class WorkflowContinuedAsNew(RunError):
    """The run went on as another one, and following it was not asked for (`follow=False`)."""

    code: ClassVar[str] = "workflow-continued-as-new"

    def __init__(self, workflow_id: str, run_id: str | None, *, next_run: str) -> None:
        """The run that follows."""
        super().__init__(f"workflow {workflow_id!r} went on as run {next_run}.", workflow_id=workflow_id, run_id=run_id)
        self.next_run = next_run


class WorkflowBlocked(RunError):
    """The run can not go on until its code changes or somebody resumes it, so it can not answer."""

    code: ClassVar[str] = "workflow-blocked"

    def __init__(self, workflow_id: str, run_id: str | None, *, reason: str) -> None:
        """Why."""
        super().__init__(f"workflow {workflow_id!r} is blocked: {reason}", workflow_id=workflow_id, run_id=run_id)
        self.reason = reason


class UnknownHandler(RunError):
    """The workflow has no query, update or signal of this name."""

    code: ClassVar[str] = "unknown-handler"

    def __init__(self, kind: str, name: str, known: Iterable[str], *, workflow_id: str) -> None:
        """`kind` is query, update or signal; `known` the names it has."""
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        super().__init__(
            f"workflow {workflow_id!r} has no {kind} {name!r}. It has: {', '.join(self.known) or 'none'}.",
            workflow_id=workflow_id,
        )


# ---- waiting


class QueryTimeout(AionError, TimeoutError):
    """A query was not answered in its time: the workflow is busy, or its engine is gone. Nothing was changed."""

    code: ClassVar[str] = "query-timeout"


# ---- engines


class EngineError(AionError):
    """The engine can not do what was asked of it."""

    code: ClassVar[str] = "engine"


class ShuttingDown(EngineError):
    """The engine is closing and takes nothing new. What it acknowledged before is safe; try another engine."""

    code: ClassVar[str] = "shutting-down"

    def __init__(self) -> None:
        """There is nothing more to say."""
        super().__init__("this engine is shutting down: nothing was recorded. Try again with an open one.")


class EngineClosed(EngineError):
    """The engine or client is used after `close`, or before it was entered."""

    code: ClassVar[str] = "engine-closed"

    def __init__(self, what: str = "engine") -> None:
        """Engine or client."""
        super().__init__(f"this {what} is closed: open another one.")


class EngineForked(EngineError):
    """The engine was opened by a parent process. Its threads do not exist here; open one after the fork."""

    code: ClassVar[str] = "engine-forked"

    def __init__(self, owner: int) -> None:
        """The process id of the owner."""
        super().__init__(f"this engine belongs to process {owner}; after a fork, open one in the child.")
        self.owner = owner


class StoreInUse(EngineError):
    """Another engine owns this store, which serves one engine at a time."""

    code: ClassVar[str] = "store-in-use"

    def __init__(self, host: str, pid: int) -> None:
        """Who has it."""
        super().__init__(
            f"an engine on {host or 'this host'} (process {pid}) owns this store, and it serves one engine at a time. "
            "Close that one, open with standby=True to take over when it is gone, or use Client.open()."
        )
        self.host = host
        self.pid = pid


class NotOwner(EngineError):
    """Another engine owns the workflow now. What was acknowledged is safe; ask again, and the new owner answers."""

    code: ClassVar[str] = "not-owner"

    def __init__(self, workflow_id: str) -> None:
        """Of which workflow."""
        super().__init__(f"another engine owns workflow {workflow_id!r} now: ask again.")
        self.id = workflow_id


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
