"""Contract: summaries and the cursor are recorded, replaced and forgotten."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from aion_core.spi import (
    AttributeValue,
    Comparison,
    Contains,
    Cursor,
    Operator,
    Payload,
    Query,
    Shard,
    Status,
    StoreClosed,
    VisibilityStore,
    WorkflowId,
    json_payload,
)
from aion_testkit.builders import run_id, summary
from aion_testkit.conformance import Layer
from aion_testkit.expect import raises, same
from aion_testkit.visibility.samples import (
    CUSTOMER,
    FLOATS,
    KEYWORDS,
    NUMBERS,
    TAGS,
    TEXTS,
    TIMES,
    spread,
)
from aion_testkit.visibility.shelf import Shelf

_EVERY_METHOD: dict[str, Callable[[VisibilityStore], object]] = {
    "record": lambda store: store.record([summary("order-1")]),
    "cursor": lambda store: store.cursor(),
    "list": lambda store: store.list(Query(), limit=1),
    "count": lambda store: store.count(None),
    "delete": lambda store: store.delete([]),
}


class RecordingCases(Layer):
    """`record`, `delete`, `cursor`, and opening and closing."""

    layer = "contract.recording"

    def test_an_empty_store_lists_nothing(self, shelf: Shelf) -> None:
        same(shelf.list(), [], "nothing was recorded")
        same(shelf.store.count(None), 0, "nothing to count")

    def test_a_summary_is_listed_as_it_was_recorded(self, shelf: Shelf) -> None:
        row = replace(
            summary("order-1", status=Status.FAILED, attributes={"customer": "acme"}),
            parent=WorkflowId("Elternteil/ü"),
            schedule="nightly",
            blocked_reason="no worker knows `order`",
            memo={
                "note": json_payload('{"für":"später"}'.encode()),
                "raw": Payload(data=bytes(range(256)), type="x/y"),
            },
        )
        shelf.store.record([row])
        same(shelf.list(), [row], "list returns every field as it was recorded")

    def test_values_of_every_type_are_kept_exactly(self, shelf: Shelf) -> None:
        values: list[tuple[str, AttributeValue]] = [
            *(("customer", text) for text in TEXTS),
            *(("amount", number) for number in NUMBERS),
            *(("price", number) for number in FLOATS),
            *(("order.due", time) for time in TIMES),
            ("vip", True),
            ("vip", False),
            ("tags", KEYWORDS),
            ("tags", ()),
        ]
        rows = [
            summary(f"order-{n:03d}", number=n, attributes={name: value})
            for n, (name, value) in enumerate(values, start=1)
        ]
        shelf.store.record(rows)
        found = sorted(shelf.list(), key=lambda row: row.id)
        same([dict(row.attributes) for row in found], [dict(row.attributes) for row in rows], "values are kept exactly")
        same(
            [[type(v) for v in row.attributes.values()] for row in found],
            [[type(v) for v in row.attributes.values()] for row in rows],
            "with their types: True is not 1, 3.0 is not 3",
        )

    def test_several_attributes_of_one_run_are_kept(self, shelf: Shelf) -> None:
        rows = spread()
        shelf.store.record(rows)
        same(sorted(shelf.list(), key=lambda row: row.run_id), sorted(rows, key=lambda row: row.run_id), "all of them")

    def test_ids_of_any_script_are_kept(self, shelf: Shelf) -> None:
        ids = ["заказ-42", "🧾 order 42", "o'; drop table--", "A", "a", "é", "e\u0301", "x" * 255, "🧾" * 255]
        shelf.store.record([summary(id) for id in ids])
        same(shelf.ids(), sorted(ids), "ids are kept exactly; `A` is not `a`")

    def test_recording_a_run_again_replaces_it(self, shelf: Shelf) -> None:
        shelf.store.record([summary("order-1")])
        later = summary("order-1", status=Status.COMPLETED, attributes={"customer": "acme"})
        shelf.store.record([later])
        same(shelf.list(), [later], "one row for each (id, run id): the last one")

    def test_nothing_is_left_of_a_replaced_summary(self, shelf: Shelf) -> None:
        shelf.store.record([summary("order-1", attributes={"customer": "acme", "tags": ("vip", "new")})])
        shelf.store.record([summary("order-1", attributes={"tags": ("new",)})])
        same(shelf.ids(Comparison(CUSTOMER, Operator.EQ, "acme")), [], "an attribute that is gone is not found")
        same(shelf.ids(Contains(TAGS, "vip")), [], "a keyword that is gone is not found")
        same(shelf.ids(Contains(TAGS, "new")), ["order-1"], "one that stayed is")

    def test_runs_of_one_workflow_are_rows_of_their_own(self, shelf: Shelf) -> None:
        rows = [summary("order-1", number=n) for n in (1, 2, 3)]
        shelf.store.record(rows)
        same(shelf.list(), rows[::-1], "one row for each run")

    def test_the_last_of_one_call_counts(self, shelf: Shelf) -> None:
        last = summary("order-1", status=Status.FAILED)
        shelf.store.record([summary("order-1"), summary("order-2"), last])
        same([row.status for row in shelf.list() if row.id == "order-1"], [Status.FAILED], "the later one replaces")

    def test_recording_nothing_does_nothing(self, shelf: Shelf) -> None:
        shelf.store.record([])
        same(shelf.list(), [], "no rows")
        same(shelf.store.cursor(), None, "and no cursor")

    def test_recording_the_same_again_changes_nothing(self, shelf: Shelf) -> None:
        rows = spread()
        shelf.store.record(rows, cursor=Cursor({Shard(1): 4}))
        before = shelf.list()
        shelf.store.record(rows, cursor=Cursor({Shard(1): 4}))
        same(shelf.list(), before, "a projection that starts over comes to the same")

    # ---- forgetting

    def test_a_deleted_run_is_not_listed(self, shelf: Shelf) -> None:
        rows = [summary("order-1", number=n, attributes={"customer": "acme"}) for n in (1, 2)]
        shelf.store.record(rows)
        shelf.store.delete([(WorkflowId("order-1"), run_id("order-1", 1))])
        same(shelf.list(), rows[1:], "delete forgets this run, and no other of the workflow")
        same(shelf.store.count(Comparison(CUSTOMER, Operator.EQ, "acme")), 1, "nor is it found by its attributes")

    def test_deleting_what_is_not_there_does_nothing(self, shelf: Shelf) -> None:
        row = summary("order-1")
        shelf.store.record([row])
        shelf.store.delete([(WorkflowId("order-1"), run_id("order-1", 2)), (WorkflowId("nobody"), row.run_id)])
        shelf.store.delete([])
        same(shelf.list(), [row], "forgetting what is not there does nothing")

    def test_a_deleted_run_may_be_recorded_again(self, shelf: Shelf) -> None:
        row = summary("order-1")
        shelf.store.record([row])
        shelf.store.delete([(row.id, row.run_id)])
        shelf.store.record([row])
        same(shelf.list(), [row], "it is there again")

    # ---- the cursor

    def test_a_new_store_has_no_cursor(self, shelf: Shelf) -> None:
        same(shelf.store.cursor(), None, "nothing was projected yet")

    def test_the_cursor_is_the_one_that_was_recorded_last(self, shelf: Shelf) -> None:
        for n in (1, 5, 9):
            cursor = Cursor({Shard(0): n, Shard(17): 2**40 + n})
            shelf.store.record([summary(f"order-{n}")], cursor=cursor)
            same(shelf.store.cursor(), cursor, "cursor() is where the projection has come to")

    def test_recording_without_a_cursor_keeps_the_cursor(self, shelf: Shelf) -> None:
        cursor = Cursor({Shard(3): 7})
        shelf.store.record([], cursor=cursor)
        shelf.store.record([summary("order-1")])
        same(shelf.store.cursor(), cursor, "only a cursor that is given is recorded, also without summaries")

    def test_an_empty_cursor_is_a_cursor(self, shelf: Shelf) -> None:
        shelf.store.record([], cursor=Cursor())
        same(shelf.store.cursor(), Cursor(), "at the beginning of every shard is a place, too")

    # ---- reopening

    def test_summaries_and_cursor_survive_reopening(self, shelf: Shelf) -> None:
        cursor = Cursor({Shard(3): 7})
        shelf.store.record(spread(), cursor=cursor)
        before = shelf.list()
        shelf.reopen()
        same((shelf.list(), shelf.store.cursor()), (before, cursor), "what was recorded stays, and with it the cursor")

    def test_deletions_survive_reopening(self, shelf: Shelf) -> None:
        row = summary("order-1")
        shelf.store.record([row])
        shelf.store.delete([(row.id, row.run_id)])
        shelf.reopen()
        same(shelf.list(), [], "what was forgotten does not come back")

    def test_another_client_sees_what_was_recorded(self, shelf: Shelf) -> None:
        other = shelf.open()
        row = summary("order-1")
        shelf.store.record([row], cursor=Cursor({Shard(1): 1}))
        same(other.list(Query(), limit=10).items, (row,), "two objects onto one place see the same")
        same(other.cursor(), Cursor({Shard(1): 1}), "and the same cursor")

    def test_using_a_closed_visibility_store_is_an_error(self, shelf: Shelf) -> None:
        closed = shelf.open()
        closed.close()
        for name, call in _EVERY_METHOD.items():
            for store, when in ((shelf.new(), "before open"), (closed, "after close")):
                with raises(StoreClosed, f"{name} {when} is StoreClosed"):
                    call(store)

    def test_opening_and_closing_twice_is_fine(self, shelf: Shelf) -> None:
        row = summary("order-1")
        shelf.store.record([row])
        shelf.store.open()
        same(shelf.list(), [row], "opening an open store does nothing")
        shelf.store.close()
        shelf.store.close()
        shelf.store.open()
        same(shelf.list(), [row], "a closed store opens again, on the same place")

    def test_the_visibility_store_declares_this_contract(self, shelf: Shelf) -> None:
        same(shelf.store.contract, VisibilityStore.contract, "`contract` is the number that the class implements")


class CrashCases(Layer):
    """After a crash."""

    layer = "faults"

    def test_a_crash_loses_no_summary_and_no_cursor(self, shelf: Shelf) -> None:
        cursor = Cursor({Shard(3): 7})
        shelf.store.record(spread(), cursor=cursor)
        before = shelf.list()
        shelf.crash()
        same((shelf.list(), shelf.store.cursor()), (before, cursor), "what was recorded survives without close()")

    def test_a_projection_that_is_repeated_after_a_crash_comes_to_the_same(self, shelf: Shelf) -> None:
        rows = spread()
        shelf.store.record(rows[:4], cursor=Cursor({Shard(0): 4}))
        shelf.crash()
        shelf.store.record(rows[2:], cursor=Cursor({Shard(0): 9}))
        found = sorted(shelf.list(), key=lambda row: row.run_id)
        same(found, sorted(rows, key=lambda row: row.run_id), "recording a run again replaces it")
