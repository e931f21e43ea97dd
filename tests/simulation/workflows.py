"""The reference workflows of the simulation: each uses one part of what workflow authors have, under faults.

What an activity does depends on its input and the number of its attempt alone, so a run comes to the same end however
often it was interrupted, unless its scenario says otherwise.
"""

import asyncio

import aion_core as aion

SOON = aion.Retry(initial=0.1, factor=1.5)


class Outage(Exception):
    """What passes."""


class Declined(Exception):
    """What stays."""


@aion.activity(start_to_close=30, retry=SOON)
def step(name: str) -> str:
    return f"{name}!"


@aion.activity(start_to_close=30, retry=SOON)
async def walk(name: str) -> str:
    await asyncio.sleep(0)
    return f"{name} walked"


@aion.activity(start_to_close=30, retry=SOON)
def flaky(failures: int) -> int:
    if aion.activity_info().attempt <= failures:
        raise Outage(f"attempt {aion.activity_info().attempt}")
    return failures


@aion.activity(start_to_close=30, retry=aion.Retry(initial=0.1, non_retryable=[Declined]))
def decline() -> None:
    raise Declined("no")


@aion.activity(start_to_close=30, retry=aion.Retry(max_attempts=1))
def once(name: str) -> str:
    return f"{name} once"


@aion.activity(start_to_close=30, retry=SOON, cancellation="wait")
def long(beats: int) -> str:
    for done in range(beats):
        aion.heartbeat(done)
    return "all of it"


@aion.activity(start_to_close=30, retry=SOON)
def clean(name: str) -> str:
    return f"{name} clean"


@aion.activity(local=True, start_to_close=30, retry=SOON)
def note(line: str) -> int:
    return len(line)


# ---- the workflows


@aion.workflow
async def sequence(name: str) -> str:
    said = [""]

    @aion.query
    def last() -> str:
        return said[-1]

    for part in ("one", "two", "three"):
        said.append(await step(f"{name} {part}"))  # noqa: PERF401  # the query sees each as it comes
    said.append(await walk(name))
    return ", ".join(said[1:])


@aion.workflow
async def fanout(width: int) -> list[str]:
    first = await asyncio.gather(*(step(f"gathered {number}") for number in range(width)))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(step(f"grouped {number}")) for number in range(width)]
        group.create_task(asyncio.sleep(0.2))
    mapped = await aion.map(step, [f"mapped {number}" for number in range(width)], concurrency=2)
    return [*first, *(task.result() for task in tasks), *mapped]


@aion.workflow
async def signals(count: int) -> dict[str, list[int]]:
    """Every signal is heard once, whichever side of a deadline it falls on."""
    heard: list[int] = []
    missed: list[int] = []
    while len(heard) < count:
        number = await aion.receive("number", int, timeout=0.3 * 1.5 ** len(missed), default=-1)
        (missed if number < 0 else heard).append(number)
        aion.set_memo(heard=len(heard))
    return {"heard": heard}


@aion.workflow
async def races() -> str:
    """Timers against signals against activities: who wins depends on the order, and only on the recorded one."""
    rounds = []
    for number in range(3):
        winner = await aion.race(go=aion.receive("go", int), late=aion.sleep(0.4), work=long(2 + number))
        rounds.append(winner.name)
    return " ".join(rounds)


@aion.workflow
async def retries() -> list[str]:
    got = [str(await flaky(0)), str(await flaky(3))]
    try:
        await decline()
    except aion.ActivityFailed as failure:
        got.append(failure.type)
    try:
        await flaky.options(retry=aion.Retry(max_attempts=2, initial=0.1))(9)
    except aion.ActivityFailed as failure:
        got.append(failure.type)
    return got


@aion.workflow
async def cautious() -> str:
    try:
        return await once("paid")
    except aion.ActivityLost:
        return "lost"


@aion.workflow
async def cleanup() -> str:
    done = ""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(long(50))
            group.create_task(aion.receive("never", str))
            group.create_task(aion.sleep(3600))
    finally:
        done = await clean("room")
        aion.set_memo(done=done)
    return done


@aion.workflow
async def stubborn() -> str:
    try:
        await aion.receive("never", str)
    except asyncio.CancelledError:
        await step("refused")
    return "to the end"


@aion.workflow(timeout=1.5)
async def deadline() -> None:
    await step("early")
    await aion.receive("never", str)


@aion.workflow
async def longloop(rounds: int) -> int:
    total = 0
    for number in range(rounds):
        await aion.sleep(0.05)
        total += len(await step(str(number)))
        aion.set_memo(round=number)
    return total


@aion.workflow
async def locals_(rounds: int) -> int:
    total = aion.side_effect(lambda: 100, int)
    for number in range(rounds):
        total += await note("x" * number)
        if aion.patched("between"):
            await aion.sleep(0.02)
    await step("remote")
    return total


@aion.workflow
async def waiting(count: int) -> int:
    """A handler of signals, and a condition over what it gathered."""
    seen: list[int] = []

    @aion.signal
    def add(value: int) -> None:
        seen.append(value)

    @aion.query
    def total() -> int:
        return sum(seen)

    await aion.wait_until(lambda: len(seen) >= count)
    await step(str(sum(seen)))
    return sum(seen)


@aion.workflow
def plainly(name: str) -> str:
    """A plain function: the same, without `await`."""
    aion.await_(aion.sleep(0.1))
    return aion.await_(step(name)) + aion.await_(walk(name))


@aion.workflow
async def doomed() -> None:
    await step("before")
    raise aion.WorkflowError("on purpose", type="Purpose")
