"""A workflow that does what its argument says, and activities for it: what generated tests run.

    ["first", ["get", "a"], ["timer", "sla", 5]]

races signal `a` against five seconds. Everything that is passed on the way is noted in a trail, which is the result:
whoever resumes in another order leaves another trail.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

import aion_core as aion
from aion_core.codec import Values

VALUES = Values()

Script = list[Any]
"""What to do: a word of `_WORDS`, and what belongs to it."""


def _elsewhere() -> str:
    raise AssertionError("bodies end as the test says")


charge = aion.activity("charge", retry=aion.Retry(max_attempts=3, initial=2))(_elsewhere)
stop = aion.activity("stop", retry=aion.Retry(max_attempts=1), cancellation="wait")(_elsewhere)
leave = aion.activity("leave", cancellation="abandon")(_elsewhere)
near = aion.activity("near", local=True, retry=aion.Retry(max_attempts=2, initial=2))(_elsewhere)

ACTIVITIES = {each.name: each for each in (charge, stop, leave, near)}


@define
class Trail:
    """Where a run came by."""

    steps: list[str] = field(factory=list[str])
    ticks: int = 0
    """How often signal `tick` was handled."""
    left_alone: list[asyncio.Task[None]] = field(factory=list[asyncio.Task[None]])


@aion.workflow
async def play(script: Script) -> list[str]:
    trail = Trail()

    @aion.signal
    def tick() -> None:
        trail.ticks += 1
        trail.steps.append(f"tick {trail.ticks}")

    @aion.query
    def steps() -> list[str]:
        return trail.steps

    await _do(trail, script)
    return trail.steps


async def _do(trail: Trail, script: Script) -> None:
    word, *rest = script
    await _WORDS[word](trail, *rest)


# ---- single steps


async def _get(trail: Trail, name: str, seconds: float | None = None) -> None:
    trail.steps.append(f"{name} is {await aion.receive(name, int, timeout=seconds, default=None)}")


async def _sleep(trail: Trail, seconds: float) -> None:
    await asyncio.sleep(seconds)
    trail.steps.append(f"slept {seconds}")


async def _timer(trail: Trail, name: str, seconds: float) -> None:
    await aion.timer(name, seconds)
    trail.steps.append(f"{name} rang")


async def _until(trail: Trail, ticks: int, seconds: float | None = None) -> None:
    await aion.wait_until(lambda: trail.ticks >= ticks, timeout=seconds)
    trail.steps.append(f"saw {ticks} ticks")


async def _call(trail: Trail, name: str) -> None:
    trail.steps.append(f"{name} gave {await ACTIVITIES[name]()}")


async def _start(trail: Trail, name: str) -> None:
    """Schedule at once, give way, and then wait."""
    handle = ACTIVITIES[name].start()
    await asyncio.sleep(0)
    trail.steps.append(f"started {name} gave {await handle}")


async def _dice(trail: Trail) -> None:
    trail.steps.append(f"threw {aion.random():.3f} at {aion.now():%H:%M:%S}")


async def _side(trail: Trail) -> None:
    trail.steps.append(f"computed {aion.side_effect(lambda: len(trail.steps))}")


async def _patch(trail: Trail) -> None:
    trail.steps.append("new way" if aion.patched("way") else "old way")


async def _memo(trail: Trail) -> None:
    aion.set_memo(steps=len(trail.steps))


async def _fail(trail: Trail) -> None:
    trail.steps.append("fails")
    raise ValueError("as the script says")


# ---- several at once


async def _all(trail: Trail, *scripts: Script) -> None:
    await asyncio.gather(*(_do(trail, each) for each in scripts))


async def _group(trail: Trail, *scripts: Script) -> None:
    async with asyncio.TaskGroup() as group:
        for each in scripts:
            group.create_task(_do(trail, each))


async def _first(trail: Trail, *scripts: Script) -> None:
    await aion.race(*(_do(trail, each) for each in scripts))


async def _settle(trail: Trail, *scripts: Script) -> None:
    outcomes = await aion.settle(*(_do(trail, each) for each in scripts))
    trail.steps.append(f"settled {[each.ok for each in outcomes]}")


async def _wait(trail: Trail, *scripts: Script) -> None:
    """As `first`, with what asyncio itself has."""
    tasks = [asyncio.create_task(_do(trail, each)) for each in scripts]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in (*done, *pending):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _alone(trail: Trail, script: Script) -> None:
    """Begin it, and do not wait for it."""
    trail.left_alone.append(asyncio.create_task(_do(trail, script)))


# ---- around others


async def _then(trail: Trail, *scripts: Script) -> None:
    for each in scripts:
        await _do(trail, each)


async def _within(trail: Trail, seconds: float, script: Script) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _do(trail, script)
    except TimeoutError:
        trail.steps.append(f"not within {seconds}")


async def _cleaned(trail: Trail, script: Script, cleanup: Script) -> None:
    try:
        await _do(trail, script)
    finally:
        await _do(trail, cleanup)


async def _caught(trail: Trail, script: Script, instead: Script) -> None:
    try:
        await _do(trail, script)
    except Exception as error:
        trail.steps.append(f"caught {type(error).__name__}")
        await _do(trail, instead)


async def _refused(trail: Trail, script: Script, instead: Script) -> None:
    """Go on after a cancellation."""
    try:
        await _do(trail, script)
    except asyncio.CancelledError:
        trail.steps.append("will not be cancelled")
        await _do(trail, instead)


async def _shielded(trail: Trail, script: Script) -> None:
    await asyncio.shield(asyncio.create_task(_do(trail, script)))


_WORDS: dict[str, Callable[..., Awaitable[None]]] = {
    "get": _get,
    "sleep": _sleep,
    "timer": _timer,
    "until": _until,
    "call": _call,
    "start": _start,
    "dice": _dice,
    "side": _side,
    "patch": _patch,
    "memo": _memo,
    "fail": _fail,
    "all": _all,
    "group": _group,
    "first": _first,
    "settle": _settle,
    "wait": _wait,
    "alone": _alone,
    "then": _then,
    "within": _within,
    "cleaned": _cleaned,
    "caught": _caught,
    "refused": _refused,
    "shielded": _shielded,
}

APPROVAL: Script = [
    "then",
    ["call", "charge"],
    ["first", ["get", "a"], ["timer", "sla", 5], ["until", 2]],
    ["cleaned", ["start", "stop"], ["call", "near"]],
]
"""A signal, a timer and a condition race between activities."""

LISTENERS: Script = [
    "group",
    ["within", 3, ["then", ["get", "a"], ["call", "charge"]]],
    ["then", ["get", "b", 5], ["start", "near"]],
    ["caught", ["until", 2, 3], ["call", "leave"]],
    ["then", ["get", "a"], ["get", "b"], ["fail"]],
]
"""Listeners share a group, of which one fails."""

STUBBORN: Script = [
    "refused",
    ["all", ["shielded", ["call", "charge"]], ["call", "stop"], ["cleaned", ["get", "a"], ["sleep", 3]]],
    ["wait", ["until", 1], ["call", "leave"], ["sleep", 5]],
]
"""A cancellation finds clean-up, a shield, an activity that is waited for, and code that goes on all the same."""

RACES: Script = [
    "then",
    ["first", ["get", "a"], ["sleep", 2], ["call", "charge"], ["sleep", 3]],
    ["wait", ["get", "b"], ["timer", "sla", 2], ["start", "near"], ["until", 2]],
    ["within", 5, ["all", ["get", "a"], ["start", "stop"], ["sleep", 3]]],
    ["get", "b"],
]
"""One race after the other: what came for the losers of one finds them gone."""

LARGER = [RACES, APPROVAL, LISTENERS, STUBBORN]
