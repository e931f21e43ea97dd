"""Every invariant is violated by a history written for it, by nothing else in it, and by none that is right."""

import hashlib

import msgspec
import pytest
from msgspec.structs import replace

from aion_core.codec import encode_batch
from aion_core.memory import MemoryEventStore, MemoryVisibilityStore
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.summaries import fold_runs
from aion_core.spi import Commit, OpId, OutcomeKind, RunEntry, Status, WorkflowState
from aion_core.upkeep.rules import Violation
from aion_testkit import Acknowledged, Invariant, SimulatedPlatform, check_invariants
from aion_testkit.builders import SECOND, T0, engine, message, outcome, package, run_id

ID = "order-42"
RUN = run_id(ID)
NEXT_RUN = run_id(ID, 2)
FAILURE = Failure(type="ValueError", message="no")


def at(seconds):
    return T0 + seconds * SECOND


class Written:
    """A store with one workflow, whose history is written event by event; the row is its fold unless changed."""

    def __init__(self):
        self.store = MemoryEventStore(platform=SimulatedPlatform())
        self.store.open()
        self.fence = self.store.lease(engine(), 64, 60).mine[0].fence
        self.events = []
        self.commits = []
        self.known = Acknowledged()

    def add(self, kind, *, seconds=None, **fields):
        when = at(len(self.events)) if seconds is None else at(seconds)
        self.events.append(kind(seq=len(self.events) + 1, at=when, **fields))
        return self

    def start(self, id=RUN, **fields):
        return self.add(
            e.WorkflowStarted, run_id=id, workflow_type="order", version="env:1", python="3.11", machine=1, **fields
        )

    def commit(self, *, row=None, entries=None, op_id=None, wake=None, **fields):
        """Everything since the last commit, as one batch."""
        first = self.commits[-1].head + 1 if self.commits else 1
        new = self.events[first - 1 :]
        fold = fold_runs(ID, self.events)
        state = WorkflowState(
            workflow_id=ID,
            summary=fold[-1].summary,
            head=len(self.events),
            run_start=fold[-1].first_seq,
            drained_seq=len(self.events),
            next_wake=wake,
        )
        commit = Commit(
            workflow_id=ID,
            expected_seq=first - 1,
            op_id=OpId(f"op-{first}" if op_id is None else op_id),
            fence=self.fence,
            batch=encode_batch(new),
            state=replace(state, **(row or {})),
            runs=tuple(fold if entries is None else entries),
            **fields,
        )
        self.store.append([commit])
        self.known.committed(commit)
        self.commits.append(commit)
        return self

    def violations(self, **arguments):
        return check_invariants(self.store, acknowledged=self.known, **arguments)

    def violated(self, **arguments):
        return [violation.invariant for violation in self.violations(**arguments)]


@pytest.fixture
def history():
    return Written()


def test_a_whole_history_violates_nothing(history):
    history.start(request_id="m-0").add(e.SignalReceived, name="go", message_id="m-0")
    history.add(e.ActivityScheduled, ordinal=0, activity_type="charge").add(e.TimerStarted, ordinal=0, fire_at=at(4))
    history.commit(wake=at(4))
    history.add(e.ActivityFailed, ordinal=0, failure=FAILURE, attempt=1, next_attempt_at=at(5))
    history.add(e.ActivityStarted, ordinal=0, attempt=2)
    history.add(e.ActivityCompleted, ordinal=0, attempt=2).add(e.TimerFired, ordinal=0, seconds=9).commit()
    history.add(e.ActivityCompleted, ordinal=1, activity_type="local", seconds=9)
    history.add(e.WorkflowContinuedAsNew, next_run=NEXT_RUN, workflow_type="order", seconds=9)
    history.start(NEXT_RUN, previous_run=RUN, seconds=9).add(e.WorkflowCompleted, seconds=10).commit()
    history.known.started(ID, RUN)
    history.known.signalled(ID, "m-0")
    history.known.ended(ID, NEXT_RUN, Status.COMPLETED)
    history.known.queried(ID, "q-1")
    replayed = []
    assert (
        history.violations(
            visibility=history.store, clock=at(10), all_ended=True, replayer=lambda _, run: replayed.append(len(run))
        )
        == []
    )
    assert replayed == [10, 2]


def test_a_reopened_run_may_do_again_what_was_taken_back(history):
    history.start().add(e.ActivityScheduled, ordinal=0, activity_type="charge")
    history.add(e.ActivityFailed, ordinal=0, failure=FAILURE).add(e.WorkflowFailed, failure=FAILURE)
    history.add(e.WorkflowReopened, resume_after=2).add(e.ActivityCompleted, ordinal=0, attempt=2)
    history.add(e.WorkflowCompleted).commit()
    assert history.violations() == []


def test_a_local_activity_whose_await_was_cancelled_violates_nothing(history):
    history.start().add(e.SignalReceived, name="stop").add(e.ActivityCancelled, ordinal=0).commit()
    assert history.violations() == []


def test_an_empty_store_violates_nothing():
    with MemoryEventStore(platform=SimulatedPlatform()) as store:
        assert check_invariants(store, store) == []


# ---- I1


def test_i1_a_gap_in_the_seqs(history):
    history.start().add(e.TimerStarted, ordinal=0, fire_at=at(5)).add(e.TimerCancelled, ordinal=0).commit()
    history.add(e.WorkflowCompleted).commit()
    kept = history.store.world.history(ID)
    kept.batches[0] = replace(encode_batch(history.events[:1]), op_id="op-1")
    history.known.commits.clear()
    [violation] = history.violations()
    assert violation == Violation(Invariant.CONTIGUOUS, ID, "its events are 1-1, 4-4, and its row says 1-4")


def test_i1_a_batch_that_can_not_be_read(history):
    history.start().commit()
    kept = history.store.world.history(ID)
    kept.batches[0] = replace(kept.batches[0], crc=0)
    assert history.violated() == [Invariant.CONTIGUOUS]


# ---- I2


def lost_commit(history):
    history.start().commit()
    history.known.committed(replace(history.commits[0], op_id="another"))


def other_bytes(history):
    history.start().commit()
    other = history.commits[0].batch
    history.known.commits[0] = replace(history.commits[0], batch=replace(other, body=other.body + b" "))


def lost_start(history):
    history.start().commit()
    history.known.started(ID, NEXT_RUN)


def lost_workflow(history):
    history.start().commit()
    history.known.started("order-43", NEXT_RUN)


def lost_signal(history):
    history.start().commit()
    history.known.signalled(ID, "m-1")


def other_end(history):
    history.start().add(e.WorkflowCompleted).commit()
    history.known.ended(ID, RUN, Status.FAILED)


@pytest.mark.parametrize("wrong", [lost_commit, other_bytes, lost_start, lost_workflow, lost_signal, other_end])
def test_i2_something_acknowledged_is_not_there(history, wrong):
    wrong(history)
    assert history.violated() == [Invariant.ACKNOWLEDGED]


def test_i2_a_trimmed_commit_need_not_be_there(history):
    history.start().add(e.WorkflowCompleted).commit()
    history.start(NEXT_RUN, previous_run=RUN).commit()
    history.store.trim(ID, NEXT_RUN)
    assert history.violations() == []


# ---- I3


def test_i3_an_older_epoch_after_a_newer(history):
    history.start().commit().add(e.WorkflowCompleted).commit()
    history.known.commits[0] = replace(history.commits[0], fence=history.fence + 1)
    [violation] = history.violations()
    assert violation.invariant is Invariant.FENCED
    assert f"epoch {history.fence} wrote" in violation.problem


# ---- I4


def test_i4_a_row_of_another_status(history):
    history.start().add(e.WorkflowCompleted)
    running = fold_runs(ID, history.events[:1])[0].summary
    history.commit(row={"summary": running})
    [violation] = history.violations()
    assert violation.invariant is Invariant.FOLDED
    assert "the row shows status <Status.RUNNING: 'running'>, and the history says" in violation.problem


def test_i4_a_row_of_another_run(history):
    history.start().commit(row={"run_start": 7})
    assert history.violated() == [Invariant.FOLDED]


def test_i4_a_row_that_was_drained_too_far(history):
    history.start().commit(row={"drained_seq": 2})
    assert history.violated() == [Invariant.FOLDED]


def test_i4_a_run_without_its_entry(history):
    history.start().add(e.WorkflowCompleted).commit(entries=[])
    assert history.violated() == [Invariant.FOLDED]


def test_i4_an_entry_that_does_not_end(history):
    history.start().add(e.WorkflowCompleted)
    summary = fold_runs(ID, history.events)[0].summary
    history.commit(entries=[RunEntry(summary=summary, first_seq=1)])
    assert history.violated() == [Invariant.FOLDED]


def test_i4_a_timer_that_nobody_wakes_for(history):
    history.start().add(e.TimerStarted, ordinal=0, fire_at=at(5)).commit(wake=at(6))
    assert history.violated() == [Invariant.FOLDED]


def test_i4_a_list_that_lacks_a_run(history):
    history.start().commit()
    with MemoryVisibilityStore() as visibility:
        assert history.violated(visibility=visibility) == [Invariant.FOLDED]


def test_i4_a_list_that_shows_an_older_status(history):
    history.start().add(e.WorkflowCompleted).commit()
    with MemoryVisibilityStore() as visibility:
        visibility.record([fold_runs(ID, history.events[:1])[0].summary])
        assert history.violated(visibility=visibility) == [Invariant.FOLDED]


def test_i4_a_list_that_shows_a_run_too_many(history):
    history.start().commit()
    summary = fold_runs(ID, history.events)[0].summary
    with MemoryVisibilityStore() as visibility:
        visibility.record([summary, replace(summary, run_id=NEXT_RUN)])
        assert history.violated(visibility=visibility) == [Invariant.FOLDED]


class ForgetsToRemove(MemoryEventStore):
    def settle(self, outcomes):
        waiting = {(m.workflow_id, m.message_id): m for m in self.inbox(range(64), limit=99).items}
        super().settle(outcomes)
        self.kept = [waiting[o.workflow_id, o.message_id] for o in outcomes]

    def inbox(self, shards, *, after=None, limit):
        page = super().inbox(shards, after=after, limit=limit)
        return replace(page, items=page.items + tuple(getattr(self, "kept", ())))


def test_i4_an_inbox_that_holds_a_settled_message():
    with ForgetsToRemove(platform=SimulatedPlatform()) as store:
        signal = message(ID, "m-1")
        store.post([signal])
        assert check_invariants(store) == []
        store.settle([outcome(signal, OutcomeKind.REFUSED)])
        assert [violation.invariant for violation in check_invariants(store)] == [Invariant.FOLDED]


# ---- I5 to I10: of the history itself


def second_start(history):
    history.start().start(NEXT_RUN, previous_run=RUN)


def two_ends(history):
    history.start().add(e.WorkflowCompleted).add(e.WorkflowCompleted)


def signal_after_the_end(history):
    history.start().add(e.WorkflowCompleted).add(e.SignalReceived, name="go")


def reopened_while_open(history):
    history.start().add(e.WorkflowReopened, resume_after=1)


def scheduled_twice(history):
    history.start()
    for _ in range(2):
        history.add(e.ActivityScheduled, ordinal=0, activity_type="charge")


def completed_twice(history):
    history.start().add(e.ActivityScheduled, ordinal=0, activity_type="charge")
    history.add(e.ActivityCompleted, ordinal=0).add(e.ActivityCompleted, ordinal=0, attempt=2)


def completed_after_the_cancellation(history):
    history.start().add(e.ActivityScheduled, ordinal=0, activity_type="charge")
    history.add(e.ActivityCancelled, ordinal=0).add(e.ActivityCompleted, ordinal=0)


def completed_unscheduled(history):
    history.start().add(e.ActivityCompleted, ordinal=0)


def attempt_not_counted(history):
    history.start().add(e.ActivityScheduled, ordinal=0, activity_type="charge")
    history.add(e.ActivityFailed, ordinal=0, failure=FAILURE, next_attempt_at=at(3)).add(e.ActivityCompleted, ordinal=0)


def timer(history, seconds=4):
    return history.start().add(e.TimerStarted, ordinal=0, fire_at=at(seconds))


def fired_twice(history):
    timer(history, 2).add(e.TimerFired, ordinal=0).add(e.TimerFired, ordinal=0)


def fired_after_the_cancellation(history):
    timer(history, 3).add(e.TimerCancelled, ordinal=0).add(e.TimerFired, ordinal=0)


def fired_too_early(history):
    timer(history).add(e.TimerFired, ordinal=0)


def fired_unstarted(history):
    history.start().add(e.TimerFired, ordinal=0)


def started_again(history):
    timer(history, 2).add(e.TimerFired, ordinal=0).add(e.TimerStarted, ordinal=0, fire_at=at(9))


def signal_twice(history):
    history.start()
    for _ in range(2):
        history.add(e.SignalReceived, name="go", message_id="m-1")


def request_twice(history):
    history.start(request_id="r-1").add(e.WorkflowCompleted).start(NEXT_RUN, previous_run=RUN, request_id="r-1")


def update_twice(history):
    history.start()
    for _ in range(2):
        history.add(e.UpdateAccepted, update_id="u-1", name="add")


def back_in_time(history):
    history.start().add(e.SignalReceived, name="go", seconds=-1)


OF_HISTORIES = {
    second_start: Invariant.ONE_OPEN,
    two_ends: Invariant.ONE_END,
    signal_after_the_end: Invariant.ONE_END,
    reopened_while_open: Invariant.ONE_END,
    scheduled_twice: Invariant.ACTIVITIES,
    completed_twice: Invariant.ACTIVITIES,
    completed_after_the_cancellation: Invariant.ACTIVITIES,
    completed_unscheduled: Invariant.ACTIVITIES,
    attempt_not_counted: Invariant.ACTIVITIES,
    fired_twice: Invariant.TIMERS,
    fired_after_the_cancellation: Invariant.TIMERS,
    fired_too_early: Invariant.TIMERS,
    fired_unstarted: Invariant.TIMERS,
    started_again: Invariant.TIMERS,
    signal_twice: Invariant.MESSAGES,
    request_twice: Invariant.MESSAGES,
    update_twice: Invariant.MESSAGES,
    back_in_time: Invariant.TIMES,
}


@pytest.mark.parametrize("wrong", OF_HISTORIES, ids=lambda wrong: wrong.__name__)
def test_a_broken_history_violates_the_invariant_about_it(history, wrong):
    wrong(history)
    history.commit(wake=T0)
    assert history.violated() == [OF_HISTORIES[wrong]]


def test_i6_a_commit_that_stands_twice(history):
    history.start().commit(op_id="op-1").add(e.WorkflowCompleted).commit(op_id="op-2")
    kept = history.store.world.history(ID)
    kept.batches[1] = replace(kept.batches[1], op_id="op-1")
    history.known.commits.clear()
    assert history.violated() == [Invariant.ONCE]


# ---- I11 to I14


def test_i11_a_history_that_does_not_replay(history):
    def replayer(workflow_id, events):
        raise ValueError(f"{workflow_id} and its {len(events)} events")

    history.start().commit()
    [violation] = history.violations(replayer=replayer)
    assert str(violation) == "I11 'order-42': run 1 does not replay: order-42 and its 1 events"


def test_i12_a_query_that_was_recorded(history):
    history.start().add(e.SignalReceived, name="go", message_id="q-1").commit()
    history.known.queried(ID, "q-1")
    assert history.violated() == [Invariant.QUERIES]


def test_i12_a_query_whose_outcome_says_recorded(history):
    asked = message(ID, "q-1")
    history.start().commit(outcomes=(outcome(asked, OutcomeKind.RECORDED),))
    history.known.queried(ID, "q-1")
    assert history.violated() == [Invariant.QUERIES]


def test_i12_an_answered_query_is_none(history):
    history.start().commit(outcomes=(outcome(message(ID, "q-1"), OutcomeKind.ANSWERED),))
    history.known.queried(ID, "q-1")
    assert history.violations() == []


def test_i13_a_package_of_other_bytes(history):
    record = package("a")
    history.store.put_package(record)
    assert history.violations() == []
    history.store.world.packages[record.version] = msgspec.structs.replace(
        record, archive_digest=hashlib.sha256(b"x").hexdigest()
    )
    assert history.violated() == [Invariant.PACKAGES]


def test_i14_a_run_that_is_open_when_all_should_have_ended(history):
    history.start().commit()
    assert history.violations() == []
    assert history.violated(all_ended=True) == [Invariant.LIVE]


def test_a_time_ahead_of_the_clock(history):
    history.start(seconds=2).commit()
    assert history.violated(clock=at(1)) == [Invariant.TIMES]


def test_a_violation_says_which_and_where():
    violation = Violation(Invariant.TIMERS, ID, "TimerFired (3) comes 5 µs before its time")
    assert str(violation) == "I9 'order-42': TimerFired (3) comes 5 µs before its time"
