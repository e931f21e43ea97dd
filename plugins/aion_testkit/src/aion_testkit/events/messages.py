"""Contract: messages are posted once, read in order, and settled once with an outcome that is remembered."""

from __future__ import annotations

from msgspec.structs import replace

from aion_core.spi import (
    SYSTEM,
    Capability,
    Message,
    MessageId,
    MessageKind,
    Outcome,
    OutcomeKind,
    Posted,
    Settled,
    WorkflowId,
)
from aion_testkit.builders import LONG_AGO, NEVER, message, next_commit, outcome, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.expect import same, true
from aion_testkit.needs import needs
from aion_testkit.place import Place

_WATCHDOG = 5.0


def outcomes(place: Place, *messages: Message) -> list[Outcome | None]:
    """The tombstones of these messages."""
    return list(place.store.outcomes([(m.workflow_id, m.message_id) for m in messages]))


class PostCases(Layer):
    """`post` and `inbox`."""

    layer = "contract.messages"

    def test_a_posted_message_is_in_the_inbox_as_it_was_posted(self, place: Place) -> None:
        posted = replace(
            message("order-1", "m-1", body="ключ".encode() + b"\x00\xff", kind=MessageKind.UPDATE),
            run_id=start_commit("order-1").state.summary.run_id,
        )
        same(list(place.store.post([posted])), [Posted()], "a new message is Posted")
        same(place.inbox(), [posted], "inbox returns the message as it was posted")

    def test_every_kind_of_message_is_kept(self, place: Place) -> None:
        posted = [message("order-1", f"m-{kind}", n=n, kind=kind) for n, kind in enumerate(MessageKind)]
        place.store.post(posted)
        same(place.inbox("order-1"), posted, "a store keeps messages of every kind")

    def test_a_message_waits_for_a_workflow_that_does_not_exist_yet(self, place: Place) -> None:
        place.store.post([message("nobody", "m-1")])
        same(len(place.inbox("nobody")), 1, "post needs no workflow to exist")
        same(place.state("nobody"), None, "and creates none")

    def test_posting_needs_no_lease(self, place: Place) -> None:
        client = place.open()
        posted = message("order-1", "m-1")
        client.post([posted])
        same(place.inbox(), [posted], "any client may post, and the engine's store sees it")

    def test_a_message_posted_again_is_there_once(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        for _ in range(2):
            same(list(place.store.post([posted])), [Posted()], "posting again is Posted")
        same(place.inbox(), [posted], "idempotent by (workflow id, message id)")

    def test_a_message_posted_again_with_other_content_stays_as_it_was_first(self, place: Place) -> None:
        first = message("order-1", "m-1", body=b'"first"')
        second = message("order-1", "m-1", body=b'"second"', n=9, poster="client-2")
        place.store.post([first])
        same(list(place.store.post([second])), [Posted()], "an id that is in the inbox is Posted")
        same(place.inbox(), [first], "it stays as it was first posted")

    def test_one_id_twice_in_one_post_is_one_message(self, place: Place) -> None:
        first = message("order-1", "m-1", body=b"1")
        answers = place.store.post([first, message("order-1", "m-1", body=b"2")])
        same(list(answers), [Posted(), Posted()], "one answer each, in order")
        same(place.inbox(), [first], "the first one stays")

    def test_one_message_id_counts_within_its_workflow(self, place: Place) -> None:
        both = [message("order-1", "m-1"), message("order-2", "m-1")]
        place.store.post(both)
        found = sorted(m.workflow_id for m in place.inbox())
        same(found, ["order-1", "order-2"], "the same id of two workflows is two messages")

    def test_message_ids_are_compared_exactly(self, place: Place) -> None:
        ids = ["A", "a", "é", "e\u0301", "e"]
        place.store.post([message("order-1", id, n=n) for n, id in enumerate(ids)])
        same([m.message_id for m in place.inbox()], ids, "ids are compared by code point: `A` is not `a`")

    def test_messages_of_one_poster_are_read_in_the_order_of_n(self, place: Place) -> None:
        posted = [message("order-1", f"m-{n}", n=n) for n in range(12)]
        for n in (3, 0, 11, 1, 2, 10, 4, 9, 5, 8, 6, 7):
            place.store.post([posted[n]])
        same(place.inbox("order-1"), posted, "one poster's messages to one workflow are read in the order of n")

    def test_messages_of_several_posters_keep_the_order_of_each(self, place: Place) -> None:
        posted = [message("order-1", f"{who}-{n}", n=n, poster=who) for n in range(5) for who in ("x", "y", "z")]
        place.store.post(posted)
        found = place.inbox("order-1")
        same(len(found), 15, "every message is met once")
        for who in ("x", "y", "z"):
            own = [m.n for m in found if m.poster == who]
            same(own, [0, 1, 2, 3, 4], f"the messages of poster {who} are read in the order of n")

    def test_large_numbers_of_a_poster_are_ordered_as_numbers(self, place: Place) -> None:
        numbers = [0, 2, 10, 9_999, 10**12, 2**62]
        place.store.post([message("order-1", f"m-{n}", n=n) for n in reversed(numbers)])
        same([m.n for m in place.inbox("order-1")], numbers, "n is a number, not a text")

    def test_the_inbox_of_a_shard_has_the_messages_of_that_shard(self, place: Place) -> None:
        ids = [f"order-{n}" for n in range(20)]
        place.store.post([message(id, "m-1") for id in ids])
        for shard in place.all_shards:
            found = sorted(m.workflow_id for m in place.store.inbox([shard], limit=100).items)
            same(found, sorted(id for id in ids if place.shard(id) == shard), f"inbox of shard {shard}, by shard_of")

    def test_paging_the_inbox_meets_every_message_once(self, place: Place) -> None:
        posted = [message(f"order-{n % 4}", f"m-{n:02d}", n=n) for n in range(23)]
        place.store.post(posted)
        for limit in (1, 5, 100):
            met = sorted(m.message_id for m in place.inbox(limit=limit))
            same(met, sorted(m.message_id for m in posted), f"paging with limit={limit} meets every message once")

    def test_paging_the_inbox_meets_every_message_while_others_are_settled(self, place: Place) -> None:
        posted = [message("order-1", f"m-{n:02d}", n=n) for n in range(12)]
        place.store.post(posted)
        first = place.store.inbox(place.all_shards, limit=4)
        place.store.settle([outcome(m) for m in first.items])
        met = list(first.items)
        page = first
        while page.next is not None:
            page = place.store.inbox(place.all_shards, after=page.next, limit=4)
            met.extend(page.items)
        same(met, posted, "settling what was read does not hide what comes behind it")

    def test_posts_survive_reopening(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        place.store.post([posted])
        place.reopen()
        same(place.inbox(), [posted], "Posted is durable")

    def test_waiting_for_no_time_returns(self, place: Place) -> None:
        place.store.wait(0)

    def test_waiting_ends_without_news(self, place: Place) -> None:
        place.store.wait(0.01)

    @needs(Capability.NOTIFY)
    def test_waiting_ends_early_when_another_client_posts(self, place: Place) -> None:
        client = place.open()
        waiter = SYSTEM.thread(lambda: place.store.wait(100 * _WATCHDOG), name="waiter")
        client.post([message("order-1", "m-1")])
        waiter.join(_WATCHDOG)
        true(not waiter.is_alive(), "with NOTIFY, wait returns when another client posts")

    @needs(Capability.NOTIFY)
    def test_news_before_the_call_of_wait_counts(self, place: Place) -> None:
        place.store.wait(0)
        place.store.post([message("order-1", "m-1")])
        waiter = SYSTEM.thread(lambda: place.store.wait(100 * _WATCHDOG), name="waiter")
        waiter.join(_WATCHDOG)
        true(not waiter.is_alive(), "news that came since the last call count")


class SettleCases(Layer):
    """`settle`, `outcomes`, and the outcomes and posts of commits."""

    layer = "contract.messages"

    def test_a_settled_message_leaves_the_inbox(self, place: Place) -> None:
        posted = [message("order-1", "m-1", n=1), message("order-1", "m-2", n=2)]
        place.store.post(posted)
        place.store.settle([outcome(posted[0])])
        same(place.inbox(), posted[1:], "settle takes the message out of the inbox, and no other")

    def test_a_settled_message_has_its_outcome(self, place: Place) -> None:
        posted = [message("order-1", f"m-{kind}", n=n) for n, kind in enumerate(OutcomeKind)]
        settled = [outcome(m, OutcomeKind(m.message_id[2:]), body=b"\x00 b\xffdy") for m in posted]
        place.store.post(posted)
        place.store.settle(settled)
        same(outcomes(place, *posted), list(settled), "outcomes returns them as they were given")

    def test_outcomes_are_answered_in_the_order_of_the_keys(self, place: Place) -> None:
        known = [outcome(message("order-1", "m-1"), body=b"1"), outcome(message("order-2", "m-1"), body=b"2")]
        place.store.settle(known)
        same(
            outcomes(place, message("order-2", "m-1"), message("order-1", "m-9"), message("order-1", "m-1")),
            [known[1], None, known[0]],
            "one answer for each key, in order, None for an unknown one",
        )

    def test_a_message_that_waits_has_no_outcome(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        place.store.post([posted])
        same(outcomes(place, posted), [None], "an unsettled message has no outcome")

    def test_posting_a_settled_message_again_returns_its_outcome(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        settled = outcome(posted, OutcomeKind.ANSWERED, body=b'"42"')
        place.store.post([posted])
        place.store.settle([settled])
        same(list(place.store.post([posted])), [Settled(settled)], "an id that was settled is answered by its outcome")
        same(place.inbox(), [], "and is not posted")

    def test_a_post_answers_each_message_by_itself(self, place: Place) -> None:
        old, new = message("order-1", "m-1", n=1), message("order-1", "m-2", n=2)
        settled = outcome(old)
        place.store.settle([settled])
        same(list(place.store.post([old, new])), [Settled(settled), Posted()], "one answer each, in order")
        same(place.inbox(), [new], "only the new one is posted")

    def test_a_message_settled_before_it_was_posted_is_never_posted(self, place: Place) -> None:
        late = message("order-1", "m-1")
        place.store.settle([outcome(late)])
        same(list(place.store.post([late])), [Settled(outcome(late))], "a tombstone needs no message before it")
        same(place.inbox(), [], "inbox never returns a message that has a tombstone")

    def test_the_first_outcome_stays(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        first = outcome(posted, OutcomeKind.REFUSED, body=b"closed")
        place.store.settle([first])
        place.store.settle([outcome(posted, OutcomeKind.RECORDED, body=b"other")])
        same(outcomes(place, posted), [first], "an id that has a tombstone keeps its first outcome")

    def test_accepted_is_replaced_by_what_comes_after(self, place: Place) -> None:
        posted = message("order-1", "u-1", kind=MessageKind.UPDATE)
        final = outcome(posted, OutcomeKind.ANSWERED, body=b"done")
        place.store.settle([outcome(posted, OutcomeKind.ACCEPTED)])
        place.store.settle([final])
        same(outcomes(place, posted), [final], "ACCEPTED is replaced when the update is completed")
        place.store.settle([outcome(posted, OutcomeKind.RECORDED, body=b"late")])
        same(outcomes(place, posted), [final], "what replaced it stays")

    def test_a_final_outcome_is_not_replaced_by_accepted(self, place: Place) -> None:
        posted = message("order-1", "u-1")
        final = outcome(posted, OutcomeKind.ANSWERED, body=b"done")
        place.store.settle([final])
        place.store.settle([outcome(posted, OutcomeKind.ACCEPTED)])
        same(outcomes(place, posted), [final], "an id that has a tombstone keeps its first outcome")

    def test_tombstones_survive_reopening(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        settled = outcome(posted, body=b"done")
        place.store.post([posted])
        place.store.settle([settled])
        place.reopen()
        same(outcomes(place, posted), [settled], "settle is durable on return")
        same(list(place.store.post([posted])), [Settled(settled)], "an id that was settled before stays settled")
        same(place.inbox(), [], "and its message does not come back")

    def test_an_expired_tombstone_is_forgotten(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        place.store.post([posted])
        place.store.settle([outcome(posted, expires_at=LONG_AGO)])
        same(place.inbox(), [], "the message has left the inbox all the same")
        same(outcomes(place, posted), [None], "an expired tombstone has no outcome")
        same(list(place.store.post([posted])), [Posted()], "its id may be posted again")
        same(place.inbox(), [posted], "and is a new message then")

    def test_a_tombstone_expires_when_its_time_has_come(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        now = place.store.lease(place.me, 0, 1.0).now
        place.store.settle([outcome(posted, expires_at=type(now)(now + 60_000_000))])
        same(len([o for o in outcomes(place, posted) if o]), 1, "until its time the outcome is remembered")
        if place.has_a_clock:
            place.pass_time(61)
            same(outcomes(place, posted), [None], "after its time it is forgotten")

    def test_sweeping_keeps_tombstones_that_have_not_expired(self, place: Place) -> None:
        kept, gone = message("order-1", "m-1"), message("order-1", "m-2")
        place.store.settle([outcome(kept), outcome(gone, expires_at=LONG_AGO)])
        place.store.sweep_blobs(place.leases())
        same(outcomes(place, kept, gone), [outcome(kept), None], "sweep removes expired tombstones only")

    # ---- in commits

    def test_a_commit_settles_the_messages_it_consumes(self, place: Place) -> None:
        posted = [message("order-1", f"m-{n}", n=n) for n in range(3)]
        place.store.post(posted)
        settled = [outcome(m, body=m.message_id.encode()) for m in posted[:2]]
        place.commit(start_commit("order-1", outcomes=settled))
        same(place.inbox(), posted[2:], "messages named by outcomes leave the inbox with the commit")
        same(outcomes(place, *posted), [*settled, None], "and their tombstones stay")

    def test_a_consumed_message_posted_again_after_reopening_is_settled(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        place.store.post([posted])
        place.commit(start_commit("order-1", outcomes=[outcome(posted)]))
        place.reopen()
        same(list(place.store.post([posted])), [Settled(outcome(posted))], "post, consume, reopen, post again")
        same(place.inbox(), [], "it is recorded once")

    def test_a_commit_keeps_the_first_outcome_of_a_message(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        first = outcome(posted, OutcomeKind.REFUSED)
        place.store.settle([first])
        place.commit(start_commit("order-1", outcomes=[outcome(posted)]))
        same(outcomes(place, posted), [first], "the same holds in append: the first outcome stays")

    def test_a_commit_replaces_accepted(self, place: Place) -> None:
        posted = message("order-1", "u-1")
        first = start_commit("order-1", outcomes=[outcome(posted, OutcomeKind.ACCEPTED)])
        final = outcome(posted, OutcomeKind.RECORDED, body=b"answer")
        place.commit(first, next_commit(first, outcomes=[final]))
        same(outcomes(place, posted), [final], "an update has the outcome `accepted` until it is completed")

    def test_a_commit_without_a_batch_settles(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        place.store.post([posted])
        first = start_commit("order-1")
        place.commit(first, next_commit(first, events=0, outcomes=[outcome(posted)]))
        same(place.inbox(), [], "outcomes need no batch")

    def test_posts_of_a_commit_reach_their_targets(self, place: Place) -> None:
        posts = [message(f"child-{n}", "m-1", poster="run-1", n=n) for n in range(5)]
        place.commit(start_commit("order-1", posts=posts))
        place.deliver()
        found = sorted(place.inbox(), key=lambda m: m.n)
        same(found, posts, "posts are in the inboxes of their targets once deliver answers 0, as they were given")

    def test_posts_of_later_commits_arrive_behind_those_of_earlier_ones(self, place: Place) -> None:
        posts = [message("target", f"run-1:{n}", poster="run-1", n=n) for n in range(6)]
        first = start_commit("order-1", posts=posts[:2])
        second = next_commit(first, posts=posts[2:3])
        third = next_commit(second, posts=posts[3:])
        place.commit(first, second, third)
        place.deliver()
        same(place.inbox("target"), posts, "posts of one poster are read in the order of n")

    def test_a_post_whose_id_its_target_has_settled_is_dropped(self, place: Place) -> None:
        post = message("target", "m-1", poster="run-1")
        place.store.settle([outcome(post)])
        place.commit(start_commit("order-1", posts=[post]))
        place.deliver()
        same(place.inbox(), [], "a post whose id the target has settled is dropped")

    def test_a_post_that_is_in_the_inbox_already_is_there_once(self, place: Place) -> None:
        post = message("target", "m-1")
        place.store.post([post])
        place.commit(start_commit("order-1", posts=[message("target", "m-1", body=b"later")]))
        place.deliver()
        same(place.inbox("target"), [post], "it stays as it was first posted")

    def test_delivering_twice_brings_nothing_twice(self, place: Place) -> None:
        post = message("target", "m-1", poster="run-1")
        place.commit(start_commit("order-1", posts=[post]))
        place.deliver()
        place.store.settle([outcome(post)])
        place.deliver()
        same(place.inbox("target"), [], "a delivered and settled post does not come back")

    def test_delivering_nothing_answers_zero(self, place: Place) -> None:
        same(place.store.deliver(place.leases()), 0, "no posts are on their way")
        same(place.store.deliver([]), 0, "no leases, no posts")

    def test_outcomes_of_a_workflow_without_a_history_are_kept(self, place: Place) -> None:
        refused = Outcome(
            workflow_id=WorkflowId("nobody"),
            message_id=MessageId("q-1"),
            kind=OutcomeKind.REFUSED,
            body=b"unbekannt",
            expires_at=NEVER,
        )
        place.store.settle([refused])
        found = place.store.outcomes([(refused.workflow_id, refused.message_id)])
        same(list(found), [refused], "a refusal needs no workflow")
        same(place.ids(), [], "and creates none")
