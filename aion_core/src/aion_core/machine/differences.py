"""Inputs that replayed code now computes otherwise: the recorded result stands, and somebody should know."""

# pyright: basic
# Values of any kind pass through here; strict mode would report each one as partially unknown.

from __future__ import annotations

import json
import logging
from typing import Any

from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.ids import WorkflowId
from aion_core.model.payloads import Payload

_log = logging.getLogger("aion.replay")


class Differences:
    """The differing inputs of one run: counted, and the first is logged."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        """None so far."""
        self.count = 0
        self.first: str | None = None

    def compare(self, command: c.ScheduleActivity, event: e.ActivityScheduled, workflow_id: WorkflowId) -> None:
        """Called when the bytes are not the same; spaces and the order of keys are no difference."""
        where = _difference(command.input, event.input)
        if where is None:
            return
        self.count += 1
        if self.first is None:
            self.first = f"activity {event.activity_type!r} (#{event.ordinal}, event {event.seq}) at {where}"
            _log.warning(
                "workflow %s: the code now computes another input of %s; the recorded result stands",
                workflow_id,
                self.first,
            )


def _difference(now: Payload, then: Payload) -> str | None:
    """The path of the first value that is not the same."""
    try:
        return _path(json.loads(now.content), json.loads(then.content), "$")
    except (LookupError, ValueError):  # kept elsewhere, or no JSON
        return None if now == then else "$"


def _path(now: Any, then: Any, path: str) -> str | None:
    kind: Any = type(now)
    if kind is not type(then):
        return path
    if kind is dict:
        for name in (*then, *(name for name in now if name not in then)):
            if name not in now or name not in then:
                return f"{path}.{name}"
            if found := _path(now[name], then[name], f"{path}.{name}"):
                return found
        return None
    if kind is list:
        for index, (item, other) in enumerate(zip(now, then, strict=False)):
            if found := _path(item, other, f"{path}[{index}]"):
                return found
        return None if len(now) == len(then) else f"{path}[{min(len(now), len(then))}]"
    return None if now == then else path
