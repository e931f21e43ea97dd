"""Contract: a commit is an atom, decided by `op_id`, guarded by its fence, and refused when it contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from aion_core.spi import (
    Batch,
    Commit,
    Committed,
    Conflict,
    Fence,
    Fenced,
    Shard,
    StoreRefused,
    WorkflowId,
)
from aion_testkit.builders import T0, message, next_commit, op_id, outcome, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.events.histories import as_read
from aion_testkit.expect import one, raises, same
from aion_testkit.place import Place

_MEGABYTE = 1024 * 1024


class CommitCases(Layer):
    """Everything or nothing of a commit."""

    layer = "contract.commits"

    # ---- op_id

    def test_repeating_the_last_commit_is_committed(self, place: Place) -> None:
        commit = start_commit("order-1", events=2)
        first = place.commit(commit)
        same(list(place.append(commit)), [first], "the head's op_id again: it was applied before, and Committed again")

    def test_repeating_the_last_commit_changes_nothing(self, place: Place) -> None:
        commit = next_commit(start_commit("order-1"), events=2)
        place.commit(start_commit("order-1"), commit)
        before = (place.batches("order-1"), place.state("order-1"), place.feed()[0])
        place.append(commit)
        after = (place.batches("order-1"), place.state("order-1"), place.feed()[0])
        same(after, before, "a commit that is repeated with its op_id does nothing")

    def test_a_repeated_commit_answers_the_keys_of_its_blobs_again(self, place: Place) -> None:
        commit = start_commit("order-1", blobs=[b"one", b"two"])
        first = place.commit(commit)
        again = one(place.append(commit), Committed, "a repeated commit is committed")
        same(again.blobs, first.blobs, "a repeated commit answers the keys of the blobs that it wrote")

    def test_a_repeated_commit_posts_nothing_twice(self, place: Place) -> None:
        post = message("order-2", "m-1")
        commit = start_commit("order-1", posts=[post])
        place.commit(commit, commit)
        place.deliver()
        same(place.inbox("order-2"), [post], "posts of a repeated commit arrive once")

    def test_an_older_op_id_is_a_conflict(self, place: Place) -> None:
        first = start_commit("order-1")
        second = next_commit(first)
        place.commit(first, second)
        same(
            list(place.append(first)),
            [Conflict(2, second.op_id)],
            "only the head's op_id is a repeat; an older one finds the head elsewhere",
        )

    def test_a_repeat_after_reopening_is_still_known(self, place: Place) -> None:
        commit = start_commit("order-1")
        place.commit(commit)
        place.reopen()
        same(list(place.append(commit)), [Committed(1)], "op_ids are as durable as the commits")
        same(len(place.batches("order-1")), 1, "the repeat was not applied")

    def test_the_state_names_the_op_id_that_wrote_it(self, place: Place) -> None:
        commit = start_commit("order-1")
        place.commit(commit)
        state = place.state("order-1")
        same(state and state.op_id, commit.op_id, "WorkflowState.op_id is of the commit that wrote the row")

    # ---- commits without events

    def test_a_commit_without_a_batch_moves_no_head(self, place: Place) -> None:
        first = start_commit("order-1", events=2)
        quiet = next_commit(first, events=0, open_record=b"attempt 11")
        place.commit(first)
        same(list(place.append(quiet)), [Committed(2)], "a commit without a batch leaves the head")
        same(place.batches("order-1"), [as_read(first)], "and the history")

    def test_a_commit_without_a_batch_replaces_the_state(self, place: Place) -> None:
        first = start_commit("order-1", events=2)
        quiet = next_commit(first, events=0, open_record=b"attempt 11", next_wake=T0)
        place.commit(first, quiet)
        same(
            place.state("order-1"),
            replace(quiet.state, op_id=quiet.op_id),
            "a commit without a batch writes state, and its op_id becomes the head's",
        )

    def test_a_commit_without_a_batch_is_decided_by_its_op_id(self, place: Place) -> None:
        first = start_commit("order-1")
        quiet = next_commit(first, events=0, open_record=b"1")
        third = next_commit(quiet)
        place.commit(first, quiet)
        same(list(place.append(quiet)), [Committed(1)], "a repeated commit without a batch is committed")
        place.commit(third)
        same(list(place.append(quiet)), [Conflict(2, third.op_id)], "and is a conflict when the head has moved on")

    def test_a_commit_without_a_batch_makes_no_entry_in_the_feed(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, next_commit(first, events=0, open_record=b"1"))
        entries, _ = place.feed()
        same([entry.batch for entry in entries], [as_read(first)], "the feed has committed batches only")

    # ---- fences

    def test_a_commit_without_a_lease_is_fenced(self, place: Place) -> None:
        shard = place.shard("order-1")
        fenced = one(place.store.append([start_commit("order-1", fence=7)]), Fenced, "nobody holds a lease: Fenced")
        same(fenced.shard, shard, "Fenced names the shard")
        same(place.state("order-1"), None, "a fenced commit changes nothing")

    def test_a_commit_under_a_stale_fence_is_fenced(self, place: Place) -> None:
        stale = place.fence("order-1")
        now = {lease.shard: lease.fence for lease in place.take_over()}
        same(
            list(place.store.append([start_commit("order-1", fence=stale)])),
            [Fenced(place.shard("order-1"), now[place.shard("order-1")])],
            "a lease that was taken over is over: Fenced, with the shard's epoch now",
        )

    def test_a_commit_under_a_stale_fence_changes_nothing(self, place: Place) -> None:
        first = place.fenced(start_commit("order-1", mark="kept"))
        place.commit(first)
        posted = message("order-1", "m-1")
        place.store.post([posted])
        place.take_over()
        late = next_commit(first, events=2, outcomes=[outcome(posted)], posts=[message("order-2", "m-2")])
        one(place.store.append([late]), Fenced, "the old owner's commit is fenced")
        same(place.batches("order-1"), [as_read(first)], "no batch of a fenced commit")
        same(place.state("order-1"), replace(first.state, op_id=first.op_id), "no state of a fenced commit")
        same(place.inbox("order-1"), [posted], "no outcome of a fenced commit")
        same(place.inbox("order-2"), [], "no post of a fenced commit")

    def test_a_commit_under_an_epoch_that_was_never_given_is_fenced(self, place: Place) -> None:
        ahead = Fence(place.fence("order-1") + 1)
        one(place.store.append([start_commit("order-1", fence=ahead)]), Fenced, "an epoch of the future is not a lease")

    def test_a_stale_fence_is_refused_even_for_a_repeated_commit(self, place: Place) -> None:
        """The fence is looked at first, so that a deposed owner learns at once that it is one."""
        commit = place.fenced(start_commit("order-1"))
        place.commit(commit)
        place.take_over()
        one(place.store.append([commit]), Fenced, "fence before op_id")

    def test_fences_are_checked_for_each_shard_of_a_call(self, place: Place) -> None:
        ids = [f"order-{n}" for n in range(12)]
        wrong = place.shard(ids[0])
        commits = [
            start_commit(id, fence=place.fence(id) + (100 if place.shard(id) == wrong else 0)) for id in ids
        ]  # fmt: skip
        answers = place.store.append(commits)
        same(
            [type(answer) for answer in answers],
            [Fenced if place.shard(id) == wrong else Committed for id in ids],
            "a fenced shard disturbs no commit of another shard in the call",
        )

    def test_the_new_owner_goes_on_where_the_old_one_stopped(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first)
        now = {lease.shard: lease.fence for lease in place.take_over()}
        second = replace(next_commit(first), fence=now[place.shard("order-1")])
        same(list(place.store.append([second])), [Committed(2)], "the new owner's commits are applied")

    # ---- malformed commits

    def test_a_batch_with_a_gap_before_it_is_refused(self, place: Place) -> None:
        self._refused(place, lambda c: replace(c, batch=Batch.of(3, 3, b"[]"), state=replace(c.state, head=3)))

    def test_a_batch_that_overlaps_the_history_is_refused(self, place: Place) -> None:
        self._refused(place, lambda c: replace(c, batch=Batch.of(1, 2, b"[]")))

    def test_a_batch_without_events_is_refused(self, place: Place) -> None:
        self._refused(place, lambda c: replace(c, batch=Batch.of(2, 1, b"[]"), state=replace(c.state, head=1)))

    def test_a_state_that_names_another_head_is_refused(self, place: Place) -> None:
        self._refused(place, lambda c: replace(c, state=replace(c.state, head=9)))

    def test_a_state_of_another_workflow_is_refused(self, place: Place) -> None:
        self._refused(place, lambda c: replace(c, state=replace(c.state, workflow_id=WorkflowId("order-9"))))

    def test_two_commits_of_one_workflow_in_a_call_are_refused(self, place: Place) -> None:
        first = start_commit("order-1")
        with raises(StoreRefused, "a call holds at most one commit per workflow"):
            place.append(first, next_commit(first))
        same(place.state("order-1"), None, "a refused call applied nothing")

    def _refused(self, place: Place, spoil: Callable[[Commit], Commit]) -> None:
        """A spoiled commit is refused, and with it the whole call."""
        first, other = start_commit("order-1"), start_commit("order-2")
        place.commit(first)
        with raises(StoreRefused, "a commit that contradicts itself refuses the call"):
            place.append(other, spoil(next_commit(first)))
        same(place.batches("order-1"), [as_read(first)], "nothing of the spoiled commit was applied")
        same(place.state("order-2"), None, "StoreRefused: nothing of the whole call was applied")

    # ---- limits

    def test_a_commit_over_the_limit_of_bytes_is_refused(self, place: Place) -> None:
        limit = place.store.limits.commit_bytes
        self._over_the_limit(place, [start_commit("order-1", body=b"x" * (limit + 1))])

    def test_a_call_with_too_many_commits_is_refused(self, place: Place) -> None:
        limit = place.store.limits.call_commits
        self._over_the_limit(place, [start_commit(f"order-{n}") for n in range(limit + 1)])

    def test_a_call_with_too_many_bytes_is_refused(self, place: Place) -> None:
        limits = place.store.limits
        size = min(limits.commit_bytes, limits.call_bytes) // 2
        count = limits.call_bytes // size + 1
        body = b"x" * size
        self._over_the_limit(place, [start_commit(f"order-{n}", body=body) for n in range(count)])

    def test_a_commit_with_too_many_outcomes_is_refused(self, place: Place) -> None:
        limit = place.store.limits.commit_outcomes
        outcomes = [outcome(message("order-1", f"m-{n}")) for n in range(limit + 1)]
        self._over_the_limit(place, [start_commit("order-1", outcomes=outcomes)])

    def test_a_commit_with_too_many_posts_is_refused(self, place: Place) -> None:
        limit = place.store.limits.commit_posts
        posts = [message("order-2", f"m-{n}", n=n) for n in range(limit + 1)]
        self._over_the_limit(place, [start_commit("order-1", posts=posts)])

    def test_a_call_at_its_limits_is_committed(self, place: Place) -> None:
        limits = place.store.limits
        outcomes = [outcome(message("order-0", f"m-{n}")) for n in range(limits.commit_outcomes)]
        posts = [message("order-x", f"m-{n}", n=n) for n in range(limits.commit_posts)]
        full = start_commit("order-0", outcomes=outcomes, posts=posts)
        rest = [start_commit(f"order-{n}") for n in range(1, limits.call_commits)]
        answers = place.append(full, *rest)
        same({type(answer) for answer in answers}, {Committed}, "what keeps the limits is accepted")
        place.deliver()
        same(len(place.inbox("order-x", limit=500)), limits.commit_posts, "all posts arrive")

    def test_one_commit_may_be_larger_than_a_call_of_several(self, place: Place) -> None:
        """`call_bytes` bounds what is grouped; a commit that stands alone is bound by `commit_bytes`."""
        limits = place.store.limits
        size = min(limits.call_bytes + 1, limits.commit_bytes - _MEGABYTE // 16)
        commit = start_commit("order-1", body=b"x" * size)
        place.commit(commit)
        same(place.batches("order-1"), [as_read(commit)], "a large commit alone in its call is committed")

    def _over_the_limit(self, place: Place, commits: Sequence[Commit]) -> None:
        with raises(StoreRefused, "what breaks `limits` is refused"):
            place.append(*commits)
        same(place.ids(), [], "StoreRefused: nothing of the whole call was applied")

    # ---- atoms

    def test_a_conflict_settles_and_posts_nothing(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first)
        waiting = message("order-1", "m-1")
        place.store.post([waiting])
        rival = start_commit("order-1", outcomes=[outcome(waiting)], posts=[message("order-2", "m-2")], blobs=[b"blob"])
        one(place.append(rival), Conflict, "the rival meets a conflict")
        place.deliver()
        same(place.inbox(), [waiting], "a conflict settles nothing and posts nothing")
        same(list(place.store.outcomes([(waiting.workflow_id, waiting.message_id)])), [None], "and leaves no tombstone")

    def test_a_commit_brings_batch_state_outcome_and_post_together(self, place: Place) -> None:
        waiting = message("order-1", "m-1")
        place.store.post([waiting])
        post = message("order-2", "m-2")
        settled = outcome(waiting, body=b"done")
        commit = start_commit("order-1", outcomes=[settled], posts=[post], blobs=[b"blob"])
        answer = place.commit(commit)
        place.deliver()
        same(place.batches("order-1"), [as_read(commit, blobs=answer.blobs)], "the batch")
        same(place.state("order-1"), replace(commit.state, op_id=commit.op_id), "the state")
        same(place.runs("order-1"), list(commit.runs), "the run")
        same(list(place.store.outcomes([(waiting.workflow_id, waiting.message_id)])), [settled], "the outcome")
        same(place.inbox(), [post], "the consumed message is gone, the post is there")
        same([place.store.get_blob(key) for key in answer.blobs], [b"blob"], "the blob")

    def test_a_lease_that_ran_out_but_was_not_taken_still_commits(self, place: Place) -> None:
        """A lease is the right to append until another engine gets it; the safety is the fence, not the clock."""
        table = place.store.lease(place.me, place.store.shards, 0.05)
        fences: dict[Shard, Fence] = {lease.shard: lease.fence for lease in table.mine}
        place.pass_time(0.1)
        commit = start_commit("order-1", fence=fences[place.shard("order-1")])
        same(list(place.store.append([commit])), [Committed(1)], "the epoch is still the shard's")

    def test_two_op_ids_at_one_head_have_one_winner(self, place: Place) -> None:
        first = start_commit("order-1")
        twin = replace(first, op_id=op_id())
        place.commit(first)
        same(
            list(place.append(twin)),
            [Conflict(1, first.op_id)],
            "equal content under another op_id is another commit, and meets a conflict",
        )
