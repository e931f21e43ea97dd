"""Contract: a store opens, closes and opens again, and keeps what was acknowledged."""

from __future__ import annotations

from collections.abc import Callable

from aion_core.spi import (
    BlobKey,
    Capability,
    EventStore,
    StoreClosed,
    Version,
    VisibilityStore,
    WorkflowId,
)
from aion_testkit.builders import T0, closing_commit, engine, message, moment, outcome, package, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.events.histories import as_read, chain
from aion_testkit.expect import raises, same, true
from aion_testkit.place import Place

_EVERY_METHOD: dict[str, Callable[[EventStore], object]] = {
    "health": lambda store: store.health(),
    "append": lambda store: store.append([start_commit("order-1")]),
    "read": lambda store: store.read(WorkflowId("order-1")),
    "state": lambda store: store.state([WorkflowId("order-1")]),
    "states": lambda store: store.states([], limit=1),
    "runs": lambda store: store.runs(WorkflowId("order-1"), limit=1),
    "wakes": lambda store: store.wakes([], T0, limit=1),
    "trim": lambda store: store.trim(WorkflowId("order-1"), None),
    "post": lambda store: store.post([message("order-1", "m-1")]),
    "inbox": lambda store: store.inbox([], limit=1),
    "settle": lambda store: store.settle([outcome(message("order-1", "m-1"))]),
    "outcomes": lambda store: store.outcomes([(WorkflowId("order-1"), message("order-1", "m-1").message_id)]),
    "deliver": lambda store: store.deliver([]),
    "wait": lambda store: store.wait(0),
    "lease": lambda store: store.lease(engine(), 0, 1.0),
    "release": lambda store: store.release([]),
    "put_package": lambda store: store.put_package(package("a")),
    "get_package": lambda store: store.get_package(Version("a" * 64)),
    "list_packages": lambda store: store.list_packages(),
    "delete_package": lambda store: store.delete_package(Version("a" * 64)),
    "put_routes": lambda store: store.put_routes([]),
    "list_routes": lambda store: store.list_routes(),
    "get_blob": lambda store: store.get_blob(BlobKey("no-such-blob")),
    "sweep_blobs": lambda store: store.sweep_blobs([]),
    "feed": lambda store: store.feed(None, limit=1),
}


class LifecycleCases(Layer):
    """`open`, `close`, and what outlives them."""

    layer = "contract.lifecycle"

    def test_using_a_store_before_it_is_opened_is_an_error(self, place: Place) -> None:
        for name, call in _EVERY_METHOD.items():
            with raises(StoreClosed, f"{name} before open is StoreClosed"):
                call(place.new())

    def test_using_a_store_after_it_was_closed_is_an_error(self, place: Place) -> None:
        store = place.open()
        store.close()
        for name, call in _EVERY_METHOD.items():
            with raises(StoreClosed, f"{name} after close is StoreClosed"):
                call(store)

    def test_every_method_of_the_contract_is_tried_before_open(self, place: Place) -> None:
        """Keeps the two cases above complete when the contract grows."""
        del place
        same(
            sorted(_EVERY_METHOD),
            sorted(set(EventStore.__abstractmethods__) - {"open", "close", "store_id", "shards"}),
            "the kit knows every method of the contract",
        )

    def test_opening_an_open_store_does_nothing(self, place: Place) -> None:
        place.commit(start_commit("order-1"))
        place.store.open()
        same(place.ids(), ["order-1"], "it is still open, with everything in it")

    def test_closing_twice_is_fine(self, place: Place) -> None:
        store = place.open()
        store.close()
        store.close()

    def test_closing_a_store_that_was_never_opened_is_fine(self, place: Place) -> None:
        place.new().close()

    def test_a_closed_store_opens_again(self, place: Place) -> None:
        commit = start_commit("order-1")
        place.commit(commit)
        place.store.close()
        place.store.open()
        same(place.batches("order-1"), [as_read(commit)], "afterwards open works again, on the same place")

    def test_a_store_is_a_context_manager(self, place: Place) -> None:
        with place.new() as store:
            store.state([WorkflowId("order-1")])
        with raises(StoreClosed, "leaving the block closes the store"):
            store.state([WorkflowId("order-1")])

    def test_closing_one_store_leaves_the_other_open(self, place: Place) -> None:
        other = place.open()
        other.close()
        place.commit(start_commit("order-1"))
        same(place.ids(), ["order-1"], "two objects onto one place are closed each by itself")

    def test_a_store_says_where_it_is(self, place: Place) -> None:
        true(place.store.health().place != "", "health() names the place, for people")

    def test_a_place_has_one_identity(self, place: Place) -> None:
        ids = {place.store.store_id, place.open().store_id, place.reopen().store_id}
        same(len(ids), 1, "store_id is made when the store was created, and stays")
        true(bool(ids.pop()), "store_id is not empty")

    def test_the_number_of_shards_stays(self, place: Place) -> None:
        numbers = {place.store.shards, place.open().shards, place.reopen().shards}
        same(len(numbers), 1, "the number of shards is recorded when the store is created")
        true(numbers.pop() >= 1, "there is at least one shard")

    def test_a_new_place_is_empty(self, place: Place) -> None:
        same(place.ids(), [], "no workflows")
        same(place.inbox(), [], "no messages")
        same(place.wakes(moment(10**9)), [], "nothing due")
        same(place.feed()[0], [], "no feed")

    def test_histories_survive_reopening(self, place: Place) -> None:
        commits = [
            *chain(start_commit("order-1", next_wake=moment(5)), 3),
            start_commit("order-2", next_wake=moment(6)),
        ]
        place.commit(*commits)
        before = (place.batches("order-1"), place.states(), place.runs("order-1"), place.wakes(moment(60)))
        place.reopen()
        after = (place.batches("order-1"), place.states(), place.runs("order-1"), place.wakes(moment(60)))
        same(after, before, "what was acknowledged stays")

    def test_a_history_goes_on_after_reopening(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 4)
        for commit in commits:
            place.commit(commit)
            place.reopen()
        place.commit(closing_commit(commits[-1]))
        same(len(place.batches("order-1")), 6, "every opening goes on where the one before stopped")

    def test_the_store_declares_this_contract(self, place: Place) -> None:
        same(place.store.contract, EventStore.contract, "`contract` is the number that the class implements")

    def test_capabilities_are_known_ones(self, place: Place) -> None:
        same([c for c in place.store.capabilities if c not in set(Capability)], [], "capabilities are `Capability`s")

    def test_a_store_that_declares_atomic_visibility_is_a_visibility_store(self, place: Place) -> None:
        declared = Capability.ATOMIC_VISIBILITY in place.store.capabilities
        true(
            isinstance(place.store, VisibilityStore) or not declared,
            "with ATOMIC_VISIBILITY the class is a VisibilityStore too",
        )
