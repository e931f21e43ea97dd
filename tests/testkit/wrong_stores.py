"""Stores that are wrong in one way each, and the case of the kit that has to notice."""

import threading
import time
from collections.abc import Callable
from typing import ClassVar

from attrs import frozen
from msgspec.structs import replace

from aion_core.memory import MemoryEventStore, MemorySettings, MemoryVisibilitySettings, MemoryVisibilityStore
from aion_core.model.conditions import And, Comparison, IsNull, Not, Operator, Or, Query, StartsWith
from aion_core.model.errors import CursorTooOld
from aion_core.model.ids import BlobKey, Fence
from aion_core.model.packages import Route
from aion_core.model.status import Status
from aion_core.spi.capabilities import Capability
from aion_core.spi.records import (
    Committed,
    Conflict,
    Fenced,
    Lease,
    OutcomeKind,
    Page,
    Posted,
)
from aion_core.spi.stores import StoreHealth
from aion_core.visibility import matches
from aion_testkit.builders import engine

_ANYBODY = engine("anybody")


@frozen
class Wrong:
    """One wrong store and the name of the case that catches it."""

    store: type
    case: str

    @property
    def kind(self) -> str:
        return "event_store" if issubclass(self.store, MemoryEventStore) else "visibility_store"


WRONG: list[Wrong] = []


def caught_by(case: str) -> Callable[[type], type]:
    def declare(store: type) -> type:
        WRONG.append(Wrong(store, case))
        return store

    return declare


# ---- histories and commits


@caught_by("test_an_append_with_a_stale_sequence_changes_nothing")
class NoCompareAndSwap(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        return super()._append(world, replace(commit, expected_seq=history.state.head) if history else commit)


@caught_by("test_an_append_with_a_stale_sequence_names_the_actual_head")
class ConflictNamesWhatWasExpected(MemoryEventStore):
    def _append(self, world, commit):
        answer = super()._append(world, commit)
        return Conflict(commit.expected_seq, answer.op_id) if isinstance(answer, Conflict) else answer


@caught_by("test_an_append_ahead_of_the_head_is_a_conflict")
class AcceptsGaps(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        if history and commit.expected_seq > history.state.head:
            history.state = replace(history.state, head=commit.expected_seq)
        return super()._append(world, commit)


@caught_by("test_repeating_the_last_commit_is_committed")
class RepeatIsAConflict(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        if history and history.op_id == commit.op_id:
            return Conflict(history.state.head, history.op_id)
        return super()._append(world, commit)


@caught_by("test_repeating_the_last_commit_changes_nothing")
class RepeatIsAppliedTwice(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        if history and history.op_id == commit.op_id:
            history.batches.append(history.batches[-1])
        return super()._append(world, commit)


@caught_by("test_a_repeated_commit_posts_nothing_twice")
class RepeatPostsAgain(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        if history and history.op_id == commit.op_id:
            for number, post in enumerate(commit.posts):
                again = replace(post, message_id=f"{post.message_id}-{number}")
                world.mail.post(again, world.platform.now())
        return super()._append(world, commit)


@caught_by("test_an_older_op_id_is_a_conflict")
class AnyOldOpIdIsARepeat(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        if history and any(batch.op_id == commit.op_id for batch in history.batches):
            return Committed(history.state.head)
        return super()._append(world, commit)


@caught_by("test_a_commit_without_a_batch_replaces_the_state")
class QuietCommitsLeaveNoOpId(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        before = history.op_id if history else None
        answer = super()._append(world, commit)
        if history and commit.batch is None:
            history.op_id = before
        return answer


@caught_by("test_a_commit_without_a_batch_makes_no_entry_in_the_feed")
class QuietCommitsAreInTheFeed(MemoryEventStore):
    def _append(self, world, commit):
        answer = super()._append(world, commit)
        if commit.batch is None and isinstance(answer, Committed):
            history = world.history(commit.workflow_id)
            shard = world.shard(commit.workflow_id)
            world.feed.add(shard, commit.workflow_id, commit.state.summary.run_id, history.batches[-1])
        return answer


@caught_by("test_a_conflict_disturbs_no_other_commit_of_the_call")
class ConflictAbortsTheCall(MemoryEventStore):
    def append(self, commits):
        heads = [self.world.history(commit.workflow_id) for commit in commits]
        for history, commit in zip(heads, commits, strict=True):
            if history and history.state.head != commit.expected_seq:
                return [Conflict(history.state.head, history.op_id) for _ in commits]
        return super().append(commits)


@caught_by("test_a_conflict_settles_and_posts_nothing")
class SettlesBeforeItCompares(MemoryEventStore):
    def _append(self, world, commit):
        for outcome in commit.outcomes:
            world.mail.settle(outcome, world.platform.now())
        return super()._append(world, commit)


@caught_by("test_a_batch_with_a_gap_before_it_is_refused")
class ChecksNothing(MemoryEventStore):
    def append(self, commits):
        with self.world.lock:
            return [self._append(self.world, commit) for commit in commits]


@caught_by("test_a_commit_over_the_limit_of_bytes_is_refused")
class LimitsAreOnlyDeclared(ChecksNothing):
    pass


@caught_by("test_a_read_from_within_a_batch_returns_that_batch_whole")
class ReadSkipsTheBatchItIsIn(MemoryEventStore):
    def read(self, workflow_id, *, after=0, limit=None):
        page = super().read(workflow_id, after=after, limit=limit)
        return Page(tuple(batch for batch in page.items if batch.first_seq > after), page.next)


@caught_by("test_limit_counts_batches")
class LimitCountsEvents(MemoryEventStore):
    def read(self, workflow_id, *, after=0, limit=None):
        return super().read(workflow_id, after=after, limit=limit and max(1, limit // 3))


@caught_by("test_every_batch_returns_the_op_id_that_wrote_it")
class BatchesForgetTheirOpId(MemoryEventStore):
    def read(self, workflow_id, *, after=0, limit=None):
        page = super().read(workflow_id, after=after, limit=limit)
        return Page(tuple(replace(batch, op_id="") for batch in page.items), page.next)


@caught_by("test_the_state_is_returned_as_the_commit_gave_it")
class TheStatesHeadIsWrong(MemoryEventStore):
    def state(self, workflow_ids):
        return [row and replace(row, head=row.head - 1) for row in super().state(workflow_ids)]


class FoldedIds(MemoryEventStore):
    """Compares ids as some databases do by default."""

    def __init__(self, settings=None, *rest):
        super().__init__(replace(settings, shards=1), *rest)

    def fold(self, text):
        return text.lower()

    def append(self, commits):
        return super().append([self._folded(commit) for commit in commits])

    def read(self, workflow_id, **page):
        return super().read(self.fold(workflow_id), **page)

    def state(self, workflow_ids):
        return super().state([self.fold(workflow_id) for workflow_id in workflow_ids])

    def _folded(self, commit):
        folded = self.fold(commit.workflow_id)
        state = replace(commit.state, workflow_id=folded, summary=replace(commit.state.summary, id=folded))
        return replace(commit, workflow_id=folded, state=state, runs=())


@caught_by("test_ids_that_differ_only_in_case_are_different_workflows")
class IdsIgnoreCase(FoldedIds):
    pass


@caught_by("test_ids_that_only_look_alike_are_different_workflows")
class IdsIgnoreAccents(FoldedIds):
    def fold(self, text):
        return text.replace("\u00e9", "e").replace("\u0301", "")


@caught_by("test_golden_scripts_of_the_world_are_given_back_byte_for_byte")
class BodiesAreAscii(MemoryEventStore):
    def read(self, workflow_id, *, after=0, limit=None):
        page = super().read(workflow_id, after=after, limit=limit)
        mangled = (batch.body.decode(errors="replace").encode("ascii", "replace") for batch in page.items)
        return Page(tuple(replace(b, body=body) for b, body in zip(page.items, mangled, strict=True)), page.next)


@caught_by("test_golden_text_is_given_back_byte_for_byte")
class JsonIsWrittenAnew(MemoryEventStore):
    def read(self, workflow_id, *, after=0, limit=None):
        page = super().read(workflow_id, after=after, limit=limit)
        return Page(tuple(replace(b, body=b.body.replace(b" ", b"")) for b in page.items), page.next)


# ---- fences and leases


@caught_by("test_a_commit_under_a_stale_fence_is_fenced")
class AcceptsStaleFences(MemoryEventStore):
    def _append(self, world, commit):
        now = world.leases.fence(world.shard(commit.workflow_id))
        return super()._append(world, replace(commit, fence=min(now, Fence(commit.fence + 1))))


@caught_by("test_a_stale_fence_is_refused_even_for_a_repeated_commit")
class RepeatsNeedNoLease(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        if history and history.op_id == commit.op_id:
            return Committed(history.state.head)
        return super()._append(world, commit)


@caught_by("test_fences_are_checked_for_each_shard_of_a_call")
class OneFenceForTheWholeCall(MemoryEventStore):
    def append(self, commits):
        answers = super().append(commits[:1])
        if isinstance(answers[0], Fenced):
            return [answers[0] for _ in commits]
        return [*answers, *super().append(commits[1:])]


@caught_by("test_a_take_over_leaves_no_gap_for_the_old_owner")
class FenceIsCheckedBeforeTheTransaction(MemoryEventStore):
    def append(self, commits):
        world = self.world
        held = [world.leases.holds(world.shard(c.workflow_id), c.fence) for c in commits]
        time.sleep(0.002)
        with world.lock:
            fences = [world.leases.fence(world.shard(c.workflow_id)) for c in commits]
            if not all(held):
                return super().append(commits)
            if not all(world.leases.holds(world.shard(c.workflow_id), f) for c, f in zip(commits, fences, strict=True)):
                world.leases.lease(_ANYBODY, world.shards, 3600, world.platform.now())
                fences = [world.leases.fence(world.shard(c.workflow_id)) for c in commits]
            return super().append([replace(c, fence=f) for c, f in zip(commits, fences, strict=True)])


@caught_by("test_renewing_keeps_the_epochs")
class RenewalRaisesTheEpoch(MemoryEventStore):
    def lease(self, me, want, ttl):
        self.release(super().lease(me, 0, ttl).mine)
        return super().lease(me, want, ttl)


@caught_by("test_taking_a_lease_over_raises_its_epoch")
class TakeOverKeepsTheEpoch(MemoryEventStore):
    def lease(self, me, want, ttl):
        with self.world.lock:
            now = self.world.platform.now()
            before = {shard: holder.fence for shard, holder in self.world.leases._shards.items()}
            self.world.leases.lease(me, want, ttl, now)
            for shard, holder in self.world.leases._shards.items():
                holder.fence = max(before[shard], Fence(1))
            return self.world.leases._table(me, now)


@caught_by("test_epochs_survive_reopening")
class EpochsBeginAgain(MemoryEventStore):
    def open(self):
        super().open()
        for holder in self.world.leases._shards.values():
            holder.fence = Fence(0)


@caught_by("test_a_lease_in_force_is_never_taken")
class TakesFromTheLiving(MemoryEventStore):
    def lease(self, me, want, ttl):
        with self.world.lock:
            for holder in self.world.leases._shards.values():
                if want and holder.owner not in {None, me.engine_id}:
                    holder.owner = None
        return super().lease(me, want, ttl)


@caught_by("test_no_more_is_taken_than_is_wanted")
class TakesAllThereIs(MemoryEventStore):
    def lease(self, me, want, ttl):
        return super().lease(me, self.shards if want else 0, ttl)


@caught_by("test_a_lease_that_was_renewed_in_time_can_not_be_taken")
class RenewsNothing(MemoryEventStore):
    def lease(self, me, want, ttl):
        with self.world.lock:
            until = {shard: holder.until for shard, holder in self.world.leases._shards.items()}
            held = {shard for shard, holder in self.world.leases._shards.items() if holder.owner == me.engine_id}
            table = super().lease(me, want, ttl)
            for shard in held:
                self.world.leases._shards[shard].until = until[shard]
            return table


@caught_by("test_releasing_under_an_old_fence_takes_nothing_from_the_new_owner")
class ReleasesWhoeverHoldsIt(MemoryEventStore):
    def release(self, leases):
        super().release([Lease(lease.shard, self.world.leases.fence(lease.shard)) for lease in leases])


@caught_by("test_of_many_engines_each_shard_has_one_owner")
class LeasesInTwoSteps(MemoryEventStore):
    def lease(self, me, want, ttl):
        with self.world.lock:
            free = [h for h in self.world.leases._shards.values() if h.owner is None]
        time.sleep(0.02)
        with self.world.lock:
            for holder in free[:want]:
                holder.owner = None
            return super().lease(me, want, ttl)


# ---- messages


@caught_by("test_a_settled_message_leaves_the_inbox")
class SettledMessagesStay(MemoryEventStore):
    def settle(self, outcomes):
        waiting = dict(self.world.mail._waiting)
        super().settle(outcomes)
        self.world.mail._waiting.update(waiting)
        self.world.mail._places.update({key: (1, "", n) for n, key in enumerate(waiting)})


@caught_by("test_a_commit_settles_the_messages_it_consumes")
class CommitsLoseTheirOutcomes(MemoryEventStore):
    def _append(self, world, commit):
        return super()._append(world, replace(commit, outcomes=()))


@caught_by("test_posts_of_a_commit_reach_their_targets")
class CommitsLoseTheirPosts(MemoryEventStore):
    def _append(self, world, commit):
        return super()._append(world, replace(commit, posts=commit.posts[:1]))


@caught_by("test_tombstones_survive_reopening")
class TombstonesAreForgotten(MemoryEventStore):
    def open(self):
        super().open()
        self.world.mail._settled.clear()


@caught_by("test_posting_a_settled_message_again_returns_its_outcome")
class SettledIdsArePostedAgain(MemoryEventStore):
    def post(self, messages):
        for message in messages:
            self.world.mail._settled.pop((message.workflow_id, message.message_id), None)
        return super().post(messages)


@caught_by("test_a_message_posted_again_with_other_content_stays_as_it_was_first")
class TheLastPostWins(MemoryEventStore):
    def post(self, messages):
        for message in messages:
            key = (message.workflow_id, message.message_id)
            if key in self.world.mail._waiting:
                self.world.mail._waiting[key] = message
        return super().post(messages)


@caught_by("test_one_message_id_counts_within_its_workflow")
class MessageIdsAreGlobal(MemoryEventStore):
    def post(self, messages):
        known = {key[1] for key in self.world.mail._waiting}
        fresh = []
        for message in messages:
            if message.message_id not in known:
                fresh.append(message)
                known.add(message.message_id)
        super().post(fresh)
        return [Posted() for _ in messages]


@caught_by("test_messages_of_one_poster_are_read_in_the_order_of_n")
class InOrderOfArrival(MemoryEventStore):
    def post(self, messages):
        answers = []
        for message in messages:
            answers.extend(super().post([message]))
            key = (message.workflow_id, message.message_id)
            if key in self.world.mail._places:
                self.world.mail._places[key] = (self.world.mail._arrivals, message.poster, message.n)
        return answers


@caught_by("test_large_numbers_of_a_poster_are_ordered_as_numbers")
class NumbersAreOrderedAsText(MemoryEventStore):
    def inbox(self, shards, *, after=None, limit):
        page = super().inbox(shards, limit=1000)
        return Page(tuple(sorted(page.items, key=lambda m: str(m.n))), None)


@caught_by("test_paging_the_inbox_meets_every_message_while_others_are_settled")
class InboxPagesByOffset(MemoryEventStore):
    def inbox(self, shards, *, after=None, limit):
        start = int(after or 0)
        items = super().inbox(shards, limit=1000).items
        return Page(items[start : start + limit], str(start + limit) if start + limit < len(items) else None)


@caught_by("test_the_first_outcome_stays")
class TheLastOutcomeWins(MemoryEventStore):
    def settle(self, outcomes):
        for outcome in outcomes:
            self.world.mail._settled.pop((outcome.workflow_id, outcome.message_id), None)
        super().settle(outcomes)


@caught_by("test_accepted_is_replaced_by_what_comes_after")
class AcceptedStays(MemoryEventStore):
    def settle(self, outcomes):
        keys = [(outcome.workflow_id, outcome.message_id) for outcome in outcomes]
        kept = {key: self.world.mail._settled[key] for key in keys if key in self.world.mail._settled}
        super().settle(outcomes)
        self.world.mail._settled.update(kept)


@caught_by("test_a_final_outcome_is_not_replaced_by_accepted")
class AcceptedReplacesAll(MemoryEventStore):
    def settle(self, outcomes):
        super().settle(outcomes)
        for outcome in outcomes:
            if outcome.kind is OutcomeKind.ACCEPTED:
                self.world.mail._settled[outcome.workflow_id, outcome.message_id] = outcome


@caught_by("test_an_expired_tombstone_is_forgotten")
class TombstonesNeverExpire(MemoryEventStore):
    def settle(self, outcomes):
        super().settle([replace(outcome, expires_at=2**61) for outcome in outcomes])


@caught_by("test_waiting_ends_early_when_another_client_posts")
class WaitsToTheEnd(MemoryEventStore):
    def wait(self, timeout):
        threading.Event().wait(timeout)


# ---- feed, wakes and lists


@caught_by("test_every_committed_batch_is_in_the_feed")
class FeedHasGaps(MemoryEventStore):
    def feed(self, after, *, limit):
        page = super().feed(after, limit=limit)
        return Page(page.items[::2], page.next)


@caught_by("test_pages_of_any_size_meet_the_same_entries")
class FeedLosesTheEdgesOfPages(MemoryEventStore):
    def feed(self, after, *, limit):
        page = super().feed(after, limit=limit)
        skipped = super().feed(page.next, limit=1)
        return Page(page.items, skipped.next if len(page.items) == limit else page.next)


@caught_by("test_a_feed_reader_misses_nothing_while_commits_go_on")
class FeedEntriesComeLate(MemoryEventStore):
    """Every second commit of a call enters the feed before its predecessor, at a later place."""

    late: ClassVar[dict] = {}

    def feed(self, after, *, limit):
        page = super().feed(after, limit=limit)
        seen = self.late.setdefault(id(self.world), set())
        fresh = [entry for entry in page.items if entry.batch.op_id not in seen]
        seen.update(entry.batch.op_id for entry in page.items)
        hidden = {entry.batch.op_id for entry in fresh[1::2]}
        return Page(tuple(entry for entry in page.items if entry.batch.op_id not in hidden), page.next)


@caught_by("test_a_cursor_before_trimmed_entries_is_too_old")
class NobodyIsTooLate(MemoryEventStore):
    def feed(self, after, *, limit):
        try:
            return super().feed(after, limit=limit)
        except CursorTooOld:
            return super().feed(None, limit=limit)


@caught_by("test_positions_are_not_given_again_after_a_trim")
class PositionsAreGivenAgain(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        super().trim(workflow_id, before_run, head=head)
        feed = self.world.feed
        for shard, entries in feed._entries.items():
            feed._last[shard] = max([entry.n for _, entry in entries], default=0)
            feed._floor[shard] = min(feed._floor[shard], feed._last[shard])


@caught_by("test_workflows_that_stay_due_do_not_hide_the_ones_behind_them")
class OnlyTheFirstPageIsDue(MemoryEventStore):
    def wakes(self, shards, until, *, after=None, limit):
        return Page(super().wakes(shards, until, limit=limit).items, None)


@caught_by("test_a_wake_at_the_limit_is_due")
class DueMeansBefore(MemoryEventStore):
    def wakes(self, shards, until, *, after=None, limit):
        return super().wakes(shards, until - 1, after=after, limit=limit)


@caught_by("test_many_wakes_at_one_moment_are_all_met")
class WakesArePagedByTimeAlone(MemoryEventStore):
    def wakes(self, shards, until, *, after=None, limit):
        items = [w for w in super().wakes(shards, until, limit=1000).items if after is None or w.at > int(after)]
        return Page(tuple(items[:limit]), str(items[limit - 1].at) if len(items) > limit else None)


@caught_by("test_paging_states_meets_every_row_once_while_others_come_and_change")
class StatesPageByOffset(MemoryEventStore):
    def states(self, shards, *, status=None, after=None, limit):
        start = int(after or 0)
        rows = sorted(super().states(shards, status=status, limit=10_000).items, key=lambda row: row.workflow_id)
        more = start + limit < len(rows)
        return Page(tuple(rows[start : start + limit]), str(start + limit) if more else None)


@caught_by("test_a_paused_workflow_is_not_running_until_it_is_resumed")
class PausedCountsAsRunning(MemoryEventStore):
    def states(self, shards, *, status=None, after=None, limit):
        wanted = [*status, Status.PAUSED] if status and Status.RUNNING in status else status
        return super().states(shards, status=wanted, after=after, limit=limit)


@caught_by("test_a_continued_workflow_has_two_runs_in_order")
class OneRunForEachWorkflow(MemoryEventStore):
    def runs(self, workflow_id, *, after=None, limit):
        return Page(super().runs(workflow_id, limit=1000).items[-1:], None)


# ---- retention


@caught_by("test_removing_an_open_workflow_is_refused")
class TrimTakesOpenWorkflows(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        history = self.world.history(workflow_id)
        if history and before_run is None:
            closed = replace(history.state.summary, status=Status.COMPLETED)
            history.state = replace(history.state, summary=closed)
        super().trim(workflow_id, before_run, head=head)


@caught_by("test_a_history_that_went_on_is_not_removed")
class TrimAsksForNoHead(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        super().trim(workflow_id, before_run)


@caught_by("test_trimming_raises_the_floor")
class TheFloorStays(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        super().trim(workflow_id, before_run, head=head)
        if history := self.world.history(workflow_id):
            history.floor = 0


@caught_by("test_a_batch_that_two_runs_share_stays")
class TrimTakesSharedBatches(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        super().trim(workflow_id, before_run, head=head)
        if history := self.world.history(workflow_id):
            history.batches = [batch for batch in history.batches if batch.first_seq > history.floor]


@caught_by("test_trimming_keeps_tombstones_and_messages")
class TrimTakesTombstones(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        super().trim(workflow_id, before_run, head=head)
        for key in [key for key in self.world.mail._settled if key[0] == workflow_id]:
            del self.world.mail._settled[key]


# ---- packages and blobs


@caught_by("test_a_package_whose_bytes_were_changed_is_refused")
class AnyBytesAreAPackage(MemoryEventStore):
    def put_package(self, package, *, route=()):
        with self.world.lock:
            self.world.packages[package.version] = package
            self.world.routes.update((name, Route(name, package.version)) for name in route)


@caught_by("test_deleting_a_package_keeps_its_routes")
class RoutesGoWithTheirPackage(MemoryEventStore):
    def delete_package(self, version):
        super().delete_package(version)
        for name in [name for name, route in self.world.routes.items() if route.version == version]:
            del self.world.routes[name]


@caught_by("test_putting_a_package_with_routes_points_them_at_it")
class RoutesNeedASecondCall(MemoryEventStore):
    def put_package(self, package, *, route=()):
        super().put_package(package)


@caught_by("test_putting_a_package_without_routes_leaves_them_alone")
class EveryTypeIsRouted(MemoryEventStore):
    def put_package(self, package, *, route=()):
        super().put_package(package)
        self.put_routes([Route(name, package.version) for name in package.types])


@caught_by("test_packages_are_listed_in_the_order_of_deployment")
class PackagesAreListedByVersion(MemoryEventStore):
    def list_packages(self):
        return sorted(super().list_packages(), key=lambda package: package.version)


@caught_by("test_equal_blobs_of_two_commits_are_not_shared")
class BlobsAreSharedByContent(MemoryEventStore):
    def _append(self, world, commit):
        answer = super()._append(world, commit)
        if commit.blobs and isinstance(answer, Committed):
            keys = tuple(BlobKey(f"sha/{hash(blob)}") for blob in commit.blobs)
            world.blobs.update(zip(keys, commit.blobs, strict=True))
            history = world.history(commit.workflow_id)
            history.batches[-1] = replace(history.batches[-1], blobs=keys)
            return replace(answer, blobs=keys)
        return answer


@caught_by("test_sweeping_keeps_the_blobs_of_commits")
class SweepTakesLiveBlobs(MemoryEventStore):
    def sweep_blobs(self, leases):
        count = len(self.world.blobs)
        self.world.blobs.clear()
        return count


@caught_by("test_a_repeated_commit_answers_the_keys_of_its_blobs_again")
class RepeatsForgetTheirBlobs(MemoryEventStore):
    def _append(self, world, commit):
        history = world.history(commit.workflow_id)
        repeat = history is not None and history.op_id == commit.op_id
        answer = super()._append(world, commit)
        return Committed(answer.head) if repeat else answer


# ---- atomicity, closing and crashes


@caught_by("test_a_store_says_where_it_is")
class SaysNothingOfItself(MemoryEventStore):
    def health(self):
        super().health()
        return StoreHealth()


@caught_by("test_readers_see_all_of_a_commit_or_nothing")
class HalfACommitIsVisible(MemoryEventStore):
    def append(self, commits):
        answers = super().append([replace(commit, outcomes=()) for commit in commits])
        time.sleep(0.001)
        for commit, answer in zip(commits, answers, strict=True):
            if isinstance(answer, Committed):
                self.settle(commit.outcomes)
        return answers


@caught_by("test_of_many_appends_at_one_head_one_wins")
class ComparesOutsideTheLock(MemoryEventStore):
    def append(self, commits):
        (commit,) = commits
        history = self.world.history(commit.workflow_id)
        time.sleep(0.002)
        with self.world.lock:
            now = self.world.history(commit.workflow_id)
            if history is None and now is not None:
                super().append(commits)
                return [Committed(commit.head)]
            return super().append(commits)


@caught_by("test_using_a_store_after_it_was_closed_is_an_error")
class WorksWhenClosed(MemoryEventStore):
    def close(self):
        pass


@caught_by("test_histories_survive_reopening")
class WritesAreLostAtReopening(MemoryEventStore):
    def close(self):
        if self._open:
            for histories in self.world.histories.values():
                histories.clear()
        super().close()


@caught_by("test_a_crash_loses_nothing_that_was_acknowledged")
class WritesAreSavedAtClosing(MemoryEventStore):
    unsaved: ClassVar[set] = set()

    def open(self):
        super().open()
        if id(self.world) in self.unsaved:
            for histories in self.world.histories.values():
                histories.clear()

    def append(self, commits):
        self.unsaved.add(id(self.world))
        return super().append(commits)


@caught_by("test_what_was_acknowledged_survives_a_killed_process")
class ClaimsToBeDurable(MemoryEventStore):
    capabilities = MemoryEventStore.capabilities | {Capability.DURABLE}


# ---- summaries kept by an event store


@caught_by("test_a_later_commit_replaces_the_summary")
class SummariesAreWrittenOnce(MemoryEventStore):
    def _append(self, world, commit):
        return super()._append(world, replace(commit, visible=False, runs=commit.runs if commit.head == 1 else ()))


@caught_by("test_trimming_removes_the_runs_before_from_the_list")
class TrimmedRunsStayListed(MemoryEventStore):
    def trim(self, workflow_id, before_run, *, head=None):
        kept = list(self.list(Query(), limit=1000).items)
        super().trim(workflow_id, before_run, head=head)
        self.record(kept)


@caught_by("test_a_conflict_changes_nothing_that_is_listed")
class ConflictsAreListed(MemoryEventStore):
    def _append(self, world, commit):
        world.summaries.record([commit.state.summary])
        return super()._append(world, commit)


# ---- visibility stores


@caught_by("test_runs_without_a_value_come_last_in_either_direction")
class NullsComeFirst(MemoryVisibilityStore):
    def list(self, query, *, after=None, limit):
        if after is not None or query.order.descending:
            return super().list(query, after=after, limit=limit)
        rows = super().list(query, limit=1000).items
        rows = sorted(rows, key=lambda row: row.attributes.get(query.order.field.name) is not None)
        return Page(tuple(rows), None)


class PagesByOffset(MemoryVisibilityStore):
    def list(self, query, *, after=None, limit):
        start = int(after or 0)
        rows = super().list(query, limit=10_000).items
        return Page(rows[start : start + limit], str(start + limit) if start + limit < len(rows) else None)


@caught_by("test_rows_that_come_while_paging_disturb_no_others")
class ListPagesByOffset(PagesByOffset):
    pass


@caught_by("test_rows_that_go_while_paging_disturb_no_others")
class RowsThatGoShiftThePages(PagesByOffset):
    pass


@caught_by("test_a_token_of_another_order_is_refused")
class TakesAnyToken(PagesByOffset):
    pass


@caught_by("test_counting_counts_only_what_matches")
class CountIgnoresTheCondition(MemoryVisibilityStore):
    def count(self, where, *, limit=None):
        return super().count(None, limit=limit)


class Rewritten(MemoryVisibilityStore):
    """Translates conditions wrongly."""

    def rewrite(self, where):
        return where

    def list(self, query, *, after=None, limit):
        return super().list(replace(query, where=self._all(query.where)), after=after, limit=limit)

    def count(self, where, *, limit=None):
        return super().count(self._all(where), limit=limit)

    def _all(self, where):
        match where:
            case And(operands) | Or(operands):
                return replace(where, operands=tuple(self._all(operand) for operand in operands))
            case Not(operand):
                return self.rewrite(Not(self._all(operand)))
            case None:
                return None
            case _:
                return self.rewrite(where)


@caught_by("test_a_run_without_a_value_matches_no_comparison")
class UnequalIncludesNull(Rewritten):
    def rewrite(self, where):
        if isinstance(where, Comparison) and where.operator is Operator.NE:
            return Or((where, IsNull(where.field)))
        return where


@caught_by("test_and_or_and_not_combine")
class NotIsThreeValued(Rewritten):
    def rewrite(self, where):
        if isinstance(where, Not) and isinstance(where.operand, Comparison):
            return And((where, Not(IsNull(where.operand.field))))
        return where


@caught_by("test_text_is_never_taken_for_a_pattern_or_code")
class PrefixesArePatterns(Rewritten):
    def rewrite(self, where):
        if isinstance(where, StartsWith):
            return StartsWith(where.field, where.prefix.split("%")[0].split("_")[0])
        return where


@caught_by("test_between_includes_both_ends")
class BetweenLeavesOutTheEnd(MemoryVisibilityStore):
    def list(self, query, *, after=None, limit):
        where = query.where
        if type(where).__name__ == "Between":
            where = And((where, Comparison(where.field, Operator.NE, where.high)))
        return super().list(replace(query, where=where), after=after, limit=limit)


@caught_by("test_nothing_is_left_of_a_replaced_summary")
class OldAttributesStay(MemoryVisibilityStore):
    def record(self, summaries, *, cursor=None):
        merged = []
        for row in summaries:
            same = [old for old in self.list(Query(), limit=1000).items if (old.id, old.run_id) == (row.id, row.run_id)]
            merged.append(replace(row, attributes={**(same[0].attributes if same else {}), **row.attributes}))
        super().record(merged, cursor=cursor)


@caught_by("test_runs_of_one_workflow_are_rows_of_their_own")
class OneRowForEachWorkflow(MemoryVisibilityStore):
    def record(self, summaries, *, cursor=None):
        ids = {row.id for row in summaries}
        super().delete([(r.id, r.run_id) for r in self.list(Query(), limit=1000).items if r.id in ids])
        super().record(list({row.id: row for row in summaries}.values()), cursor=cursor)


@caught_by("test_the_cursor_and_its_summaries_are_seen_together")
class TheCursorComesSecond(MemoryVisibilityStore):
    def record(self, summaries, *, cursor=None):
        super().record(summaries)
        time.sleep(0.001)
        super().record([], cursor=cursor)


@caught_by("test_summaries_and_cursor_survive_reopening")
class TheCursorIsForgotten(MemoryVisibilityStore):
    def open(self):
        super().open()
        self._place.table.cursor = None


@caught_by("test_values_of_every_type_are_kept_exactly")
class FloatsAreRounded(MemoryVisibilityStore):
    def record(self, summaries, *, cursor=None):
        def rounded(value):
            return round(value, 6) if isinstance(value, float) else value

        rows = [replace(r, attributes={k: rounded(v) for k, v in r.attributes.items()}) for r in summaries]
        super().record(rows, cursor=cursor)


@caught_by("test_any_query_over_any_runs_agrees_with_the_oracle")
class NestedOrsAreForgotten(MemoryVisibilityStore):
    def list(self, query, *, after=None, limit):
        where = query.where
        if isinstance(where, Not) and isinstance(where.operand, Or):
            where = Not(where.operand.operands[0])
        return super().list(replace(query, where=where), after=after, limit=limit)

    def count(self, where, *, limit=None):
        return sum(matches(where, row) for row in super().list(Query(), limit=10_000).items) if where else 0


PLACES: dict[str, Callable] = {
    "event_store": lambda store, name, platform: lambda: store(MemorySettings(name=name), platform),
    "visibility_store": lambda store, name, platform: lambda: store(MemoryVisibilitySettings(name=name), platform),
}
"""How a factory of each kind is made."""
