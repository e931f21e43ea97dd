"""Contract: the feed is ordered and complete in every shard, and says so when retention has passed a reader."""

from __future__ import annotations

from aion_core.spi import (
    Commit,
    Cursor,
    CursorTooOld,
    FeedEntry,
)
from aion_testkit.builders import closing_commit, continuing_commit, next_commit, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.events.histories import as_read, chain
from aion_testkit.expect import raises, same, true
from aion_testkit.place import Place


def rising(entries: list[FeedEntry]) -> bool:
    """Whether n rises within every shard."""
    last: dict[int, int] = {}
    for entry in entries:
        if entry.n <= last.get(entry.shard, 0):
            return False
        last[entry.shard] = entry.n
    return True


def of_workflow(entries: list[FeedEntry], workflow_id: str) -> list[FeedEntry]:
    """The entries of one workflow."""
    return [entry for entry in entries if entry.workflow_id == workflow_id]


class FeedCases(Layer):
    """`feed`."""

    layer = "contract.feed"

    def test_the_feed_of_an_empty_store_is_empty_and_has_a_cursor(self, place: Place) -> None:
        page = place.store.feed(None, limit=10)
        same(page.items, (), "nothing was committed")
        true(page.next is not None, "next of a page of the feed is always set")

    def test_every_committed_batch_is_in_the_feed(self, place: Place) -> None:
        commits = [start_commit(f"order-{n}") for n in range(9)]
        place.commit(*commits)
        entries, _ = place.feed()
        same(
            sorted(entry.workflow_id for entry in entries),
            sorted(c.workflow_id for c in commits),
            "every committed batch has one entry",
        )

    def test_an_entry_holds_the_batch_the_workflow_and_the_run(self, place: Place) -> None:
        commit = start_commit("order-1", events=3, blobs=[b"blob"])
        answer = place.commit(commit)
        ((entry,), _) = place.feed()
        same(entry.batch, as_read(commit, blobs=answer.blobs), "the batch as read returns it")
        same(entry.shard, place.shard("order-1"), "the shard of the workflow")
        same(entry.workflow_id, "order-1", "the workflow")
        same(entry.run_id, commit.state.summary.run_id, "the current run")

    def test_an_entry_names_the_run_that_is_current_after_the_commit(self, place: Place) -> None:
        first = start_commit("order-1")
        second = continuing_commit(first)
        place.commit(first, second)
        entries, _ = place.feed()
        same(
            [entry.run_id for entry in entries],
            [first.state.summary.run_id, second.state.summary.run_id],
            "continue-as-new: the run that is current after the commit",
        )

    def test_the_feed_of_a_shard_is_in_the_order_of_the_commits(self, place: Place) -> None:
        histories = {f"order-{n}": chain(start_commit(f"order-{n}"), 3) for n in range(6)}
        sent: list[Commit] = []
        for step in range(4):
            for commits in histories.values():
                place.commit(commits[step])
                sent.append(commits[step])
        entries, _ = place.feed(limit=5)
        true(rising(entries), "n rises within every shard")
        for shard in place.all_shards:
            expected = [c.op_id for c in sent if place.shard(c.workflow_id) == shard]
            found = [entry.batch.op_id for entry in entries if entry.shard == shard]
            same(found, expected, f"the entries of shard {shard} are in the order of its commits, none missing")

    def test_reading_on_from_a_cursor_meets_only_what_is_new(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first)
        _, cursor = place.feed()
        same(place.feed(cursor)[0], [], "nothing is new")
        second = next_commit(first)
        place.commit(second, start_commit("order-2"))
        entries, _ = place.feed(cursor)
        same(sorted(e.workflow_id for e in entries), ["order-1", "order-2"], "exactly what came after the cursor")
        same(of_workflow(entries, "order-1")[0].batch, as_read(second), "the second batch of order-1")

    def test_pages_of_any_size_meet_the_same_entries(self, place: Place) -> None:
        for n in range(4):
            place.commit(*chain(start_commit(f"order-{n}"), 4))
        whole, _ = place.feed(limit=1000)
        same(len(whole), 20, "twenty batches")
        for limit in (1, 3, 7):
            paged, _ = place.feed(limit=limit)
            same(sorted(map(_place, paged)), sorted(map(_place, whole)), f"limit={limit} meets each entry once")
            true(rising(paged), f"limit={limit}: n rises within every shard")

    def test_a_page_of_the_feed_holds_no_more_than_its_limit(self, place: Place) -> None:
        place.commit(*chain(start_commit("order-1"), 5))
        true(len(place.store.feed(None, limit=2).items) <= 2, "limit bounds the page")

    def test_a_cursor_names_the_position_of_every_entry_that_was_read(self, place: Place) -> None:
        for n in range(5):
            place.commit(*chain(start_commit(f"order-{n}"), 2))
        entries, cursor = place.feed()
        last: dict[int, int] = {}
        for entry in entries:
            last[entry.shard] = entry.n
        same(
            {shard: cursor.position(entry_shard) for shard, entry_shard in ((e.shard, e.shard) for e in entries)},
            last,
            "a cursor is the vector of positions: for each shard the last entry that was seen",
        )

    def test_a_cursor_survives_as_text(self, place: Place) -> None:
        place.commit(start_commit("order-1"), start_commit("order-2"))
        _, cursor = place.feed()
        third = start_commit("order-3")
        place.commit(third)
        entries, _ = place.feed(Cursor.parse(str(cursor)))
        same([e.batch for e in entries], [as_read(third)], "a cursor that went through text reads on where it was")

    def test_an_empty_cursor_begins_at_the_beginning(self, place: Place) -> None:
        place.commit(*chain(start_commit("order-1"), 2))
        same(len(place.feed(Cursor())[0]), 3, "positions that are not named are at the beginning")

    def test_the_feed_survives_reopening(self, place: Place) -> None:
        place.commit(*chain(start_commit("order-1"), 2))
        before, cursor = place.feed()
        place.reopen()
        same(place.feed()[0], before, "the same entries at the same positions")
        later = start_commit("order-2")
        place.commit(later)
        same([e.batch for e in place.feed(cursor)[0]], [as_read(later)], "and it goes on behind them")

    def test_a_conflict_makes_no_entry(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first)
        _, cursor = place.feed()
        place.append(start_commit("order-1", mark="rival"))
        same(place.feed(cursor)[0], [], "what was not applied is not in the feed")

    # ---- and retention

    def test_a_cursor_before_trimmed_entries_is_too_old(self, place: Place) -> None:
        first = start_commit("order-1")
        last = closing_commit(first)
        place.commit(first)
        _, cursor = place.feed()
        place.commit(last)
        place.store.trim(last.workflow_id, None)
        with raises(CursorTooOld, "entries after the cursor were trimmed: a reader must not miss them unseen"):
            place.feed(cursor)

    def test_a_cursor_at_the_beginning_is_too_old_after_a_trim(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, closing_commit(first))
        place.store.trim(first.workflow_id, None)
        with raises(CursorTooOld, "the beginning is a position like any other; only None begins with what is kept"):
            place.feed(Cursor())

    def test_a_cursor_behind_trimmed_entries_reads_on(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, closing_commit(first))
        _, cursor = place.feed()
        place.store.trim(first.workflow_id, None)
        later = start_commit("order-1", mark="again")
        place.commit(later)
        same([e.batch for e in place.feed(cursor)[0]], [as_read(later)], "who has read what was trimmed is not late")

    def test_a_new_reader_pages_from_the_oldest_kept_to_the_end(self, place: Place) -> None:
        """Also with entries on both sides of trimmed ones: the page's own cursor must never be too old."""
        gone, kept = _two_of_one_shard(place)
        first, other = start_commit(gone), start_commit(kept)
        place.commit(first, other, closing_commit(first), next_commit(other))
        place.store.trim(first.workflow_id, None)
        later = next_commit(next_commit(other))
        place.commit(later)
        for limit in (1, 100):
            entries, cursor = place.feed(None, limit=limit)
            true(rising(entries), "n rises within every shard")
            same(of_workflow(entries, gone), [], "trimmed entries are gone")
            same(
                [e.batch for e in of_workflow(entries, kept)][-1:],
                [as_read(later)],
                f"a reader that begins with None comes to the end, with limit={limit}",
            )
            same(place.feed(cursor)[0], [], "and its cursor is good")

    def test_positions_are_not_given_again_after_a_trim(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, closing_commit(first))
        last = max(entry.n for entry in place.feed()[0])
        place.store.trim(first.workflow_id, None)
        place.reopen()
        place.commit(start_commit("order-1", mark="again"))
        (entry,) = place.feed(None)[0]
        true(entry.n > last, "a reader that has seen (s, n) never later finds (s, m < n)")


def _place(entry: FeedEntry) -> tuple[int, int, str]:
    return entry.shard, entry.n, entry.batch.op_id


def _two_of_one_shard(place: Place) -> tuple[str, str]:
    ids = [f"order-{n}" for n in range(place.store.shards + 1)]
    seen: dict[int, str] = {}
    for id in ids:
        if place.shard(id) in seen:
            return seen[place.shard(id)], id
        seen[place.shard(id)] = id
    raise AssertionError("more ids than shards, and no two in one")
