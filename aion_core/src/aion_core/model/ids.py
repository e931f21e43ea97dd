"""Ids of workflows, runs, messages, engines and shards, and the rules that a user's id must keep."""

from __future__ import annotations

import re
import zlib
from typing import Final, NewType

from aion_core.model.errors import InvalidId

WorkflowId = NewType("WorkflowId", str)
"""Chosen by the user, or a UUIDv7. One workflow id has one history, whatever number of runs it holds."""

RunId = NewType("RunId", str)
"""A UUIDv7 in its canonical text form: sorts by the time of the start."""

MessageId = NewType("MessageId", str)
"""Counts within one workflow id: the same id posted again is the same message."""

ScheduleId = NewType("ScheduleId", str)

EngineId = NewType("EngineId", str)

OpId = NewType("OpId", str)
"""Fresh for every commit and kept when the commit is tried again: it decides what became of an unknown outcome."""

TaskId = NewType("TaskId", str)
"""One attempt of one activity, as a runtime knows it."""

BlobKey = NewType("BlobKey", str)
"""Where a store keeps a payload outside its event. Opaque to everybody else."""

Version = NewType("Version", str)
"""Of code: a package's content hash (64 lowercase hex digits), or `env:<hash>` for what was handed to the engine."""

Shard = NewType("Shard", int)
Fence = NewType("Fence", int)
"""The epoch of a lease. Rises with every change of owner; a commit under an older one is refused."""

MAX_ID_LENGTH: Final = 255
RESERVED_PREFIX: Final = "aion:"

_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VERSION: Final = re.compile(r"[0-9a-f]{64}")


def workflow_id(text: object) -> WorkflowId:
    """Check an id that a user chose; `aion:` is refused, since it is the engine's own."""
    checked = _checked("workflow id", text)
    if checked.startswith(RESERVED_PREFIX):
        raise InvalidId("workflow id", text, f"starts with {RESERVED_PREFIX!r}, which is reserved: choose another")
    return WorkflowId(checked)


def message_id(text: object) -> MessageId:
    """Check a message, request or update id that a user chose."""
    return MessageId(_checked("message id", text))


def schedule_id(text: object) -> ScheduleId:
    """Check a schedule's id; shorter than a workflow id, since it becomes a part of one."""
    checked = _checked("schedule id", text)
    if len(checked) > MAX_SCHEDULE_ID_LENGTH:
        problem = f"has {len(checked)} characters; a schedule's may have {MAX_SCHEDULE_ID_LENGTH}"
        raise InvalidId("schedule id", text, problem)
    if checked.startswith(RESERVED_PREFIX):
        raise InvalidId("schedule id", text, f"starts with {RESERVED_PREFIX!r}, which is reserved: choose another")
    return ScheduleId(checked)


def timer_name(text: object) -> str:
    """Check the name that a timer is given; `aion:` is refused here, too."""
    checked = _checked("timer name", text)
    if checked.startswith(RESERVED_PREFIX):
        raise InvalidId("timer name", text, f"starts with {RESERVED_PREFIX!r}, which is reserved: choose another")
    return checked


MAX_SCHEDULE_ID_LENGTH: Final = 200
"""A firing's workflow id is `<schedule>/<nominal time>`, and must stay below `MAX_ID_LENGTH`."""


def package_version(text: object) -> Version:
    """Check a package's version: the SHA-256 of its content in 64 lowercase hexadecimal digits."""
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise InvalidId("package version", text, "is not 64 lowercase hexadecimal digits")
    return Version(text)


def shard_of(workflow_id: WorkflowId, shards: int) -> Shard:
    """The shard that a workflow belongs to, in a store of so many shards. The same in every release, for ever."""
    return Shard(zlib.crc32(workflow_id.encode()) % shards)


def _checked(what: str, text: object) -> str:
    if not isinstance(text, str):
        raise InvalidId(what, text, f"is of type {type(text).__name__}; an id is a str")
    if not text:
        raise InvalidId(what, text, "is empty; an id has 1 to 255 characters")
    if len(text) > MAX_ID_LENGTH:
        raise InvalidId(what, text, f"has {len(text)} characters; an id has at most {MAX_ID_LENGTH}")
    if found := _FORBIDDEN.search(text):
        problem = f"holds the character U+{ord(found.group()):04X} at {found.start()}; control characters are refused"
        raise InvalidId(what, text, problem)
    if text != text.strip():
        raise InvalidId(what, text, "begins or ends with a space; remove it")
    return text
