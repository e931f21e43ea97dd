"""The state machine that drives a store and the model side by side and compares everything that can be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from aion_core.spi import (
    AppendResult,
    Batch,
    Commit,
    Committed,
    CursorTooOld,
    EngineInfo,
    Fence,
    Fenced,
    Instant,
    Message,
    Outcome,
    OutcomeKind,
    Shard,
    Status,
    StoreRefused,
    WorkflowId,
)
from aion_testkit.builders import (
    closing_commit,
    continuing_commit,
    engine,
    message,
    moment,
    new_run_commit,
    next_commit,
    outcome,
    start_commit,
)
from aion_testkit.conformance import Layer
from aion_testkit.events.model import ModelStore
from aion_testkit.expect import raises, same
from aion_testkit.place import LONG, SHORT, Place
from aion_testkit.profile import hypothesis_settings

_NAMES = ("a", "B", "é")
_ENGINES = (engine("engine-1"), engine("engine-2"))
_IDS = st.sampled_from(_NAMES)
_BLOBS = st.lists(st.sampled_from([b"", b"blob", b"\x00\xff"]), max_size=2)
_WAKES = st.one_of(st.none(), st.integers(1, 5).map(moment))


class StoreMachine(RuleBasedStateMachine):
    """Every example has workflow ids of its own, and removes what it made when it is over."""

    place: ClassVar[Place]
    numbers: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        number = next(self.numbers)
        self.ids = {name: WorkflowId(f"x{number}-{name}") for name in _NAMES}
        self.model = ModelStore()
        self.tips: dict[WorkflowId, Commit] = {}
        """The last commit with which each history was left."""
        self.old: dict[WorkflowId, Commit] = {}
        self.posted = 0
        self.owner = 0
        self.stale: dict[Shard, Fence] = {}
        for other in _ENGINES:  # an example that failed may have left them leased
            self.place.store.release(self.place.store.lease(other, 0, LONG).mine)
        self.place.me = self._me
        self.place.hold()
        _, self.cursor = self.place.feed()

    @property
    def _me(self) -> EngineInfo:
        return _ENGINES[self.owner % len(_ENGINES)]

    # ---- commits

    @initialize(names=st.lists(_IDS, unique=True), wakes=st.lists(_WAKES, min_size=3, max_size=3))
    def start_some(self, names: list[str], wakes: list[Instant | None]) -> None:
        """So that most steps have a history to act on."""
        for name, wake in zip(names, wakes, strict=False):
            self._append(start_commit(self.ids[name], next_wake=wake))

    @rule(name=_IDS, wake=_WAKES, blobs=_BLOBS, events=st.integers(0, 3), consume=st.booleans(), posts=_IDS)
    def go_on(
        self, name: str, wake: Instant | None, blobs: list[bytes], events: int, posts: str, *, consume: bool
    ) -> None:
        """A valid commit: a start, a step, or the start of another run."""
        id = self.ids[name]
        before = self.tips.get(id)
        if before is None:
            commit = start_commit(id, events=events or 1, blobs=blobs)
        elif before.state.summary.status.open:
            commit = next_commit(before, events=events, blobs=blobs if events else ())
        else:
            commit = new_run_commit(before, events=events or 1, blobs=blobs)
        settled = [outcome(m, body=b"consumed") for m in self.model.inbox(id)[:2]] if consume else []
        sent = [self._message(self.ids[posts], poster=f"run of {id}")] if posts != name else []
        state = replace(commit.state, next_wake=wake)
        self._append(replace(commit, state=state, outcomes=tuple(settled), posts=tuple(sent)))

    @rule(name=_IDS, status=st.sampled_from([s for s in Status if s is not Status.CONTINUED_AS_NEW]))
    def change_status(self, name: str, status: Status) -> None:
        """A run is closed, paused, blocked or reopened."""
        before = self.tips.get(self.ids[name])
        if before is not None and before.state.summary.status is not status:
            self._append(next_commit(before, status=status) if status.open else closing_commit(before, status))

    @rule(name=_IDS)
    def continue_as_new(self, name: str) -> None:
        """Two runs in one batch."""
        before = self.tips.get(self.ids[name])
        if before is not None and before.state.summary.status.open:
            self._append(continuing_commit(before))

    @rule(name=_IDS)
    def repeat(self, name: str) -> None:
        """The last commit again."""
        if before := self.tips.get(self.ids[name]):
            self._append(before)

    @rule(name=_IDS)
    def append_behind_an_old_head(self, name: str) -> None:
        """A writer that has missed a commit."""
        if before := self.old.get(self.ids[name]):
            self._append(replace(next_commit(before, mark="stale"), posts=(self._message(self.ids["a"]),)))

    @rule(name=_IDS)
    def append_ahead_of_the_head(self, name: str) -> None:
        """A writer that believes in a commit that is not there."""
        before = self.tips.get(self.ids[name]) or start_commit(self.ids[name])
        self._append(next_commit(next_commit(before), mark="ahead"))

    @precondition(lambda self: bool(self.stale))
    @rule(name=_IDS)
    def append_under_a_stale_fence(self, name: str) -> None:
        """A deposed owner."""
        id = self.ids[name]
        before = self.tips.get(id)
        commit = next_commit(before, mark="deposed") if before else start_commit(id, mark="deposed")
        shard = self.place.shard(id)
        (answer,) = self.place.store.append([replace(commit, fence=self.stale[shard])])
        same(answer, Fenced(shard, self.place.fence(id)), "a stale fence is refused, with the epoch now")
        self._compare(id)

    @rule(names=st.permutations(_NAMES))
    def append_several_at_once(self, names: list[str]) -> None:
        """One call with good commits, and a conflict among them."""
        commits: list[Commit] = []
        for place, name in enumerate(names):
            before = self.tips.get(self.ids[name])
            commit = next_commit(before) if before else start_commit(self.ids[name])
            commits.append(replace(commit, expected_seq=commit.expected_seq + 7, batch=None) if place == 1 else commit)
        commits[1] = replace(commits[1], state=replace(commits[1].state, head=commits[1].head))
        expected = [self.model.append(commit) for commit in commits]
        same(_bare(self.place.append(*commits)), expected, "one answer for each commit, in order")
        for commit, answer in zip(commits, expected, strict=True):
            if isinstance(answer, Committed):
                self._landed(commit)
            self._compare(commit.workflow_id)

    # ---- messages

    @rule(name=_IDS, poster=st.sampled_from(["p", "q"]), ahead=st.integers(0, 3))
    def post(self, name: str, poster: str, ahead: int) -> None:
        """A new message, or a few of one poster in the wrong order."""
        id = self.ids[name]
        messages = [self._message(id, poster=poster) for _ in range(ahead + 1)]
        for posted in reversed(messages):
            expected = self.model.post(posted)
            same(list(self.place.store.post([posted])), [expected], "post answers as the contract says")
        self._compare(id)

    @rule(name=_IDS, number=st.integers(1, 8))
    def post_again(self, name: str, number: int) -> None:
        """An id that may wait or be settled already."""
        posted = replace(message(self.ids[name], f"m-{number}", n=10_000 + number), body=b"again")
        expected = self.model.post(posted)
        same(list(self.place.store.post([posted])), [expected], "post answers as the contract says")
        self._compare(posted.workflow_id)

    @rule(name=_IDS, number=st.integers(1, 8), kind=st.sampled_from(OutcomeKind))
    def settle(self, name: str, number: int, kind: OutcomeKind) -> None:
        """A message that may wait, be settled already, or never have come."""
        settled = outcome(message(self.ids[name], f"m-{number}"), kind, body=f"{kind} {number}".encode())
        self.model.settle(settled)
        self.place.store.settle([settled])
        self._compare(settled.workflow_id)

    # ---- retention and ownership

    @rule(name=_IDS, read=st.booleans())
    def close_and_remove(self, name: str, *, read: bool) -> None:
        """The end of a workflow, perhaps before anybody has read of it."""
        if read:
            self.read_the_feed()
        tip = self.tips.get(self.ids[name])
        if tip is not None:
            if tip.state.summary.status.open:
                self._append(closing_commit(tip))
            self._remove(self.ids[name])
            self._compare(self.ids[name])
            self.read_the_feed()

    @rule(name=_IDS)
    def keep_only_the_current_run(self, name: str) -> None:
        """Retention behind continue-as-new, whose batch belongs to both runs."""
        id = self.ids[name]
        self.continue_as_new(name)
        if known := self.model.workflows.get(id):
            before = known.runs[-1].run_id
            self.model.trim(id, before)
            self.place.store.trim(id, before)
            self._compare(id)

    @rule(name=_IDS, number=st.integers(0, 3))
    def trim(self, name: str, number: int) -> None:
        """Some runs, or all of them."""
        id = self.ids[name]
        known = self.model.workflows.get(id)
        if known is None:
            self.place.store.trim(id, None)
        elif number == 0:
            if known.state.summary.status.open:
                with raises(StoreRefused, "an open workflow can not be removed whole"):
                    self.place.store.trim(id, None)
            else:
                self._remove(id)
        else:
            before = known.runs[-min(number, len(known.runs))].run_id
            self.model.trim(id, before)
            self.place.store.trim(id, before)
        self._compare(id)

    @rule()
    def change_the_owner(self) -> None:
        """Another engine takes over what this one released."""
        self._take_over(lambda: self.place.store.release(self.place.leases()))

    @precondition(lambda self: self.place.has_a_clock)
    @rule()
    def let_the_leases_expire(self) -> None:
        """Another engine takes over what this one did not renew."""

        def expire() -> None:
            self.place.store.lease(self._me, 0, SHORT)
            self.place.pass_time(SHORT)

        self._take_over(expire)

    @rule()
    def renew_the_leases(self) -> None:
        """Nothing changes."""
        before = self.place.leases()
        same(self.place.hold(), before, "renewing keeps the epoch of every shard")

    @rule()
    def reopen(self) -> None:
        """Everything is as before."""
        self.place.reopen()
        self.place.me = self._me
        self.compare_everything()

    # ---- reading

    @rule()
    def read_the_feed(self) -> None:
        """What was committed since the last time, in the order of each shard."""
        if self.model.reader_is_late:
            with raises(CursorTooOld, "entries after the cursor were trimmed"):
                self.place.feed(self.cursor)
            _, self.cursor = self.place.feed()
        else:
            entries, self.cursor = self.place.feed(self.cursor, limit=4)
            for shard in {self.place.shard(id) for id in self.ids.values()}:
                expected = [op for id, op in self.model.feed if self.place.shard(id) == shard]
                found = [entry.batch.op_id for entry in entries if entry.shard == shard]
                same(found, expected, "the feed has every batch of a shard once, in the order of the commits")
        self.model.feed.clear()
        self.model.reader_is_late = False

    @rule(until=st.integers(0, 6))
    def read_the_wakes(self, until: int) -> None:
        """What is due."""
        self._compare_wakes(moment(until))

    @rule()
    def compare_everything(self) -> None:
        """All workflows, and the lists of them."""
        for id in self.ids.values():
            self._compare(id)
        for known in list(self.model.workflows.values()):
            if (wake := known.state.next_wake) is not None:
                self._compare_wakes(wake)
        for status in Status:
            expected = sorted(id for id, w in self.model.workflows.items() if w.state.summary.status is status)
            same(self._mine(status), expected, f"states with status={status}")

    def teardown(self) -> None:
        """Compare once more, and remove what the example made."""
        self.compare_everything()
        for id, tip in list(self.tips.items()):
            if tip.state.summary.status.open:
                self._append(closing_commit(tip, Status.TERMINATED))
            self._remove(id)
        self.place.store.settle([outcome(m) for m in self.model.waiting.values()])
        for id in self.ids.values():
            same(self.place.inbox(id), [], "everything was settled")
        for status in Status:
            same(self._mine(status), [], "everything was removed")

    # ---- steps

    def _mine(self, status: Status) -> list[str]:
        return [id for id in self.place.ids(status=[status]) if id in self.ids.values()]

    def _append(self, commit: Commit) -> None:
        expected = self.model.append(commit)
        same(_bare(self.place.append(commit)), [expected], "append answers as the contract says")
        if isinstance(expected, Committed):
            self._landed(commit)
        self.place.deliver()
        self._compare(commit.workflow_id)
        for sent in commit.posts:
            self._compare(sent.workflow_id)

    def _landed(self, commit: Commit) -> None:
        tip = self.tips.get(commit.workflow_id)
        if tip is not None and tip.head < commit.head:
            self.old[commit.workflow_id] = tip
        self.tips[commit.workflow_id] = commit

    def _remove(self, id: WorkflowId) -> None:
        self.model.trim(id, None)
        self.place.store.trim(id, None)
        self.tips.pop(id, None)
        self.old.pop(id, None)

    def _take_over(self, free: Callable[[], None]) -> None:
        before = {lease.shard: lease.fence for lease in self.place.leases()}
        free()
        self.owner += 1
        self.place.me = self._me
        after = {lease.shard: lease.fence for lease in self.place.hold()}
        same([s for s in before if after[s] <= before[s]], [], "taking a shard raises its epoch")
        self.stale = dict(before)

    def _message(self, id: WorkflowId, *, poster: str = "p") -> Message:
        self.posted += 1
        return message(id, f"m-{self.posted}", poster=poster, n=self.posted)

    def _compare(self, id: WorkflowId) -> None:
        known = self.model.workflows.get(id)
        same(self.place.state(id), known and known.state, f"the state of {id!r}")
        found = [(replace(b, blobs=()), self._contents(b)) for b in self.place.batches(id, limit=2)]
        same(found, known.batches if known else [], f"the history of {id!r}")
        same(self.place.runs(id), known.runs if known else [], f"the runs of {id!r}")
        inbox = sorted(self.place.inbox(id), key=lambda m: m.poster)
        same(inbox, self.model.inbox(id), f"the inbox of {id!r}, in the order of each poster")
        keys = [key for key in (*self.model.tombstones, *self.model.waiting) if key[0] == id]
        expected: list[Outcome | None] = [self.model.tombstones.get(key) for key in keys]
        same(list(self.place.store.outcomes(keys)), expected, f"the tombstones of {id!r}")

    def _compare_wakes(self, until: Instant) -> None:
        found = [wake for wake in self.place.wakes(until) if wake.workflow_id in self.ids.values()]
        same(found, self.model.wakes(until), "wakes are earliest first, then by id")

    def _contents(self, batch: Batch) -> tuple[bytes, ...]:
        return tuple(self.place.store.get_blob(key) for key in batch.blobs)


class ModelCases(Layer):
    """Random programs against the model."""

    layer = "model"

    def test_any_sequence_of_calls_agrees_with_the_model(self, place: Place) -> None:
        machine = type("StoreAgainstModel", (StoreMachine,), {"place": place, "numbers": itertools.count()})
        run_state_machine_as_test(machine, settings=hypothesis_settings())


def _bare(answers: Sequence[AppendResult]) -> list[AppendResult]:
    return [Committed(a.head) if isinstance(a, Committed) else a for a in answers]
