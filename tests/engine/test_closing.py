"""Closing: what runs may end and is recorded, nothing is begun, and nothing is blamed on the workflows."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.engine.programs.surviving import CODE, charges, steps

import aion_core as aion

__all__ = ["CODE"]


def kinds(run):
    return [event.type for event in run.history()]


def test_a_body_that_ends_within_the_grace_is_recorded(engine, house, gate):
    engine.start(charges, "42", id="c")
    gate("charge").reached()
    gate("charge").open()
    engine.close(grace=20)
    after = house.open(*CODE).handle("c")
    assert after.result(timeout=20) == 1
    assert "ActivityFailed" not in kinds(after)


def test_no_attempt_is_begun_and_lost_while_an_engine_closes(engine, house, gate):
    engine.start(charges, "42", id="c")
    gate("charge").reached()
    engine.close(grace=0)
    after = house.open(*CODE).handle("c")
    assert after.result(timeout=20) == 2
    assert kinds(after).count("ActivityFailed") == 1


def test_a_run_is_not_blocked_because_its_engine_closed(engine, house, gate):
    runs = [engine.start(charges, str(number), id=str(number)) for number in range(8)]
    gate("charge").reached(8)
    gate("charge").open()
    engine.close(grace=0.01)
    following = house.open(*CODE)
    for run in runs:
        after = following.handle(run.id)
        assert after.result(timeout=20) in {1, 2}
        assert "WorkflowBlocked" not in kinds(after)


def test_a_closed_engine_serves_nobody_and_closes_twice(engine):
    run = engine.start(steps, 1, id="s")
    engine.close()
    engine.close()
    for verb in (run.result, run.status, run.history, lambda: engine.start(steps, 1), engine.health):
        with pytest.raises(aion.EngineClosed):
            verb()


def test_who_waits_for_a_result_hears_that_the_engine_closed(engine):
    run = engine.start(steps, 1, id="s")
    with ThreadPoolExecutor() as others:
        waiting = others.submit(run.result, timeout=20)
        engine.close()
        with pytest.raises(aion.EngineClosed):
            waiting.result()
