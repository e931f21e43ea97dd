"""Which engines are there: who holds a store's workflows at the moment."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aion_core.spi.records import EngineInfo, LeaseTable
    from aion_core.spi.stores import EventStore

_TTL: Final = 5.0
"""Seconds that somebody who only looks is listed among the engines."""


def leases_of(store: EventStore) -> LeaseTable:
    """The table of leases, looked at without taking any."""
    from aion_core.model.ids import EngineId
    from aion_core.platform import SYSTEM
    from aion_core.spi.records import EngineInfo

    me = EngineInfo(
        engine_id=EngineId(f"client-{SYSTEM.random_bytes(8).hex()}"),
        host=socket.gethostname(),
        pid=os.getpid(),
        note="client",
    )
    return store.lease(me, 0, _TTL)


def serving(table: LeaseTable) -> Sequence[EngineInfo]:
    """The engines that hold workflows, and may."""
    owners = set(table.owners.values())
    return tuple(engine for engine in table.engines if engine.engine_id in owners)


def is_served(store: EventStore, workflow_id: str) -> bool:
    """Whether an engine holds this workflow, and would answer."""
    from aion_core.model.ids import WorkflowId, shard_of

    return leases_of(store).owners.get(shard_of(WorkflowId(workflow_id), store.shards)) is not None
