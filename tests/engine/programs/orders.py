"""Small workflows that any test may start: one that ends at once, and some that wait."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import aion_core as aion

WEEK = timedelta(weeks=1)
"""Longer than any test: such a wait ends by something else."""


@dataclass
class Order:
    id: str
    cents: int = 0


@aion.workflow
async def total(order: Order, express: bool = False) -> int:  # noqa: FBT001, FBT002  # as users write it
    return order.cents + (500 if express else 0)


@aion.workflow
async def parcel(id: str) -> str:
    """Ends by the signal `end`; `fail` makes it fail."""
    end = await aion.receive("end", str)
    if end == "fail":
        raise RuntimeError("the parcel is lost")
    return f"{id}: {end}"


@aion.workflow
async def sleeper() -> str:
    await asyncio.sleep(WEEK.total_seconds())
    return "slept"


CODE = (total, parcel, sleeper)
