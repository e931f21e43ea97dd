"""What a type checker infers of verbs and handles."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_type

import aion_core as aion
from aion_core.client.aio import AsyncVerbs
from aion_core.client.verbs import Verbs


@dataclass
class Order:
    id: str
    cents: int


Approve = aion.Signal[bool]("approve")
State = aion.Query[[], str]("status")
Find = aion.Query[[str, int], list[Order]]("find")


@aion.workflow
async def child(n: int) -> float:
    return 1.0


@aion.workflow
async def checkout(order: Order, express: bool = False) -> str:  # noqa: FBT001, FBT002  # as users write them
    return ""


@aion.workflow
def sync_checkout(order: Order) -> str:
    return ""


@aion.workflow
async def needs_keyword(n: int, *, mode: str) -> str:
    return mode


def check(engine: Verbs) -> None:
    order = Order("1", 2)
    run = engine.start(checkout, order, True, id="x", policy="existing", delay=timedelta(seconds=1))
    assert_type(run, aion.Run[str])
    assert_type(run.result(timeout=1), str)
    assert_type(engine.start(checkout, order), aion.Run[str])
    assert_type(engine.start(checkout.bind(order, express=True), id="x", memo={"n": 1}), aion.Run[str])
    assert_type(engine.start(needs_keyword.bind(1, mode="x"), id="k"), aion.Run[str])
    assert_type(engine.start("checkout", 1, 2, id="x"), aion.Run[Any])
    assert_type(engine.start(sync_checkout, order), aion.Run[str])
    assert_type(engine.run(child, 4), float)
    assert_type(engine.run(child.bind(4), timeout=5), float)
    assert_type(engine.run("child", 4), Any)
    assert_type(engine.signal_with_start(child, 4, signal=Approve, value=True, id="c"), aion.Run[float])
    assert_type(engine.signal_with_start("child", 4, signal="approve", id="c"), aion.Run[Any])
    assert_type(engine.handle("x"), aion.Run[Any])
    assert_type(engine.handle("x", workflow=checkout).result(), str)
    assert_type(engine.list("status = 'failed'"), Iterator[aion.Summary])
    assert_type(engine.count(), int)
    assert_type(next(engine.subscribe()).event, aion.Event)


def check_run(run: aion.Run[str]) -> None:
    run.signal(Approve, True, message_id="m")
    run.signal("approve", True)
    run.signal("wake")
    assert_type(run.query(State), str)
    assert_type(run.query(Find, "sku", 1, timeout=5), list[Order])
    assert_type(run.query("status", type=str), str)
    assert_type(run.query("status"), Any)
    assert_type(run.status(), aion.Status)
    assert_type(run.describe(), aion.Description)
    assert_type(run.history(), aion.History)
    assert_type(run.events(), Iterator[aion.Event])


async def check_awaited(engine: AsyncVerbs) -> None:
    order = Order("1", 2)
    run = await engine.start(checkout, order, id="x")
    assert_type(run, aion.AsyncRun[str])
    assert_type(await run.result(), str)
    assert_type(await engine.start(checkout.bind(order, express=True)), aion.AsyncRun[str])
    assert_type(await engine.start("checkout", 1), aion.AsyncRun[Any])
    assert_type(await engine.run(child, 4), float)
    assert_type(engine.handle("x", workflow=checkout), aion.AsyncRun[str])
    assert_type(await run.query(State), str)
    assert_type(await run.query("status", type=int), int)
    await run.signal(Approve, True)
    async for summary in engine.list("status = 'failed'"):
        assert_type(summary.status, aion.Status)
    async for event in run.events():
        assert_type(event, aion.Event)
    entries: AsyncIterator[aion.FeedEntry] = engine.subscribe()
    async for entry in entries:
        assert_type(entry.cursor, str)


async def check_clients() -> None:
    with aion.Client.open("aion.toml") as client:
        assert_type(client.handle("x", workflow=child), aion.Run[float])
    async with aion.AsyncClient.open({"event_store": {"use": "memory"}}) as entered:
        assert_type(entered.handle("x", workflow=child), aion.AsyncRun[float])
    awaited = await aion.AsyncClient.open()
    assert_type(awaited.handle("x", workflow=child), aion.AsyncRun[float])
    await awaited.close()
