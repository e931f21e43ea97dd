"""What a type checker infers of what workflow authors call."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, assert_type
from uuid import UUID

import aion_core as aion


@dataclass
class Order:
    id: str
    cents: int


class Stripe: ...


@aion.resource
def stripe() -> Iterator[Stripe]:
    yield Stripe()


assert_type(stripe(), Stripe)


@aion.activity(start_to_close=30, retry=aion.Retry(max_attempts=5, non_retryable=(ValueError, "CardDeclined")))
def charge(order: Order) -> str:
    return ""


@aion.activity
async def ship(order: Order, *, express: bool = False) -> int:
    return 1


@aion.activity("refund-v1")
async def refund(receipt: str) -> None: ...


class Payments:
    @aion.activity
    def capture(self, order: Order) -> str:
        return ""

    @aion.activity(queue="pci")
    async def void(self, receipt: str) -> None: ...


payments = Payments()

Approve = aion.Signal[bool]("approve")
Note = aion.Signal("note", str)
Maybe = aion.Signal[int | None]("maybe")
State = aion.Query[[], str]("status")


@aion.workflow
async def child(n: int) -> float:
    return 1.0


class Cart:
    def __init__(self) -> None:
        self.items: list[str] = []

    def add(self, item: str) -> None:
        self.items.append(item)

    def total(self) -> int:
        return len(self.items)


@aion.workflow
async def checkout(order: Order, express: bool = False) -> str:  # noqa: FBT001, FBT002  # as users write them
    state = "x"
    cart = Cart()

    @State.handler
    def status() -> str:
        return state

    assert_type(status(), str)

    @aion.query
    def length() -> int:
        return len(cart.items)

    assert_type(length(), int)

    @aion.query(name="first")
    def first(default: str) -> str:
        return default

    assert_type(first("x"), str)

    @aion.signal
    def add(item: str) -> None:
        cart.add(item)

    @aion.signal(name="put")
    async def put(item: str) -> None:
        await aion.sleep(1)

    @Approve.handler
    def approve(value: bool) -> None:  # noqa: FBT001  # as users write them
        add(str(value))

    aion.query(cart.total)
    aion.query(cart.total, name="sum")
    aion.signal(cart.add, name="more")

    await steps(order)
    return state


async def steps(order: Order) -> None:
    cart = Cart()
    assert_type(await charge(order), str)
    assert_type(await ship(order, express=True), int)
    assert_type(await charge.options(queue="pci", start_to_close=timedelta(seconds=5))(order), str)
    assert_type(await payments.capture(order), str)
    assert_type(await child(1), float)
    assert_type(await child.options(id="c")(1), float)
    assert_type(await aion.receive("a"), Any)
    assert_type(await aion.receive("a", bool, timeout=timedelta(days=2)), bool)
    assert_type(await aion.receive("a", list[Order]), list[Order])
    assert_type(await aion.receive("a", int | None), Any)
    assert_type(await aion.receive("a", Order, timeout=1, default=None), Order | None)
    assert_type(await aion.receive(Approve), bool)
    assert_type(await Approve.receive(timeout=5, default=None), bool | None)
    assert_type(await Note.receive(), str)
    assert_type(await Maybe.receive(), int | None)
    a, b = await asyncio.gather(charge(order), ship(order))
    assert_type(a, str)
    assert_type(b, int)
    assert_type(await asyncio.create_task(charge(order)), str)
    assert_type(await asyncio.create_task(aion.receive("a", int)), int)
    async with asyncio.TaskGroup() as group:
        group.create_task(ship(order))
        group.create_task(child(1))
        group.create_task(aion.sleep(5))
    assert_type(await aion.race(charge(order), child(5)), str | float)
    got = await aion.race(plan=Note.receive(), stop=Approve.receive(), due=aion.sleep(5))
    assert_type(got.name, str)
    for settled in await aion.settle(charge(order), charge(order)):
        assert_type(settled, aion.Outcome[str])
        assert_type(settled.value, str)
    assert_type(await aion.map(charge, [order, order], concurrency=4), list[str])
    assert_type(await aion.map(child, [1, 2]), list[float])
    for outcome in await aion.map(charge, [order], errors="return"):
        assert_type(outcome, aion.Outcome[str])
    assert_type(await charge.start(order), str)
    timer = aion.timer("sla", 5)
    await aion.race(timer, aion.wait_until(lambda: bool(cart.items), timeout=5))
    await aion.sleep_until(aion.now() + timedelta(days=1))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(refund, "r")


@aion.workflow
def sync_checkout(order: Order) -> str:
    return aion.await_(charge(order)) + str(aion.await_(aion.receive("x", int)))


def facts() -> None:
    assert_type(aion.now(), datetime)
    assert_type(aion.random(), float)
    assert_type(aion.rng(), Random)
    assert_type(aion.uuid4(), UUID)
    assert_type(aion.side_effect(lambda: 1), int)
    assert_type(aion.patched("x"), bool)
    assert_type(aion.info(), aion.Info)
    aion.set_attributes(customer="acme", total=None)
    aion.set_memo(done=3)
    aion.log.info("at %s", aion.info().workflow_id, extra={"order": 1})


def in_an_activity() -> None:
    assert_type(aion.activity_info(), aion.ActivityInfo)
    assert_type(aion.heartbeat_details(int), int | None)
    assert_type(aion.cancelled(), bool)
    aion.heartbeat({"page": 1})
    raise aion.CompleteLater


def test_units() -> None:
    assert_type(charge.fn(Order("1", 2)), str)


async def test_async_units() -> None:
    assert_type(await ship.fn(Order("1", 2), express=True), int)
