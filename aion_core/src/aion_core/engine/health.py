"""How an engine is doing: what `health()` tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from aion_core.spi.records import EngineInfo
from aion_core.spi.runtime import RuntimeHealth

if TYPE_CHECKING:
    from aion_core.engine.activities import Activities
    from aion_core.engine.timers import Timers
    from aion_core.engine.turns import Turns


@frozen(kw_only=True)
class Health:
    """A look at an engine. `ok` unless something needs a person, or the store's return."""

    engine_id: str
    host: str
    pid: int
    workflow_types: Sequence[str]
    ok: bool
    problems: Sequence[str]
    """Why not, in words."""
    shards: int
    """That this engine owns, of `shards_in_all`."""
    shards_in_all: int
    standby: bool
    """Whether another engine has the store, and this one takes over when it is gone."""
    resident: int
    """Workflows in memory."""
    turns: int
    """Under way."""
    timers: int
    """Workflows with something due within the next minute or so."""
    running: Mapping[str, int] = field(factory=dict[str, int])
    """Attempts of activities under way, per queue."""
    queued: Mapping[str, int] = field(factory=dict[str, int])
    """Activities that wait for a slot, per queue."""
    late: int = 0
    """Outcomes of attempts that came when nobody waited for them any more, and were discarded."""
    workers: int = 0
    residents: int = 0
    """Runs whose code the runtime holds."""
    abandoned: int = 0
    """Threads or processes that outlived their limit and were left behind."""


def health_of(
    me: EngineInfo,
    *,
    shards: tuple[int, int],
    standby: bool,
    turns: Turns,
    timers: Timers,
    activities: Activities,
    runtime: RuntimeHealth,
    trouble: Sequence[str | None],
) -> Health:
    """Put together on the engine's thread."""
    problems = [*(each for each in trouble if each), *runtime.notes]
    if me.types and not shards[0] and not standby:
        problems.append("no shard is owned: another engine has them all, or the leases are in doubt")
    queues = activities.queues()
    return Health(
        engine_id=me.engine_id,
        host=me.host,
        pid=me.pid,
        workflow_types=me.types,
        ok=not problems,
        problems=problems,
        shards=shards[0],
        shards_in_all=shards[1],
        standby=standby,
        resident=len(turns),
        turns=turns.busy,
        timers=len(timers),
        running={name: load.running for name, load in queues.items() if load.running},
        queued={name: load.waiting for name, load in queues.items() if load.waiting},
        late=activities.late,
        workers=runtime.workers,
        residents=runtime.residents,
        abandoned=runtime.abandoned,
    )
