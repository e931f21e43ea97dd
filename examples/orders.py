"""The shop of `make demo`: one order, and a world outside that remembers what was done to it.

    python examples/orders.py

Killed at any moment and started again, it goes on where it was: histories are in ./aion.db.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aion_core as aion

OUTSIDE = "outside.txt"
"""What happened outside, a line each: process, activity, idempotency key. No crash takes it back."""


QUICKLY = aion.Retry(initial=0.1)


@dataclass
class Order:
    id: str
    cents: int


def happened(*what: object) -> None:
    """Leave a trace in the world, and take a moment for it."""
    info = aion.activity_info()
    line = f"{os.getpid()} {info.activity} {info.idempotency_key}\n"
    with Path(OUTSIDE).open("a", encoding="utf-8") as outside:
        outside.write(line)
    print(info.activity, *what, flush=True)
    time.sleep(0.03)


@aion.activity(retry=QUICKLY)
def reserve(order: Order) -> int:
    happened("a shelf for", order.id)
    return 7


@aion.activity(retry=QUICKLY)
def charge(order: Order) -> str:
    happened(order.cents, "cents")
    return f"receipt-{order.id}"


@aion.activity(retry=QUICKLY)
def pack(order: Order, shelf: int) -> str:
    happened(order.id)
    return f"parcel from shelf {shelf}"


@aion.activity(retry=QUICKLY)
def ship(order: Order, parcel: str) -> None:
    happened(order.id, "as", parcel)


@aion.workflow
async def buy(order: Order) -> str:
    shelf = await reserve(order)
    receipt = await charge(order)
    aion.set_memo(stage="waiting for approval")
    if not await aion.receive("approve", bool, timeout=timedelta(days=2), default=False):
        return "refused"
    parcel = await pack(order, shelf)
    await aion.sleep(0.05)
    await ship(order, parcel)
    return receipt


if __name__ == "__main__":
    with aion.Engine.open(workflows=[buy]) as engine:
        run = engine.start(buy, Order("42", 1999), id="order-42")
        run.signal("approve", True, message_id="42-approved")
        print(run.result(timeout=60), flush=True)
