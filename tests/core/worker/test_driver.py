import gc
import importlib.util
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from msgspec.structs import replace

from aion_core.codec import decode_batch, encode_batch
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.spi import Activated, Ask, AskKind, Batch, Interceptor, NeedHistory, WorkerSettings

_PATH = Path(__file__).with_name("programs.py")
_SPEC = importlib.util.spec_from_file_location("programs", _PATH)
p = importlib.util.module_from_spec(_SPEC)
sys.modules["programs"] = p
_SPEC.loader.exec_module(p)


@pytest.fixture
def story():
    """`story(workflow, …)`: an engine and a worker that knows these workflows."""
    made = []

    def make(*workflows, **options):
        made.append(p.Story(*workflows, **options))
        return made[-1]

    yield make
    for each in made:
        each.driver.close()
        assert len(each.driver) == 0


def blocked(result):
    """The failure that an activation was blocked by."""
    first, *rest = result.commands
    assert [type(command) for command in first] == [c.BlockWorkflow]
    assert not any(rest)
    return first[0].failure


# ---- activations


def test_every_arrival_is_answered_by_the_commands_of_its_own_drain(story):
    order = story(p.checkout)
    assert p.told(order, "checkout", "o-1", arrivals=[p.completed(0), p.fired(0), p.completed(1)]) == [
        ["ScheduleActivity:0"],
        ["StartTimer:0"],
        ["ScheduleActivity:1"],
        ["CompleteWorkflow:"],
    ]


def test_arrivals_of_one_activation_are_drained_one_after_the_other(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    result = order.turn(p.completed(0), p.fired(0))
    assert [p.printed(drain) for drain in result.commands] == [["StartTimer:0"], ["ScheduleActivity:1"]]


def test_what_code_calls_is_noted(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    assert order.source.noted == [p.charge]


def test_interceptors_are_around_the_code(story):
    seen = []

    class Watching(Interceptor):
        def run_workflow(self, call, proceed):
            seen.append(call.workflow_type)
            return proceed(call)

        def schedule_activity(self, call, proceed):
            seen.append(call.activity_type)
            return proceed(call)

    order = story(p.checkout, settings=WorkerSettings(interceptors=[Watching()]))
    order.start("checkout", "o-1")
    assert seen == ["checkout", "charge"]


def test_answers_come_in_the_order_of_the_batch_whatever_becomes_of_each(story):
    one, other = story(p.checkout), story(p.exiting, p.checkout)
    other.driver = one.driver
    one.source.workflows |= other.source.workflows
    other.run_id = "r9"
    one.start("checkout", "o-1")
    other.start("exiting", "SystemExit")
    unknown = one.activation(run_id="r5", after=1)
    batch = [other.activation(p.signal()), unknown, one.activation(p.completed(0))]
    first, second, third = one.driver.activate(batch)
    assert blocked(first).type == "SystemExit"
    assert second == NeedHistory(ticket=unknown.ticket, run_id="r5")
    assert [p.printed(drain) for drain in third.commands] == [["StartTimer:0"]]
    assert [each.ticket for each in (first, second, third)] == [each.ticket for each in batch]


def test_what_nothing_waits_for_any_more_is_answered_by_none(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.turn(p.completed(0), p.fired(0))
    result = order.turn(p.completed(0), p.fired(0), p.completed(1), p.signal(), p.cancel())
    assert [drain and p.printed(drain) for drain in result.commands] == [None, None, ["CompleteWorkflow:"], None, None]


# ---- who holds what


def test_a_run_that_is_not_held_needs_its_history(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.evict()
    assert isinstance(order.activate(p.completed(0)), NeedHistory)


def test_a_run_that_has_seen_another_activation_last_needs_its_history(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    assert isinstance(order.activate(p.completed(0), after=77), NeedHistory)
    assert isinstance(order.activate(p.completed(0), after=None), NeedHistory)


def test_a_history_replaces_what_is_held(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.activate(p.completed(0))  # and was not written
    result = order.activate(p.completed(0), history=order.batches)
    assert p.printed(result.commands[0]) == ["StartTimer:0"]
    assert len(order.driver) == 1


def test_events_of_the_run_before_are_skipped(story):
    order = story(p.checkout, p.approval)
    order.start("approval")
    earlier = [event for batch in order.batches for event in decode_batch(batch)]
    order.batches, order.run_id = [], "r2"
    order.start("checkout", "o-1")
    own = [event for batch in order.batches for event in decode_batch(batch)]
    events = [replace(event, seq=seq) for seq, event in enumerate([*earlier, *own], 1)]
    result = order.activate(p.completed(0), history=[encode_batch(events)])
    assert p.printed(result.commands[0]) == ["StartTimer:0"]


def test_a_closed_run_answers_questions_until_it_is_evicted(story):
    order = story(p.plainly)
    order.start("plainly", "o-1")
    order.turn(p.completed(0))
    assert order.ask().value == p.VALUES.encode("charging plainly")
    order.evict()
    assert len(order.driver) == 0
    assert order.ask(history=order.batches).value == p.VALUES.encode("charging plainly")


STORIES = {
    "checkout": (("o-1",), (p.completed(0), p.fired(0), p.completed(1))),
    "approval": ((), (p.signal("go", "yes"), p.signal("decide"))),
    "plainly": (("o-1",), (p.completed(0),)),
    "family": ((), p.FAMILY),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_run_that_is_evicted_before_every_activation_issues_the_same_commands(story, name):
    args, arrivals = STORIES[name]
    resident, forgetful = story(getattr(p, name)), story(getattr(p, name))
    forgetful.forgetful = True
    told = [p.told(each, name, *args, arrivals=arrivals) for each in (resident, forgetful)]
    assert told[0] == told[1]
    assert [batch.body for batch in resident.batches] == [batch.body for batch in forgetful.batches]


def test_commands_do_not_depend_on_the_hash_seed():
    logs = set()
    for seed in range(8):
        environ = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run([sys.executable, _PATH], env=environ, capture_output=True, text=True, check=True)
        logs.add(done.stdout)
    assert len(logs) == 1
    assert logs.pop().count("CancelActivity") == 2


# ---- questions


@pytest.mark.parametrize(
    ("name", "arrivals", "step"),
    [
        ("checkout", 0, "charging"),
        ("checkout", 1, "resting"),
        ("checkout", 2, "shipping"),
        ("approval", 0, "receiving"),
        ("approval", 1, "deciding"),
        ("plainly", 0, "charging plainly"),
        ("family", 0, "racing"),
    ],
)
def test_a_query_is_answered_wherever_the_code_waits(story, name, arrivals, step):
    args, all_arrivals = STORIES[name]
    order = story(getattr(p, name))
    p.told(order, name, *args, arrivals=all_arrivals[:arrivals])
    assert order.ask().value == p.VALUES.encode(step)
    assert order.ask(history=order.batches).value == p.VALUES.encode(step)


def test_questions_are_answered_after_the_arrivals(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    ask = Ask(ask_id="q", kind=AskKind.QUERY, name="step")
    result = order.turn(p.completed(0), asks=(ask,))
    assert [answer.value for answer in result.answers] == [p.VALUES.encode("resting")]


def test_the_stack_names_where_the_code_waits(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    text = p.VALUES.decode(order.ask(kind=AskKind.STACK).value, str)
    assert "programs.py:" in text
    assert " in checkout" in text


@pytest.mark.parametrize(
    ("name", "kind", "code", "message"),
    [
        (
            "colour",
            "UnknownHandler",
            "unknown-handler",
            "has no query 'colour'. It has: echo, fail, record, step, wake",
        ),
        ("fail", "ValueError", None, "no such order"),
        ("record", "ReadOnlyViolation", "read-only", "set_memo"),
    ],
)
def test_a_query_that_fails_concerns_nobody_else(story, name, kind, code, message):
    order = story(p.meddler)
    order.start("meddler")
    failure = order.ask(name).failure
    assert (failure.type, failure.code) == (kind, code)
    assert message in failure.message
    assert order.ask().value == p.VALUES.encode("waiting")
    assert len(order.driver) == 1


def test_a_query_that_wakes_code_fails_those_after_it_and_the_run_begins_anew(story):
    order = story(p.meddler)
    order.start("meddler")
    asks = [Ask(ask_id=name, kind=AskKind.QUERY, name=name) for name in ("step", "wake", "step")]
    first, second, third = order.turn(asks=asks).answers
    assert first.value == p.VALUES.encode("waiting")
    assert second.failure.code == third.failure.code == "read-only"
    assert len(order.driver) == 0
    assert order.ask(history=order.batches).value == p.VALUES.encode("waiting")


def test_the_headers_of_a_query_reach_its_handler(story):
    order = story(p.meddler)
    order.start("meddler")
    ask = Ask(ask_id="q", kind=AskKind.QUERY, name="echo", headers={"trace": p.VALUES.encode("t-1")})
    (answer,) = order.turn(asks=(ask,)).answers
    assert answer.value == p.VALUES.encode("t-1")


def test_a_validation_is_answered_by_a_failure(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    assert order.ask("add", kind=AskKind.VALIDATE).failure.type == "NotImplementedError"


# ---- what blocks a run


def test_a_mismatch_names_the_history_and_the_place_in_the_source(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.turn(p.completed(0))
    order.source.workflows["checkout"] = p.checkout_without_rest
    failure = blocked(order.activate(p.fired(0), p.signal(), history=order.batches))
    assert (failure.type, failure.code) == ("NonDeterminism", "non-determinism")
    assert failure.message.startswith(
        "history has timer (#0, event 4); the code now calls activity `ship` at programs.py:"
    )
    assert failure.cause is None
    assert failure.traceback is None  # it would lead through the machine
    assert len(order.driver) == 0


def test_code_that_differs_from_one_replay_to_the_next_is_a_mismatch_without_a_place(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.turn(p.completed(0))
    order.source.workflows["checkout"] = p.moody
    p.MOODS[:] = ["good", "bad"]
    failure = blocked(order.activate(p.fired(0), history=order.batches))
    assert failure.message.startswith("history has timer (#0, event 4); the code now calls activity `ship`.")
    assert len(order.driver) == 0


def test_a_broken_rule_blocks_and_voids_the_activation(story):
    order = story(p.reader)
    order.start("reader")
    failure = blocked(order.turn(p.signal("other"), p.signal("go"), p.signal("more")))
    assert failure.code == "non-deterministic-call"
    assert "programs.py:" in failure.message
    assert len(order.driver) == 0


def test_what_the_guard_may_let_pass_does_not_block(story, caplog):
    order = story(p.reader, settings=WorkerSettings(guard="warn"))
    order.start("reader")
    assert p.printed(order.turn(p.signal("go")).commands[0]) == ["ScheduleActivity:0"]
    assert "a file" in caplog.text


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt"])
def test_what_leaves_the_machine_blocks(story, kind):
    order = story(p.exiting)
    order.start("exiting", kind)
    failure = blocked(order.turn(p.signal()))
    assert (failure.type, failure.message) == (kind, "out of the code")
    assert len(order.driver) == 0


def test_an_error_in_a_callback_blocks(story):
    order = story(p.throwing)
    order.start("throwing")
    assert blocked(order.turn(p.signal())).message == "in a callback"


@pytest.mark.parametrize("kind", ["MemoryError", "RecursionError"])
def test_an_error_of_the_interpreter_fails_the_workflow_like_any_other(story, kind):
    order = story(p.exiting)
    order.start("exiting", kind)
    (command,) = order.turn(p.signal()).commands[0]
    assert isinstance(command, c.FailWorkflow)
    assert command.failure.type == kind


def test_an_unknown_workflow_blocks_and_says_so(story):
    order = story()
    failure = blocked(order.start("checkout", "o-1"))
    assert failure.code == "unknown-workflow"
    assert failure.message == "there is no workflow 'checkout' in version env:1 here."
    assert failure.cause.type == "KeyError"  # an import may have raised it


@pytest.mark.parametrize("moods", [["sad", "sad"], ["sad", "careful"]])
def test_code_that_no_longer_fits_leaves_like_any_other(story, caplog, moods):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.turn(p.completed(0))
    order.source.workflows["checkout"] = p.moody
    p.LEFT.clear()
    p.MOODS[:] = moods
    blocked(order.activate(p.fired(0), history=order.batches))
    assert len(p.LEFT) == 2  # at once, and not when the collector finds it
    assert not caplog.records


def test_code_that_can_not_be_imported_blocks_with_its_error(story):
    order = story()
    order.source.workflows["checkout"] = SystemExit("in a module")
    assert blocked(order.start("checkout", "o-1")).message == "in a module"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda batches: [Batch(first_seq=1, last_seq=2, body=b"[]", crc=1)], "checksum is wrong"),
        (lambda batches: batches[1:], "holds no start of run r1"),
        (lambda batches: [], "does not begin with a start"),
    ],
)
def test_a_damaged_history_blocks(story, damage, problem):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.turn(p.completed(0))
    failure = blocked(order.activate(p.fired(0), history=damage(order.batches)))
    assert failure.code == "history-corrupt"
    assert problem in failure.message
    assert len(order.driver) == 0


def test_without_arrivals_only_the_questions_fail(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.source.workflows.clear()
    ask = Ask(ask_id="q", kind=AskKind.QUERY, name="step")
    result = order.activate(asks=(ask,), history=order.batches)
    assert result.commands == []
    assert [answer.failure.code for answer in result.answers] == ["unknown-workflow"]


# ---- leaving


def test_a_run_that_waits_for_ever_leaves_without_a_word(story, recwarn, caplog):
    order = story(p.waiting_forever)
    p.LEFT.clear()
    order.start("waiting_forever")
    order.evict()
    order.evict()
    gc.collect()
    assert p.LEFT == ["finally"]
    assert len(order.driver) == 0
    assert not recwarn.list
    assert not caplog.records


def test_leaving_code_reaches_nothing_outside(story):
    order = story(p.tidy)
    p.LEFT.clear()
    order.start("tidy")
    order.evict()
    assert p.LEFT == ["NonDeterministicCall"]


def test_nothing_of_an_evicted_run_is_kept(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    run = weakref.ref(order.driver._held["r1"]._task)
    order.evict()
    gc.collect()
    assert run() is None


def test_what_runs_now_can_be_seen(story):
    order = story(p.watcher)
    p.LEFT.clear()
    p.WATCHED[:] = [order.driver]
    order.start("watcher")
    assert p.LEFT == [(1, "r1")]
    assert order.driver.busy is None


def test_a_driver_may_be_closed_twice(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.driver.close()
    order.driver.close()
    assert isinstance(order.activate(p.completed(0)), NeedHistory)


def test_an_activation_without_arrivals_and_questions_begins_the_run(story):
    order = story(p.checkout)
    order.start("checkout", "o-1")
    order.evict()
    assert order.activate(history=order.batches) == Activated(ticket=2, run_id="r1", commands=[], answers=())
    assert p.printed(order.activate(p.completed(0)).commands[0]) == ["StartTimer:0"]


def test_a_start_that_was_blocked_is_drained_when_the_run_goes_on(story):
    order = story()
    failure = blocked(order.start("checkout", "o-1"))
    order.record_block(failure)
    order.source.workflows["checkout"] = p.checkout
    result = order.turn(e.WorkflowUnblocked(seq=0, at=0), history=order.batches)
    assert p.printed(result.commands[0]) == ["ScheduleActivity:0"]


def test_what_arrived_while_a_run_was_paused_is_drained_when_it_goes_on(story):
    arrivals = [e.WorkflowPaused(seq=0, at=0), p.signal("go", "yes"), p.signal("decide")]
    order = story(p.approval)
    assert p.told(order, "approval", arrivals=arrivals) == [[], [], [], []]
    resumed = e.WorkflowResumed(seq=0, at=0)
    held, replayed = order.activate(resumed), order.activate(resumed, history=order.batches)
    assert p.printed(held.commands[0]) == p.printed(replayed.commands[0]) == ["CompleteWorkflow:"]
