"""How a run's code ended, as the command that ends the run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aion_core.codec import Values
from aion_core.codec.failures import failure_of
from aion_core.machine.facts import ContinuedAsNew
from aion_core.machine.tasks import failed_unseen
from aion_core.model import commands as c
from aion_core.model.failed import ActivityFailed
from aion_core.model.payloads import Payload


def ending(
    main: asyncio.Task[Payload], others: Iterable[asyncio.Task[Any]], values: Values | None, *, reason: str
) -> c.Command:
    """Of the main task, which is done. One of the others that failed, and that nobody looked at, fails the run.

    `reason` is that of the last cancellation.
    """
    if main.cancelled():
        return c.CancelWorkflow(reason=reason)
    error = main.exception()
    if isinstance(error, ContinuedAsNew):
        return error.command
    if error is None:
        unseen = next((each for each in others if each.done() and failed_unseen(each)), None)
        error = None if unseen is None else unseen.exception()
    if error is not None:
        cause = error.ordinal if isinstance(error, ActivityFailed) else None
        return c.FailWorkflow(failure=failure_of(error, values=values), cause=cause)
    return c.CompleteWorkflow(result=main.result())
