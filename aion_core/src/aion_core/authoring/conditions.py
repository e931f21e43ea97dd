"""`wait_until`: waiting for the workflow's own state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from aion_core.authoring.awaiting import recording, seconds_of, waited
from aion_core.authoring.context import CurrentRun
from aion_core.authoring.handlers import is_plain
from aion_core.model.errors import WaitTimeout
from aion_core.model.times import Duration


def wait_until(predicate: Callable[[], object], timeout: Duration | None = None) -> Coroutine[None, None, None]:
    """Wait until the predicate is true. It is asked whenever something has happened, and may only look.

    With a `timeout` (seconds, or a timedelta): `WaitTimeout` when it passes first; 0 asks once. What the predicate
    raises is raised here.
    """
    run = recording("aion.wait_until", "elsewhere, nothing tells when to ask again")
    if not is_plain(predicate):
        raise TypeError(f"wait_until takes a plain function that says whether to go on, and not {predicate!r}.")
    return waited(run, _until(run, predicate, seconds_of(timeout)))


async def _until(run: CurrentRun, predicate: Callable[[], object], seconds: float | None) -> None:
    if seconds == 0:
        true = await _asked_once(run, predicate)
    else:
        true = await _true_within(run, predicate, seconds)
    if not true:
        raise WaitTimeout(f"the condition of wait_until was not true within {seconds:g} s.")


async def _true_within(run: CurrentRun, predicate: Callable[[], object], seconds: float | None) -> bool:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await run.condition(predicate)
    except TimeoutError:
        if not limit.expired():
            raise  # the predicate's own
        return False
    return True


async def _asked_once(run: CurrentRun, predicate: Callable[[], object]) -> bool:
    answers: list[bool] = []

    def asked() -> bool:
        answers.append(bool(predicate()))
        return True

    await run.condition(asked)  # asked where a condition is, so that it can do nothing but look
    return answers[0]
