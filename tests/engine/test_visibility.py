"""What can be seen of runs without running their code, and what code sees of itself."""

import logging

import pytest
from tests.engine.programs.showing import (
    CODE,
    busy,
    customer,
    draws,
    effects,
    introduces,
    keeps,
    patched,
    talkative,
    wrong_attribute,
)

import aion_core as aion

__all__ = ["CODE"]

SETTINGS = {"search_attributes": {"customer": "str", "total": "int"}}


def ids(engine, query="", **options):
    return sorted(run.id for run in engine.list(query, **options))


# ---- lists


def test_a_run_is_found_by_the_attributes_of_its_start_from_the_start_on(engine):
    engine.start(keeps, "x", id="k", attributes={"customer": "acme"})
    assert ids(engine, "customer = 'acme'") == ["k"]
    assert engine.count("customer = $c", params={"c": "acme"}) == 1
    assert engine.count("customer = 'other'") == 0


def test_attributes_that_code_sets_and_unsets_are_found(engine, until):
    run = engine.start(customer, "acme", id="c")
    assert ids(engine, "customer = 'acme'") == ["c"]
    run.signal("pay", 7)
    until(run, "SearchAttributesUpdated", 2)
    assert ids(engine, "customer is null and total >= 7") == ["c"]
    assert run.describe().attributes == {"total": 7}


def test_a_list_shows_live_and_closed_runs_once_each(engine):
    live, done = engine.start(keeps, "x", id="live"), engine.start(introduces, id="done")
    done.result(timeout=20)
    assert ids(engine) == ["done", "live"]
    assert ids(engine, "status = 'completed'") == ["done"]
    assert ids(engine, "status = 'running' and type = 'keeps'") == ["live"]
    assert live.status() is aion.Status.RUNNING


def test_a_list_goes_on_behind_a_cursor(engine):
    for number in range(5):
        engine.start(keeps, "x", id=f"k{number}")
    first = list(engine.list(limit=2))
    rest = list(engine.list(after=first[-1].cursor))
    assert len(first) == 2
    assert sorted(run.id for run in (*first, *rest)) == [f"k{number}" for number in range(5)]


def test_an_unknown_attribute_is_refused_before_anything_is_recorded(engine):
    with pytest.raises(aion.UnknownAttribute, match="custumer"):
        engine.start(keeps, "x", id="k", attributes={"custumer": "acme"})
    with pytest.raises(aion.InvalidAttribute):
        engine.start(keeps, "x", id="k", attributes={"total": "seven"})
    assert engine.count() == 0


def test_a_query_that_can_not_be_read_says_where(engine):
    with pytest.raises(aion.InvalidQuery):
        engine.count("status == ")
    with pytest.raises(aion.InvalidQuery, match="did you mean customer"):
        engine.count("custumer = 'x'")


def test_an_unknown_attribute_in_code_is_an_error_there(engine):
    assert engine.run(wrong_attribute, id="w") == "unknown-attribute"


# ---- one run


def test_a_memo_is_shown_without_running_code(engine, until):
    run = engine.start(customer, "acme", id="c", memo={"from": "a test"})
    assert run.describe().memo == {"from": "a test", "progress": 1, "note": "begun"}
    run.signal("pay", 1)
    until(run, "MemoUpdated", 2)
    assert run.describe().memo == {"from": "a test", "progress": 2}
    (listed,) = engine.list()
    assert listed.memo == {"from": "a test", "progress": 2}


def test_info_tells_code_who_it_is(engine):
    run = engine.start(introduces, id="i")
    assert run.result(timeout=20) == {
        "workflow_id": "i",
        "run_id": run.run_id,
        "workflow_type": "introduces",
        "attempt": 1,
        "parent": None,
        "history_length": 1,
        "continue_as_new_suggested": False,
    }


def test_pending_activities_are_described_with_what_is_known_of_them(engine, gate, until):
    run = engine.start(busy, id="b")
    gate("step").reached()
    gate("progressing").reached()
    until(run, "ActivityFailed")
    pending = {each.activity: each for each in run.describe().pending}
    assert set(pending) == {"step", "stuck", "progressing"}
    assert (pending["step"].attempt, pending["step"].dispatched) == (1, True)
    stuck = pending["stuck"]
    assert (stuck.attempt, stuck.dispatched, stuck.last_error.type) == (2, False, "OSError")
    assert "on fire" in str(stuck.last_error)
    assert stuck.next_attempt > stuck.scheduled
    assert stuck.queue == "default"


def test_heartbeat_details_are_described(engine, gate, within):
    run = engine.start(busy, id="b")
    gate("progressing").reached()

    def noted():
        while True:
            details = {each.activity: each.details for each in run.describe().pending}["progressing"]
            if details is not None:
                return details

    assert within(noted) == {"page": 3}


def test_a_history_tells_what_happened_and_survives_a_file(engine):
    run = engine.start(introduces, id="i")
    run.result(timeout=20)
    history = run.history()
    assert [event.type for event in history] == ["WorkflowStarted", "WorkflowCompleted"]
    assert [event.seq for event in history] == [1, 2]
    assert aion.History.from_json(history.to_json()) == history
    assert "started introduces()" in str(history)


def test_events_come_as_they_are_committed_and_end_with_the_run(engine, within):
    run = engine.start(customer, "acme", id="c")
    events = run.events()
    assert within(next, events).type == "WorkflowStarted"
    run.signal("pay", 1)
    run.signal("end")
    assert within(lambda: [event.type for event in events])[-1] == "WorkflowCompleted"
    assert [event.seq for event in run.events(after=3, wait=False)] == list(range(4, len(run.history()) + 1))


def test_a_feed_tells_of_all_runs_and_goes_on_behind_a_cursor(engine, within):
    engine.start(introduces, id="one").result(timeout=20)
    feed = engine.subscribe()
    first = within(next, feed)
    assert (first.id, first.event.type) == ("one", "WorkflowStarted")
    engine.start(introduces, id="two").result(timeout=20)
    rest = engine.subscribe(after=first.cursor)
    # Between workflows there is no order.
    assert sorted(within(next, rest).id for _ in range(3)) == ["one", "two", "two"]


def test_a_feed_shows_runs_that_match(engine, within):
    engine.start(keeps, "x", id="other")
    engine.start(keeps, "x", id="k", attributes={"customer": "acme"})
    assert within(next, engine.subscribe("customer = 'acme'")).id == "k"


def test_health_says_that_all_is_well(engine):
    health = engine.health()
    assert (health.ok, list(health.problems)) == (True, [])
    assert health.shards == health.shards_in_all > 0
    assert "keeps" in health.workflow_types


def test_health_says_what_the_store_has_been_given(engine):
    before = engine.health().store
    engine.start(keeps, "x", id="k")
    store = engine.health().store
    assert store.commits - before.commits >= store.appends - before.appends > 0
    assert store.append_seconds > 0
    assert store.waiting == store.messages == 0


def test_residents_are_as_many_as_the_configuration_allows(engine, resident, within):
    for number in range(3):
        engine.start(keeps, "x", id=f"k{number}")
    allowed = 3 if resident is None else 0
    assert engine.health().resident == allowed

    def left():  # the runtime forgets them on its own thread
        while engine.health().residents != allowed:
            pass
        return True

    assert within(left)


def test_a_closed_workflow_is_deleted_and_an_open_one_is_not(engine):
    run = engine.start(keeps, "x", id="k")
    with pytest.raises(aion.WorkflowOpen):
        engine.delete("k")
    run.terminate()
    engine.delete("k")
    assert engine.count() == 0
    with pytest.raises(aion.WorkflowNotFound):
        run.status()


# ---- the same in every replay


def test_draws_are_the_same_in_every_replay(engine):
    run = engine.start(draws, id="d")
    run.signal("next")
    drawn = run.result(timeout=20)
    assert len({str(each) for each in drawn}) == len(drawn)


def test_a_side_effect_is_called_once(engine, gate):
    run = engine.start(effects, id="e")
    run.stack()  # replays, where nothing is kept in memory
    run.signal("next")
    assert run.result(timeout=20) == [1, 2]
    assert gate("effects").notes == ["called", "called"]


def test_a_patch_is_on_for_new_runs_and_says_the_same_ever_after(engine):
    run = engine.start(patched, id="p")
    run.stack()
    run.signal("next")
    assert run.result(timeout=20) == [True, True, True]


def test_the_log_is_silent_during_replay(engine, caplog):
    caplog.set_level(logging.INFO, logger="aion")
    run = engine.start(talkative, id="t")
    run.signal("next")
    run.stack()
    run.signal("next")
    assert run.result(timeout=20) == "said"
    said = [record.getMessage() for record in caplog.records if record.getMessage() in {"one", "two", "three"}]
    assert said == ["one", "two", "three"]
    assert all(record.workflow_id == "t" for record in caplog.records if record.getMessage() == "one")
