"""What a type checker reports of verbs and handles."""

from dataclasses import dataclass

import aion_core as aion
from aion_core.client.aio import AsyncVerbs
from aion_core.client.verbs import Verbs


@dataclass
class Order:
    id: str
    cents: int


Approve = aion.Signal[bool]("approve")
Find = aion.Query[[str, int], str]("find")


@aion.activity
def charge(order: Order) -> str:
    return ""


@aion.workflow
async def checkout(order: Order) -> str:
    return ""


@aion.workflow
async def needs_keyword(n: int, *, mode: str) -> str:
    return mode


def misuse(engine: Verbs, run: aion.Run[str]) -> None:
    engine.start(checkout, "wrong")  # refused
    engine.start(checkout)  # refused
    engine.start(charge, Order("1", 2))  # refused
    engine.start(needs_keyword, 1)  # refused
    engine.start(checkout, Order("1", 2), policy="idempotant")  # refused
    engine.start(checkout, Order("1", 2), ids="order-1")  # refused
    run.signal(Approve, "yes")  # refused
    run.query(Find, 1, 1)  # refused
    engine.handle("x", workflow=charge)  # refused


async def misuse_awaited(engine: AsyncVerbs, run: aion.AsyncRun[str]) -> None:
    await engine.start(checkout, "wrong")  # refused
    await run.signal(Approve, "yes")  # refused
    engine.start(checkout, Order("1", 2))  # refused
