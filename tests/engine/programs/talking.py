"""Workflows that are sent signals and asked questions, in every state they can wait in."""

import asyncio
from typing import Any

from tests.engine.programs.gates import gate
from tests.engine.programs.orders import WEEK

import aion_core as aion

Add = aion.Signal[int]("add")


@aion.workflow
async def adder(many: int) -> list[int]:
    """As many numbers as it is told to take, in the order in which it took them."""
    return [await Add.receive() for _ in range(many)]


@aion.workflow
async def late_adder() -> list[Any]:
    """Takes no number before it is told to go."""
    await aion.receive("go")
    taken = []
    while (number := await aion.receive("add", int, timeout=0, default=None)) is not None:
        taken.append(number)
    return taken


@aion.workflow
async def impatient() -> str:
    try:
        return await aion.receive("word", str, timeout=0.02)
    except aion.WaitTimeout:
        return "nobody spoke"


@aion.workflow
async def forgiving() -> list[str]:
    """A value of another type than it wants is an error that it may catch."""
    heard = []
    while len(heard) < 2:
        try:
            heard.append(str(await aion.receive("add", int)))
        except aion.PayloadError as error:
            heard.append(type(error).__name__)
    return heard


@aion.workflow
async def listener() -> list[int]:
    """Handles what comes instead of receiving it."""
    heard: list[int] = []

    @aion.signal
    def add(number: int) -> None:
        heard.append(number)

    await aion.wait_until(lambda: len(heard) >= 3)
    return heard


@aion.workflow
async def listener_and_receiver() -> str:
    @aion.signal
    def add(number: int) -> None:
        pass

    try:
        await aion.receive("add", int)
    except ValueError:
        return "refused"
    return "taken"


@aion.activity
def at_the_gate(name: str) -> str:
    gate(name).pass_through()
    return name


async def _wait(on: str) -> None:
    match on:
        case "activity":
            await at_the_gate("asked")
        case "timer":
            await aion.sleep(WEEK)
        case "signal":
            await aion.receive("never")
        case "condition":
            await aion.wait_until(lambda: False)
        case "many":
            await asyncio.gather(aion.sleep(WEEK), aion.receive("never"), at_the_gate("asked"))
        case _:
            await asyncio.Event().wait()


@aion.workflow
async def waiting(on: str) -> str:
    """Waits in one way or another, and says so; the signal `end` ends it wherever it waits."""
    state = f"waits for {on}"

    @aion.query
    def status() -> str:
        return state

    @aion.query(name="echo")
    def repeat(word: str, times: int = 1) -> list[str]:
        return [word] * times

    @aion.query
    def fails() -> None:
        raise LookupError("not on this shelf")

    @aion.query
    def unwritable() -> object:
        return object()

    @aion.query
    def meddles() -> None:
        aion.set_memo(asked=True)

    @aion.query
    def schedules() -> None:
        at_the_gate.start("never")

    await aion.race(_wait(on), aion.receive("end"))
    state = "has ended"
    return on


@aion.workflow
async def silent() -> None:
    await aion.receive("end")


@aion.workflow
async def replaced() -> None:
    """Answers as its last handler of a name does."""
    aion.query(lambda: "first", name="status")
    await aion.receive("next")
    aion.query(lambda: "second", name="status")
    await aion.receive("end")


CODE = (
    adder,
    late_adder,
    impatient,
    forgiving,
    listener,
    listener_and_receiver,
    waiting,
    silent,
    replaced,
)
