"""The shop of `make demo`: one order, and a world outside that remembers what was done to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import aion_core as aion


@dataclass
class Order:
    id: str
    cents: int


@dataclass(frozen=True)
class Effect:
    """One run of an activity's body. What has the same key is one thing to a service that drops what it has seen."""

    activity: str
    key: str
    what: str


EFFECTS: list[Effect] = []
"""What happened outside, in order. No crash takes it back."""


def happened(what: str) -> None:
    info = aion.activity_info()
    EFFECTS.append(Effect(info.activity, info.idempotency_key, what))


def times() -> Counter[str]:
    """How often each body ran."""
    return Counter(effect.activity for effect in EFFECTS)


QUICKLY = aion.Retry(max_attempts=5, initial=0.05)


@aion.activity(start_to_close=30, retry=QUICKLY)
def reserve(order: Order) -> int:
    happened(f"a shelf for {order.id}")
    return 7


@aion.activity(start_to_close=30, retry=QUICKLY)
def charge(order: Order) -> str:
    happened(f"{order.cents} cents for {order.id}")
    return f"receipt-{order.id}"


@aion.activity(start_to_close=30, retry=QUICKLY)
async def ship(order: Order, shelf: int) -> None:
    happened(f"{order.id} leaves shelf {shelf}")


@aion.workflow
async def buy(order: Order) -> str:
    shelf = await reserve(order)
    receipt = await charge(order)
    aion.set_memo(stage="waiting for approval")
    if not await aion.receive("approve", bool, timeout=timedelta(days=2), default=False):
        return "refused"
    await aion.sleep(0.1)
    await ship(order, shelf)
    return receipt
