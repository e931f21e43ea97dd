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
    from aion_core.engine.writer import Writer
    from aion_core.spi.stores import StoreHealth


@frozen(kw_only=True)
class StoreReport:
    """The event store of an engine, and what goes on between the two."""

    place: str
    """Where it is, without passwords."""
    remarks: Sequence[str]
    """What its operator should know, although it works: of a disk, for example, that is too fast to be honest."""
    sync_seconds: float | None
    """What a write took at the beginning until the disk said that it was safe, where it is a disk of this machine."""
    commits: int
    """That were written since the engine was opened, in so many `appends`."""
    appends: int
    append_seconds: float
    """How long the last one took."""
    waiting: int
    """Commits that were not written yet."""
    messages: int
    """From other processes that were taken from the inbox, and are not recorded yet."""


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
    store: StoreReport
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
    store: StoreHealth,
    writer: Writer,
    messages: int,
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
        store=StoreReport(
            place=store.place,
            remarks=store.remarks,
            sync_seconds=store.sync_seconds,
            commits=writer.work.commits,
            appends=writer.work.appends,
            append_seconds=writer.work.append_seconds,
            waiting=writer.waiting,
            messages=messages,
        ),
        timers=len(timers),
        running={name: load.running for name, load in queues.items() if load.running},
        queued={name: load.waiting for name, load in queues.items() if load.waiting},
        late=activities.late,
        workers=runtime.workers,
        residents=runtime.residents,
        abandoned=runtime.abandoned,
    )
