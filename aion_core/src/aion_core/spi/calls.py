"""What an interceptor sees of a call: who, what, and the headers that travel with it.

The records are frozen. An interceptor changes a call by handing an `attrs.evolve`d one to `proceed`; what the core
takes from it is `headers` alone, and everything else is for reading.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from aion_core.model.ids import MessageId, RunId, WorkflowId
from aion_core.model.payloads import Payload


@frozen(kw_only=True)
class Call:
    """What all calls have."""

    headers: Mapping[str, Payload] = field(factory=dict[str, Payload])
    """Names to values, as payloads in JSON. They stand in histories: short, and no secrets."""


# ---- on their way to a workflow: the verbs of `Engine`, `Client` and `Run`


@frozen(kw_only=True)
class StartWorkflow(Call):
    """A start from outside, also as a part of `signal_with_start` and `update_with_start`, and by a schedule."""

    workflow_id: WorkflowId
    workflow_type: str


@frozen(kw_only=True)
class SendSignal(Call):
    """A signal from outside."""

    workflow_id: WorkflowId
    run_id: RunId | None = None
    """None: whatever run is current."""
    name: str


@frozen(kw_only=True)
class SendQuery(Call):
    """A query. Its headers reach the handler and are not kept."""

    workflow_id: WorkflowId
    run_id: RunId | None = None
    name: str


@frozen(kw_only=True)
class SendUpdate(Call):
    """An update."""

    workflow_id: WorkflowId
    run_id: RunId | None = None
    name: str
    update_id: MessageId


# ---- issued by workflow code


@frozen(kw_only=True)
class WorkflowCall(Call):
    """What all calls in workflow code have."""

    workflow_id: WorkflowId
    """Of the workflow whose code it is."""
    run_id: RunId
    replaying: bool
    """When the call was made: the code was going over its recorded past. Log, count and trace when it is False."""


@frozen(kw_only=True)
class ScheduleActivity(WorkflowCall):
    """The code calls an activity, queued or local."""

    activity_type: str
    queue: str


@frozen(kw_only=True)
class StartChild(WorkflowCall):
    """The code starts another workflow."""

    child_id: WorkflowId
    workflow_type: str


@frozen(kw_only=True)
class SignalWorkflow(WorkflowCall):
    """The code sends a signal to another workflow, a child included."""

    target: WorkflowId
    name: str


@frozen(kw_only=True)
class ContinueAsNew(WorkflowCall):
    """The code ends its run and asks for the next. The next run has only the headers that are set here."""

    workflow_type: str


# ---- arrived


@frozen(kw_only=True)
class RunWorkflow(WorkflowCall):
    """The main task begins. Headers are those of `WorkflowStarted`."""

    workflow_type: str
    attempt: int


@frozen(kw_only=True)
class HandleSignal(WorkflowCall):
    """A recorded signal is delivered. Headers are those of `SignalReceived`."""

    name: str


@frozen(kw_only=True)
class HandleUpdate(WorkflowCall):
    """The handler of an accepted update begins. Headers are those of `UpdateAccepted`."""

    name: str
    update_id: MessageId


@frozen(kw_only=True)
class HandleQuery(Call):
    """A query is answered."""

    workflow_id: WorkflowId
    run_id: RunId
    name: str


@frozen(kw_only=True)
class RunActivity(Call):
    """An attempt of an activity begins. Headers are those of `ActivityScheduled`, the same for every attempt."""

    workflow_id: WorkflowId
    run_id: RunId
    activity_type: str
    queue: str
    attempt: int
