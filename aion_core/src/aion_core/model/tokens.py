"""Task tokens: what a body that completes later hands on, so that anybody can say how it ended."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from attrs import frozen

from aion_core.model.errors import InvalidId
from aion_core.model.ids import RunId, WorkflowId


@frozen(kw_only=True)
class TaskToken:
    """One attempt of one activity of one run. `str(token)` survives URLs, mails and shells."""

    workflow_id: WorkflowId
    run_id: RunId
    ordinal: int
    attempt: int

    def __str__(self) -> str:
        """The text that users see."""
        parts = (self.workflow_id, self.run_id, self.ordinal, self.attempt)
        return urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: object) -> TaskToken:
        """The token of `str(token)`. Raises `InvalidId` for anything else."""
        if not isinstance(text, str):
            raise InvalidId("task token", text, f"is of type {type(text).__name__}; a token is a str")
        try:
            content = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
            workflow_id, run_id, ordinal, attempt = msgspec.json.decode(content, type=tuple[str, str, int, int])
        except (binascii.Error, msgspec.DecodeError, ValueError):
            raise InvalidId("task token", text, "is not one: hand on `activity_info().task_token` as it is") from None
        return cls(workflow_id=WorkflowId(workflow_id), run_id=RunId(run_id), ordinal=ordinal, attempt=attempt)
