"""What is special to threads about plain activities: how many there are, and what is left behind."""

import threading

from aion_core.authoring.activity_context import heartbeat
from aion_core.spi import Micros
from aion_runtime_thread.pool import AT_ONCE
from aion_testkit.runtimes.stage import VALUES, result

SECOND = 1_000_000


def waiting(code, gate):
    def waits_at_the_gate(name: str) -> str:
        heartbeat(name)
        gate.wait()
        return name

    return code(waits_at_the_gate)


def said(stage):
    return [VALUES.decode(details, str) for _, details in stage.host.beats]


def test_one_thread_begins_bodies_in_the_order_in_which_they_came(open_stage, code):
    def says(name: str) -> None:
        heartbeat(name)

    stage = open_stage(threads=1)
    name = code(says)
    tasks = [stage.task(name, str(n)) for n in range(1000)]
    stage.execute(*tasks[:500])
    stage.execute(*tasks[500:])
    stage.outcomes(*tasks)
    assert said(stage) == [str(n) for n in range(1000)]


def test_work_that_waits_for_a_moment_gets_more_threads(open_stage, code, gate, until):
    stage = open_stage()
    many = 5 * AT_ONCE
    tasks = [stage.task(waiting(code, gate), str(n)) for n in range(many)]
    stage.execute(*tasks)
    until(lambda: len(stage.host.beats) == many)
    assert stage.runtime.health().busy == many


def test_there_are_never_more_threads_than_the_settings_say(open_stage, code, gate, until):
    stage = open_stage(threads=2)
    tasks = [stage.task(waiting(code, gate), str(n)) for n in range(5)]
    stage.execute(*tasks)
    until(lambda: len(stage.host.beats) == 2)
    for _ in range(20):
        until(lambda: True)
    assert stage.runtime.health().workers == 3  # with that of workflow code
    gate.set()
    stage.outcomes(*tasks)
    assert len(stage.host.beats) == 5


def test_threads_that_are_too_many_end(open_stage, code, gate, until):
    stage = open_stage()
    tasks = [stage.task(waiting(code, gate), str(n)) for n in range(3 * AT_ONCE)]
    stage.execute(*tasks)
    until(lambda: len(stage.host.beats) == len(tasks))
    gate.set()
    stage.outcomes(*tasks)
    until(lambda: stage.runtime.health().workers <= 2 + AT_ONCE)
    stage.still_works()


def test_a_body_that_does_not_stop_is_lost_after_the_grace(open_stage, code, gate, until, clock):
    stage = open_stage(grace=5.0)
    name = waiting(code, gate)
    task = stage.task(name, "deaf")
    stage.begun(task)
    stage.runtime.cancel_activity(task.task_id)
    clock.advance(4.9)
    stage.still_works()
    assert task.task_id not in stage.host.done
    until(lambda: task.task_id in stage.host.done)
    assert stage.host.done[task.task_id].lost
    health = stage.runtime.health()
    assert (health.abandoned, health.busy) == (1, 0)
    assert name in health.notes[0]


def test_what_a_body_that_was_left_behind_returns_is_ignored(open_stage, code, gate, until):
    stage = open_stage(grace=5.0)
    task = stage.task(waiting(code, gate), "deaf")
    stage.begun(task)
    stage.runtime.cancel_activity(task.task_id)
    until(lambda: task.task_id in stage.host.done)
    gate.set()
    until(lambda: not stage.runtime.health().notes)
    assert stage.host.complaints == []
    assert stage.runtime.health().abandoned == 1


def test_a_thread_that_was_left_behind_is_replaced(open_stage, code, gate, until):
    stage = open_stage(threads=1, grace=5.0)
    deaf, behind = stage.task(waiting(code, gate), "deaf"), stage.task("echo", 42)
    stage.begun(deaf)
    stage.execute(behind)
    stage.runtime.cancel_activity(deaf.task_id)
    until(lambda: behind.task_id in stage.host.done)
    assert result(stage.host.done[behind.task_id]) == 42
    assert stage.host.done[deaf.task_id].lost


def test_what_waits_for_a_thread_is_cancelled_at_once(open_stage, code, gate):
    stage = open_stage(threads=1)
    busy, behind = stage.task(waiting(code, gate), "busy"), stage.task(waiting(code, gate), "behind")
    stage.begun(busy)
    stage.execute(behind)
    stage.runtime.cancel_activity(behind.task_id)
    assert "before it began" in stage.host.done[behind.task_id].failure.message
    gate.set()
    stage.outcomes(busy)
    assert said(stage) == ["busy"]


def test_the_limits_of_a_task_are_the_engines_to_keep(open_stage, code, gate, clock):
    stage = open_stage(grace=5.0)
    task = stage.task(waiting(code, gate), "slow", start_to_close=Micros(3 * SECOND))
    stage.begun(task)
    clock.advance(60.0)
    stage.still_works()
    assert task.task_id not in stage.host.done
    gate.set()
    stage.outcomes(task)
    assert said(stage) == ["slow"]


def test_a_body_that_outlives_its_cancellation_is_left_behind_after_the_grace(open_stage, code, gate, until, clock):
    stage = open_stage(grace=5.0)
    task = stage.task(waiting(code, gate), "deaf")
    stage.begun(task)
    stage.runtime.cancel_activity(task.task_id)
    clock.advance(4.9)
    stage.still_works()
    assert task.task_id not in stage.host.done
    until(lambda: task.task_id in stage.host.done)
    assert stage.host.done[task.task_id].lost
    assert clock.monotonic() >= 5.0


def test_closing_leaves_no_thread_that_has_nothing_to_do(open_stage):
    before = {*threading.enumerate()}
    stage = open_stage()
    stage.still_works()
    stage.close()
    assert {*threading.enumerate()} <= before


def test_what_has_not_begun_when_the_runtime_closes_is_lost(open_stage, code, gate):
    stage = open_stage(threads=1)
    busy, behind = stage.task(waiting(code, gate), "busy"), stage.task("echo", 1)
    stage.begun(busy)
    stage.execute(behind)
    stage.close(grace=0.0)
    assert [stage.host.done[task.task_id].lost for task in (busy, behind)] == [True, True]
