"""What a type checker reports of what workflow authors call."""

from dataclasses import dataclass

import aion_core as aion


@dataclass
class Order:
    id: str


Approve = aion.Signal[bool]("approve")
State = aion.Query[[], str]("status")


@aion.activity
def charge(order: Order) -> str:
    return ""


@aion.workflow
async def child(n: int) -> float:
    return 1.0


async def forgotten(order: Order) -> None:
    charge(order)  # refused
    child(1)  # refused by pyright
    aion.sleep(1)  # refused
    aion.receive("a", bool)  # refused
    Approve.receive()  # refused
    aion.wait_until(lambda: True)  # refused
    aion.race(charge(order))  # refused
    aion.settle(charge(order))  # refused
    aion.map(charge, [order])  # refused


async def misuse(order: Order) -> None:
    len(charge(order))  # refused
    await aion.receive("a", bool, timeout="1d")  # refused
    await aion.receive("a", bool, 1, None)  # refused
    await charge("wrong")  # refused
    await charge(order, 1)  # refused
    await aion.sleep("1d")  # refused
    await aion.sleep_until(5)  # refused
    await aion.map(charge, [1, 2])  # refused
    await aion.map(charge, [order], errors="ignore")  # refused
    await aion.race(order)  # refused
    aion.await_(order)  # refused
    aion.set_memo(1)  # refused
    aion.uuid4("x")  # refused
    aion.query(1)  # refused

    @State.handler  # refused
    def status() -> int:
        return 1

    @Approve.handler  # refused
    def approve(value: str) -> None: ...
