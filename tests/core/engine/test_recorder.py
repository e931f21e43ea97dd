import pytest

from aion_core.engine.recorder import AttemptFailed, Recorder, Rules
from aion_core.ledger import RunLedger, fold
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.policies import ActivityOptions, Cancellation, RetryPolicy
from aion_core.model.status import Status

SECOND = 1_000_000
BUG = Failure(type="TypeError", message="a bug")
OUTAGE = Failure(type="OSError", message="no route")


class Workflow:
    """One workflow as the engine records it, turn by turn; its ledger must equal the fold of its events."""

    def __init__(self, *, slots=1000, **started):
        self.slots = slots
        self.clock = 10 * SECOND
        self.events = []
        self.ledger = RunLedger("order-42")
        self.options = ActivityOptions()
        self.rules = Rules(settle=lambda *_: ("default", self.options), reserve=self.reserve, new_run=lambda: "r2")
        fields = dict(run_id="r1", workflow_type="t", version="env:1", python="3.11", machine=1)
        self.start = e.WorkflowStarted(seq=0, at=0, **fields | started)

    def turn(self, *drains):
        """Arrivals with the commands of their drains, in one turn."""
        recorder = self.recorder()
        for arrival, commands in drains:
            recorder.arrival(arrival, commands)
        return self.done(recorder)

    def recorder(self):
        self.clock += SECOND
        return Recorder(self.ledger, self.rules, now=self.clock)

    def done(self, recorder):
        self.events += recorder.made.events
        folded = fold("order-42", self.events)
        same = ("head", "last_at", "timers", "cancel_requested", "summary", "run_start", "undrained_start", "stopping")
        for name in same:
            assert getattr(folded, name) == getattr(self.ledger, name), name
        assert [event.seq for event in self.events] == list(range(1, len(self.events) + 1))
        return recorder.made

    def reserve(self, queue):
        self.slots -= 1
        return self.slots >= 0

    def failed(self, ordinal, attempt, failure=OUTAGE):
        recorder = self.recorder()
        end = recorder.attempt_failed(AttemptFailed(ordinal=ordinal, attempt=attempt, failure=failure))
        return end, self.done(recorder)

    @property
    def kinds(self):
        return [type(event).__name__ for event in self.events]


def activity(ordinal=0, **fields):
    return c.ScheduleActivity(ordinal=ordinal, activity_type="charge", **fields)


def completed(ordinal=0):
    return e.ActivityCompleted(seq=0, at=0, ordinal=ordinal)


def signal(name="go"):
    return e.SignalReceived(seq=0, at=0, name=name)


def cancel(reason="enough"):
    return e.WorkflowCancelRequested(seq=0, at=0, reason=reason)


@pytest.fixture
def waiting():
    """A workflow that awaits its first activity."""
    workflow = Workflow()
    workflow.turn((workflow.start, [activity()]))
    return workflow


def test_a_workflow_without_awaits_is_started_and_completed_in_one_turn():
    workflow = Workflow()
    made = workflow.turn((workflow.start, [c.CompleteWorkflow()]))
    assert workflow.kinds == ["WorkflowStarted", "WorkflowCompleted"]
    assert made.ended is workflow.events[-1]
    assert [(run.first_seq, run.last_seq, run.summary.status) for run in made.runs] == [(1, 2, Status.COMPLETED)]


def test_every_arrival_is_followed_by_what_its_own_drain_issued(waiting):
    waiting.turn((completed(), [activity(1)]), (signal(), [c.StartTimer(ordinal=0, fire_at=99 * SECOND)]))
    assert waiting.kinds[2:] == ["ActivityCompleted", "ActivityScheduled", "SignalReceived", "TimerStarted"]


def test_an_arrival_that_the_code_no_longer_waits_for_is_not_recorded(waiting):
    made = waiting.turn((signal(), []), (e.TimerFired(seq=0, at=0, ordinal=7), None))
    assert waiting.kinds[2:] == ["SignalReceived"]
    assert [type(event) for event in made.late] == [e.TimerFired]


def test_what_arrives_after_the_end_in_the_same_turn_is_late(waiting):
    made = waiting.turn((completed(), [c.CompleteWorkflow()]), (signal(), []))
    assert waiting.kinds[-1] == "WorkflowCompleted"
    assert [type(event) for event in made.late] == [e.SignalReceived]


def test_only_the_first_terminal_command_of_a_drain_is_recorded(waiting):
    waiting.turn((completed(), [c.CompleteWorkflow(), c.FailWorkflow(failure=BUG)]))
    assert waiting.kinds[2:] == ["ActivityCompleted", "WorkflowCompleted"]


def test_recorded_time_never_goes_back_when_the_clock_does(waiting):
    waiting.clock = 0
    waiting.turn((completed(), []))
    assert waiting.events[-1].at == waiting.events[-2].at


def test_a_cancelled_run_that_only_ends_is_one_event(waiting):
    made = waiting.turn((cancel(), [c.CancelActivity(ordinal=0), c.CancelWorkflow()]))
    assert waiting.kinds[2:] == ["WorkflowCancelled"]
    assert waiting.events[-1].reason == "enough"
    assert made.stop == ((0, True),)


@pytest.mark.parametrize(
    "commands",
    [
        [activity(1)],
        [c.CancelActivity(ordinal=0, wait=True)],
        [c.SetMemo(memo={}), c.CancelWorkflow()],
        [c.CompleteWorkflow()],
        [],
    ],
    ids=["cleanup", "waits for the body", "leaves a note", "refuses", "goes on"],
)
def test_a_cancelled_run_that_does_more_than_end_records_the_request_first(waiting, commands):
    waiting.turn((cancel(), commands))
    assert waiting.kinds[2] == "WorkflowCancelRequested"


def test_the_reason_of_a_cancellation_stands_in_the_end_that_the_code_came_to_after_it(waiting):
    waiting.turn((cancel("enough"), [activity(1)]))
    made = waiting.turn((e.ActivityCompleted(seq=0, at=0, ordinal=1), [c.CancelWorkflow(reason="enough")]))
    assert made.ended.reason == "enough"


def test_a_second_cancellation_that_ends_the_run_is_recorded_as_a_request_of_its_own(waiting):
    waiting.turn((cancel(), [activity(1)]))
    waiting.turn((cancel(), [c.CancelActivity(ordinal=1), c.CancelWorkflow()]))
    assert waiting.kinds[4:] == ["WorkflowCancelRequested", "ActivityCancelled", "WorkflowCancelled"]


def test_an_activity_with_a_slot_is_dispatched_with_the_commit_and_one_without_is_queued():
    workflow = Workflow(slots=1)
    made = workflow.turn((workflow.start, [activity(0), activity(1)]))
    assert [event.dispatched for event in workflow.events[1:]] == [True, False]
    assert [each.ordinal for each in made.dispatch] == [0]
    assert [each.ordinal for each in made.enqueue] == [1]


def test_an_attempt_that_had_to_queue_is_recorded_before_it_is_dispatched():
    workflow = Workflow(slots=0)
    workflow.turn((workflow.start, [activity()]))
    recorder = workflow.recorder()
    recorder.attempt_begins(0, 1)
    made = workflow.done(recorder)
    assert workflow.kinds[-1] == "ActivityStarted"
    assert [each.ordinal for each in made.dispatch] == [0]


def test_an_attempt_begins_once_and_only_while_it_is_current():
    workflow = Workflow(slots=0)
    workflow.turn((workflow.start, [activity()]))
    recorder = workflow.recorder()
    for ordinal, attempt in ((0, 2), (1, 1), (0, 1), (0, 1)):
        recorder.attempt_begins(ordinal, attempt)
    assert len(workflow.done(recorder).dispatch) == 1
    assert workflow.kinds.count("ActivityStarted") == 1


def test_an_activity_that_is_cancelled_in_the_turn_that_scheduled_it_is_not_dispatched(waiting):
    made = waiting.turn((signal(), [activity(1)]), (signal(), [c.CancelActivity(ordinal=1)]))
    assert made.dispatch == []
    assert waiting.kinds[-1] == "ActivityCancelled"


def test_an_abandoned_activity_is_not_told_that_nobody_waits(waiting):
    waiting.options = ActivityOptions(cancellation=Cancellation.ABANDON)
    waiting.turn((completed(), [activity(1)]))
    assert waiting.turn((signal(), [c.CancelActivity(ordinal=1)])).stop == ((1, False),)


def test_a_failed_attempt_is_noted_with_the_time_of_the_next(waiting):
    end, made = waiting.failed(0, 1)
    assert end is None
    assert waiting.events[-1].next_attempt_at > waiting.events[-1].at
    assert made.dispatch == []
    assert waiting.ledger.activities[0].attempt == 2


def test_a_programming_error_ends_the_activity_at_once(waiting):
    end, made = waiting.failed(0, 1, BUG)
    assert end.next_attempt_at is None
    assert made.events == []


def test_the_last_attempt_ends_the_activity(waiting):
    waiting.options = ActivityOptions(retry=RetryPolicy(max_attempts=2))
    waiting.turn((completed(), [activity(1)]))
    assert waiting.failed(1, 1)[0] is None
    assert waiting.failed(1, 2)[0].attempt == 2


def test_failures_of_an_attempt_that_is_over_are_ignored(waiting):
    waiting.failed(0, 1)
    end, made = waiting.failed(0, 1)
    assert (end, made.events) == (None, [])


def test_a_long_outage_does_not_fill_the_history(waiting):
    for attempt in range(1, 31):
        waiting.failed(0, attempt)
    assert waiting.kinds.count("ActivityFailed") == 10
    assert waiting.ledger.activities[0].attempt == 31


def test_a_local_activity_leaves_no_event_when_it_is_issued():
    workflow = Workflow()
    made = workflow.turn((workflow.start, [activity(local=True)]))
    assert workflow.kinds == ["WorkflowStarted"]
    assert made.noted
    assert [each.local for each in made.dispatch] == [True]


def test_a_void_turn_blocks_the_run_and_keeps_what_arrived(waiting):
    recorder = waiting.recorder()
    recorder.block(BUG, [completed(), signal()])
    waiting.done(recorder)
    assert waiting.kinds[2:] == ["WorkflowBlocked", "ActivityCompleted", "SignalReceived"]
    assert waiting.ledger.held
    assert waiting.ledger.drained_seq == 2


def test_a_run_whose_unblocking_is_void_stays_blocked(waiting):
    for _ in range(2):
        recorder = waiting.recorder()
        recorder.block(BUG, [e.WorkflowUnblocked(seq=0, at=0), signal()])
        waiting.done(recorder)
        assert waiting.ledger.summary.status is Status.BLOCKED
    assert waiting.kinds[2:] == ["WorkflowBlocked", "SignalReceived", "WorkflowBlocked", "SignalReceived"]


def test_a_start_whose_first_drain_is_void_waits_for_the_run_to_be_unblocked():
    workflow = Workflow()
    recorder = workflow.recorder()
    recorder.block(BUG, [workflow.start])
    workflow.done(recorder)
    assert workflow.kinds == ["WorkflowStarted", "WorkflowBlocked"]
    assert workflow.ledger.undrained_start
    assert workflow.ledger.drained_seq == 0


def test_a_run_with_a_retry_policy_is_followed_by_the_next_attempt_in_the_same_turn():
    workflow = Workflow(retry=RetryPolicy(max_attempts=2), timeout=5 * SECOND)
    made = workflow.turn((workflow.start, [c.FailWorkflow(failure=OUTAGE)]))
    following = workflow.events[-1]
    assert workflow.kinds == ["WorkflowStarted", "WorkflowFailed", "WorkflowStarted"]
    assert (following.attempt, following.previous_run, following.first_run) == (2, "r1", "r1")
    assert following.deadline == following.not_before + 5 * SECOND
    assert [(run.run_id, run.last_seq) for run in made.runs] == [("r1", 2), ("r2", None)]


def test_the_last_attempt_of_a_run_is_not_followed_by_another():
    workflow = Workflow(retry=RetryPolicy(max_attempts=2), attempt=2)
    workflow.turn((workflow.start, [c.FailWorkflow(failure=OUTAGE)]))
    assert workflow.kinds[-1] == "WorkflowFailed"


def test_timers_come_due_in_the_order_of_their_times_until_they_are_settled():
    workflow = Workflow()
    timers = [c.StartTimer(ordinal=n, fire_at=at * SECOND) for n, at in enumerate((30, 20, 40))]
    workflow.turn((workflow.start, timers))
    assert [ordinal for _, ordinal in workflow.ledger.due_timers(35 * SECOND)] == [1, 0]
    workflow.turn((e.TimerFired(seq=0, at=0, ordinal=1), [c.CancelTimer(ordinal=0)]))
    assert workflow.ledger.due_timers(35 * SECOND) == []
    assert workflow.ledger.next_timer() == (40 * SECOND, 2)
