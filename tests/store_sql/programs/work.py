"""What engines of these tests run."""

import aion_core as aion


@aion.workflow
async def parcel(name: str) -> str:
    return f"{name}: {await aion.receive('end', str)}"


@aion.workflow
async def collects(count: int) -> list[str]:
    return [await aion.receive("item", str) for _ in range(count)]


CODE = (parcel, collects)
