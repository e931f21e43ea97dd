import asyncio
import contextvars

import pytest

from aion_core.machine import in_plain_code, run_plain, wait_for
from aion_core.model import events as e
from aion_core.model.errors import NotInWorkflow


async def activity(run, name):
    ordinal, outcome = run.activity(name)
    try:
        return await outcome
    except asyncio.CancelledError:
        run.cancel_activity(ordinal)
        raise


def plain(fn):
    async def main(run):
        return await run_plain(fn, run)

    return main


def test_a_plain_function_waits_without_await(record):
    def checkout(run):
        for name in ("charge", "ship"):
            wait_for(activity(run, name))
        wait_for(asyncio.sleep(5))

    story = record(plain(checkout))
    assert story.completed(0) == ["ScheduleActivity:1"]
    assert story.completed(1) == ["StartTimer:0"]
    assert story.fired(0) == ["CompleteWorkflow:"]


def test_an_exception_is_raised_where_the_function_waits(record):
    caught = []

    def main(run):
        try:
            wait_for(asyncio.wait_for(activity(run, "slow"), 1))
        except TimeoutError as error:
            caught.append(type(error))

    assert record(plain(main)).fired(0) == ["CancelActivity:0", "CompleteWorkflow:"]
    assert caught == [TimeoutError]
    caught.clear()


def test_a_cancelled_plain_workflow_cleans_up(record):
    def main(run):
        try:
            wait_for(activity(run, "work"))
        finally:
            wait_for(activity(run, "undo"))

    story = record(plain(main))
    assert story.issued(e.WorkflowCancelRequested) == ["CancelActivity:0", "ScheduleActivity:1"]
    assert story.completed(1) == ["CancelWorkflow:"]


def test_an_evicted_plain_workflow_leaves_without_an_effect(record):
    left = []

    def main(run):
        try:
            wait_for(activity(run, "work"))
        finally:
            left.append("finally")

    story = record(plain(main))
    story.run.evict()
    assert left == ["finally"]


def test_context_variables_reach_the_function(record):
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    async def main(run):
        variable.set("set")
        await run_plain(lambda: seen.append(variable.get()))

    record(main)
    assert seen == ["set"]


def test_waiting_without_await_elsewhere_says_what_to_write():
    assert not in_plain_code()
    with pytest.raises(NotInWorkflow, match="write `await`"):
        wait_for(asyncio.Event)
