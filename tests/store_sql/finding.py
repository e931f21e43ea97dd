"""What a database has to find beyond the conformance kit: long texts, deep conditions, and either way through rows."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aion_core.memory import MemoryVisibilityStore
from aion_core.model.attributes import MAX_TEXT, AttributeSchema
from aion_core.spi import (
    Among,
    And,
    AttributeType,
    Between,
    Comparison,
    Contains,
    Field,
    Instant,
    Not,
    Operator,
    Or,
    Order,
    Query,
    StartsWith,
    StoreRefused,
)
from aion_core.visibility import parse
from aion_store_sql import SqlSettings, SqlVisibilityStore, finding
from aion_testkit.builders import summary
from aion_testkit.visibility.samples import AMOUNT, CUSTOMER, TAGS, queries, summaries

TYPE = Field("type", AttributeType.STR)
REASON = Field("blocked_reason", AttributeType.STR)
SCHEMA = AttributeSchema({"x": "int", "y": "str"})


class FindingCases:
    """Subclass it with a fixture `section`: the settings of an empty store."""

    @pytest.fixture
    def store(self, section):
        with SqlVisibilityStore(SqlSettings(**section)) as store:
            yield store

    @pytest.mark.parametrize("few", [0, 1, 1000])
    @pytest.mark.parametrize("sorts_groups", [True, False])
    def test_any_query_finds_what_memory_finds_whichever_way_it_is_answered(
        self, store, monkeypatch, few, sorts_groups
    ):
        monkeypatch.setattr(finding, "_FEW", few)
        monkeypatch.setattr(store._place.dialect, "sorts_groups", sorts_groups)

        @given(st.lists(summaries(), max_size=8), st.lists(queries(), min_size=1, max_size=4), st.integers(1, 5))
        def agree(rows, wanted, limit):
            store.record(rows)
            try:
                _agree(store, rows, wanted, limit)
            finally:
                store.delete([(row.id, row.run_id) for row in rows])

        agree()

    @pytest.mark.parametrize("few", [0, 1000])
    def test_texts_that_differ_at_their_ends_are_told_apart(self, store, monkeypatch, few):
        monkeypatch.setattr(finding, "_FEW", few)
        starts = ("a" * 127, "a" * 128, "\U0001f9fe" * MAX_TEXT)
        texts = [start[: MAX_TEXT - len(end)] + end for start in starts for end in _ENDS]
        rows = [summary(f"w-{n}", number=n, attributes={"customer": text}) for n, text in enumerate(texts, start=1)]
        store.record(rows)
        wanted = [Comparison(CUSTOMER, operator, text) for operator, text in product(Operator, texts)]
        wanted += [StartsWith(CUSTOMER, text) for text in texts]
        wanted += [Among(CUSTOMER, tuple(texts[::4])), Between(CUSTOMER, texts[1], texts[-2])]
        orders = [Order(CUSTOMER, descending) for descending in (True, False)]
        _agree(store, rows, [Query(where) for where in wanted] + [Query(order=order) for order in orders], 3)

    def test_a_prefix_ends_before_the_next_character(self, store):
        texts = ["", "a", "a\ud7ff", "a\ud7ffz", "a\ue000", "a\U0010ffff", "a\U0010ffff\U0010ffff", "b", "\U0010ffff"]
        rows = [summary(f"w-{n}", number=n, attributes={"customer": text}) for n, text in enumerate(texts, start=1)]
        rows.append(summary("without"))
        store.record(rows)
        _agree(store, rows, [Query(StartsWith(CUSTOMER, text)) for text in texts], 20)

    def test_any_character_of_a_reason_is_kept_and_compared(self, store):
        texts = ["\0", "\1", "\0\1", "\1\0", "\1\2", "\2", "", "a\0b", "a\1b", "a"]
        rows = [replace(summary(f"w-{n}", number=n), blocked_reason=text) for n, text in enumerate(texts, start=1)]
        store.record(rows)
        wanted = [Query(Comparison(REASON, operator, text)) for operator, text in product(Operator, texts)]
        wanted += [Query(StartsWith(REASON, text)) for text in texts]
        _agree(store, rows, [*wanted, Query(order=Order(REASON)), Query(order=Order(REASON, descending=False))], 3)

    def test_a_keyword_that_is_there_twice_is_one(self, store):
        row = summary("w", attributes={"tags": ("vip", "new", "vip")})
        store.record([row])
        assert store.list(Query(Contains(TAGS, "vip")), limit=5).items == (row,)
        assert store.count(Contains(TAGS, "vip")) == 1

    @pytest.mark.parametrize("by", ["started", "x"])
    @pytest.mark.parametrize(
        "shape", ["(x = 1 or y = 'a' and {})", "not (x = 1 or {})", "(type = 'a' and {} or x > 1)"]
    )
    def test_the_deepest_query_that_can_be_written_is_answered(self, store, shape, by):
        rows = [summary(f"w-{n}", number=n, attributes={"x": n, "y": "a"}) for n in (1, 2)]
        store.record(rows)
        text = "x = 2"
        for _ in range(64 // (1 + shape.count("not"))):
            text = shape.replace("{}", text)
        query = parse(f"{text} order by {by}", schema=SCHEMA, now=Instant(0))
        _agree(store, rows, [query], 5)

    @pytest.mark.parametrize("word", ["or", "and"])
    @pytest.mark.parametrize("test", ["x=1", "x>0", "y='a'", "not x=2", "version=''"])
    def test_the_longest_query_that_can_be_written_is_answered(self, store, word, test):
        rows = [summary(f"w-{n}", number=n, attributes={"x": n, "y": "a"}) for n in (1, 2)]
        store.record(rows)
        text = f" {word} ".join([test] * (4096 // (len(test) + len(word) + 2)))
        _agree(store, rows, [parse(text, schema=SCHEMA, now=Instant(0))], 5)

    def test_a_condition_that_is_too_deep_for_the_database_is_refused(self, store):
        store.record([summary("w", workflow_type="order")])
        deep = leaf = Comparison(TYPE, Operator.EQ, "order")
        for _ in range(10_000):
            deep = Not(deep)
        assert store.count(deep) == 1
        for n in range(10_000):
            deep = (Or if n % 2 else And)((deep, leaf))
        with pytest.raises(StoreRefused, match="database refuses"):
            store.count(deep)

    def test_a_number_beyond_64_bits_is_no_token(self, store):
        rows = [summary(f"w-{n}", number=n, attributes={"amount": 2**63 - 1}) for n in (1, 2)]
        store.record(rows)
        query = Query(order=Order(AMOUNT))
        token = store.list(query, limit=1).next
        with pytest.raises(StoreRefused, match="is not a page token of this store"):
            store.list(query, after=token.replace(str(2**63 - 1), str(2**63)), limit=1)

    def test_keywords_have_no_order(self, store):
        with pytest.raises(StoreRefused, match="runs can not be ordered by keywords"):
            store.list(Query(order=Order(TAGS)), limit=1)


_ENDS = ("", "a", "b", "\U0001f9fe", "\uffee", "a" * 5)


def _agree(store, rows, wanted, limit):
    with MemoryVisibilityStore() as model:
        model.record(rows)
        for query in wanted:
            expected = model.list(query, limit=100).items
            assert _all(store, query, limit) == [*expected], query
            assert store.count(query.where) == len(expected), query


def _all(store, query, limit):
    page = store.list(query, limit=limit)
    found = [*page.items]
    while page.next is not None:
        page = store.list(query, after=page.next, limit=limit)
        found += page.items
        assert len(found) <= 100, "a list comes to an end"
    return found
