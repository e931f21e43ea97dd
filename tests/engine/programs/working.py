"""Activities that fail, hang, beat and complete later, and the workflows that call them."""

import asyncio
from typing import Any

from tests.engine.programs.gates import gate

import aion_core as aion

SOON = aion.Retry(initial=0.001, maximum=0.002, jitter=0)


class CardDeclined(Exception):
    pass


class StolenCard(CardDeclined):
    pass


@aion.activity(retry=SOON)
def flaky(fails: int) -> int:
    """Fails so many times; gives the number of the attempt that did not."""
    info = aion.activity_info()
    gate("flaky").note((info.attempt, info.idempotency_key))
    if info.attempt <= fails:
        raise OSError(f"attempt {info.attempt}")
    return info.attempt


@aion.activity(retry=SOON)
def declined(kind: str) -> None:
    gate("declined").note(kind)
    raise {"stolen": StolenCard, "declined": CardDeclined, "bug": TypeError}[kind](f"the card is {kind}")


@aion.activity(retry=aion.Retry(max_attempts=2, initial=3600))
def later_please() -> int:
    if aion.activity_info().attempt == 1:
        raise aion.ActivityError("the shop is closed", type="Closed", details={"until": 9}, retry_after=0.001)
    return aion.activity_info().attempt


@aion.activity
def final() -> None:
    raise aion.ActivityError("no such card", type="NoCard", details=[1, 2], retryable=False)


@aion.activity(retry=aion.Retry(max_attempts=1))
def chained() -> None:
    try:
        raise KeyError("the drawer")
    except KeyError as error:
        raise CardDeclined("not found") from error


@aion.activity(retry=aion.Retry(max_attempts=1))
def hanging(name: str) -> None:
    gate(name).pass_through()


@aion.activity(retry=aion.Retry(max_attempts=1), start_to_close=0.05)
async def hanging_async() -> None:
    await asyncio.Event().wait()


@aion.activity(retry=aion.Retry(max_attempts=2, initial=0.001), heartbeat=0.1)
def silent(name: str) -> Any:
    """Says how far it came, and never again; the next attempt gives what was said."""
    if aion.activity_info().attempt == 2:
        return aion.heartbeat_details(dict[str, int])
    aion.heartbeat({"step": 1})
    aion.heartbeat({"step": 2})
    gate(name).pass_through()
    return None


@aion.activity(start_to_close=3600, retry=SOON)
def by_hand(name: str) -> str:
    """Somebody else completes it."""
    info = aion.activity_info()
    gate(name).note((info.attempt, info.task_token, aion.heartbeat_details(Any)))
    raise aion.CompleteLater


@aion.activity(queue="narrow")
def narrow(name: str) -> str:
    gate("narrow").pass_through(name)
    return name


@aion.activity(queue="slow")
def slow(number: int) -> int:
    gate("slow").note(number)
    return number


@aion.activity(local=True)
def cheap(number: int) -> int:
    gate("cheap").note(number)
    return 2 * number


@aion.activity(local=True, retry=SOON)
def cheap_flaky(fails: int) -> int:
    if aion.activity_info().attempt <= fails:
        raise OSError("again")
    return aion.activity_info().attempt


@aion.activity
async def whoami() -> dict[str, Any]:
    info = aion.activity_info()
    return {
        "workflow_id": info.workflow_id,
        "run_id": info.run_id,
        "type": info.workflow_type,
        "activity": info.activity,
        "attempt": info.attempt,
        "limited": info.deadline is not None,
    }


class Payments:
    """What makes activities of bound methods."""

    def __init__(self, shop: str) -> None:
        self.shop = shop

    @aion.activity
    def capture(self, cents: int) -> str:
        return f"{self.shop}: {cents}"


payments = Payments("corner shop")


def _told(failure: aion.ActivityFailed) -> dict[str, Any]:
    return {
        "class": type(failure).__name__,
        "type": failure.type,
        "message": failure.message,
        "details": failure.details,
        "attempts": failure.attempts,
        "activity": failure.activity,
        "cause": str(failure.__cause__) if failure.__cause__ else None,
        "timeout": str(failure.timeout) if isinstance(failure, aion.ActivityTimedOut) else None,
    }


ACTIVITIES = {
    each.name: each
    for each in (flaky, declined, later_please, final, chained, hanging, hanging_async, silent, by_hand, cheap)
}


@aion.workflow
async def call(name: str, *args: Any) -> Any:
    """What an activity gave, or how it failed."""
    try:
        return await ACTIVITIES[name](*args)
    except aion.ActivityFailed as failure:
        return _told(failure)


@aion.workflow
async def call_within(limit: str, seconds: float, name: str) -> Any:
    """`hanging` with one limit."""
    options: dict[str, Any] = {limit: seconds}
    try:
        return await hanging.options(**options)(name)
    except aion.ActivityFailed as failure:
        return _told(failure)


@aion.workflow
async def catches(kind: str) -> list[bool]:
    try:
        await declined.options(retry=aion.Retry(non_retryable=(CardDeclined,)))(kind)
    except aion.ActivityFailed as failure:
        return [failure.is_(each) for each in (StolenCard, CardDeclined, "CardDeclined", Exception, TypeError)]
    return []


@aion.workflow
async def does_not_catch() -> None:
    await final()


@aion.workflow
async def in_line(many: int) -> list[str]:
    return await asyncio.gather(*(narrow(str(number)) for number in range(many)))


@aion.workflow
async def in_time(many: int) -> list[int]:
    return await asyncio.gather(*(slow(number) for number in range(many)))


@aion.workflow
async def waits_in_line() -> Any:
    first = narrow.start("first")
    try:
        await narrow.options(schedule_to_start=0.05)("second")
    except aion.ActivityFailed as failure:
        first.cancel()
        return _told(failure)


@aion.workflow
async def locally() -> list[int]:
    return [await cheap(1), await cheap(2), await cheap_flaky(2)]


@aion.workflow
async def introduces() -> Any:
    return await whoami()


@aion.workflow
async def pays(cents: int) -> str:
    return await payments.capture(cents)


@aion.workflow
def plainly(fails: int) -> int:
    """A workflow that waits without `await`."""
    attempts = aion.await_(flaky(fails))
    aion.sleep(0.001)
    return attempts + aion.await_(aion.receive("word", int))


@aion.workflow
async def starts_and_looks() -> list[bool]:
    handle = flaky.start(0)
    before = handle.done()
    await handle
    return [before, handle.done()]


CODE = (
    call,
    call_within,
    catches,
    does_not_catch,
    in_line,
    in_time,
    waits_in_line,
    locally,
    introduces,
    pays,
    plainly,
    starts_and_looks,
)
