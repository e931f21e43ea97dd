"""Workflows that wait for time, race against it, or are ended by it."""

import asyncio
from datetime import timedelta
from typing import Any

from tests.engine.programs.gates import gate
from tests.engine.programs.orders import WEEK

import aion_core as aion

SHORT = 0.01
"""Seconds of a timer that a test lets pass."""


@aion.workflow
async def nap(seconds: float) -> bool:
    before = aion.now()
    await aion.sleep(seconds)
    return aion.now() - before >= timedelta(seconds=seconds)


@aion.workflow
async def asyncio_nap() -> str:
    return await asyncio.sleep(SHORT, "rested")


@aion.workflow
async def until_then() -> bool:
    then = aion.now() + timedelta(seconds=SHORT)
    await aion.sleep_until(then)
    await aion.sleep_until(then)  # has passed: nothing is recorded
    return aion.now() >= then


@aion.workflow
async def named() -> str:
    reminder = aion.timer("reminder", WEEK)
    await aion.receive("stop")
    reminder.cancel()
    try:
        await reminder
    except asyncio.CancelledError:
        return "cancelled"
    return "fired"


@aion.workflow
async def in_order(many: int) -> list[int]:
    """Timers that are due together fire in the order in which they were started."""
    fired: list[int] = []

    async def one(number: int) -> None:
        await aion.sleep(SHORT)
        fired.append(number)

    await asyncio.gather(*(one(number) for number in range(many)))
    return fired


@aion.workflow
async def given_up(way: str) -> str:
    try:
        match way:
            case "timeout":
                async with asyncio.timeout(SHORT):
                    await aion.receive("never")
            case "wait_for":
                await asyncio.wait_for(aion.receive("never"), SHORT)
            case "receive":
                await aion.receive("never", timeout=SHORT)
            case _:
                await aion.wait_until(lambda: False, timeout=SHORT)
    except TimeoutError as error:
        return type(error).__name__
    return "went on"


@aion.workflow
async def racing() -> list[Any]:
    first = await aion.race(aion.sleep(WEEK), aion.receive("word", str))
    second = await aion.race(rest=aion.sleep(WEEK), word=aion.receive("word", str))
    return [first, second.name, second.value]


@aion.activity
def job(name: str) -> str:
    gate(name).pass_through()
    if name == "bad":
        raise TypeError("a bad job")
    return name


@aion.workflow
async def settling() -> list[Any]:
    outcomes = await aion.settle(job("good"), job("bad"), aion.receive("word", str))
    return [each.value if each.ok else type(each.error).__name__ for each in outcomes]


@aion.workflow
async def mapping(concurrency: int | None) -> list[str]:
    return await aion.map(job, ["a", "b", "c"], concurrency=concurrency)


@aion.workflow
async def mapping_fails() -> Any:
    try:
        return await aion.map(job, ["bad", "slow"])
    except aion.ActivityFailed as failure:
        return failure.type


@aion.workflow
async def mapping_returns() -> list[bool]:
    return [each.ok for each in await aion.map(job, ["good", "bad"], errors="return")]


@aion.workflow(timeout=timedelta(milliseconds=50))
async def hurried() -> None:
    await aion.receive("never")


@aion.workflow(retry=aion.Retry(max_attempts=3, initial=0.001, jitter=0))
async def tried_again() -> int:
    if aion.info().attempt < 3:
        raise OSError(f"attempt {aion.info().attempt}")
    return aion.info().attempt


@aion.workflow(retry=aion.Retry(max_attempts=2, initial=0.001, jitter=0))
async def never_works() -> None:
    raise OSError(f"attempt {aion.info().attempt}")


CODE = (
    nap,
    asyncio_nap,
    until_then,
    named,
    in_order,
    given_up,
    racing,
    settling,
    mapping,
    mapping_fails,
    mapping_returns,
    hurried,
    tried_again,
    never_works,
)
