import asyncio
import gc
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from aion_core.model import events as e
from aion_core.model.errors import NonDeterministicCall, ReadOnlyViolation
from aion_core.model.failures import Failure
from aion_core.model.payloads import json_payload


async def activity(run, name, *, wait=False):
    ordinal, outcome = run.activity(name)
    try:
        return await outcome
    except asyncio.CancelledError:
        run.cancel_activity(ordinal, wait=wait)
        raise


def kinds(recorded):
    return [type(event).__name__ for event in recorded.history]


def test_a_workflow_without_awaits_ends_in_its_first_drain(record):
    async def main(run):
        pass

    assert kinds(record(main)) == ["WorkflowStarted", "WorkflowCompleted"]


def test_each_result_issues_the_next_step(record):
    async def main(run):
        for name in ("charge", "ship"):
            await activity(run, name)

    story = record(main)
    assert story.completed(0) == ["ScheduleActivity:1"]
    assert story.completed(1) == ["CompleteWorkflow:"]


def test_gathered_activities_are_scheduled_in_one_drain(record):
    async def main(run):
        await asyncio.gather(*(activity(run, f"a{n}") for n in range(3)))

    story = record(main)
    assert kinds(story) == ["WorkflowStarted", *["ActivityScheduled"] * 3]
    assert [story.completed(n) for n in (2, 0, 1)] == [[], [], ["CompleteWorkflow:"]]


def test_sleep_is_a_durable_timer_from_the_time_of_the_event(record):
    async def main(run):
        await asyncio.sleep(5)

    story = record(main)
    assert story.history[1].fire_at == story.history[0].at + 5_000_000
    assert story.fired(0) == ["CompleteWorkflow:"]


def test_sleep_of_nothing_is_a_yield_without_a_timer(record):
    async def main(run):
        await asyncio.sleep(0)

    assert kinds(record(main)) == ["WorkflowStarted", "WorkflowCompleted"]


def test_a_timeout_that_passes_cancels_what_it_guards(record):
    async def main(run):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await activity(run, "slow")

    assert record(main).fired(0) == ["CancelActivity:0", "CompleteWorkflow:"]


def test_a_timeout_that_is_not_needed_is_cancelled(record):
    async def main(run):
        async with asyncio.timeout(5):
            await activity(run, "fast")

    assert record(main).completed(0) == ["CancelTimer:0", "CompleteWorkflow:"]


def test_what_is_started_and_cancelled_in_one_drain_leaves_nothing(record):
    async def main(run):
        async with asyncio.timeout(5):
            pass
        task = asyncio.create_task(activity(run, "never"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert kinds(record(main)) == ["WorkflowStarted", "WorkflowCompleted"]


def test_an_activity_that_is_waited_for_ends_with_its_own_outcome(record):
    async def main(run):
        task = asyncio.create_task(activity(run, "slow", wait=True))
        await run.signals.get("stop")
        task.cancel()
        await asyncio.wait([task])

    story = record(main)
    assert story.signal("stop") == ["CancelActivity:0", "CompleteWorkflow:"]


def test_early_signals_wait_in_order_for_their_receive(record):
    seen = []

    async def main(run):
        await activity(run, "first")
        seen.extend([(await run.signals.get("go")).payload.content for _ in range(2)])

    story = record(main)
    story.signal(payload=json_payload(b"1"))
    story.signal(payload=json_payload(b"2"))
    story.completed(0)
    assert seen == [b"1", b"2"]


def test_a_thousand_signals_are_received_in_order(record):
    seen = []

    async def main(run):
        while len(seen) < 1000:
            seen.append(int((await run.signals.get("n")).payload.content))

    story = record(main)
    for n in range(1000):
        story.signal("n", payload=json_payload(str(n).encode()))
    assert seen == list(range(1000))
    seen.clear()  # the replay at the end of the test fills it again


def test_a_cancelled_receive_has_consumed_nothing(record):
    async def main(run):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await run.signals.get("go")
        await run.signals.get("go")

    story = record(main)
    assert story.fired(0) == []
    assert story.signal() == ["CompleteWorkflow:"]


def test_a_signal_and_a_handler_of_one_name_exclude_each_other(record):
    async def main(run):
        run.signals.handle("go", lambda _: None)
        with pytest.raises(ValueError, match="has a handler"):
            await run.signals.get("go")

    record(main)


def test_conditions_are_asked_in_order_and_again_after_each_that_was_true(record):
    woken = []

    async def main(run):
        state = {"n": 0}

        async def waiter(name, wanted):
            await run.condition(lambda: state["n"] >= wanted)
            woken.append(name)
            state["n"] += 1

        async with asyncio.TaskGroup() as group:
            group.create_task(waiter("second", 2))
            group.create_task(waiter("first", 1))
            await run.signals.get("go")
            state["n"] = 1

    record(main).signal()
    assert woken == ["first", "second"]


def test_an_exception_of_a_condition_is_raised_in_its_waiter(record):
    async def main(run):
        with pytest.raises(ZeroDivisionError):
            await run.condition(lambda: 1 / 0)

    assert kinds(record(main))[-1] == "WorkflowCompleted"


def test_a_condition_that_records_something_blocks_the_run(record):
    async def main(run):
        with pytest.raises(ReadOnlyViolation):
            await run.condition(lambda: run.set_memo({}))

    story = record(main)
    assert kinds(story) == ["WorkflowStarted", "WorkflowBlocked"]
    assert "a condition of wait_until may look and not touch" in story.history[1].failure.message


@pytest.mark.parametrize("event", [e.WorkflowCancelRequested, e.WorkflowCancelled])
def test_a_cancelled_workflow_can_clean_up_with_activities(record, event):
    async def main(run):
        try:
            await activity(run, "work")
        finally:
            await activity(run, "undo")

    story = record(main)
    if event is e.WorkflowCancelRequested:
        assert story.issued(event) == ["CancelActivity:0", "ScheduleActivity:1"]
        assert story.completed(1) == ["CancelWorkflow:"]


def test_a_workflow_may_refuse_to_be_cancelled(record):
    async def main(run):
        with pytest.raises(asyncio.CancelledError):
            await activity(run, "work")

    assert record(main).issued(e.WorkflowCancelRequested) == ["CancelActivity:0", "CompleteWorkflow:"]


def test_an_exception_fails_the_workflow_with_its_type_message_and_cause(record):
    async def main(run):
        try:
            raise KeyError("k")
        except KeyError as error:
            raise RuntimeError("it broke") from error

    failure = record(main).history[1].failure
    assert (failure.type, failure.message, failure.cause.type) == ("RuntimeError", "it broke", "KeyError")
    assert "test_run.py" in failure.traceback


def test_a_failure_that_nobody_looked_at_fails_the_workflow_when_it_returns(record):
    async def main(run):
        async def broken():
            raise ValueError("unseen")

        asyncio.create_task(broken())  # noqa: RUF006  # forgetting it is the point
        await asyncio.sleep(1)

    story = record(main)
    story.fired(0)
    assert story.history[-1].failure.message == "unseen"


def test_a_failure_that_somebody_looked_at_does_not(record):
    async def main(run):
        async def broken():
            raise ValueError("seen")

        await asyncio.gather(broken(), return_exceptions=True)

    assert kinds(record(main))[-1] == "WorkflowCompleted"


def test_what_comes_while_a_run_is_paused_is_held_and_drained_in_order(record):
    seen = []

    async def main(run):
        seen.extend([(await run.signals.get("go")).payload.content for _ in range(2)])

    story = record(main)
    story.issued(e.WorkflowPaused)
    assert story.signal(payload=json_payload(b"1")) == []
    assert story.signal(payload=json_payload(b"2")) == []
    assert seen == []
    assert story.issued(e.WorkflowResumed) == ["CompleteWorkflow:"]
    assert seen == [b"1", b"2"]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: asyncio.to_thread(print), "asyncio.to_thread"),
        (lambda: asyncio.open_connection("127.0.0.1", 1), "a connection"),
        (lambda: asyncio.create_subprocess_exec("true"), "a subprocess"),
        (lambda: asyncio.start_server(print, "127.0.0.1", 0), "a server"),
    ],
)
def test_what_would_leave_the_process_blocks_the_run_whatever_the_code_catches(record, call, what):
    async def main(run):
        with pytest.raises(NonDeterministicCall):
            await call()
        await activity(run, "after")

    story = record(main)
    assert kinds(story) == ["WorkflowStarted", "WorkflowBlocked"]
    failure = story.history[1].failure
    assert failure.code == "non-deterministic-call"
    assert what in failure.message
    assert "use an activity" in failure.message


def test_the_same_run_draws_the_same_numbers_in_every_replay(record):
    drawn = []

    async def main(run):
        drawn.append(run.rng().random())

    story = record(main)
    story.replayed()
    assert drawn[0] == drawn[1]


def test_a_side_effect_is_computed_once_and_seen_by_every_replay(record):
    computed = []

    async def main(run):
        def compute():
            computed.append(1)
            return json_payload(str(len(computed)).encode())

        value = run.marker(e.MarkerKind.SIDE_EFFECT, "n", compute)
        assert value.content == b"1"

    record(main).replayed()
    assert computed == [1]


def test_an_evicted_run_runs_its_finally_blocks_without_any_effect(record):
    left = []

    async def main(run):
        try:
            await activity(run, "work")
        finally:
            left.append("finally")
            await activity(run, "undo")

    story = record(main)
    story.run.evict()
    assert left == ["finally"]
    assert kinds(story) == ["WorkflowStarted", "ActivityScheduled"]
    left.clear()


CLEANUPS = {
    "gather": lambda undo: asyncio.gather(undo(), undo()),
    "wait_for": lambda undo: asyncio.wait_for(undo(), 5),
    "create_task": lambda undo: asyncio.create_task(undo()),
    "shield": lambda undo: asyncio.shield(undo()),
}


@pytest.mark.parametrize("cleanup", CLEANUPS)
def test_clean_up_that_an_eviction_refuses_is_not_complained_of(record, cleanup):
    async def undo():
        raise AssertionError("it has no effect")

    async def main(run):
        try:
            await activity(run, "work")
        finally:
            await CLEANUPS[cleanup](undo)

    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        record(main).run.evict()
        gc.collect()
    assert complaints == []


def test_code_that_swallows_everything_does_not_survive_eviction(record):
    async def main(run):
        while True:
            try:
                await activity(run, "work")
            except BaseException:
                await asyncio.sleep(0)

    record(main).run.evict()


def test_a_huge_message_a_broken_str_and_a_circle_of_causes_can_be_recorded(record):
    class Odd(Exception):
        def __init__(self, one, two):
            self.one = one

        def __str__(self):
            raise RuntimeError("no")

    async def main(run):
        error = ValueError("x" * 1_000_000)
        odd = Odd(1, 2)
        odd.__cause__ = error
        error.__cause__ = odd
        raise ExceptionGroup("many", [error, odd])

    failure = record(main).history[1].failure
    assert failure.type == "ExceptionGroup"
    assert len(failure.members[0].message) < 20_000
    assert "characters left out" in failure.members[0].message
    assert failure.members[0].cause.message == "(its message can not be read: RuntimeError)"


PROGRAM = """
import asyncio, sys
from aion_core.machine import WorkflowLoop, WorkflowRun
from aion_core.model import events as e
from aion_core.model.payloads import EMPTY

async def activity(run, name):
    ordinal, outcome = run.activity(name)
    try:
        return await outcome
    except asyncio.CancelledError:
        run.cancel_activity(ordinal)
        raise

async def main(run, started):
    try:
        async with asyncio.TaskGroup() as group:
            for n in range(12):
                group.create_task(activity(run, f"a{n}"))
            await run.signals.get("fail")
            raise ValueError
    except* ValueError:
        pass
    tasks = [asyncio.create_task(activity(run, f"b{n}")) for n in range(12)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in pending:
        await asyncio.wait([task])
    for first in asyncio.as_completed([activity(run, f"c{n}") for n in range(12)]):
        await first
        break
    return EMPTY

with WorkflowLoop() as loop:
    run = WorkflowRun(loop, main, workflow_id="w")
    arrivals = [
        e.WorkflowStarted(seq=1, at=0, run_id="r", workflow_type="t", version="v", python="3.11", machine=1),
        e.SignalReceived(seq=2, at=1, name="fail"),
        e.ActivityCompleted(seq=3, at=2, ordinal=15),
        e.ActivityCompleted(seq=4, at=3, ordinal=27),
    ]
    print([[(type(c).__name__, getattr(c, "ordinal", None)) for c in run.apply(a)] for a in arrivals])
"""


def test_sets_of_tasks_give_one_command_log_under_forty_hash_seeds(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    logs = set()
    for seed in range(40):
        environ = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, program], env=environ, capture_output=True, text=True, check=True, cwd=Path.cwd()
        )
        logs.add(done.stdout)
    assert len(logs) == 1
    assert logs.pop().count("CancelActivity") == 23


def test_an_error_of_an_activity_reaches_the_code_as_its_event(record):
    seen = []

    async def main(run):
        seen.append(await activity(run, "charge"))

    story = record(main)
    story.issued(e.ActivityFailed, ordinal=0, failure=Failure(type="Declined", message="no"))
    assert seen[0].failure.type == "Declined"


@pytest.mark.parametrize("kind", ["timer", "activity"])
def test_what_a_held_arrival_has_settled_is_not_cancelled_when_the_run_goes_on(record, kind):
    async def main(run):
        async def settled():
            if kind == "timer":
                await asyncio.sleep(2)
            else:
                await run.activity("charge")[1]

        await asyncio.wait(
            [asyncio.create_task(asyncio.sleep(1)), other := asyncio.create_task(settled())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        other.cancel()
        await asyncio.sleep(60)

    run = record(main)
    run.issued(e.WorkflowPaused)
    run.fired(0)
    if kind == "timer":
        run.fired(1)
    else:
        run.completed(0)
    assert run.issued(e.WorkflowResumed) == [f"StartTimer:{2 if kind == 'timer' else 1}"]
