"""What a verb asks of a workflow, and how it is answered: handed over as they are, or as the bytes of a message.

The tags are the format of inboxes: a field may be added with a default and keeps the number, anything else is a new
class with a new number.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from aion_core.model.attributes import Attribute
from aion_core.model.events import Event, Headers, ParentRef
from aion_core.model.failures import Failure
from aion_core.model.ids import RunId, Version
from aion_core.model.payloads import EMPTY, Payload
from aion_core.model.policies import RetryPolicy
from aion_core.model.status import Status
from aion_core.model.times import Instant, Micros


class StartPolicy(StrEnum):
    """What a start does when its workflow id is known already."""

    IDEMPOTENT = "idempotent"
    """The same type and input: that run, open or closed. Otherwise a conflict."""
    EXISTING = "existing"
    """An open run, whatever its input; otherwise start."""
    REJECT = "reject"
    """Any run is a conflict."""
    ALLOW_CLOSED = "allow_closed"
    """An open run is a conflict; otherwise start."""
    ALLOW_FAILED = "allow_failed"
    """Like `ALLOW_CLOSED`, but a completed run is returned."""
    RESTART = "restart"
    """An open run is terminated in the same step."""


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every request has: nothing."""


class SignalRequest(Request, frozen=True, kw_only=True, tag="signal/1"):
    """Record a signal. Answered by `Recorded`."""

    name: str
    payload: Payload = EMPTY
    headers: Headers = {}  # msgspec copies an empty default for every instance


class StartRequest(Request, frozen=True, kw_only=True, tag="start/1"):
    """Start a workflow, or join it. Answered by `Started`."""

    workflow_type: str
    input: Payload = EMPTY
    input_hash: str
    """Of type and arguments, without fields that equal their default: `Values.fingerprint`."""
    policy: StartPolicy = StartPolicy.IDEMPOTENT
    attributes: dict[str, Attribute] = {}  # likewise
    memo: dict[str, Payload] = {}  # likewise
    delay: Micros | None = None
    timeout: Micros | None = None
    """None: what the workflow's decorator says."""
    retry: RetryPolicy | None = None
    """None: likewise."""
    version: Version | None = None
    headers: Headers = {}  # likewise
    parent: ParentRef | None = None
    run_id: RunId | None = None
    """Chosen by whoever starts it, where that one must know it before."""
    scheduled_at: Instant | None = None
    signal: SignalRequest | None = None
    """`signal_with_start`: recorded in the same step, by the open run or as the first arrival of the new one."""


class CancelRequest(Request, frozen=True, kw_only=True, tag="cancel/1"):
    """Ask the code to stop. Answered by `Recorded`."""

    reason: str = ""


class TerminateRequest(Request, frozen=True, kw_only=True, tag="terminate/1"):
    """End the run without running its code. Answered by `Recorded`."""

    reason: str = ""


class QueryRequest(Request, frozen=True, kw_only=True, tag="query/1"):
    """Ask a query's handler. Answered by `Answered`. Nothing is recorded."""

    name: str
    input: Payload = EMPTY
    headers: Headers = {}  # likewise
    expires_at: Instant | None = None
    """Nobody waits for the answer any more."""


class StackRequest(Request, frozen=True, kw_only=True, tag="stack/1"):
    """Where the run's tasks wait, as text. Answered by `Answered` with a JSON string."""


class ActivityVerb(StrEnum):
    """What is told of an activity that completes later."""

    COMPLETE = "complete"
    FAIL = "fail"
    HEARTBEAT = "heartbeat"


class ActivityRequest(Request, frozen=True, kw_only=True, tag="activity/1"):
    """Something about an activity that completes later, from anywhere. Answered by `Recorded`."""

    verb: ActivityVerb
    ordinal: int
    attempt: int
    value: Payload = EMPTY
    """The result, or the heartbeat's details."""
    failure: Failure | None = None


class DeleteRequest(Request, frozen=True, kw_only=True, tag="delete/1"):
    """Remove a closed workflow and its history. Answered by `Recorded`."""


AnyRequest: TypeAlias = (
    StartRequest
    | SignalRequest
    | CancelRequest
    | TerminateRequest
    | QueryRequest
    | StackRequest
    | ActivityRequest
    | DeleteRequest
)


class Reaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    """What every answer has: nothing."""


class Started(Reaction, frozen=True, kw_only=True, tag="started/1"):
    """The run that a start began or joined."""

    run_id: RunId
    created: bool
    workflow_type: str = ""


class Recorded(Reaction, frozen=True, kw_only=True, tag="recorded/1"):
    """It stands in the history of this run."""

    run_id: RunId


class Answered(Reaction, frozen=True, kw_only=True, tag="answered/1"):
    """The value that a query gave."""

    value: Payload


AnyReaction: TypeAlias = Started | Recorded | Answered


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    run_id: RunId
    status: Status
    event: Event
    """Its terminal event, with its payloads in it: none of them is in a blob."""
    next_run: RunId | None = None
    """The run that goes on where this one ended: after a continue-as-new, or another attempt of a failed one."""


_ENCODE: Final = msgspec.json.Encoder().encode
_REQUEST: Final[Callable[[bytes], AnyRequest]] = msgspec.json.Decoder(AnyRequest).decode
_REACTION: Final[Callable[[bytes], AnyReaction]] = msgspec.json.Decoder(AnyReaction).decode


def request_bytes(request: AnyRequest) -> bytes:
    """The body of a message."""
    return _ENCODE(request)


def request_of(body: bytes) -> AnyRequest:
    """The request in a message's body. Raises `msgspec.DecodeError` for one of a newer version."""
    return _REQUEST(body)


def reaction_bytes(reaction: AnyReaction) -> bytes:
    """The body of an outcome."""
    return _ENCODE(reaction)


def reaction_of(body: bytes) -> AnyReaction:
    """The answer in an outcome's body."""
    return _REACTION(body)
