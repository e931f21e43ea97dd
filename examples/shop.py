from dataclasses import dataclass
from datetime import timedelta

import aion_core as aion


@dataclass
class Order:
    id: str
    cents: int


@aion.activity(start_to_close=30, retry=aion.Retry(max_attempts=5))
def charge(order: Order) -> str:  # sync or async; the side effect lives here
    return f"receipt-{order.id}"


@aion.workflow
async def checkout(order: Order) -> str:
    state = "charging"

    @aion.query
    def status() -> str:  # read-only view of local state
        return state

    receipt = await charge(order)  # recorded once, never re-run after a crash
    state = "waiting for approval"
    approved = await aion.receive("approve", bool, timeout=timedelta(days=2), default=False)
    await aion.sleep(timedelta(seconds=1))  # durable; asyncio.sleep is the same thing here
    return receipt if approved else "refused"


if __name__ == "__main__":
    with aion.Engine.open(workflows=[checkout]) as engine:  # ./aion.toml, or ./aion.db + threads
        run = engine.start(checkout, Order("42", 1999), id="order-42")
        run.signal("approve", True, message_id="42-approved")  # sent again after a restart, it changes nothing
        print(run.result(timeout=10), run.query("status"))
