"""Contract: what was appended is read back, in order and from anywhere."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.spi import (
    Batch,
    BlobKey,
    Commit,
    Committed,
    Conflict,
    WorkflowId,
)
from aion_testkit.builders import next_commit, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.expect import all_are, one, same, true
from aion_testkit.place import Place


def as_read(commit: Commit, *, blobs: tuple[BlobKey, ...] = ()) -> Batch:
    """A commit's batch as a store returns it: with the commit's op_id and the keys of its blobs."""
    if commit.batch is None:
        raise TypeError("a commit without a batch is not in the history")
    return replace(commit.batch, op_id=commit.op_id, blobs=blobs)


def chain(first: Commit, count: int, *, events: int = 1) -> list[Commit]:
    """A commit and so many that follow it."""
    commits = [first]
    for _ in range(count):
        commits.append(next_commit(commits[-1], events=events))
    return commits


class HistoryCases(Layer):
    """Appending and reading."""

    layer = "contract.histories"

    def test_an_unknown_workflow_has_an_empty_history(self, place: Place) -> None:
        page = place.store.read(WorkflowId("nobody"))
        same((page.items, page.next), ((), None), "the history of an unknown workflow is an empty page")

    def test_an_unknown_workflow_read_from_the_middle_is_empty(self, place: Place) -> None:
        page = place.store.read(WorkflowId("nobody"), after=4)
        same((page.items, page.next), ((), None), "an unknown workflow is an empty page from any position")

    def test_what_was_appended_is_read_back(self, place: Place) -> None:
        commit = start_commit("order-1", events=4)
        place.commit(commit)
        same(place.batches("order-1"), [as_read(commit)], "read returns the batch as it was appended, with its op_id")

    def test_committed_names_the_new_head(self, place: Place) -> None:
        answer = one(place.append(start_commit("order-1", events=3)), Committed, "the first commit is committed")
        same(answer.head, 3, "Committed.head is the last seq of the batch")

    def test_later_batches_follow_earlier_ones(self, place: Place) -> None:
        first = start_commit("order-1")
        second = next_commit(first, events=2)
        place.commit(first, second)
        same(place.batches("order-1"), [as_read(first), as_read(second)], "batches are read oldest first")

    def test_a_read_after_a_seq_begins_with_the_batch_behind_it(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 3)
        place.commit(*commits)
        same(
            place.batches("order-1", after=2),
            [as_read(c) for c in commits[2:]],
            "read(after=n) begins with the batch that holds n + 1",
        )

    def test_a_read_from_within_a_batch_returns_that_batch_whole(self, place: Place) -> None:
        first = start_commit("order-1", events=5)
        second = next_commit(first, events=5)
        place.commit(first, second)
        same(
            place.batches("order-1", after=2),
            [as_read(first), as_read(second)],
            "batches are not cut: the first one may begin before `after + 1`",
        )

    def test_a_read_after_zero_is_the_whole_history(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 3)
        place.commit(*commits)
        same(place.batches("order-1", after=0), place.batches("order-1"), "after=0 is the default")
        same(place.batches("order-1", after=0), [as_read(c) for c in commits], "after=0 returns every batch")

    def test_a_read_after_the_head_is_empty(self, place: Place) -> None:
        place.commit(start_commit("order-1", events=4))
        page = place.store.read(WorkflowId("order-1"), after=4)
        same((page.items, page.next), ((), None), "nothing is behind the head")

    def test_a_read_far_beyond_the_head_is_empty(self, place: Place) -> None:
        place.commit(start_commit("order-1", events=4))
        page = place.store.read(WorkflowId("order-1"), after=104)
        same((page.items, page.next), ((), None), "a position beyond the head gives an empty page")

    def test_a_read_just_before_the_head_returns_exactly_the_last_batch(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 3)
        place.commit(*commits)
        same(place.batches("order-1", after=3), [as_read(commits[-1])], "after=head-1 returns the head's batch")

    def test_a_history_of_one_event_is_read_from_its_only_position(self, place: Place) -> None:
        commit = start_commit("order-1")
        place.commit(commit)
        same(place.batches("order-1", after=0), [as_read(commit)], "after=0 returns the one batch")
        same(place.batches("order-1", after=1), [], "after=1 returns nothing")

    def test_limit_counts_batches(self, place: Place) -> None:
        commits = chain(start_commit("order-1", events=3), 4, events=3)
        place.commit(*commits)
        page = place.store.read(WorkflowId("order-1"), limit=2)
        same(page.items, tuple(as_read(c) for c in commits[:2]), "limit counts batches, not events")
        same(page.next, 6, "next is the last seq of the page when there is more")

    def test_reading_in_pages_meets_every_batch_once(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 9)
        place.commit(*commits)
        for limit in (1, 3, 100, None):
            same(
                place.batches("order-1", limit=limit),
                [as_read(c) for c in commits],
                f"paging with limit={limit} meets every batch once",
            )

    def test_a_history_of_125_events_in_five_batches_is_read_back(self, place: Place) -> None:
        commits = chain(start_commit("order-1", events=25), 4, events=25)
        place.commit(*commits)
        same(place.batches("order-1"), [as_read(c) for c in commits], "five batches of 25 events")

    def test_a_history_of_ten_thousand_events_is_read_back(self, place: Place) -> None:
        commits = chain(start_commit("order-1", events=100), 99, events=100)
        place.commit(*commits)
        same(place.batches("order-1", limit=None), [as_read(c) for c in commits], "a hundred batches of 100 events")
        same(place.batches("order-1", after=9_950), [as_read(commits[-1])], "the tail is read without the rest")

    def test_histories_do_not_mix(self, place: Place) -> None:
        one_, other = start_commit("order-1", events=2), start_commit("order-2", events=3)
        all_are(place.append(one_, other), Committed, "commits of two workflows in one call are both committed")
        same(place.batches("order-1"), [as_read(one_)], "a workflow has its own batches only")
        same(place.batches("order-2"), [as_read(other)], "a workflow has its own batches only")

    def test_ids_that_differ_only_in_case_are_different_workflows(self, place: Place) -> None:
        upper, lower = start_commit("Order-A"), start_commit("order-a", events=2)
        place.commit(upper, lower)
        same(place.batches("Order-A"), [as_read(upper)], "ids are compared exactly: `A` is not `a`")
        same(place.batches("order-a"), [as_read(lower)], "ids are compared exactly: `a` is not `A`")

    def test_ids_that_only_look_alike_are_different_workflows(self, place: Place) -> None:
        """Composed and decomposed letters, and an accent that many collations ignore."""
        ids = ["caf\u00e9", "cafe\u0301", "cafe", "CAF\u00c9", "strasse", "stra\u00dfe"]
        commits = {id: start_commit(id, mark=str(n)) for n, id in enumerate(ids)}
        for commit in commits.values():
            place.commit(commit)
        for id, commit in commits.items():
            same(place.batches(id), [as_read(commit)], f"ids are compared exactly, by code point: {id!r}")

    def test_ids_of_any_script_and_length_are_kept(self, place: Place) -> None:
        ids = [
            "заказ-42",
            "注文/四十二",
            "🧾 order 42",
            "o'; drop table--",
            "a%b_c\\d",
            "x" * 255,
            "é" * 255,
            "🧾" * 255,
        ]
        for id in ids:
            place.commit(start_commit(id))
        same(place.ids(), sorted(ids), "states returns ids exactly as they were given")

    def test_an_append_with_a_stale_sequence_changes_nothing(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first)
        place.append(start_commit("order-1", mark="rival"))
        same(place.batches("order-1"), [as_read(first)], "a conflict changes nothing of the history")
        state = place.state("order-1")
        same(state and state.op_id, first.op_id, "a conflict changes nothing of the state")

    def test_an_append_with_a_stale_sequence_names_the_actual_head(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 2)
        place.commit(*commits)
        rival = next_commit(commits[0], mark="rival")
        same(
            list(place.append(rival)),
            [Conflict(3, commits[-1].op_id)],
            "Conflict names the head and the op_id of the commit that is the head",
        )

    def test_an_append_ahead_of_the_head_is_a_conflict(self, place: Place) -> None:
        first = start_commit("order-1")
        second = next_commit(first)
        third = next_commit(second)
        place.commit(first)
        same(list(place.append(third)), [Conflict(1, first.op_id)], "a gap in the history is a conflict")
        same(place.batches("order-1"), [as_read(first)], "nothing of it was applied")

    def test_an_append_to_an_unknown_workflow_ahead_of_zero_is_a_conflict(self, place: Place) -> None:
        second = next_commit(start_commit("order-1"))
        same(list(place.append(second)), [Conflict(0, None)], "a workflow that does not exist has the head 0")
        same(place.state("order-1"), None, "nothing was created")

    def test_a_conflict_disturbs_no_other_commit_of_the_call(self, place: Place) -> None:
        taken = start_commit("order-2")
        place.commit(taken)
        commits = [start_commit("order-1"), start_commit("order-2", mark="rival"), start_commit("order-3")]
        answers = place.append(*commits)
        same(
            list(answers),
            [Committed(1), Conflict(1, taken.op_id), Committed(1)],
            "each commit is an atom of its own: one answer each, in order",
        )
        same(place.ids(), ["order-1", "order-2", "order-3"], "the commits around a conflict are applied")

    def test_answers_come_in_the_order_of_the_commits(self, place: Place) -> None:
        commits = [start_commit(f"order-{n}", events=n) for n in (5, 1, 4, 2, 3)]
        answers = all_are(place.append(*commits), Committed, "all are committed")
        same([answer.head for answer in answers], [5, 1, 4, 2, 3], "answers stand in the order of the commits")

    def test_an_append_of_no_commits_does_nothing(self, place: Place) -> None:
        same(list(place.store.append([])), [], "no commits, no answers")

    def test_every_batch_returns_the_op_id_that_wrote_it(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), 3)
        place.commit(*commits)
        same(
            [batch.op_id for batch in place.batches("order-1")],
            [commit.op_id for commit in commits],
            "every batch returns the op_id of its commit",
        )

    def test_what_was_committed_is_seen_by_another_client_at_once(self, place: Place) -> None:
        other = place.open()
        commits = chain(start_commit("order-1"), 2)
        for commit in commits:
            place.commit(commit)
            (seen,) = other.state([WorkflowId("order-1")])
            same(seen and seen.head, commit.head, "a read sees everything that was committed before the call")
        true(
            bool(other.read(WorkflowId("order-1")).items), "another store object onto the same place reads the history"
        )
