"""Leases on shards: one holder each, by the database's own clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from aion_core.spi import EngineId, EngineInfo, Fence, Instant, Lease, LeaseTable, Shard, check_ttl
from aion_store_sql import schema
from aion_store_sql.database import Session
from aion_store_sql.dialects.dialect import Dialect, Row

_SECOND: Final = 1_000_000
_encode: Final = msgspec.json.Encoder().encode
_info_of: Final = msgspec.json.Decoder(EngineInfo).decode


class Leases:
    """The statements of ownership for one database. All methods work within a session of the caller's."""

    def __init__(self, dialect: Dialect) -> None:
        """Compile them."""
        self._engines = dialect.upsert(schema.engine, "engine_id", "info", "lease_until")

    def lease(self, session: Session, me: EngineInfo, want: int, ttl: float) -> LeaseTable:
        """Renew, take what is free, and look around. In a transaction.

        Rows that somebody holds just now are passed over: an append in flight proves its owner alive.
        """
        check_ttl(ttl)
        now = session.now()
        until = now + round(ttl * _SECOND)
        session.put(self._engines, [(me.engine_id, _encode(me).decode(), until)])
        array = session.dialect.array
        held = [shard for (shard,) in session.rows("SELECT shard FROM aion_shard WHERE owner = ?", me.engine_id)]
        if held:
            lock(session, held)
            session.run(
                "UPDATE aion_shard SET lease_until = ? WHERE shard {among} AND owner = ?",
                until,
                array(held),
                me.engine_id,
            )
        if want > len(held):
            free = session.rows(
                "SELECT shard FROM aion_shard WHERE owner IS NULL OR (lease_until <= ? AND owner <> ?)"
                f" ORDER BY shard LIMIT ?{session.dialect.skip}",
                now,
                me.engine_id,
                want - len(held),
            )
            if free:
                session.run(
                    "UPDATE aion_shard SET epoch = epoch + 1, owner = ?, lease_until = ? WHERE shard {among}",
                    me.engine_id,
                    until,
                    array([shard for (shard,) in free]),
                )
        return self.table(session, me)

    @staticmethod
    def forget_others(session: Session, engines: Collection[EngineId]) -> None:
        """What all but these engines hold is over, and they are gone: the caller knows. In a transaction."""
        known = session.dialect.array(sorted(engines))
        session.run("UPDATE aion_shard SET owner = NULL WHERE owner IS NOT NULL AND NOT (owner {among})", known)
        session.run("DELETE FROM aion_engine WHERE NOT (engine_id {among})", known)

    @staticmethod
    def table(session: Session, me: EngineInfo) -> LeaseTable:
        """The whole picture."""
        now = session.now()
        shards = session.rows("SELECT shard, epoch, owner, lease_until FROM aion_shard ORDER BY shard")
        engines = session.rows("SELECT info FROM aion_engine WHERE lease_until > ? ORDER BY engine_id", now)
        in_force = {shard: (epoch, owner) for shard, epoch, owner, until in shards if owner and until > now}
        return LeaseTable(
            mine=tuple(
                Lease(Shard(shard), Fence(epoch)) for shard, (epoch, owner) in in_force.items() if owner == me.engine_id
            ),
            owners={Shard(shard): EngineId(in_force[shard][1]) if shard in in_force else None for shard, *_ in shards},
            engines=tuple(_info_of(info) for (info,) in engines),
            now=Instant(now),
        )

    @staticmethod
    def release(session: Session, leases: Collection[Lease]) -> None:
        """Give up what is still in force. In a transaction."""
        if ours := still_held(session, leases):
            session.run("UPDATE aion_shard SET owner = NULL WHERE shard {among}", session.dialect.array(ours))


def lock(session: Session, shards: Collection[Shard]) -> Sequence[Row]:
    """Hold these shards until the transaction ends: their numbers, epochs, owners and floors.

    Always in the order of their numbers, so that two who want the same ones do not wait for each other.
    """
    dialect = session.dialect
    return session.rows(
        f"SELECT shard, epoch, owner, feed_floor FROM aion_shard WHERE shard {{among}} ORDER BY shard{dialect.lock}",
        dialect.array(sorted(shards)),
    )


def still_held(session: Session, leases: Collection[Lease]) -> list[Shard]:
    """The shards of these leases that nobody has taken since. They are held until the transaction ends."""
    wanted = {(lease.shard, lease.fence) for lease in leases}
    if not wanted:
        return []
    rows = lock(session, {shard for shard, _ in wanted})
    return [shard for shard, epoch, owner, _ in rows if owner is not None and (shard, epoch) in wanted]
