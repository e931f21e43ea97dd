"""Contract: retention removes whole closed runs, oldest first, and nothing else."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.spi import (
    BlobNotFound,
    Commit,
    Committed,
    Conflict,
    RunId,
    Settled,
    StoreRefused,
    WorkflowId,
)
from aion_testkit.builders import (
    closing_commit,
    continuing_commit,
    message,
    moment,
    new_run_commit,
    next_commit,
    outcome,
    run_id,
    start_commit,
)
from aion_testkit.conformance import Layer
from aion_testkit.events.histories import as_read
from aion_testkit.expect import raises, same
from aion_testkit.place import Place


def three_runs(id: str) -> list[Commit]:
    """Two closed runs of two events each and an open one of one event, in five commits."""
    one = start_commit(id)
    one_ended = closing_commit(one)
    two = new_run_commit(one_ended)
    two_ended = closing_commit(two)
    return [one, one_ended, two, two_ended, new_run_commit(two_ended)]


class TrimCases(Layer):
    """`trim`."""

    layer = "contract.trim"

    def test_trimming_removes_the_batches_before_the_run(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        same(place.batches("order-1"), [as_read(c) for c in commits[2:]], "batches of runs before it are gone")

    def test_trimming_removes_the_entries_of_the_runs_before(self, place: Place) -> None:
        place.commit(*three_runs("order-1"))
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 3))
        same([run.run_id for run in place.runs("order-1")], [run_id("order-1", 3)], "run entries go with their runs")

    def test_trimming_raises_the_floor(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        last = commits[-1]
        same(
            place.state("order-1"),
            replace(last.state, op_id=last.op_id, floor=2),
            "the floor becomes the seq before the run's first, and nothing else of the row changes",
        )

    def test_the_floor_stays_when_the_workflow_goes_on(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 3))
        place.commit(next_commit(commits[-1]))
        state = place.state("order-1")
        same(state and (state.floor, state.head), (4, 6), "a later commit does not lower the floor")

    def test_trimming_further_raises_the_floor_further(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        for number, floor in ((2, 2), (3, 4)):
            place.store.trim(WorkflowId("order-1"), run_id("order-1", number))
            state = place.state("order-1")
            same(state and state.floor, floor, f"everything before run {number} is gone")
        same(place.batches("order-1"), [as_read(commits[-1])], "only the last run is left")

    def test_trimming_twice_does_nothing(self, place: Place) -> None:
        place.commit(*three_runs("order-1"))
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        before = (place.batches("order-1"), place.runs("order-1"), place.state("order-1"))
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        after = (place.batches("order-1"), place.runs("order-1"), place.state("order-1"))
        same(after, before, "removing again does nothing")

    def test_trimming_before_the_first_run_does_nothing(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 1))
        same(place.batches("order-1"), [as_read(c) for c in commits], "no run comes before the first")
        state = place.state("order-1")
        same(state and state.floor, 0, "the floor stays where it is")

    def test_a_batch_that_two_runs_share_stays(self, place: Place) -> None:
        first = start_commit("order-1")
        second = continuing_commit(first)
        place.commit(first, second)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        same(place.batches("order-1"), [as_read(second)], "a batch that holds events of both runs stays whole")
        state = place.state("order-1")
        same(state and state.floor, 2, "the floor is the seq before the kept run's first")
        same([run.run_id for run in place.runs("order-1")], [run_id("order-1", 2)], "the first run's entry is gone")

    def test_trimming_before_an_unknown_run_is_refused(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        with raises(StoreRefused, "an unknown before_run is StoreRefused"):
            place.store.trim(WorkflowId("order-1"), RunId("018bcfe5-0000-7000-8000-000000000000"))
        same(place.batches("order-1"), [as_read(c) for c in commits], "nothing was removed")

    def test_trimming_an_unknown_workflow_does_nothing(self, place: Place) -> None:
        place.store.trim(WorkflowId("nobody"), None)
        place.store.trim(WorkflowId("nobody"), run_id("nobody", 2))
        same(place.ids(), [], "an unknown workflow stays unknown")

    def test_removing_an_open_workflow_is_refused(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        with raises(StoreRefused, "an open workflow can not be removed whole"):
            place.store.trim(WorkflowId("order-1"), None)
        same(place.batches("order-1"), [as_read(c) for c in commits], "nothing was removed")

    def test_a_history_that_went_on_is_not_removed(self, place: Place) -> None:
        first = start_commit("order-1")
        ended = closing_commit(first)
        again = new_run_commit(ended)
        commits = [first, ended, again, closing_commit(again)]
        place.commit(*commits)
        with raises(StoreRefused, "whoever knows an older head has not seen the last run"):
            place.store.trim(WorkflowId("order-1"), None, head=ended.head)
        with raises(StoreRefused, "also when runs before another one are removed"):
            place.store.trim(WorkflowId("order-1"), run_id("order-1", 2), head=ended.head)
        same(place.batches("order-1"), [as_read(c) for c in commits], "nothing was removed")

    def test_a_history_that_ends_where_it_should_is_removed(self, place: Place) -> None:
        first = start_commit("order-1")
        last = closing_commit(first)
        place.commit(first, last)
        place.store.trim(WorkflowId("order-1"), None, head=last.head)
        same(place.state("order-1"), None, "the head is the one that was named")

    def test_removing_a_closed_workflow_leaves_nothing_of_it(self, place: Place) -> None:
        first = start_commit("order-1", next_wake=moment(1))
        last = closing_commit(first)
        place.commit(first, last)
        place.store.trim(WorkflowId("order-1"), None)
        same(place.state("order-1"), None, "the state is gone")
        same(place.batches("order-1"), [], "the batches are gone")
        same(place.runs("order-1"), [], "the runs are gone")
        same(place.ids(), [], "the row is gone from states")
        same(place.wakes(moment(60)), [], "and from wakes")

    def test_a_removed_workflow_may_start_again(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, closing_commit(first))
        place.store.trim(WorkflowId("order-1"), None)
        again = start_commit("order-1", events=2, mark="again")
        same(list(place.append(again)), [Committed(2)], "its history begins at 1 again")
        same(place.batches("order-1"), [as_read(again)], "with nothing of the old one")

    def test_trimming_touches_no_other_workflow(self, place: Place) -> None:
        other = start_commit("order-2", blobs=[b"other"])
        kept = place.commit(other)
        first = start_commit("order-1", blobs=[b"mine"])
        place.commit(first, closing_commit(first))
        place.store.trim(WorkflowId("order-1"), None)
        same(place.batches("order-2"), [as_read(other, blobs=kept.blobs)], "others keep their history")
        same(place.store.get_blob(kept.blobs[0]), b"other", "and their blobs")

    def test_trimming_removes_the_blobs_of_the_runs_before(self, place: Place) -> None:
        one = start_commit("order-1", blobs=[b"first run"])
        gone = place.commit(one).blobs
        ended = closing_commit(one)
        two = new_run_commit(ended, blobs=[b"second run"])
        kept = place.commit(ended, two).blobs
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 2))
        with raises(BlobNotFound, "blobs of trimmed runs are gone"):
            place.store.get_blob(gone[0])
        same(place.store.get_blob(kept[0]), b"second run", "blobs of kept runs stay")

    def test_trimming_keeps_tombstones_and_messages(self, place: Place) -> None:
        settled, waiting = message("order-1", "m-1"), message("order-1", "m-2")
        place.store.post([settled, waiting])
        first = start_commit("order-1", outcomes=[outcome(settled)])
        place.commit(first, closing_commit(first))
        place.store.trim(WorkflowId("order-1"), None)
        same(list(place.store.post([settled])), [Settled(outcome(settled))], "tombstones stay until they expire")
        same(place.inbox("order-1"), [waiting], "unsettled messages stay")

    def test_trimming_survives_reopening(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 3))
        place.reopen()
        same(place.batches("order-1"), [as_read(commits[-1])], "what was trimmed does not come back")
        state = place.state("order-1")
        same(state and state.floor, 4, "the floor is kept")

    def test_the_head_stays_guarded_after_a_trim(self, place: Place) -> None:
        commits = three_runs("order-1")
        place.commit(*commits)
        place.store.trim(WorkflowId("order-1"), run_id("order-1", 3))
        same(
            list(place.append(start_commit("order-1", mark="rival"))),
            [Conflict(5, commits[-1].op_id)],
            "a trimmed history has its head still",
        )
