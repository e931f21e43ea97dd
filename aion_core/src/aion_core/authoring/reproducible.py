"""What is another thing in every process, and must be the same in every replay: time, randomness, side effects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random  # noqa: TID251  # seeded by the run
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from aion_core.authoring.awaiting import recording
from aion_core.authoring.context import current
from aion_core.authoring.handlers import is_plain
from aion_core.authoring.options import text
from aion_core.authoring.signature import Signature
from aion_core.model.events import MarkerKind
from aion_core.model.failed import Failed
from aion_core.model.failures import Failure
from aion_core.model.payloads import Payload
from aion_core.model.times import as_datetime

T = TypeVar("T")

_FAILURE: Final = "application/vnd.aion.failure+json"
"""The type of a marker's payload that holds what a side effect raised."""


def now() -> datetime:
    """The time of the event that the code reacts to, aware and in UTC. It stands still until the next one."""
    return as_datetime(current("aion.now()", "elsewhere, write datetime.now(UTC)").now())


def random() -> float:
    """A number from 0 up to 1, the same in every replay of this run."""
    return _rng("aion.random").random()


def rng() -> Random:
    """The run's generator of random numbers: `aion.rng().choice(offers)`. Seeded by the run."""
    return _rng("aion.rng")


def uuid4() -> UUID:
    """A random UUID, the same in every replay of this run."""
    return UUID(int=_rng("aion.uuid4").getrandbits(128), version=4)


def side_effect(fn: Callable[[], T], /, type: type[T] | None = None) -> T:
    """Call a function once, and give what was recorded of it, now and in every replay. Not awaited.

    For cheap things that do not fail, such as reading a setting; anything else belongs into an activity. The value is
    decoded as `type`, or as the function's annotation says. The function may run again when the process dies before the
    workflow's turn is durable. What it raises is recorded, too: the workflow gets a `Failed` with its type and message.
    """
    name = str(getattr(fn, "__name__", "side_effect"))
    run = recording("aion.side_effect", f"elsewhere, call {name}() itself")
    if not is_plain(fn):
        raise TypeError(f"a side effect is a plain function without arguments, and not {fn!r}.")
    values = run.surroundings.values

    def compute() -> Payload:
        try:
            return values.encode(run.outside(fn))
        except Exception as error:  # noqa: BLE001  # without a record a replay could not come by here
            return _failed(error)

    payload = run.marker(MarkerKind.SIDE_EFFECT, name, compute)
    if payload.type == _FAILURE:
        raise Failed(msgspec.json.decode(payload.content, type=Failure))
    result: T = values.decode(payload, _returns(fn) if type is None else type)
    return result


def patched(change_id: str) -> bool:
    """Whether this run takes the new way: `if aion.patched("check-stock"): await check_stock(order)`.

    True for runs that reach this first with today's code, now and in their replays; false for those that came by here
    before the change. One answer per change and run. The old way can go once no such run is open.
    """
    run = recording("aion.patched", "elsewhere, there is no past to keep to")
    if text("change_id", change_id) is None:
        raise ValueError("change_id is None; it is a text that is not empty.")
    return run.patched(change_id)


def _rng(call: str) -> Random:
    # In a query it would change what the workflow draws next.
    return recording(call, "elsewhere, use the module random").rng()


def _returns(fn: Callable[..., Any]) -> Any:
    try:
        return Signature.of(fn).returns
    except ValueError:  # a built-in function that tells nothing of itself
        return Any


def _failed(error: Exception) -> Payload:
    from aion_core.codec.failures import failure_of  # noqa: PLC0415  # brings cattrs, which `import aion_core` does without

    return Payload(data=msgspec.json.encode(failure_of(error)), type=_FAILURE)
