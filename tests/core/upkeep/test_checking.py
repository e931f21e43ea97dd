"""What `aion store check` finds in a store, and what it does not mistake for damage."""

import hashlib

import pytest
from msgspec.structs import replace
from tests.core.upkeep.writing import Pen, completed, marked, started

from aion_core.memory import MemoryEventStore
from aion_core.model.payloads import Payload
from aion_core.upkeep.checking import check_store
from aion_core.upkeep.rules import Invariant
from aion_testkit import SteppedPlatform
from aion_testkit.builders import message, outcome, package, run_id

ID = "order-42"


@pytest.fixture
def store():
    with MemoryEventStore(platform=SteppedPlatform()) as store:
        yield store


@pytest.fixture
def pen(store):
    pen = Pen(store)
    pen.write(ID, started(ID), marked("go"))
    pen.write(ID, completed())
    pen.opened("order-43", day=0)
    return pen


def found(store):
    return [(each.invariant, each.workflow_id, each.problem) for each in check_store(store, store)]


def kept(store, id=ID):
    return store.world.history(id)


def test_a_sound_store_has_nothing_to_tell(store, pen):
    store.post([message("order-44", "m-1")])
    store.put_package(package("a"))
    assert found(store) == []


def test_flipped_bytes_are_told_with_workflow_and_events(store, pen):
    batch = kept(store).batches[0]
    kept(store).batches[0] = replace(batch, body=batch.body.replace(b"go", b"gp"))
    [(invariant, whose, problem)] = found(store)
    assert (invariant, whose) == (Invariant.CONTIGUOUS, ID)
    assert "has a batch of events 1 to 2 whose checksum is wrong" in problem


def test_a_missing_batch_is_told_with_the_events_that_are_there(store, pen):
    del kept(store).batches[0]
    assert (Invariant.CONTIGUOUS, ID, "its events are 3-3, and its row says 1-3") in found(store)


def test_a_head_that_disagrees_is_told(store, pen):
    kept(store).state = replace(kept(store).state, head=7)
    assert (Invariant.CONTIGUOUS, ID, "its events are 1-3, and its row says 1-7") in found(store)


def test_a_summary_that_is_not_the_fold_is_told(store, pen):
    summary = replace(kept(store).state.summary, version="env:2")
    kept(store).state = replace(kept(store).state, summary=summary)
    [(invariant, _, problem)] = found(store)
    assert invariant is Invariant.FOLDED
    assert problem == "the row shows version 'env:2', and the history says 'env:1'"


def test_a_record_of_open_activities_that_can_not_be_read_is_told(store, pen):
    kept(store).state = replace(kept(store).state, open=b"{")
    [(invariant, whose, problem)] = found(store)
    assert (invariant, whose) == (Invariant.FOLDED, ID)
    assert "record of open activities can not be read" in problem


def test_a_message_beside_its_tombstone_is_told(store, pen):
    store.settle([outcome(message(ID, "m-1"))])
    store.world.mail._waiting[ID, "m-1"] = message(ID, "m-1")
    store.world.mail._places[ID, "m-1"] = (1, "client-1", 1)
    assert (Invariant.FOLDED, ID) in [each[:2] for each in found(store)]


def test_a_list_that_shows_a_workflow_that_is_not_there_is_told(store, pen):
    del store.world.histories[store.world.shard(ID)][ID]
    [(invariant, whose, problem)] = found(store)
    assert (invariant, whose) == (Invariant.FOLDED, ID)
    assert problem == f"the list shows its run {run_id(ID)}, and it has no history"


def test_a_run_that_no_list_shows_is_told(store, pen):
    store.delete([(ID, run_id(ID))])
    assert found(store) == [(Invariant.FOLDED, ID, "the list shows nothing, and the history says completed")]


# ---- payloads beside events


BIG = b'"a big one"'


def with_blob(pen, digest):
    payload = Payload(blob=0, size=len(BIG), digest=digest)
    pen.write("order-44", started("order-44"), marked("go", payload=payload), blobs=(BIG,))


def test_a_payload_that_is_there_is_sound(store, pen):
    with_blob(pen, hashlib.sha256(BIG).hexdigest())
    assert found(store) == []


def test_a_payload_that_is_gone_is_told(store, pen):
    with_blob(pen, hashlib.sha256(BIG).hexdigest())
    store.world.blobs.clear()
    [(invariant, whose, problem)] = found(store)
    assert (invariant, whose) == (Invariant.ACKNOWLEDGED, "order-44")
    assert problem.startswith("the batch of events 1 to 2: there is no blob")


def test_a_payload_of_other_bytes_is_told(store, pen):
    with_blob(pen, "0" * 64)
    [(invariant, whose, problem)] = found(store)
    assert (invariant, whose) == (Invariant.CONTIGUOUS, "order-44")
    assert "payload in batch 1 of other bytes" in problem


# ---- beside an engine


class Moving(MemoryEventStore):
    """An engine commits whenever a history is read."""

    moves = ()

    def read(self, workflow_id, *, after=0, limit=None):
        if self.moves and after == 0:
            move, *self.moves = self.moves
            move()
        return super().read(workflow_id, after=after, limit=limit)


@pytest.fixture
def moving():
    with Moving(platform=SteppedPlatform()) as store:
        yield store, Pen(store)


def test_a_workflow_that_moves_while_it_is_looked_at_is_no_finding(moving):
    store, pen = moving
    pen.opened(ID, day=0)
    store.moves = [lambda: pen.write(ID, marked("go"))] * 3
    assert found(store) == []


def test_a_workflow_that_is_removed_while_it_is_looked_at_is_no_finding(moving):
    store, pen = moving
    pen.closed(ID, day=0)
    store.moves = [lambda: store.trim(ID, None)]
    assert found(store) == []


def test_a_message_that_is_settled_while_it_is_looked_at_is_no_finding(store, pen, monkeypatch):
    waiting = message("order-43", "m-1")
    store.post([waiting])
    outcomes = store.outcomes

    def settled_meanwhile(keys):
        store.settle([outcome(waiting)])
        return outcomes(keys)

    monkeypatch.setattr(store, "outcomes", settled_meanwhile)
    assert found(store) == []


def test_what_is_wrong_with_a_workflow_that_moves_is_told_all_the_same(moving):
    store, pen = moving
    pen.write(ID, started(ID), marked("go"))
    kept(store).batches[0] = replace(kept(store).batches[0], crc=0)
    store.moves = [lambda: pen.write(ID, marked("on"))] * 20
    assert [each[:2] for each in found(store)] == [(Invariant.CONTIGUOUS, ID)]


def test_more_workflows_than_a_page_holds_are_all_looked_at(store):
    pen = Pen(store)
    for number in range(501):
        pen.opened(f"order-{number:03}", day=0)
    kept(store, "order-500").batches[0] = replace(kept(store, "order-500").batches[0], crc=0)
    kept(store, "order-000").batches[0] = replace(kept(store, "order-000").batches[0], crc=0)
    assert {each[1] for each in found(store)} == {"order-000", "order-500"}
