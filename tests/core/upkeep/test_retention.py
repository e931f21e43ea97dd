"""What may go, and that nothing else does."""

import pytest
from tests.core.upkeep.writing import DAY, Pen, at, completed, marked, started

from aion_core.memory import MemoryEventStore, MemoryVisibilityStore
from aion_core.model.errors import StoreUnavailable
from aion_core.model.times import as_datetime
from aion_core.spi import Comparison, Field, Operator
from aion_core.upkeep.archive import Archive, read_archive
from aion_core.upkeep.checking import check_store
from aion_core.upkeep.retention import removal_of, trim_store
from aion_testkit import SteppedPlatform
from aion_testkit.builders import run_id


@pytest.fixture
def store():
    with MemoryEventStore(platform=SteppedPlatform()) as store:
        yield store


@pytest.fixture
def pen(store):
    return Pen(store)


def trimmed(store, day, **options):
    removed = []
    trim_store(store, store, as_datetime(at(day)), removed=removed.append, **options)
    return [(each.workflow_id, [str(entry.run_id) for entry in each.runs]) for each in removed]


def left(store):
    return sorted(state.workflow_id for state in store.states(range(store.shards), limit=100).items)


def test_a_workflow_that_was_closed_before_goes_whole(store, pen):
    pen.closed("old", day=1)
    pen.closed("new", day=3)
    assert trimmed(store, 2) == [("old", [run_id("old")])]
    assert left(store) == ["new"]


def test_what_is_open_stays_however_old_it_is(store, pen):
    pen.opened("old", day=0)
    assert trimmed(store, 100) == []


def test_old_runs_of_a_workflow_that_goes_on_are_removed(store, pen):
    pen.closed("order", day=1)
    pen.closed("order", day=2, number=2)
    pen.opened("order", day=3, number=3)
    assert trimmed(store, 2.5) == [("order", [run_id("order", 1), run_id("order", 2)])]
    assert [entry.run_id for entry in store.runs("order", limit=9).items] == [run_id("order", 3)]
    assert store.state(["order"])[0].floor == 4


def test_of_old_runs_those_behind_a_younger_one_stay(store, pen):
    pen.closed("order", day=5)
    pen.closed("order", day=1, number=2)
    assert trimmed(store, 2) == []


def test_the_oldest_goes_first(store, pen):
    for day in (3, 1, 2):
        pen.closed(f"of-{day}", day=day)
    assert [whose for whose, _ in trimmed(store, 9)] == ["of-1", "of-2", "of-3"]


def test_only_what_a_query_matches_is_removed(store, pen):
    pen.closed("a", day=1)
    pen.closed("b", day=1)
    where = Comparison(Field("id", "str"), Operator.EQ, "b")
    assert [whose for whose, _ in trimmed(store, 9, where=where)] == ["b"]


def test_a_dry_run_tells_and_removes_nothing(store, pen, tmp_path):
    pen.closed("order", day=1)
    assert trimmed(store, 2, dry_run=True, archive=Archive(tmp_path)) == [("order", [run_id("order")])]
    assert left(store) == ["order"]
    assert not list(tmp_path.iterdir())


def test_what_is_removed_was_archived_before(store, pen, tmp_path):
    pen.closed("order", day=1)
    pen.write("order", started("order", 2, 2), marked("go", 2), completed(2))
    trimmed(store, 9, archive=Archive(tmp_path))
    assert [len(read_archive(path)) for path in sorted(tmp_path.rglob("*.jsonl"))] == [2, 3]
    assert left(store) == []


def test_nothing_is_removed_that_can_not_be_archived(store, pen, tmp_path):
    pen.closed("order", day=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        trimmed(store, 9, archive=Archive(tmp_path / "file"))
    assert left(store) == ["order"]


def test_a_workflow_that_went_on_since_it_was_looked_at_is_left_alone(pen, store, tmp_path):
    pen.closed("order", day=1)

    class Restarted(Archive):
        def keep(self, store, entry):
            pen.write("order", started("order", 2, 8), completed(8))
            return super().keep(store, entry)

    assert trimmed(store, 5, archive=Restarted(tmp_path)) == []
    assert [entry.run_id for entry in store.runs("order", limit=9).items] == [run_id("order", 1), run_id("order", 2)]


def test_a_visibility_store_of_its_own_forgets_what_is_removed(store, pen):
    pen.closed("order", day=1)
    with MemoryVisibilityStore(platform=SteppedPlatform()) as own:
        own.record([store.state(["order"])[0].summary])
        removed = []
        trim_store(store, own, as_datetime(at(2)), projected=own, removed=removed.append)
        assert (len(removed), own.count(None), left(store)) == (1, 0, [])


def test_a_workflow_that_visibility_has_not_seen_the_end_of_stays(store, pen):
    pen.closed("order", day=1)
    with MemoryVisibilityStore(platform=SteppedPlatform()) as behind:
        trim_store(store, behind, as_datetime(at(2)), projected=behind, removed=pytest.fail)
    assert left(store) == ["order"]


def test_a_trimmed_store_is_sound(store, pen):
    pen.closed("order", day=1)
    pen.opened("order", day=3, number=2)
    pen.closed("other", day=1)
    trimmed(store, 2)
    assert list(check_store(store, store)) == []


def test_more_than_a_page_is_removed(store, pen):
    for number in range(250):
        pen.closed(f"order-{number}", day=1)
    assert len(trimmed(store, 2)) == 250


def test_an_unknown_workflow_has_nothing_to_remove(store):
    assert removal_of(store, "nobody", as_datetime(at(DAY))) is None
