"""Workflows whose engine dies in the middle."""

from tests.engine.programs.gates import gate

import aion_core as aion

SOON = aion.Retry(initial=0.001, jitter=0)


@aion.activity(retry=SOON)
def charge(order: str) -> int:
    """Waits in its first attempt; gives the number of the attempt that did not."""
    info = aion.activity_info()
    gate("keys").note(info.idempotency_key)
    if info.attempt == 1:
        gate("charge").pass_through()
    return info.attempt


@aion.activity(retry=aion.Retry(max_attempts=1))
def once(order: str) -> None:
    gate("once").pass_through()


@aion.activity
def quick(number: int) -> int:
    gate("quick").note(number)
    return number


@aion.activity(start_to_close=3600)
def by_hand() -> str:
    gate("hand").note(aion.activity_info().task_token)
    raise aion.CompleteLater


@aion.activity(retry=aion.Retry(initial=0.3, jitter=0))
def flaky() -> int:
    attempt = aion.activity_info().attempt
    gate("flaky").note(attempt)
    if attempt == 1:
        raise OSError("not yet")
    return attempt


@aion.workflow
async def charges(order: str) -> int:
    return await charge(order)


@aion.workflow
async def charges_once(order: str) -> str:
    try:
        await once(order)
    except aion.ActivityLost as lost:
        return f"lost after {lost.attempts}"
    return "went on"


@aion.workflow
async def steps(many: int) -> list[int]:
    """An activity, and a signal before the next one."""
    done = []
    for number in range(many):
        done.append(await quick(number))
        await aion.receive("next")
    return done


@aion.workflow
async def rests(seconds: float) -> str:
    await aion.sleep(seconds)
    return "rested"


@aion.workflow
async def waits_for_a_hand() -> str:
    return await by_hand()


@aion.workflow
async def backs_off() -> int:
    return await flaky()


@aion.workflow(timeout=0.3)
async def hurried() -> None:
    await aion.receive("never")


CODE = (charges, charges_once, steps, rests, waits_for_a_hand, backs_off, hurried)
