"""One workflow as it was written one day after the other. All of them have one name."""

from tests.engine.programs.gates import gate

import aion_core as aion


@aion.activity
def charge(order: str) -> str:
    gate("charge").note(order)
    return f"receipt-{order}"


@aion.activity
def ship(order: str) -> str:
    gate("ship").note(order)
    return f"parcel-{order}"


@aion.workflow(name="checkout")
async def first(order: str) -> list[str]:
    receipt = await charge(order)
    await aion.receive("go")
    return [receipt, await ship(order)]


@aion.workflow(name="checkout")
async def changed(order: str) -> list[str]:
    """Ships first: its first command is another one."""
    parcel = await ship(order)
    await aion.receive("go")
    return [await charge(order), parcel]


@aion.workflow(name="checkout")
async def with_patch(order: str) -> list[str]:
    """Asks which way to take."""
    if aion.patched("ship-first"):
        parcel = await ship(order)
        return [await charge(order), parcel]
    receipt = await charge(order)
    await aion.receive("go")
    return [receipt, await ship(order)]


@aion.workflow(name="checkout")
async def broken(order: str) -> list[str]:
    """Fails where the first version waits."""
    await charge(order)
    raise RuntimeError("a bug")


@aion.workflow
async def other() -> str:
    return "other"
