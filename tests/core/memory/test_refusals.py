"""What the reference stores refuse beyond the contract's sentences: calls that could only be a mistake."""

import pytest

from aion_core.memory import MemoryEventStore, MemorySettings, MemoryVisibilityStore
from aion_core.model.conditions import Query
from aion_core.model.errors import StoreRefused
from aion_testkit import SteppedPlatform
from aion_testkit.builders import engine, message


@pytest.fixture
def store():
    with MemoryEventStore(MemorySettings(shards=1), SteppedPlatform()) as store:
        yield store


@pytest.mark.parametrize("limit", [0, -1])
@pytest.mark.parametrize(
    "call",
    [
        lambda store, limit: store.read("w", limit=limit),
        lambda store, limit: store.states([0], limit=limit),
        lambda store, limit: store.runs("w", limit=limit),
        lambda store, limit: store.wakes([0], 1, limit=limit),
        lambda store, limit: store.inbox([0], limit=limit),
        lambda store, limit: store.feed(None, limit=limit),
        lambda store, limit: store.list(Query(), limit=limit),
    ],
    ids=["read", "states", "runs", "wakes", "inbox", "feed", "list"],
)
def test_a_page_of_nothing_is_refused(store, call, limit):
    with pytest.raises(StoreRefused) as caught:
        call(store, limit)
    assert str(caught.value) == f"a page of {limit} items was asked for; ask for at least 1."
    assert caught.value.code == "store-refused"


@pytest.mark.parametrize("token", ["", "x", "null", '{"a":1}', '["a",[1],"b",2]', "[[1]]", "[1e999]"])
def test_a_token_of_another_method_or_store_is_refused(store, token):
    store.post([message("order-1", "m", n=1)])
    with pytest.raises(StoreRefused, match="is not a page token of this store"):
        store.inbox([0], after=token, limit=1)


def test_a_token_of_garbage_is_refused_by_a_visibility_store():
    with MemoryVisibilityStore() as store, pytest.raises(StoreRefused, match="'x' is not a page token of this store"):
        store.list(Query(), after="x", limit=1)


def test_a_store_without_shards_is_refused():
    with pytest.raises(StoreRefused, match="a store of 0 shards was asked for; it needs at least 1"):
        MemoryEventStore(MemorySettings(shards=0)).open()


@pytest.mark.parametrize("ttl", [0, -1.0, float("nan"), float("inf")])
def test_a_lease_without_an_end_or_a_beginning_is_refused(ttl):
    with MemoryEventStore() as store, pytest.raises(StoreRefused, match="more than 0 and less than a year"):
        store.lease(engine(), 1, ttl)


def test_a_shard_that_does_not_exist_is_refused():
    with MemoryEventStore() as store:
        with pytest.raises(StoreRefused, match="there is no shard 64 in this store of 64"):
            store.states([64], limit=1)
        with pytest.raises(StoreRefused, match="there is no shard 64"):
            store.wakes([64], 0, limit=1)


def test_counting_to_less_than_nothing_is_refused():
    with MemoryEventStore() as store, pytest.raises(StoreRefused, match="a limit is at least 0"):
        store.count(None, limit=-1)
