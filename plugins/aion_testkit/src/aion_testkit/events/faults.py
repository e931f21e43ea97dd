"""Faults: lost requests, lost replies, crashes, and that `op_id` and `state` always tell what became of a commit."""

from __future__ import annotations

import itertools
import os
import select
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from aion_core.spi import (
    Capability,
    Commit,
    Committed,
    EventStore,
    Message,
    StoreUnavailable,
    Unknown,
)
from aion_testkit.builders import closing_commit, engine, message, next_commit, outcome, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.events.histories import as_read, chain
from aion_testkit.expect import same, true
from aion_testkit.faulty import Fault, FaultyEventStore
from aion_testkit.needs import needs
from aion_testkit.place import LONG, SHORT, Place

_ATTEMPTS = 10
_WATCHDOG = 60.0


def send(store: EventStore, commits: Sequence[Commit]) -> None:
    """Append as a writer does: after `Unknown` it asks `state()` first, and `op_id` decides what to send again."""
    waiting = list(commits)
    for _ in range(_ATTEMPTS):
        try:
            answers = store.append(waiting)
        except StoreUnavailable:
            continue
        unknown = [c for c, answer in zip(waiting, answers, strict=True) if isinstance(answer, Unknown)]
        refused = [a for a in answers if not isinstance(a, Unknown | Committed)]
        same(refused, [], "a commit whose fate `op_id` has decided meets no conflict")
        if not unknown:
            return
        states = store.state([c.workflow_id for c in unknown])
        landed = {s.op_id for s in states if s is not None}
        waiting = [c for c in unknown if c.op_id not in landed]
        if not waiting:
            return
    raise AssertionError("the plan has more faults than the writer has patience")


class FaultCases(Layer):
    """What is left after something broke."""

    layer = "faults"

    def test_a_lost_reply_is_decided_by_the_state(self, place: Place) -> None:
        commit = place.fenced(start_commit("order-1"))
        store = FaultyEventStore(place.store, [Fault.LOST_REPLY])
        same([type(a) for a in store.append([commit])], [Unknown], "the reply is lost")
        state = place.state("order-1")
        same(state and state.op_id, commit.op_id, "state() names the op_id: the commit has landed")

    def test_a_lost_request_is_decided_by_the_state(self, place: Place) -> None:
        first, second = chain(place.fenced(start_commit("order-1")), 1)
        place.commit(first)
        store = FaultyEventStore(place.store, [Fault.LOST_REQUEST])
        same([type(a) for a in store.append([second])], [Unknown], "the request is lost")
        state = place.state("order-1")
        same(state and state.op_id, first.op_id, "state() names the op_id before: the commit has not landed")
        same(list(store.append([second])), [Committed(2)], "it may be sent again as it is")

    def test_a_lost_reply_of_a_commit_without_a_batch_is_decided_too(self, place: Place) -> None:
        """Its head did not move: only the op_id tells."""
        first = place.fenced(start_commit("order-1"))
        quiet = next_commit(first, events=0, open_record=b"attempt 11")
        place.commit(first)
        FaultyEventStore(place.store, [Fault.LOST_REPLY]).append([quiet])
        state = place.state("order-1")
        same(state and (state.op_id, state.open), (quiet.op_id, quiet.state.open), "its op_id is the row's")
        same(list(place.append(quiet)), [Committed(1)], "sending it again is a repeat")

    def test_every_plan_of_faults_ends_with_each_commit_once(self, place: Place) -> None:
        faults = [Fault.LOST_REPLY, Fault.LOST_REQUEST, Fault.UNAVAILABLE, Fault.HALF]
        for number, plan in enumerate(itertools.product(faults, repeat=2)):
            ids = [f"order-{number}-{n}" for n in range(3)]
            histories = [chain(place.fenced(start_commit(id)), 1) for id in ids]
            histories = [[place.fenced(commit) for commit in commits] for commits in histories]
            store = FaultyEventStore(place.store, plan)
            for step in zip(*histories, strict=True):
                send(store, step)
            for id, commits in zip(ids, histories, strict=True):
                same(place.batches(id), [as_read(c) for c in commits], f"{[f.value for f in plan]}: once, in order")

    def test_a_lost_reply_posts_and_settles_once(self, place: Place) -> None:
        waiting = message("order-1", "m-1")
        place.store.post([waiting])
        post = message("order-2", "m-2", poster="run-1")
        commit = place.fenced(start_commit("order-1", outcomes=[outcome(waiting)], posts=[post], blobs=[b"b"]))
        send(FaultyEventStore(place.store, [Fault.LOST_REPLY]), [commit])
        place.append(commit)
        place.deliver()
        same(place.inbox(), [post], "the message is consumed once and the post arrives once")
        same(len(place.feed()[0]), 1, "one entry in the feed")

    def test_an_unknown_outcome_survives_reopening(self, place: Place) -> None:
        commit = place.fenced(start_commit("order-1"))
        FaultyEventStore(place.store, [Fault.LOST_REPLY]).append([commit])
        place.reopen()
        state = place.state("order-1")
        same(state and state.op_id, commit.op_id, "another process can decide it as well")

    # ---- crashes

    def test_a_crash_loses_nothing_that_was_acknowledged(self, place: Place) -> None:
        commits = chain(start_commit("order-1", blobs=[b"blob"]), 4)
        blob = place.commit(commits[0]).blobs
        place.commit(*commits[1:])
        posted, settled = message("order-1", "m-1"), message("order-1", "m-2")
        place.store.post([posted, settled])
        place.store.settle([outcome(settled)])
        place.crash()
        same([b.op_id for b in place.batches("order-1")], [c.op_id for c in commits], "what was Committed survives")
        same(place.store.get_blob(blob[0]), b"blob", "with its blobs")
        same(place.inbox(), [posted], "what was Posted survives, and what was settled stays settled")

    def test_another_engine_goes_on_after_a_crash(self, place: Place) -> None:
        table = place.store.lease(place.me, place.store.shards, SHORT)
        fence = {lease.shard: lease.fence for lease in table.mine}[place.shard("order-1")]
        first = start_commit("order-1", fence=fence)
        same(list(place.store.append([first])), [Committed(1)], "the first engine commits")
        place.crash()
        place.pass_time(SHORT)
        taken = place.store.lease(engine("engine-2"), place.store.shards, LONG)
        now = {lease.shard: lease.fence for lease in taken.mine}
        true(place.shard("order-1") in now, "the shards of a dead engine are free when its time to live is over")
        second = next_commit(first, mark="second engine")
        place.me = engine("engine-2")
        place.commit(second)
        same(len(place.batches("order-1")), 2, "the next engine goes on at the head of the first")

    def test_posts_are_delivered_after_a_crash_before_delivery(self, place: Place) -> None:
        posts = [message(f"target-{n % 3}", f"m-{n}", poster="run-1", n=n) for n in range(6)]
        place.commit(start_commit("order-1", posts=posts))
        place.crash()
        place.deliver()
        found = sorted(place.inbox(), key=lambda m: m.n)
        same(found, posts, "posts are durable with their commit: whoever holds the lease next delivers them")

    def test_posts_are_delivered_after_a_take_over(self, place: Place) -> None:
        post = message("target", "m-1", poster="run-1")
        first = start_commit("order-1", posts=[post])
        place.commit(first)
        place.crash()
        place.store.release(place.leases())
        place.me = engine("engine-2")
        place.hold()
        place.deliver()
        same(place.inbox("target"), [post], "the new owner of the source delivers what the old one left")

    def test_a_post_settled_before_a_crash_is_not_delivered_again(self, place: Place) -> None:
        post = message("target", "m-1", poster="run-1")
        place.commit(start_commit("order-1", posts=[post]))
        place.deliver()
        place.store.settle([outcome(post)])
        place.crash()
        place.deliver()
        same(place.inbox("target"), [], "its tombstone makes it exactly once")

    def test_a_closed_workflow_is_as_it_was_after_a_crash(self, place: Place) -> None:
        first = start_commit("order-1")
        place.commit(first, closing_commit(first))
        before = (place.state("order-1"), place.runs("order-1"), place.feed()[0])
        place.crash()
        same((place.state("order-1"), place.runs("order-1"), place.feed()[0]), before, "state, runs and feed")

    @needs(Capability.DURABLE)
    def test_what_was_acknowledged_survives_a_killed_process(self, place: Place) -> None:
        """Another process commits, says so and is killed at once. Where processes can not fork it proves nothing."""
        if sys.platform == "win32":
            return
        commits = chain(place.fenced(start_commit("order-1")), 4)
        commits = [place.fenced(commit) for commit in commits]
        posted = message("order-1", "m-1")
        store = place.new()
        place.store.close()
        heard, said = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads: the child touches none of them
            child = os.fork()
        if child == 0:
            _commit_and_wait(store, commits, posted, said)
        os.close(said)
        ready, _, _ = select.select([heard], [], [], _WATCHDOG)
        acknowledged = os.read(heard, 64) if ready else b""
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(heard)
        same(acknowledged, b"acknowledged", "the other process has committed")
        place.store.open()
        found = [batch.op_id for batch in place.batches("order-1")]
        same(found, [commit.op_id for commit in commits], "DURABLE: what was Committed survives the process")
        same(place.inbox(), [posted], "and what was Posted")


def _commit_and_wait(store: EventStore, commits: Sequence[Commit], posted: Message, said: int) -> NoReturn:
    """What the process does that is going to be killed. It never returns."""
    try:
        store.open()
        for commit in commits:
            (answer,) = store.append([commit])
            if not isinstance(answer, Committed):
                os.write(said, repr(answer).encode()[:64])
                break
        else:
            store.post([posted])
            os.write(said, b"acknowledged")
        signal.pause()
    except BaseException as error:  # noqa: BLE001 - there is nobody above
        os.write(said, repr(error).encode()[:64])
    finally:
        os._exit(1)
