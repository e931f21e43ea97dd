"""Contract: state rows, the runs of a workflow, and what is due."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.spi import (
    Instant,
    Status,
    Wake,
    WorkflowId,
    json_payload,
)
from aion_testkit.builders import (
    closing_commit,
    continuing_commit,
    moment,
    new_run_commit,
    next_commit,
    start_commit,
)
from aion_testkit.conformance import Layer
from aion_testkit.expect import same, true
from aion_testkit.place import Place

CLOSED = [status for status in Status if not status.open]


class StateCases(Layer):
    """`state`, `states` and `runs`."""

    layer = "contract.states"

    def test_the_state_is_returned_as_the_commit_gave_it(self, place: Place) -> None:
        commit = start_commit("order-1", events=3, next_wake=moment(60), attributes={"customer": "acme"})
        shown = replace(
            commit.state.summary,
            parent=WorkflowId("parent-1"),
            schedule="nightly",
            memo={"note": json_payload('"für später"'.encode())},
        )
        commit = replace(commit, state=replace(commit.state, summary=shown, open=b"\x00\xff open \xfe", drained_seq=2))
        place.commit(commit)
        same(
            place.state("order-1"),
            replace(commit.state, op_id=commit.op_id),
            "state returns every field as committed, and the op_id of the commit",
        )

    def test_a_later_commit_replaces_the_state(self, place: Place) -> None:
        first = start_commit("order-1", next_wake=moment(60))
        second = next_commit(first, events=2, open_record=b"2", attributes={"customer": "new"})
        place.commit(first, second)
        same(
            place.state("order-1"),
            replace(second.state, op_id=second.op_id),
            "the state is the last commit's, with nothing left of the one before",
        )

    def test_state_answers_in_the_order_of_the_ids(self, place: Place) -> None:
        place.commit(start_commit("a"), start_commit("b"), start_commit("c"))
        ids = [WorkflowId(id) for id in ("c", "nobody", "a", "b", "nobody", "c")]
        found = [state and state.workflow_id for state in place.store.state(ids)]
        same(found, ["c", None, "a", "b", None, "c"], "one answer for each id, in order, None for unknown ones")

    def test_state_of_no_ids_is_empty(self, place: Place) -> None:
        same(list(place.store.state([])), [], "no ids, no answers")

    def test_a_floor_in_a_commit_is_ignored(self, place: Place) -> None:
        commit = start_commit("order-1", events=3)
        place.commit(replace(commit, state=replace(commit.state, floor=2)))
        state = place.state("order-1")
        same(state and state.floor, 0, "the floor is kept by the store: what a commit says is ignored")

    def test_states_lists_open_and_closed_workflows(self, place: Place) -> None:
        running, done = start_commit("running"), start_commit("done")
        place.commit(running, done, closing_commit(done))
        same(place.ids(), ["done", "running"], "without a status, every row is listed")

    def test_an_empty_store_lists_no_states(self, place: Place) -> None:
        same(place.states(), [], "an empty store has no rows")

    def test_states_by_status_follow_the_commits(self, place: Place) -> None:
        firsts = {id: start_commit(id) for id in ("a", "b", "c")}
        place.commit(*firsts.values())
        same(place.ids(status=[Status.RUNNING]), ["a", "b", "c"], "three started, three running")
        place.commit(closing_commit(firsts["a"]), closing_commit(firsts["b"], Status.CONTINUED_AS_NEW))
        same(place.ids(status=[Status.RUNNING]), ["c"], "closed ones are not running any more")

    def test_every_status_is_listed_under_its_name_only(self, place: Place) -> None:
        for status in Status:
            first = start_commit(f"is-{status}")
            place.commit(first)
            if status is not Status.RUNNING:
                later = closing_commit(first, status) if not status.open else next_commit(first, status=status)
                place.commit(later)
        for status in Status:
            same(place.ids(status=[status]), [f"is-{status}"], f"status={status} lists exactly those")
        open_ones = [status for status in Status if status.open]
        same(place.ids(status=open_ones), sorted(f"is-{s}" for s in open_ones), "several statuses list all of them")

    def test_a_paused_workflow_is_not_running_until_it_is_resumed(self, place: Place) -> None:
        first = start_commit("order-1")
        paused = next_commit(first, status=Status.PAUSED)
        place.commit(first, paused)
        same(place.ids(status=[Status.RUNNING]), [], "paused is not running")
        same(place.ids(status=[Status.PAUSED]), ["order-1"], "paused is paused")
        place.commit(next_commit(paused, status=Status.RUNNING))
        same(place.ids(status=[Status.RUNNING]), ["order-1"], "resumed is running")
        same(place.ids(status=[Status.PAUSED]), [], "resumed is not paused")

    def test_a_workflow_cancelled_while_paused_is_neither_running_nor_paused(self, place: Place) -> None:
        first = start_commit("order-1")
        paused = next_commit(first, status=Status.PAUSED)
        place.commit(first, paused, closing_commit(paused, Status.CANCELLED))
        same(place.ids(status=[Status.RUNNING, Status.PAUSED]), [], "cancelled has left both")

    def test_a_reopened_workflow_is_running_again(self, place: Place) -> None:
        first = start_commit("order-1")
        failed = closing_commit(first, Status.FAILED)
        place.commit(first, failed)
        same(place.ids(status=[Status.RUNNING]), [], "failed is not running")
        place.commit(next_commit(failed, status=Status.RUNNING))
        same(place.ids(status=[Status.RUNNING]), ["order-1"], "reopened is running")
        same(place.ids(status=[Status.FAILED]), [], "reopened is not failed")

    def test_states_of_a_shard_are_the_workflows_of_that_shard(self, place: Place) -> None:
        ids = [f"order-{n}" for n in range(20)]
        place.commit(*(start_commit(id) for id in ids))
        for shard in place.all_shards:
            found = sorted(row.workflow_id for row in place.states(shards=[shard]))
            same(found, sorted(id for id in ids if place.shard(id) == shard), f"states of shard {shard}, by shard_of")

    def test_states_of_no_shards_are_none(self, place: Place) -> None:
        place.commit(start_commit("order-1"))
        same(place.states(shards=[]), [], "no shards, no rows")

    def test_paging_states_meets_every_row_once(self, place: Place) -> None:
        ids = sorted(f"order-{n}" for n in range(23))
        place.commit(*(start_commit(id) for id in ids))
        for limit in (1, 4, 100):
            met = sorted(row.workflow_id for row in place.states(limit=limit))
            same(met, ids, f"paging with limit={limit} meets every row exactly once")

    def test_paging_states_meets_every_row_once_while_others_come_and_change(self, place: Place) -> None:
        firsts = {id: start_commit(id) for id in (f"order-{n}" for n in range(12))}
        place.commit(*firsts.values())
        met: list[str] = []
        page = place.store.states(place.all_shards, limit=3)
        for n in range(100):
            met.extend(row.workflow_id for row in page.items)
            if page.next is None:
                break
            place.commit(start_commit(f"new-{n}"), start_commit(f"a-new-{n}"))
            changed = f"order-{n}"
            if changed in firsts:
                place.commit(next_commit(firsts[changed]))
            page = place.store.states(place.all_shards, after=page.next, limit=3)
        there_throughout = sorted(id for id in met if id in firsts)
        same(there_throughout, sorted(firsts), "every row that exists throughout is met exactly once")
        same(len(met), len(set(met)), "no row is met twice")

    def test_a_page_of_states_holds_no_more_than_its_limit(self, place: Place) -> None:
        place.commit(*(start_commit(f"order-{n}") for n in range(6)))
        true(len(place.store.states(place.all_shards, limit=4).items) <= 4, "limit bounds the page")


class RunCases(Layer):
    """`runs`: one entry for each run, oldest first."""

    layer = "contract.runs"

    def test_an_unknown_workflow_has_no_runs(self, place: Place) -> None:
        page = place.store.runs(WorkflowId("nobody"), limit=10)
        same((page.items, page.next), ((), None), "an unknown workflow has no runs")

    def test_a_started_workflow_has_one_open_run(self, place: Place) -> None:
        commit = start_commit("order-1", events=2)
        place.commit(commit)
        same(place.runs("order-1"), list(commit.runs), "the run as its start wrote it")

    def test_a_closed_run_is_as_it_was_last_written(self, place: Place) -> None:
        first = start_commit("order-1")
        last = closing_commit(first, Status.FAILED)
        place.commit(first, last)
        same(place.runs("order-1"), list(last.runs), "the entry written at the end replaces the one of the start")

    def test_a_continued_workflow_has_two_runs_in_order(self, place: Place) -> None:
        first = start_commit("order-1")
        second = continuing_commit(first)
        place.commit(first, second)
        ended, started = place.runs("order-1")
        same([ended, started], list(second.runs), "both entries of one commit are kept, oldest first")
        same(started.previous_run, ended.run_id, "the second names the first")
        same(
            [run.summary.status for run in (ended, started)],
            [Status.CONTINUED_AS_NEW, Status.RUNNING],
            "the first is continued, the second runs",
        )
        true(ended.summary.closed is not None and started.summary.closed is None, "only the first has an end")

    def test_a_chain_of_runs_is_paged_oldest_first(self, place: Place) -> None:
        commits = [start_commit("order-1")]
        for _ in range(6):
            commits.append(continuing_commit(commits[-1]))
        commits.append(closing_commit(commits[-1]))
        place.commit(*commits)
        for limit in (1, 2, 100):
            found = place.runs("order-1", limit=limit)
            same([run.first_seq for run in found], [1, 3, 5, 7, 9, 11, 13], f"oldest first, with limit={limit}")
            same(found[-1], commits[-1].runs[0], "the last run is closed")

    def test_a_run_started_after_a_closed_one_keeps_the_closed_one(self, place: Place) -> None:
        first = start_commit("order-1")
        closed = closing_commit(first)
        again = new_run_commit(closed)
        place.commit(first, closed, again)
        same(place.runs("order-1"), [*closed.runs, *again.runs], "a new run does not replace the one before")

    def test_the_state_shows_the_current_run(self, place: Place) -> None:
        first = start_commit("order-1")
        second = continuing_commit(first)
        place.commit(first, second)
        same(place.ids(status=[Status.RUNNING]), ["order-1"], "the row has the status of the current run")
        same(place.ids(status=[Status.CONTINUED_AS_NEW]), [], "not of an earlier one")


class WakeCases(Layer):
    """`wakes`: what is due, earliest first."""

    layer = "contract.wakes"

    def test_a_wake_at_the_limit_is_due(self, place: Place) -> None:
        for id, at in (("early", 59), ("exact", 60), ("late", 60.000001)):
            place.commit(start_commit(id, next_wake=moment(at)))
        same(
            place.wakes(moment(60)),
            [Wake(moment(59), WorkflowId("early")), Wake(moment(60), WorkflowId("exact"))],
            "due is what is at or before `until`, to the microsecond",
        )

    def test_wakes_come_earliest_first_then_by_id(self, place: Place) -> None:
        times = {"b": 10, "a": 10, "é": 10, "Z": 10, "early": 5, "later": 20}
        for id, at in times.items():
            place.commit(start_commit(id, next_wake=moment(at)))
        expected = sorted((Wake(moment(at), WorkflowId(id)) for id, at in times.items()), key=_order)
        same(place.wakes(moment(60)), expected, "earliest first, then by id in the order of code points")

    def test_a_new_wake_replaces_the_old_one(self, place: Place) -> None:
        first = start_commit("order-1", next_wake=moment(10))
        place.commit(first, next_commit(first, next_wake=moment(30)))
        same(place.wakes(moment(20)), [], "the old time is not due any more")
        same(place.wakes(moment(30)), [Wake(moment(30), WorkflowId("order-1"))], "the new one is")

    def test_a_workflow_without_a_wake_is_never_due(self, place: Place) -> None:
        first = start_commit("order-1", next_wake=moment(10))
        place.commit(first, next_commit(first), start_commit("order-2"))
        same(place.wakes(Instant(2**60)), [], "next_wake=None is not due, ever")

    def test_a_commit_without_a_batch_moves_the_wake(self, place: Place) -> None:
        first = start_commit("order-1", next_wake=moment(10))
        place.commit(first, next_commit(first, events=0, next_wake=moment(5)))
        same(place.wakes(moment(5)), [Wake(moment(5), WorkflowId("order-1"))], "the state's wake counts")

    def test_wakes_of_a_shard_are_the_workflows_of_that_shard(self, place: Place) -> None:
        ids = [f"order-{n}" for n in range(20)]
        place.commit(*(start_commit(id, next_wake=moment(1)) for id in ids))
        for shard in place.all_shards:
            found = sorted(wake.workflow_id for wake in place.wakes(moment(1), shards=[shard]))
            same(found, sorted(id for id in ids if place.shard(id) == shard), f"wakes of shard {shard}, by shard_of")

    def test_workflows_that_stay_due_do_not_hide_the_ones_behind_them(self, place: Place) -> None:
        """The first page is never dealt with; the ones on the next pages must still be found."""
        ids = [f"order-{n:02d}" for n in range(10)]
        place.commit(*(start_commit(id, next_wake=moment(n)) for n, id in enumerate(ids)))
        for limit in (1, 3, 100):
            found = [wake.workflow_id for wake in place.wakes(moment(60), limit=limit)]
            same(found, ids, f"paging on with `after` and limit={limit} meets every due workflow")

    def test_many_wakes_at_one_moment_are_all_met(self, place: Place) -> None:
        ids = sorted(f"order-{n:02d}" for n in range(11))
        place.commit(*(start_commit(id, next_wake=moment(1)) for id in ids))
        for limit in (1, 2, 4):
            found = [wake.workflow_id for wake in place.wakes(moment(1), limit=limit)]
            same(found, ids, f"equal times are paged by id, with limit={limit}")


def _order(wake: Wake) -> tuple[int, str]:
    return wake.at, wake.workflow_id
