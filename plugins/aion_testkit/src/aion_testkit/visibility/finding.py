"""Contract: conditions find what they say, orders hold, pages neither lose nor repeat, counts count."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aion_core.spi import (
    Among,
    And,
    AttributeType,
    Between,
    Comparison,
    Condition,
    Contains,
    Cursor,
    Field,
    IsNull,
    Not,
    Operator,
    Or,
    Order,
    Query,
    Shard,
    StartsWith,
    Status,
    StoreRefused,
    Summary,
)
from aion_testkit.builders import T0, moment, summary
from aion_testkit.conformance import Layer
from aion_testkit.expect import raises, same, true
from aion_testkit.profile import hypothesis_settings
from aion_testkit.threads import Runner
from aion_testkit.visibility.oracle import holds, listed
from aion_testkit.visibility.samples import (
    AMOUNT,
    ATTRIBUTES,
    BUILT_IN,
    CUSTOMER,
    DUE,
    KEYWORDS,
    NUMBERS,
    PRICE,
    TAGS,
    TEXTS,
    TIMES,
    VIP,
    queries,
    spread,
    summaries,
)
from aion_testkit.visibility.shelf import Shelf

STATUS = Field("status", AttributeType.STR)
STARTED = Field("started", AttributeType.DATETIME)
CLOSED = Field("closed", AttributeType.DATETIME)
TYPE = Field("type", AttributeType.STR)
ID = Field("id", AttributeType.STR)
PARENT = Field("parent", AttributeType.STR)


class FindingCases(Layer):
    """Every type of condition."""

    layer = "contract.conditions"

    def test_no_condition_matches_every_run(self, shelf: Shelf) -> None:
        self._agree(shelf, spread(), [None])

    def test_a_status_finds_the_runs_with_that_status(self, shelf: Shelf) -> None:
        self._agree(shelf, spread(), [Comparison(STATUS, Operator.EQ, str(status)) for status in Status])

    def test_every_built_in_field_is_compared_with_every_operator(self, shelf: Shelf) -> None:
        rows = spread()
        wanted: list[Condition | None] = []
        for field in BUILT_IN:
            for row in rows[::2]:
                value = getattr(row, field.name)
                if value is not None:
                    plain = str(value) if field.type is AttributeType.STR else value
                    wanted.extend(Comparison(field, operator, plain) for operator in Operator)
        self._agree(shelf, rows, wanted)

    def test_text_attributes_are_compared_by_code_point(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"customer": text}) for n, text in enumerate(TEXTS, start=1)]
        self._agree(shelf, rows, [Comparison(CUSTOMER, operator, text) for operator in Operator for text in TEXTS])

    def test_numbers_are_compared_as_numbers(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"amount": v}) for n, v in enumerate(NUMBERS, start=1)]
        self._agree(shelf, rows, [Comparison(AMOUNT, operator, v) for operator in Operator for v in NUMBERS])

    def test_floats_are_compared_as_floats(self, shelf: Shelf) -> None:
        values = (-1.5, 0.1, 0.30000000000000004, 0.3, 10.0, 9.0)
        rows = [summary(f"order-{n}", number=n, attributes={"price": v}) for n, v in enumerate(values, start=1)]
        self._agree(shelf, rows, [Comparison(PRICE, operator, v) for operator in Operator for v in values])

    def test_times_are_compared_to_the_microsecond(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"order.due": v}) for n, v in enumerate(TIMES, start=1)]
        self._agree(shelf, rows, [Comparison(DUE, operator, v) for operator in Operator for v in TIMES])

    def test_truth_values_are_compared(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{v}", attributes={"vip": v}) for v in (True, False)] + [summary("neither")]
        wanted = [Comparison(VIP, operator, v) for operator in (Operator.EQ, Operator.NE) for v in (True, False)]
        self._agree(shelf, rows, wanted)

    def test_a_run_without_a_value_matches_no_comparison(self, shelf: Shelf) -> None:
        rows = [summary("with", attributes={"customer": "acme"}), summary("without")]
        shelf.store.record(rows)
        same(shelf.ids(Comparison(CUSTOMER, Operator.NE, "zeta")), ["with"], "`!=` included")
        same(shelf.ids(Not(Comparison(CUSTOMER, Operator.EQ, "acme"))), ["without"], "`not` is plain negation")

    def test_an_attribute_of_another_name_does_not_match(self, shelf: Shelf) -> None:
        shelf.store.record([summary("order-1", attributes={"supplier": "acme"})])
        same(shelf.ids(Comparison(CUSTOMER, Operator.EQ, "acme")), [], "name and value belong together")

    def test_among_finds_any_of_its_values(self, shelf: Shelf) -> None:
        rows = spread()
        self._agree(
            shelf,
            rows,
            [
                Among(CUSTOMER, (TEXTS[1], TEXTS[4])),
                Among(AMOUNT, NUMBERS),
                Among(STATUS, ("failed", "running")),
                Among(CUSTOMER, ()),
                Among(ID, tuple(f"order-{n}" for n in range(500))),
            ],
        )

    def test_between_includes_both_ends(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"amount": n}) for n in range(1, 8)]
        wanted = [Between(AMOUNT, low, high) for low, high in ((3, 5), (5, 3), (4, 4), (0, 99))]
        at = rows[3].started
        self._agree(shelf, rows, [*wanted, Between(STARTED, at, at), Between(CLOSED, at, at)])

    def test_contains_finds_a_keyword_exactly(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"tags": KEYWORDS[:n]}) for n in range(len(KEYWORDS) + 1)]
        rows.append(summary("no tags"))
        self._agree(shelf, rows, [Contains(TAGS, word) for word in (*KEYWORDS, "vi", "vip,VIP", "é ")])

    def test_a_prefix_is_matched_exactly(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"customer": text}) for n, text in enumerate(TEXTS, start=1)]
        rows.append(summary("without"))
        prefixes = ("a", "A", "acm", "a%", "a_", "a\\", "", "\U0001f9fe", "acme ", "b", "it'")
        self._agree(shelf, rows, [StartsWith(field, p) for p in prefixes for field in (CUSTOMER, ID, PARENT)])

    def test_null_is_what_has_no_value(self, shelf: Shelf) -> None:
        rows = [*spread(), summary("empty", number=20, attributes={"tags": ()})]
        fields = (*BUILT_IN, *ATTRIBUTES)
        self._agree(shelf, rows, [c for f in fields for c in (IsNull(f), Not(IsNull(f)))])

    def test_and_or_and_not_combine(self, shelf: Shelf) -> None:
        running = Comparison(STATUS, Operator.EQ, "running")
        rich = Comparison(AMOUNT, Operator.GT, 0)
        known = Not(IsNull(CUSTOMER))
        self._agree(
            shelf,
            spread(),
            [
                And((running, known)),
                Or((running, rich)),
                Not(And((running, rich))),
                Not(Or((running, IsNull(CUSTOMER)))),
                And((Or((running, rich)), Not(running), known)),
                Not(Not(rich)),
                Not(Comparison(AMOUNT, Operator.GT, 0)),
                And((known, Not(Among(CUSTOMER, (TEXTS[1],))))),
            ],
        )

    def test_all_filters_together_find_the_one_run(self, shelf: Shelf) -> None:
        rows = spread()
        shelf.store.record(rows)
        one = rows[4]
        where = And(
            (
                Comparison(TYPE, Operator.EQ, one.type),
                Comparison(STATUS, Operator.EQ, str(one.status)),
                Comparison(STARTED, Operator.GE, one.started),
                Comparison(STARTED, Operator.LE, one.started),
            )
        )
        same(shelf.list(Query(where)), [one], "type, status and both bounds of the start at one instant")
        same(shelf.ids(Comparison(PARENT, Operator.EQ, "nobody")), [], "no run has this parent")

    def test_a_continued_run_is_found_by_its_status_and_end(self, shelf: Shelf) -> None:
        row = summary("order-1", status=Status.CONTINUED_AS_NEW, closed=moment(30))
        shelf.store.record([row, summary("order-1", number=2)])
        ended = Comparison(CLOSED, Operator.EQ, row.closed or row.started)
        where = And((Comparison(STATUS, Operator.EQ, "continued_as_new"), ended))
        same(shelf.list(Query(where)), [row], "its end is the instant of the event")

    def test_text_is_never_taken_for_a_pattern_or_code(self, shelf: Shelf) -> None:
        texts = ["%", "_", "*", "'", '"', "\\", "' or 1=1 --", "$1", ":name", "?", "%s", "{}", "[a-z]"]
        rows = [summary(f"order-{n:02d}", number=n, attributes={"customer": t}) for n, t in enumerate(texts, start=1)]
        conditions: list[Condition | None] = []
        for text in texts:
            conditions += [Comparison(CUSTOMER, Operator.EQ, text), StartsWith(CUSTOMER, text)]
        self._agree(shelf, rows, conditions)

    def _agree(self, shelf: Shelf, rows: Sequence[Summary], conditions: Sequence[Condition | None]) -> None:
        """The store finds for each condition what the oracle finds, and counts as much."""
        shelf.store.record(rows)
        for where in conditions:
            expected = sorted((row.id, row.run_id) for row in rows if holds(where, row))
            found = sorted((row.id, row.run_id) for row in shelf.list(Query(where), limit=50))
            same(found, expected, f"the runs that match {where}")
            same(shelf.store.count(where), len(expected), f"how many match {where}")


class OrderCases(Layer):
    """Orders, pages and counts."""

    layer = "contract.listing"

    def test_the_newest_start_is_listed_first(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n) for n in (2, 1, 3)]
        shelf.store.record(rows)
        same([row.id for row in shelf.list()], ["order-3", "order-2", "order-1"], "the default order")

    def test_every_field_orders_in_both_directions(self, shelf: Shelf) -> None:
        rows = spread()
        shelf.store.record(rows)
        for field in (*BUILT_IN, *ATTRIBUTES):
            if field.type is AttributeType.KEYWORDS:
                continue
            for descending in (True, False):
                query = Query(order=Order(field, descending))
                found = [row.id for row in shelf.list(query)]
                same(found, [row.id for row in listed(rows, query)], f"order by {field.name}, descending={descending}")

    def test_runs_without_a_value_come_last_in_either_direction(self, shelf: Shelf) -> None:
        rows = [
            summary("with-1", number=1, attributes={"amount": -5}),
            summary("none-2", number=2),
            summary("with-3", number=3, attributes={"amount": 7}),
            summary("none-4", number=4),
        ]
        shelf.store.record(rows)
        up = [row.id for row in shelf.list(Query(order=Order(AMOUNT, descending=False)), limit=3)]
        down = [row.id for row in shelf.list(Query(order=Order(AMOUNT, descending=True)), limit=3)]
        same(up, ["with-1", "with-3", *_newest_first(rows, "none")], "ascending: without a value last")
        same(down, ["with-3", "with-1", *_newest_first(rows, "none")], "descending: without a value last, too")

    def test_ties_are_ordered_by_run_id_newest_first(self, shelf: Shelf) -> None:
        rows = [summary("order-1", number=n, started=T0) for n in range(1, 9)]
        shelf.store.record(rows[::2] + rows[1::2])
        for descending in (True, False):
            found = shelf.list(Query(order=Order(STARTED, descending)), limit=3)
            same([r.run_id for r in found], [r.run_id for r in rows[::-1]], "ties: newest run id first, either way")

    def test_one_run_id_under_two_workflows_is_two_rows(self, shelf: Shelf) -> None:
        rows = [replace(summary("a"), id=summary(id).id) for id in ("a", "b", "c")]
        shelf.store.record(rows)
        same([row.id for row in shelf.list(limit=1)], ["c", "b", "a"], "of the same run id the greater id first")

    def test_text_is_ordered_by_code_point(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n, attributes={"customer": text}) for n, text in enumerate(TEXTS, start=1)]
        shelf.store.record(rows)
        found = [row.attributes["customer"] for row in shelf.list(Query(order=Order(CUSTOMER, descending=False)))]
        same(found, sorted(TEXTS), "text is ordered by code point, whatever the database's language")

    def test_pages_of_any_size_list_every_run_once(self, shelf: Shelf) -> None:
        rows = spread()
        shelf.store.record(rows)
        for order in (Order(STARTED), Order(AMOUNT, descending=False), Order(CUSTOMER), Order(VIP, descending=False)):
            query = Query(order=order)
            for limit in (1, 2, 5, 100):
                found = [row.id for row in shelf.list(query, limit=limit)]
                same(found, [r.id for r in listed(rows, query)], f"order by {order.field.name}, limit={limit}")

    def test_a_page_holds_no_more_than_its_limit(self, shelf: Shelf) -> None:
        shelf.store.record(spread())
        same(len(shelf.store.list(Query(), limit=4).items), 4, "limit bounds the page")

    def test_the_last_page_has_no_next(self, shelf: Shelf) -> None:
        shelf.store.record([summary("order-1"), summary("order-2", number=2)])
        same(shelf.store.list(Query(), limit=2).next, None, "a full page with nothing behind it is the last")

    def test_rows_that_come_while_paging_disturb_no_others(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n:02d}", number=n) for n in range(10, 20)]
        shelf.store.record(rows)
        met: list[str] = []
        page = shelf.store.list(Query(), limit=3)
        number = 0
        while True:
            met.extend(row.id for row in page.items)
            if page.next is None:
                break
            number += 1
            shelf.store.record(
                [summary(f"newer-{number}", number=20 + number), summary(f"older-{number}", number=number)]
            )
            page = shelf.store.list(Query(), after=page.next, limit=3)
        stayed = [id for id in met if id.startswith("order")]
        same(stayed, [row.id for row in rows[::-1]], "rows that stay are met exactly once, in order")
        same(len(met), len(set(met)), "and no other is met twice")

    def test_rows_that_go_while_paging_disturb_no_others(self, shelf: Shelf) -> None:
        """Also when the very row goes that the token was made from."""
        rows = [summary(f"order-{n:02d}", number=n) for n in range(1, 13)]
        shelf.store.record(rows)
        first = shelf.store.list(Query(), limit=4)
        shelf.store.delete([(row.id, row.run_id) for row in first.items[1:]])
        rest = shelf.store.list(Query(), after=first.next, limit=100)
        same([row.id for row in rest.items], [row.id for row in rows[::-1][4:]], "a token outlives its row")

    def test_a_token_of_another_condition_is_refused(self, shelf: Shelf) -> None:
        shelf.store.record(spread())
        token = shelf.store.list(Query(), limit=2).next
        with raises(StoreRefused, "a token of another query is StoreRefused"):
            shelf.store.list(Query(Comparison(TYPE, Operator.EQ, "order")), after=token, limit=2)

    def test_a_token_of_another_order_is_refused(self, shelf: Shelf) -> None:
        shelf.store.record(spread())
        token = shelf.store.list(Query(), limit=2).next
        with raises(StoreRefused, "a token of another query is StoreRefused"):
            shelf.store.list(Query(order=Order(STARTED, descending=False)), after=token, limit=2)

    def test_what_is_no_token_is_refused(self, shelf: Shelf) -> None:
        shelf.store.record(spread())
        for text in ("no token", "", "[]", "null", '["x", 1]', "0" * 500):
            with raises(StoreRefused, f"{text[:20]!r} is no token of this store"):
                shelf.store.list(Query(), after=text, limit=2)

    def test_a_token_survives_reopening(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n) for n in range(1, 6)]
        shelf.store.record(rows)
        token = shelf.store.list(Query(), limit=2).next
        shelf.reopen()
        rest = shelf.store.list(Query(), after=token, limit=10).items
        same([row.id for row in rest], ["order-3", "order-2", "order-1"], "a token is no memory of the store object")

    def test_counting_may_stop_at_its_limit(self, shelf: Shelf) -> None:
        shelf.store.record([summary(f"order-{n}", number=n) for n in range(1, 8)])
        same(shelf.store.count(None), 7, "without a limit all are counted")
        true(3 <= shelf.store.count(None, limit=3) <= 7, "with a limit counting may stop there, and not before")
        same(shelf.store.count(None, limit=50), 7, "a limit beyond the rows changes nothing")

    def test_counting_counts_only_what_matches(self, shelf: Shelf) -> None:
        shelf.store.record(spread())
        same(shelf.store.count(Comparison(STATUS, Operator.EQ, "failed")), 1, "one run failed")
        same(shelf.store.count(Comparison(STATUS, Operator.EQ, "failed"), limit=100), 1, "with a limit as well")


class RandomQueryCases(Layer):
    """Random runs and random queries against the oracle."""

    layer = "model"

    def test_any_query_over_any_runs_agrees_with_the_oracle(self, shelf: Shelf) -> None:
        @hypothesis_settings()
        @given(st.lists(summaries(), max_size=10), st.lists(queries(), min_size=1, max_size=4), st.integers(1, 6))
        def agree(rows: list[Summary], wanted: list[Query], limit: int) -> None:
            kept = list({(row.id, row.run_id): row for row in rows}.values())
            shelf.store.record(rows)
            try:
                for query in wanted:
                    expected = listed(kept, query)
                    same(shelf.list(query, limit=limit), expected, f"the runs that match {query}")
                    same(shelf.store.count(query.where), len(expected), f"how many match {query.where}")
            finally:
                shelf.store.delete([(row.id, row.run_id) for row in kept])

        agree()


class ReadersCases(Layer):
    """Readers while summaries are recorded."""

    layer = "concurrency"

    def test_the_cursor_and_its_summaries_are_seen_together(self, shelf: Shelf) -> None:
        done = threading.Event()
        other = shelf.open()

        def watch() -> int:
            looks = 0
            while not done.is_set() or not looks:
                before = other.cursor()
                rows = other.count(None)
                after = other.cursor()
                true(rows >= (before.position(Shard(0)) if before else 0), "the cursor is not ahead of its summaries")
                true(rows <= (after.position(Shard(0)) if after else 0), "the summaries are not ahead of their cursor")
                looks += 1
            return looks

        reader = Runner(watch)
        try:
            for n in range(1, 60):
                shelf.store.record([summary(f"order-{n}", number=n)], cursor=Cursor({Shard(0): n}))
        finally:
            done.set()
        true(reader.result() > 0, "the reader has read")

    def test_paging_goes_on_while_summaries_are_recorded(self, shelf: Shelf) -> None:
        rows = [summary(f"order-{n}", number=n) for n in range(1, 16)]
        shelf.store.record(rows)
        done = threading.Event()
        other = shelf.open()

        def page_through() -> int:
            rounds = 0
            while not done.is_set() or not rounds:
                met: list[str] = []
                page = other.list(Query(), limit=4)
                met.extend(row.id for row in page.items)
                while page.next is not None:
                    page = other.list(Query(), after=page.next, limit=4)
                    met.extend(row.id for row in page.items)
                stayed = [id for id in met if id.startswith("order")]
                same(stayed, [row.id for row in rows[::-1]], "rows that stay are met exactly once, in order")
                rounds += 1
            return rounds

        reader = Runner(page_through)
        try:
            for n in range(20, 60):
                shelf.store.record([summary(f"new-{n}", number=n)])
        finally:
            done.set()
        true(reader.result() > 0, "the reader has read")


def _newest_first(rows: Sequence[Summary], prefix: str) -> list[str]:
    chosen = [row for row in rows if row.id.startswith(prefix)]
    return [row.id for row in sorted(chosen, key=lambda row: row.run_id, reverse=True)]
