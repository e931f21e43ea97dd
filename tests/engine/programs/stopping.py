"""Workflows that are cancelled: where they wait, what they clean up, and whether they let themselves be stopped."""

import asyncio

from tests.engine.programs.gates import gate
from tests.engine.programs.orders import WEEK

import aion_core as aion


@aion.activity
def guarded(name: str) -> str:
    gate(name).pass_through(name)
    return name


@aion.activity
def clean_up(name: str) -> str:
    gate(name).note("cleaned")
    return name


@aion.activity(heartbeat=60)
async def told(name: str) -> str:
    """Notes that it was told to stop."""
    gate(name).note("begun")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        gate(name).note("told")
        raise
    return name


@aion.activity(heartbeat=60)
def beating(name: str) -> str:
    """Says that it is alive until it is told to stop."""
    gate(name).note("begun")
    while True:
        try:
            aion.heartbeat()
        except asyncio.CancelledError:
            gate(name).note("told")
            return "stopped in order"


@aion.workflow
async def resting(on: str) -> str:
    match on:
        case "activity":
            return await guarded("resting")
        case "timer":
            await aion.sleep(WEEK)
        case "signal":
            await aion.receive("never")
        case "condition":
            await aion.wait_until(lambda: False)
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(aion.sleep(WEEK))
                group.create_task(aion.receive("never"))
        case "race":
            await aion.race(aion.sleep(WEEK), aion.receive("never"))
        case "shield":
            await asyncio.shield(asyncio.ensure_future(aion.sleep(WEEK)))
        case "plain":
            await asyncio.Event().wait()
        case _:
            raise ValueError(on)
    return "went on"


@aion.workflow
async def tidy() -> None:
    try:
        await aion.sleep(WEEK)
    finally:
        await clean_up("tidy")


@aion.workflow
async def stubborn() -> str:
    try:
        await aion.sleep(WEEK)
    except asyncio.CancelledError:
        return await aion.receive("word", str)
    return "slept"


@aion.workflow
async def twice_stubborn() -> int:
    """Takes two cancellations."""
    refused = 0
    while refused < 2:
        try:
            await aion.receive("never")
        except asyncio.CancelledError:
            refused += 1
    return refused


@aion.workflow
async def angry() -> None:
    try:
        await aion.sleep(WEEK)
    except asyncio.CancelledError:
        raise RuntimeError("not now") from None


@aion.workflow
async def meets_result() -> str:
    """An activity's result and a cancellation may arrive in any order."""
    return await guarded("result")


@aion.workflow
async def one_by_one(way: str) -> str:
    """Cancels an activity itself, in one of the three ways."""
    handle = told.options(cancellation=way).start("one")
    await aion.receive("stop")
    handle.cancel()
    try:
        return await handle
    except asyncio.CancelledError:
        return "cancelled"


@aion.workflow
async def in_order(way: str) -> str:
    handle = beating.options(cancellation=way).start("one")
    await aion.receive("stop")
    handle.cancel()
    try:
        return await handle
    except asyncio.CancelledError:
        return "cancelled"


@aion.workflow
def plain_rest() -> str:
    aion.sleep(WEEK)
    return "went on"


CODE = (resting, tidy, stubborn, twice_stubborn, angry, meets_result, one_by_one, in_order, plain_rest)
