"""Concurrency: one winner, and readers that never see half of anything."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec.structs import replace

from aion_core.spi import (
    AppendResult,
    BlobNotFound,
    Capability,
    Commit,
    Committed,
    Conflict,
    Cursor,
    EventStore,
    FeedEntry,
    LeaseTable,
    Message,
    OpId,
    Posted,
    Settled,
    Shard,
    WorkflowId,
    shard_of,
)
from aion_testkit.builders import engine, message, next_commit, outcome, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.events.feed import rising
from aion_testkit.events.histories import chain
from aion_testkit.expect import same, true
from aion_testkit.needs import needs
from aion_testkit.place import LONG, Place
from aion_testkit.threads import Runner, race

_RIVALS = 6
_COMMITS = 60


class ConcurrencyCases(Layer):
    """Several threads, several clients."""

    layer = "concurrency"

    @needs(Capability.MULTI_ENGINE)
    def test_of_many_appends_at_one_head_one_wins(self, place: Place) -> None:
        place.hold()
        for attempt in range(5):
            rivals = [place.fenced(start_commit(f"order-{attempt}", mark=str(n))) for n in range(_RIVALS)]
            answers = race([_appending(place.open(), rival) for rival in rivals])
            winners = [c for c, answer in zip(rivals, answers, strict=True) if isinstance(answer, Committed)]
            same(len(winners), 1, "of many appends at the same head exactly one is committed")
            same(
                [answer for answer in answers if not isinstance(answer, Committed)],
                [Conflict(1, winners[0].op_id)] * (_RIVALS - 1),
                "every other one is told the winner's head and op_id",
            )
            found = [batch.op_id for batch in place.batches(f"order-{attempt}")]
            same(found, [winners[0].op_id], "the history is the winner's alone")

    @needs(Capability.MULTI_ENGINE)
    def test_one_commit_sent_by_many_is_applied_once(self, place: Place) -> None:
        commit = place.fenced(start_commit("order-1"))
        answers = race([_appending(place.open(), commit) for _ in range(_RIVALS)])
        same(answers, [Committed(1)] * _RIVALS, "repeats of one op_id are all committed, whoever came first")
        same(len(place.batches("order-1")), 1, "it was applied once")

    def test_one_message_posted_by_many_is_there_once(self, place: Place) -> None:
        posted = message("order-1", "m-1")
        clients = [place.open() for _ in range(_RIVALS)]
        answers = race([_posting(client, replace(posted, poster=f"c-{n}")) for n, client in enumerate(clients)])
        same(answers, [[Posted()]] * _RIVALS, "everybody is answered Posted")
        same(len(place.inbox("order-1")), 1, "one message for one id")

    def test_messages_of_many_clients_all_arrive(self, place: Place) -> None:
        clients = [place.open() for _ in range(4)]

        def post_all(client: EventStore, who: str) -> Callable[[], int]:
            def call() -> int:
                for n in range(15):
                    client.post([message(f"order-{n % 3}", f"{who}-{n}", poster=who, n=n)])
                return 15

            return call

        race([post_all(client, f"client-{n}") for n, client in enumerate(clients)])
        found = place.inbox()
        same(len(found), 60, "no post is lost")
        for id in ("order-0", "order-1", "order-2"):
            for who in ("client-0", "client-1", "client-2", "client-3"):
                own = [m.n for m in found if m.poster == who and m.workflow_id == id]
                same(own, sorted(own), "each poster's messages are in the order of n")

    def test_posting_while_it_is_settled_ends_with_one_outcome(self, place: Place) -> None:
        """The post may come first or last; the message must not be left behind with its tombstone."""
        clients = [place.open() for _ in range(3)]
        for attempt in range(10):
            posted = message("order-1", f"m-{attempt}", n=attempt)
            settled = outcome(posted, body=b"done")
            calls: list[Callable[[], object]] = [_posting(client, posted) for client in clients]
            race([*calls, _settling(place.store, posted)])
            same(place.inbox("order-1"), [], "inbox never returns a message that has a tombstone")
            same(list(place.store.post([posted])), [Settled(settled)], "the tombstone stays")

    def test_readers_see_all_of_a_commit_or_nothing(self, place: Place) -> None:
        """Batch, state, outcome, blobs and posts of a commit are there for everybody who sees any of it."""
        commits = _loaded("order-1", _COMMITS)
        place.commit(commits[0])
        done = threading.Event()
        readers = [Runner(_watching(place.open(), done)) for _ in range(2)]
        try:
            for commit in commits[1:]:
                place.commit(commit)
        finally:
            done.set()
        for reader in readers:
            true(reader.result() > 0, "the readers have read")

    def test_heads_never_go_back_for_a_reader(self, place: Place) -> None:
        commits = chain(start_commit("order-1"), _COMMITS)
        place.commit(commits[0])
        done = threading.Event()
        other = place.open()

        def watch() -> list[int]:
            seen: list[int] = []
            while not done.is_set():
                (state,) = other.state([WorkflowId("order-1")])
                seen.append(state.head if state else 0)
            return seen

        reader = Runner(watch)
        try:
            for commit in commits[1:]:
                place.commit(commit)
        finally:
            done.set()
        seen = reader.result()
        same(seen, sorted(seen), "who has seen a head never sees an older one")

    def test_a_feed_reader_misses_nothing_while_commits_go_on(self, place: Place) -> None:
        histories = [chain(start_commit(f"order-{n}"), _COMMITS // 4) for n in range(4)]
        done = threading.Event()
        reader = Runner(_following(place.open(), done))
        sent: set[OpId] = set()
        try:
            for step in zip(*histories, strict=True):
                place.append(*step)
                sent.update(commit.op_id for commit in step)
        finally:
            done.set()
        entries = reader.result()
        true(rising(entries), "who has seen (s, m) never later finds (s, n < m)")
        same(
            sorted(entry.batch.op_id for entry in entries),
            sorted(sent),
            "every commit is met once, also by a reader that is always at the end of the feed",
        )

    def test_paging_states_is_not_disturbed_by_commits(self, place: Place) -> None:
        firsts = [start_commit(f"order-{n}") for n in range(20)]
        place.commit(*firsts)
        done = threading.Event()
        other = place.open()

        def list_all() -> int:
            rounds = 0
            while not done.is_set() or not rounds:
                met: list[str] = []
                page = other.states(place.all_shards, limit=3)
                met.extend(row.workflow_id for row in page.items)
                while page.next is not None:
                    page = other.states(place.all_shards, after=page.next, limit=3)
                    met.extend(row.workflow_id for row in page.items)
                old = sorted(id for id in met if not id.startswith("new"))
                same(old, sorted(c.workflow_id for c in firsts), "rows that exist throughout are met exactly once")
                rounds += 1
            return rounds

        reader = Runner(list_all)
        try:
            for n, first in enumerate(firsts):
                place.commit(next_commit(first), start_commit(f"new-{n}"))
        finally:
            done.set()
        true(reader.result() > 0, "the reader has read")

    @needs(Capability.MULTI_ENGINE)
    def test_of_many_engines_each_shard_has_one_owner(self, place: Place) -> None:
        engines = [engine(f"engine-{n}") for n in range(4)]
        clients = [place.open() for _ in engines]
        want = place.store.shards

        def leasing(client: EventStore, number: int) -> Callable[[], LeaseTable]:
            return lambda: client.lease(engines[number], want, LONG)

        tables = race([leasing(client, n) for n, client in enumerate(clients)])
        mine: list[Shard] = [lease.shard for table in tables for lease in table.mine]
        same(sorted(mine), list(place.shards), "every shard has exactly one owner, and none is left")
        final = place.store.lease(engine("observer"), 0, LONG).owners
        for info, table in zip(engines, tables, strict=True):
            for lease in table.mine:
                same(final[lease.shard], info.engine_id, "who was given a shard is its owner")

    @needs(Capability.MULTI_ENGINE)
    def test_a_take_over_leaves_no_gap_for_the_old_owner(self, place: Place) -> None:
        """The old owner appends without pause while the shards change hands; none of it lands behind the take-over."""
        fence = place.fence("order-1")
        leases = place.leases()
        commits = [replace(commit, fence=fence) for commit in chain(start_commit("order-1"), 200)]
        taking = threading.Event()
        old = place.open()

        def keep_writing() -> int:
            for landed, commit in enumerate(commits):
                if landed == 10:
                    taking.set()
                if not isinstance(old.append([commit])[0], Committed):
                    return landed
            return len(commits)

        writer = Runner(keep_writing)
        taking.wait(LONG)
        place.store.release(leases)
        table = place.store.lease(engine("engine-2"), place.store.shards, LONG)
        now = {lease.shard: lease.fence for lease in table.mine}[place.shard("order-1")]
        state = place.state("order-1")
        head = state.head if state else 0
        landed = writer.result()
        same(landed, head, "after a take-over nothing of the old owner lands any more")
        mine = replace(next_commit(commits[head - 1], mark="new"), fence=now)
        same(list(place.store.append([mine])), [Committed(head + 1)], "the new owner goes on at that head")


def _appending(store: EventStore, commit: Commit) -> Callable[[], AppendResult]:
    return lambda: store.append([commit])[0]


def _posting(store: EventStore, posted: Message) -> Callable[[], list[Posted | Settled]]:
    return lambda: list(store.post([posted]))


def _settling(store: EventStore, posted: Message) -> Callable[[], None]:
    return lambda: store.settle([outcome(posted, body=b"done")])


def _loaded(id: str, count: int) -> list[Commit]:
    """Commits that settle a message and bring a blob each, named by the commit's head."""
    commits: list[Commit] = []
    for n in range(1, count + 1):
        settled = [outcome(message(id, f"m-{n}"))]
        blobs = [f"blob {n}".encode()]
        if commits:
            commits.append(next_commit(commits[-1], outcomes=settled, blobs=blobs))
        else:
            commits.append(start_commit(id, outcomes=settled, blobs=blobs))
    return commits


def _watching(store: EventStore, done: threading.Event) -> Callable[[], int]:
    """Compares what it sees of each commit until told to stop; how often it looked."""
    id = WorkflowId("order-1")

    def watch() -> int:
        looks = 0
        while not done.is_set() or not looks:
            (state,) = store.state([id])
            head = state.head if state else 0
            batches = store.read(id, after=head - 1).items
            true(bool(batches), f"the state says head {head}, so the batch with it is there")
            last = batches[-1].last_seq
            true(last >= head, f"the state says head {head}, and the history ends at {last}")
            keys = [(id, message(id, f"m-{n}").message_id) for n in (head, last)]
            true(None not in store.outcomes(keys), f"the outcomes of commits {head} and {last} came with them")
            waiting = {m.message_id for m in store.inbox([shard_of(id, store.shards)], limit=10).items}
            true(f"m-{head}" not in waiting, "a settled message is not in the inbox")
            try:
                content = store.get_blob(batches[-1].blobs[0])
            except (BlobNotFound, IndexError):
                raise AssertionError(f"the blob of commit {last} came with it") from None
            same(content, f"blob {last}".encode(), "a blob is whole")
            (later,) = store.state([id])
            true(later is not None and later.head >= last, f"the history shows {last}, so the state does")
            looks += 1
        return looks

    return watch


def _following(store: EventStore, done: threading.Event) -> Callable[[], list[FeedEntry]]:
    """Reads the feed to its end over and over; all that it met."""

    def follow() -> list[FeedEntry]:
        entries: list[FeedEntry] = []
        cursor: Cursor | None = None
        while True:
            last_round = done.is_set()
            page = store.feed(cursor, limit=3)
            cursor = page.next
            entries.extend(page.items)
            if last_round and not page.items:
                return entries

    return follow
