"""Programs whose order asyncio leaves to sets: run as a module, it prints what their histories hold."""

import asyncio
import hashlib

from tests.simulation import workflows as w
from tests.simulation.harness import Point, Simulation

import aion_core as aion
from aion_core.codec import decode_batch
from aion_core.spi import Shard


@aion.workflow
async def aborted() -> str:
    """A task group of many whose first failure cancels the others, each of which cleans up."""

    async def worker(number: int) -> None:
        try:
            await aion.sleep(60 + number % 3)
        finally:
            await w.clean(f"desk {number}")

    async def failing() -> None:
        await aion.sleep(0.1)
        raise aion.WorkflowError("enough")

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(12):
                group.create_task(worker(number))
            group.create_task(failing())
    except* aion.WorkflowError:
        await w.note("aborted")
    return "to the end"


@aion.workflow
async def waited() -> list[str]:
    """`asyncio.wait` gives sets: what is done with their members is done in one order."""
    pending = {asyncio.create_task(w.walk(str(number)), name=str(number)) for number in range(10)}
    pending |= {asyncio.create_task(aion.sleep(0.2 * number), name=f"rest {number}") for number in range(1, 4)}
    said: list[str] = []
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            said.append(task.get_name())
            await w.step(task.get_name())
    return said


@aion.workflow
async def completed() -> list[str]:
    """`as_completed`, which makes a set of what it is given, over coroutines that come to their end together."""
    said: list[str] = []
    for each in asyncio.as_completed([w.step(f"{number}") for number in range(10)]):
        said.append(await each)
        await w.note(said[-1])
    return said


def command_log():
    """Every event of the three, and nothing of the place that they ran in."""
    simulation = Simulation(Point("several", 0), modules=[__import__(__name__, fromlist=["_"])])
    simulation.open()
    caller = simulation.caller()
    for workflow in (aborted, waited, completed):
        caller.result(caller.start(workflow, id=workflow.name))
    lines = []
    for state in simulation.store.states([Shard(n) for n in range(simulation.store.shards)], limit=100).items:
        for batch in simulation.store.read(state.workflow_id).items:
            lines += [
                f"{state.workflow_id} {type(event).__name__} {bytes(batch.body)!r}" for event in decode_batch(batch)
            ]
    simulation.leave()
    return lines


if __name__ == "__main__":
    lines = command_log()
    print(len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest())
