"""Contract: leases have one holder, end by time or release, and never come back under an old epoch."""

from __future__ import annotations

from aion_core.spi import (
    Capability,
    Committed,
    EngineId,
    Fence,
    Fenced,
    Lease,
    LeaseTable,
    Shard,
)
from aion_testkit.builders import engine, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.expect import same, true
from aion_testkit.needs import needs
from aion_testkit.place import LONG, SHORT, Place

ONE, TWO, THREE = engine("engine-one"), engine("engine-two"), engine("engine-three")


def fences(table: LeaseTable) -> dict[Shard, Fence]:
    """Shard to epoch, of what is mine."""
    return {lease.shard: lease.fence for lease in table.mine}


class OwnershipCases(Layer):
    """`lease` and `release`."""

    layer = "contract.ownership"

    def test_an_engine_that_is_alone_gets_every_shard(self, place: Place) -> None:
        table = place.store.lease(ONE, place.store.shards, LONG)
        same(sorted(fences(table)), sorted(place.shards), "every free shard, up to `want`")

    def test_the_table_names_the_owner_of_every_shard(self, place: Place) -> None:
        before = place.store.lease(ONE, 0, LONG)
        same(dict(before.owners), dict.fromkeys(place.shards), "every shard is in the table, None while it is free")
        after = place.store.lease(ONE, place.store.shards, LONG)
        same(dict(after.owners), dict.fromkeys(place.shards, ONE.engine_id), "and with its owner once it is held")

    def test_no_more_is_taken_than_is_wanted(self, place: Place) -> None:
        for want in (0, 1, place.store.shards // 2, place.store.shards):
            table = place.store.lease(ONE, want, LONG)
            same(len(table.mine), want, "free shards are taken up to `want`, and no further")

    def test_wanting_less_gives_nothing_up(self, place: Place) -> None:
        held = place.store.lease(ONE, place.store.shards, LONG)
        table = place.store.lease(ONE, 0, LONG)
        same(fences(table), fences(held), "with `want` below what I hold, nothing is taken and nothing given up")

    def test_renewing_keeps_the_epochs(self, place: Place) -> None:
        held = place.store.lease(ONE, place.store.shards, LONG)
        for _ in range(3):
            again = place.store.lease(ONE, place.store.shards, LONG)
            same(fences(again), fences(held), "renewing keeps the epoch")

    def test_commits_go_on_across_a_renewal(self, place: Place) -> None:
        fence = place.fence("order-1")
        place.store.lease(place.me, place.store.shards, LONG)
        same(list(place.store.append([start_commit("order-1", fence=fence)])), [Committed(1)], "the lease is the same")

    def test_a_lease_in_force_is_never_taken(self, place: Place) -> None:
        held = place.store.lease(ONE, place.store.shards, LONG)
        table = place.store.lease(TWO, place.store.shards, LONG)
        same(table.mine, (), "a lease in force is never taken")
        same(dict(table.owners), dict.fromkeys(place.shards, ONE.engine_id), "its owner is still the owner")
        same(fences(place.store.lease(ONE, 0, LONG)), fences(held), "and holds it under the same epoch")

    def test_a_lease_that_was_not_renewed_can_be_taken(self, place: Place) -> None:
        place.store.lease(ONE, place.store.shards, SHORT)
        place.pass_time(SHORT)
        table = place.store.lease(TWO, place.store.shards, LONG)
        same(sorted(fences(table)), sorted(place.shards), "a shard whose lease expired is free")
        same(dict(table.owners), dict.fromkeys(place.shards, TWO.engine_id), "the table names the new owner")

    def test_a_lease_that_expired_and_that_nobody_took_is_renewed_under_its_epoch(self, place: Place) -> None:
        old = fences(place.store.lease(ONE, place.store.shards, SHORT))
        place.pass_time(SHORT)
        same(fences(place.store.lease(ONE, place.store.shards, LONG)), old, "whoever was only late keeps its epochs")

    def test_a_lease_that_was_renewed_in_time_can_not_be_taken(self, place: Place) -> None:
        place.store.lease(ONE, place.store.shards, SHORT)
        place.store.lease(ONE, place.store.shards, LONG)
        place.pass_time(SHORT)
        same(place.store.lease(TWO, place.store.shards, LONG).mine, (), "renewal counts from the last heartbeat")

    def test_taking_a_lease_over_raises_its_epoch(self, place: Place) -> None:
        old = fences(place.store.lease(ONE, place.store.shards, SHORT))
        place.pass_time(SHORT)
        new = fences(place.store.lease(TWO, place.store.shards, LONG))
        true(all(new[shard] > old[shard] for shard in old), "taking a shard raises its epoch")

    def test_every_change_of_owner_raises_the_epoch(self, place: Place) -> None:
        last: dict[Shard, Fence] = dict.fromkeys(place.all_shards, Fence(-1))
        for owner in (ONE, TWO, ONE, THREE):
            table = place.store.lease(owner, place.store.shards, LONG)
            now = fences(table)
            true(
                all(shard in now and now[shard] > fence for shard, fence in last.items()),
                "the epoch rises with every owner, also when an earlier one returns",
            )
            last = now
            place.store.release(table.mine)

    def test_an_owner_that_comes_back_late_is_fenced(self, place: Place) -> None:
        old = fences(place.store.lease(ONE, place.store.shards, SHORT))
        place.pass_time(SHORT)
        new = fences(place.store.lease(TWO, place.store.shards, LONG))
        shard = place.shard("order-1")
        same(
            list(place.store.append([start_commit("order-1", fence=old[shard])])),
            [Fenced(shard, new[shard])],
            "no commit under an older epoch is applied",
        )

    def test_an_owner_that_comes_back_late_gets_nothing_back(self, place: Place) -> None:
        place.store.lease(ONE, place.store.shards, SHORT)
        place.pass_time(SHORT)
        place.store.lease(TWO, place.store.shards, LONG)
        same(place.store.lease(ONE, place.store.shards, LONG).mine, (), "what was taken over is the other's now")

    def test_a_released_lease_is_free_at_once(self, place: Place) -> None:
        table = place.store.lease(ONE, place.store.shards, LONG)
        place.store.release(table.mine)
        after = place.store.lease(TWO, place.store.shards, LONG)
        same(len(after.mine), place.store.shards, "others need not wait for the end of a released lease")
        true(all(fences(after)[s] > f for s, f in fences(table).items()), "the next owner has a higher epoch")

    def test_releasing_some_leases_keeps_the_others(self, place: Place) -> None:
        table = place.store.lease(ONE, place.store.shards, LONG)
        gone, kept = table.mine[:1], table.mine[1:]
        place.store.release(gone)
        after = place.store.lease(ONE, 0, LONG)
        same(set(after.mine), set(kept), "release gives up the leases that it names")

    def test_releasing_twice_does_nothing(self, place: Place) -> None:
        table = place.store.lease(ONE, place.store.shards, LONG)
        place.store.release(table.mine)
        place.store.release(table.mine)
        owners = place.store.lease(ONE, 0, LONG).owners
        same(set(owners.values()), {None}, "release is idempotent")

    def test_releasing_under_an_old_fence_takes_nothing_from_the_new_owner(self, place: Place) -> None:
        old = place.store.lease(ONE, place.store.shards, LONG)
        place.store.release(old.mine)
        new = place.store.lease(TWO, place.store.shards, LONG)
        place.store.release(old.mine)
        same(fences(place.store.lease(TWO, 0, LONG)), fences(new), "a stale fence releases nothing")

    def test_releasing_nothing_does_nothing(self, place: Place) -> None:
        held = place.store.lease(ONE, place.store.shards, LONG)
        place.store.release([])
        place.store.release([Lease(held.mine[0].shard, type(held.mine[0].fence)(held.mine[0].fence + 7))])
        same(fences(place.store.lease(ONE, 0, LONG)), fences(held), "only what is held under the given fence")

    def test_the_table_lists_the_engines_that_were_heard_of(self, place: Place) -> None:
        place.store.lease(ONE, 0, LONG)
        table = place.store.lease(TWO, 0, LONG)
        known = {info.engine_id: info for info in table.engines}
        same(known.get(ONE.engine_id), ONE, "every engine within its time to live, as it introduced itself")
        same(known.get(TWO.engine_id), TWO, "the caller included")

    def test_the_table_has_an_engine_as_it_last_introduced_itself(self, place: Place) -> None:
        place.store.lease(ONE, 0, LONG)
        renewed = engine(ONE.engine_id, types=("order", "refund", "Rückgabe"))
        place.store.lease(renewed, 0, LONG)
        table = place.store.lease(TWO, 0, LONG)
        found = [info for info in table.engines if info.engine_id == ONE.engine_id]
        same(found, [renewed], "one entry for each engine, the last one")

    def test_an_engine_that_was_not_heard_of_for_its_time_to_live_is_gone(self, place: Place) -> None:
        place.store.lease(ONE, 0, SHORT)
        place.pass_time(SHORT)
        known = {info.engine_id for info in place.store.lease(TWO, 0, LONG).engines}
        true(EngineId(ONE.engine_id) not in known, "engines that were heard of within their time to live, no others")

    def test_an_expired_lease_has_no_owner(self, place: Place) -> None:
        place.store.lease(ONE, place.store.shards, SHORT)
        place.pass_time(SHORT)
        table = place.store.lease(TWO, 0, LONG)
        same(set(table.owners.values()), {None}, "None where no lease is in force")

    def test_the_stores_time_does_not_go_back(self, place: Place) -> None:
        times = [place.store.lease(ONE, 0, LONG).now for _ in range(5)]
        same(times, sorted(times), "the table is as of one moment of the store's clock")

    def test_epochs_survive_reopening(self, place: Place) -> None:
        old = fences(place.store.lease(ONE, place.store.shards, LONG))
        place.reopen()
        place.store.release([Lease(shard, fence) for shard, fence in old.items()])
        new = fences(place.store.lease(TWO, place.store.shards, LONG))
        true(all(new[shard] > old[shard] for shard in old), "an epoch is never given twice, also after a restart")

    def test_a_lease_is_seen_by_another_client(self, place: Place) -> None:
        other = place.open()
        place.store.lease(ONE, place.store.shards, LONG)
        table = other.lease(TWO, 0, LONG)
        same(dict(table.owners), dict.fromkeys(place.shards, ONE.engine_id), "ownership is of the place")

    @needs(Capability.MULTI_ENGINE)
    def test_two_engines_share_the_shards(self, place: Place) -> None:
        half = place.store.shards // 2
        one = place.store.lease(ONE, half, LONG)
        two = place.store.lease(TWO, place.store.shards, LONG)
        same(len(one.mine), half, "the first gets what it wants")
        same(len(two.mine), place.store.shards - half, "the second gets the rest")
        true(not set(fences(one)) & set(fences(two)), "no shard has two owners")

    @needs(Capability.MULTI_ENGINE)
    def test_only_expired_shards_change_hands(self, place: Place) -> None:
        half = max(1, place.store.shards // 2)
        gone = place.store.lease(ONE, half, SHORT)
        kept = place.store.lease(TWO, place.store.shards, LONG)
        place.pass_time(SHORT)
        three = place.store.lease(THREE, place.store.shards, LONG)
        same(set(fences(three)), set(fences(gone)), "exactly the expired ones are free")
        same(fences(place.store.lease(TWO, 0, LONG)), fences(kept), "the others stay where they are")

    @needs(Capability.MULTI_ENGINE)
    def test_engines_of_two_clients_commit_side_by_side(self, place: Place) -> None:
        other = place.open()
        half = place.store.shards // 2
        mine = fences(place.store.lease(ONE, half, LONG))
        yours = fences(other.lease(TWO, place.store.shards, LONG))
        for n in range(8):
            id = f"order-{n}"
            shard = place.shard(id)
            store, fence = (place.store, mine[shard]) if shard in mine else (other, yours[shard])
            same(list(store.append([start_commit(id, fence=fence)])), [Committed(1)], "each commits to its own shards")
        same(len(place.ids()), 8, "both see all")
