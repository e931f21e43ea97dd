"""The commands that work on workflows, over a store that nobody serves, or that an engine has left histories in."""

import json
from itertools import count

import pytest

import aion_core as core
from aion_core.cli.exits import Exit
from aion_core.client.looking import Looking
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.times import Instant

DECLINED = Failure(
    type="CardDeclined",
    message="no cover",
    traceback='  File "/shop/shop.py", line 7, in charge\n    raise CardDeclined\n',
)


def records(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def columns(result):
    return [line.split() for line in result.stdout.splitlines()]


def failed(engine, id="f"):
    engine.verbs.start("checkout", {"id": "42"}, id=id)
    theirs = f'  File "{core.__file__.removesuffix("__init__.py")}worker/main.py", line 1, in code\n    await it\n'
    own = '  File "/shop/shop.py", line 9, in checkout\n    await charge()\n'
    failure = Failure(type="ActivityFailed", message="it is over", traceback=theirs + own, cause=DECLINED)
    engine.record(id, dict(kind=e.WorkflowFailed, failure=failure))


# ---- posted, where nobody is there


def test_a_start_without_an_engine_is_posted_and_prints_its_id(aion, store):
    result = aion("start", "checkout", '{"id": "42"}', "--id", "order-42")
    assert (result.exit_code, result.stdout) == (0, "order-42\n")
    assert "no engine is there yet, and the start waits" in result.stderr
    assert "aion worker" in result.stderr


def test_a_posted_start_says_so_to_programs(aion, store):
    assert records(aion("start", "checkout", "--id", "x", "--json")) == [
        {"id": "x", "run_id": None, "created": None, "pending": True}
    ]


def test_a_signal_to_a_workflow_that_nobody_has_heard_of_is_posted_with_a_warning(aion, store):
    result = aion("signal", "order-42", "approve", "true")
    assert result.exit_code == 0
    assert "posted to order-42: no engine is there" in result.stderr
    assert "There is no workflow 'order-42' yet" in result.stderr


@pytest.mark.parametrize("verb", ["cancel", "terminate"])
def test_stopping_is_posted(aion, store, verb):
    assert records(aion(verb, "order-42", "--reason", "why", "--json")) == [{"id": "order-42", "pending": True}]


def test_a_question_without_an_engine_is_refused_at_once(aion, store):
    result = aion("query", "order-42", "status")
    assert result.exit_code == Exit.UNAVAILABLE
    assert "no engine is there that could answer for workflow 'order-42'" in result.stderr


def test_a_wait_for_a_posted_start_ends_with_its_time(aion, store):
    aion("start", "checkout", "--id", "x")
    assert aion("result", "x").exit_code == Exit.NOT_FOUND


# ---- bad input


@pytest.mark.parametrize(
    "args",
    [
        ("start", "checkout", "word"),
        ("start", "checkout", "1", "--input", "-"),
        ("start", "checkout", "--input", "nowhere.json"),
        ("start", "checkout", "--policy", "hope"),
        ("start", "checkout", "--delay", "soon"),
        ("start", "checkout", "--attribute", "customer"),
        ("start", "checkout", "--memo", "note=word"),
        ("signal", "x", "approve", "yes"),
        ("query", "x", "status", "word"),
        ("list", "--limit", "0"),
        ("describe",),
    ],
)
def test_a_usage_error_exits_with_2_and_changes_nothing(aion, store, args):
    result = aion(*args, stdin="[]")
    assert result.exit_code == Exit.USAGE
    assert result.stderr.startswith("Usage: aion ")
    assert result.stdout == ""
    assert aion("count").stdout == "0\n"


@pytest.mark.parametrize(
    ("args", "exit_"),
    [
        (("list", "statsu = 'failed'"), Exit.INVALID_INPUT),
        (("list", "--after", "nonsense"), Exit.INVALID_INPUT),
        (("count", "status ="), Exit.INVALID_INPUT),
        (("start", "checkout", "--attribute", "custumer=acme"), Exit.INVALID_INPUT),
        (("start", "checkout", "--id", " x"), Exit.INVALID_INPUT),
        (("describe", "nobody"), Exit.NOT_FOUND),
        (("history", "nobody"), Exit.NOT_FOUND),
        (("result", "nobody"), Exit.NOT_FOUND),
        (("list", "--config", "nowhere.toml"), Exit.CONFIGURATION),
        (("run", "x", "-w", "nosuch"), Exit.CONFIGURATION),
        (("worker", "-w", "nosuch"), Exit.CONFIGURATION),
    ],
)
def test_an_error_ends_with_its_exit_code_and_says_what_to_do(aion, store, args, exit_):
    result = aion(*args, AION__RUNTIME__USE="nosuch") if args[0] not in {"run", "worker"} else aion(*args)
    assert result.exit_code == exit_
    assert "error: " in result.stderr


def test_arguments_come_from_standard_input(aion, store):
    assert aion("start", "checkout", "--id", "x", "--input", "-", stdin='[{"id": "42"}, true]').exit_code == 0


# ---- finding


@pytest.fixture
def runs(engine):
    engine.verbs.start("checkout", id="a", attributes={"customer": "acme", "tags": ("x",)}, memo={"step": 3})
    engine.verbs.start("refund", id="b")
    engine.complete("b", "done")
    failed(engine, "c")
    return engine


def test_list_is_a_table_of_runs(aion, runs):
    heading, *rows = columns(aion("list"))
    assert heading == ["ID", "TYPE", "STATUS", "STARTED", "(UTC)", "AGO", "TOOK"]
    assert {row[0]: row[1:5] for row in rows} == {
        "a": ["checkout", "running", "2023-11-14", "22:13:21"],
        "b": ["refund", "completed", "2023-11-14", "22:13:21"],
        "c": ["checkout", "failed", "2023-11-14", "22:13:21"],
    }


def test_list_takes_a_query_and_an_order(aion, runs):
    result = aion("list", "type = 'checkout'", "--order", "id desc", "--json")
    assert [record["id"] for record in records(result)] == ["c", "a"]


def test_list_with_json_has_names_that_stay(aion, runs):
    [record] = records(aion("list", "customer = 'acme'", "--json"))
    run_id, cursor = record.pop("run_id"), record.pop("cursor")
    assert run_id
    assert cursor
    assert record == {
        "id": "a",
        "type": "checkout",
        "status": "running",
        "started": "2023-11-14T22:13:21Z",
        "closed": None,
        "version": "env:test",
        "parent": None,
        "schedule": None,
        "blocked_reason": None,
        "attributes": {"customer": "acme", "tags": ["x"]},
        "memo": {"step": 3},
    }


def test_list_says_where_to_go_on_when_there_are_more(aion, runs):
    first = aion("list", "--limit", "2", "--json")
    cursor = records(first)[-1]["cursor"]
    assert f"2 shown, and there are more. Go on with:  --after {cursor}" in first.stderr
    second = aion("list", "--limit", "2", "--after", cursor, "--json")
    assert len(records(second)) == 1
    assert second.stderr == ""
    assert {record["id"] for record in (*records(first), *records(second))} == {"a", "b", "c"}


def test_a_list_of_nothing_says_so_beside_the_data(aion, store):
    result = aion("list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no workflows match\n")


def test_count_prints_a_number(aion, runs):
    assert aion("count").stdout == "3\n"
    assert records(aion("count", "status = 'failed'", "--json")) == [{"count": 1}]


# ---- one workflow


def test_describe_shows_what_a_workflow_waits_for(aion, engine):
    engine.verbs.start("checkout", id="a", memo={"step": 3}, attributes={"customer": "acme"})
    again = Instant(1_700_000_060_000_000)
    engine.record("a", dict(kind=e.ActivityScheduled, ordinal=0, activity_type="charge", dispatched=True))
    engine.record("a", dict(kind=e.ActivityFailed, ordinal=0, failure=DECLINED, next_attempt_at=again))
    text = aion("describe", "a").stdout
    assert text.startswith("a  checkout  running\n")
    assert "  started     2023-11-14 22:13:21 UTC, " in text
    assert '  attributes  customer = "acme"\n' in text
    assert "  memo        step = 3\n" in text
    assert "  history     3 events\n" in text
    row = text.splitlines()[-1]
    assert row.startswith("charge #0  default  2 ")
    assert row.endswith("CardDeclined: no cover")


def test_describe_with_json_has_what_is_pending(aion, engine):
    engine.verbs.start("checkout", id="a")
    again = Instant(1_700_000_060_000_000)
    engine.record("a", dict(kind=e.ActivityScheduled, ordinal=0, activity_type="charge"))
    engine.record("a", dict(kind=e.ActivityFailed, ordinal=0, failure=DECLINED, next_attempt_at=again))
    [record] = records(aion("describe", "a", "--json"))
    [pending] = record["pending"]
    assert pending.pop("last_error")["type"] == "CardDeclined"
    assert pending == {
        "activity": "charge",
        "ordinal": 0,
        "queue": "default",
        "attempt": 2,
        "dispatched": False,
        "scheduled": "2023-11-14T22:13:22Z",
        "next_attempt": "2023-11-14T22:14:20Z",
        "details": None,
    }
    assert (record["history_length"], record["failure"]) == (3, None)


def test_describe_says_why_a_run_failed(aion, engine):
    failed(engine)
    assert "  failed   ActivityFailed: it is over\n" in aion("describe", "f").stdout
    [record] = records(aion("describe", "f", "--json"))
    assert record["failure"]["cause"]["message"] == "no cover"


def test_describe_takes_one_run_of_a_workflow(aion, engine):
    first = engine.verbs.start("checkout", id="a").run_id
    engine.continue_as_new("a")
    assert records(aion("describe", "a", "--run", first, "--json"))[0]["status"] == "continued_as_new"
    assert aion("describe", "a").stdout.startswith("a  checkout  running\n")


def test_history_tells_what_happened_line_by_line(aion, engine):
    engine.verbs.start("checkout", {"id": "42"}, id="a")
    engine.complete("a", "receipt")
    heading, *lines = aion("history", "a").stdout.splitlines()
    assert heading.startswith("a  checkout  completed after 1.0 s  (run ")
    assert lines == [
        '  1  2023-11-14 22:13:21      +0 ms  started checkout({"id":"42"})',
        '  2  2023-11-14 22:13:22     +1.0 s  completed → "receipt"',
    ]


def test_history_with_json_is_one_event_a_line_with_its_data(aion, engine):
    engine.verbs.start("checkout", {"id": "42"}, id="a")
    engine.complete("a", "receipt")
    first, last = records(aion("history", "a", "--json"))
    assert first["data"]["input"] == [{"id": "42"}]
    assert last == {
        "seq": 2,
        "type": "WorkflowCompleted",
        "at": "2023-11-14T22:13:22Z",
        "data": {"result": "receipt"},
    }


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_following_a_history_that_is_complete_prints_it_once(aion, engine, more):
    engine.verbs.start("checkout", id="a")
    engine.complete("a")
    assert aion("history", "a", "--follow", *more).stdout == aion("history", "a", *more).stdout


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_following_ends_with_the_run_and_not_with_the_workflow(aion, engine, monkeypatch, more):
    engine.verbs.start("checkout", id="a")
    seen, looks = Looking._read, count(1)

    async def look(self, job):
        found = await seen(self, job)
        if next(looks) == 2:  # the first look is for the run, the second one for its events so far
            engine.continue_as_new("a")
            engine.complete("a")
        return found

    monkeypatch.setattr(Looking, "_read", look)
    lines = aion("history", "a", "--follow", *more).stdout.splitlines()[-2:]
    assert "started" in lines[0].lower()
    assert "continued" in lines[1].lower()


# ---- results


def test_a_result_is_json(aion, engine):
    engine.verbs.start("checkout", id="a")
    engine.complete("a", {"receipt": "r-1"})
    assert aion("result", "a").stdout == '{"receipt": "r-1"}\n'
    assert records(aion("result", "a", "--json")) == [{"id": "a", "status": "completed", "result": {"receipt": "r-1"}}]


@pytest.mark.parametrize(
    ("event", "exit_"),
    [
        (dict(kind=e.WorkflowFailed, failure=DECLINED), Exit.RUN_FAILED),
        (dict(kind=e.WorkflowCancelled, reason="enough"), Exit.RUN_CANCELLED),
        (dict(kind=e.WorkflowTerminated, reason="enough"), Exit.RUN_CANCELLED),
        (dict(kind=e.WorkflowTimedOut), Exit.RUN_TIMED_OUT),
    ],
)
def test_a_run_that_ended_otherwise_has_an_exit_code(aion, engine, event, exit_):
    engine.verbs.start("checkout", id="a")
    engine.record("a", event)
    result = aion("result", "a")
    assert (result.exit_code, result.stdout) == (exit_, "")


def test_a_run_that_failed_shows_where_in_the_users_code(aion, engine):
    failed(engine)
    told, _, error = aion("result", "f").stderr.partition("error: ")
    assert told.splitlines() == [
        "CardDeclined, most recent call last:",
        '  File "/shop/shop.py", line 7, in charge',
        "    raise CardDeclined",
        "ActivityFailed, most recent call last:",
        '  File "/shop/shop.py", line 9, in checkout',
        "    await charge()",
    ]
    assert error == "workflow 'f' failed: ActivityFailed: it is over\n  Try:  aion explain workflow-failed\n"


def test_a_run_that_failed_is_an_object_to_programs(aion, engine):
    failed(engine)
    error = json.loads(aion("result", "f", "--json").stderr)["error"]
    assert (error["code"], error["id"], error["failure"]["type"]) == ("workflow-failed", "f", "ActivityFailed")
    assert error["failure"]["cause"]["type"] == "CardDeclined"


def test_a_wait_ends_with_124_and_the_run_goes_on(aion, engine):
    engine.verbs.start("checkout", id="a")
    result = aion("result", "a", "--timeout", "0.01")
    assert result.exit_code == Exit.WAIT_TIMED_OUT
    assert "did not end within 0.01 s; it goes on" in result.stderr


def test_ctrl_c_ends_the_wait_and_says_that_the_run_goes_on(aion, engine, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    engine.verbs.start("checkout", id="a b")
    monkeypatch.setattr("aion_core.client.run.Run.result", interrupted)
    result = aion("result", "a b")
    assert result.exit_code == Exit.INTERRUPTED
    assert result.stderr == "no longer waiting: workflow 'a b' goes on.\n  See:  aion describe 'a b'\n"
    assert json.loads(aion("result", "a b", "--json").stderr)["error"]["code"] == "interrupted"
    assert engine.verbs.handle("a b").status() is core.Status.RUNNING
