"""The `aion` command beside an engine, and with one of its own."""

import json
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.engine.programs.orders import parcel, sleeper, total
from tests.engine.programs.talking import waiting

from aion_core.cli import running
from aion_core.cli.exits import Exit
from aion_core.cli.root import command as aion
from aion_core.client.looking import Looking
from aion_core.model.failed import StoreInUse
from aion_core.opening import Engine

CODE = (total, parcel, sleeper, waiting)
ROOT = Path(__file__).parents[2]
HANGING = "tests.engine.programs.hanging"
ORDERS = "tests.engine.programs.orders"


@pytest.fixture
def run(house, tmp_path, monkeypatch):
    """A command, in a folder whose configuration is that of the house."""
    section = "".join(f"{key} = {json.dumps(value)}\n" for key, value in house.place.section.items())
    (tmp_path / "aion.toml").write_text(f"schema = 1\n[event_store]\n{section}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*args, stdin=None):
        return CliRunner().invoke(aion(), args, input=stdin)

    return run


@pytest.fixture
def beside(run, engine):
    """A command, beside an engine with `CODE`."""
    return run


def record(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("args", [("run", "checkout"), ("worker",)])
def test_an_engine_of_the_commands_own_needs_code(run, args):
    result = run(*args)
    assert result.exit_code == Exit.USAGE
    assert result.stderr.startswith("Usage: aion ")


# ---- beside an engine


def test_a_workflow_is_started_told_and_waited_for(beside):
    started = beside("start", "parcel", '"a"', "--id", "p")
    assert (started.exit_code, started.stdout) == (0, "p\n")
    assert started.stderr.startswith("started p, run ")
    assert beside("signal", "p", "end", '"there"').stderr == "signal end recorded by p\n"
    assert beside("result", "p").stdout == '"a: there"\n'


def test_the_same_start_says_that_the_run_was_there(beside):
    first = record(beside("start", "parcel", '"a"', "--id", "p", "--json"))
    again = record(beside("start", "parcel", '"a"', "--id", "p", "--json"))
    assert (first["created"], again["created"], again["pending"]) == (True, False, False)
    assert first["run_id"] == again["run_id"]
    assert beside("start", "parcel", '"b"', "--id", "p").exit_code == Exit.CONFLICT
    beside("terminate", "p")


def test_a_start_may_wait(beside):
    result = beside("start", "total", '{"id": "1", "cents": 5}', "true", "--wait")
    assert (result.exit_code, result.stdout) == (0, "505\n")


def test_an_unknown_type_is_not_found(beside):
    result = beside("start", "totla")
    assert result.exit_code == Exit.NOT_FOUND
    assert "total" in result.stderr


def test_a_start_keeps_its_delay_timeout_and_memo(beside, engine):
    beside("start", "sleeper", "--id", "s", "--timeout", "2h", "--memo", 'note={"by": "Ann"}', "--request-id", "r")
    [begun, *_] = engine.handle("s").history()
    assert begun.data["timeout"].total_seconds() == 7200
    assert begun.data["memo"] == {"note": {"by": "Ann"}}
    assert begun.data["request_id"] == "r"
    beside("terminate", "s")


def test_a_question_is_answered(beside, engine):
    engine.start(waiting, "timer", id="w")
    assert beside("query", "w", "status").stdout == '"waits for timer"\n'
    assert record(beside("query", "w", "echo", '"hello"', "2", "--json")) == {
        "id": "w",
        "query": "echo",
        "answer": ["hello", "hello"],
    }
    assert beside("query", "w", "nosuch").exit_code == Exit.NOT_FOUND
    assert beside("query", "nobody", "status").exit_code == Exit.NOT_FOUND
    beside("terminate", "w")


def test_a_workflow_is_cancelled_and_another_one_terminated(beside, engine):
    engine.start(sleeper, id="a")
    engine.start(sleeper, id="b")
    assert record(beside("cancel", "a", "--reason", "enough", "--json")) == {"id": "a", "pending": False}
    assert beside("terminate", "b", "--reason", "at once").stderr == "terminated b\n"
    for id_, reason in (("a", "enough"), ("b", "at once")):
        result = beside("result", id_)
        assert result.exit_code == Exit.RUN_CANCELLED
        assert reason in result.stderr
    assert beside("signal", "a", "end").exit_code == Exit.CONFLICT


def test_a_run_that_was_asked_for_by_its_id_is_the_one_that_is_meant(beside, engine):
    first = engine.start(total, {"id": "1", "cents": 1}, id="t").run_id
    engine.handle("t").result(timeout=20)
    second = engine.start(total, {"id": "1", "cents": 2}, id="t", policy="allow_closed")
    assert second.result(timeout=20) == 2
    assert beside("result", "t", "--run", first).stdout == "1\n"
    assert beside("result", "t").stdout == "2\n"


@pytest.mark.parametrize(("more", "last"), [((), 'completed → "a: there"'), (("--json",), '"result": "a: there"}}')])
def test_a_history_is_followed_to_its_end(beside, engine, within, monkeypatch, more, last):
    engine.start(parcel, "a", id="p")
    seen, looks = Looking._read, count(1)

    async def look(self, job):
        """Once the history was looked at, which comes after the description, there is more of it."""
        found = await seen(self, job)
        if next(looks) == 2:
            engine.handle("p").signal("end", "there")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Looking, "_read", look)
        result = within(beside, "history", "p", "--follow", *more)
    assert result.stdout.splitlines()[-1].endswith(last)


def test_the_doctor_finds_nothing_wrong(beside):
    result = beside("doctor", "-w", ORDERS, "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert {each["verdict"] for each in found} == {"ok"}, result.stdout
    assert [each["check"] for each in found] == [
        "configuration",
        "plugins",
        "store",
        "engines",
        "runs",
        "runtime",
        "clock",
        "workflows",
    ]
    assert found[-1]["text"].endswith("has parcel, sleeper, total")


# ---- an engine of its own


def test_run_prints_the_result(run, house):
    house.uses(*CODE)
    result = run("run", "total", '{"id": "1", "cents": 5}', "-w", ORDERS)
    assert (result.exit_code, result.stdout) == (0, "5\n")
    assert result.stderr.startswith("started ")


def test_run_takes_a_bare_word_where_the_workflow_takes_text(run, house):
    house.uses(*CODE)
    bare = run("run", "parcel", "a", "-w", f"{ORDERS}:parcel", "--id", "p", "--timeout", "0.01")
    assert bare.exit_code == Exit.RUN_TIMED_OUT
    refused = run("run", "total", "word", "-w", ORDERS)
    assert refused.exit_code == Exit.USAGE
    assert "argument 1 is not JSON: word" in refused.stderr


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("total", "5"), "the value at order"),
        (("total",), "lacks the argument 'order' of total("),
        (("total", '{"id": "1"}', "true", "1"), "holds 3 arguments"),
    ],
)
def test_run_refuses_arguments_that_the_workflow_does_not_take(run, args, problem):
    result = run("run", *args, "-w", ORDERS)
    assert result.exit_code == Exit.INVALID_INPUT
    assert problem in result.stderr
    assert run("count").stdout == "0\n"


def test_run_finds_the_run_that_is_there(run, house):
    house.uses(*CODE)
    order = '{"id": "1", "cents": 5}'
    run("run", "total", order, "-w", ORDERS, "--id", "t")
    again = run("run", "total", order, "-w", ORDERS, "--id", "t", "--json")
    assert record(again) == {"id": "t", "status": "completed", "result": 5}
    assert again.stderr.startswith("t was there already")


def test_run_names_the_workflows_that_there_are(run):
    result = run("run", "totla", "-w", ORDERS)
    assert result.exit_code == Exit.NOT_FOUND
    assert "parcel, sleeper, total" in result.stderr


def test_where_another_engine_holds_the_store_that_one_runs_it(beside, monkeypatch):
    def held(*_, **__):
        raise StoreInUse("db-1", 4711)

    monkeypatch.setattr(Engine, "open", held)
    result = beside("run", "total", '{"id": "1", "cents": 5}', "-w", ORDERS)
    assert result.stdout == "5\n"
    assert "the engine on db-1 (process 4711) holds the store" in result.stderr


def test_run_says_what_it_waits_for_where_nobody_holds_the_store_yet(run, monkeypatch):
    def held(*_, **__):
        raise StoreInUse("db-1", 4711)

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "open", held)
    monkeypatch.setattr(running, "waited_for", interrupted)
    result = run("run", "total", '{"id": "1"}', "-w", ORDERS, "--id", "t")
    assert "posted t: it begins once an engine holds this part of the store\n" in result.stderr
    assert result.exit_code == Exit.INTERRUPTED


# ---- processes that are told to stop


@pytest.fixture
def process(tmp_path):
    """`process(*args)` is a command in a process of its own, with a store in memory."""
    (tmp_path / "aion.toml").write_text("schema = 1\n[event_store]\nuse = 'memory'\nname = 'own'\n")
    started = []

    def start(*args):
        there = subprocess.Popen(
            [sys.executable, "-m", "aion_core", *args, "--config", str(tmp_path / "aion.toml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={"PATH": "", "HOME": str(tmp_path), "AION_CONFIG": str(tmp_path / "aion.toml")},
        )
        started.append(there)
        return there

    yield start
    for each in started:
        each.kill()
        each.wait()
        each.stdout.close()


def until(process, text):
    """Read what it says until it says this."""
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without saying {text!r}:\n{said}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_says_what_it_serves_and_closes_when_it_is_told_to(process, number):
    worker = process("worker", "-w", ORDERS)
    said = until(worker, ", process ")
    assert said.startswith("serving 3 workflows: parcel, sleeper, total\n")
    worker.send_signal(number)
    rest, _ = worker.communicate()
    assert rest.splitlines() == ["stopping: activities have 30 s to end; once more, and it does not wait", "stopped"]
    assert worker.returncode == 0


def test_a_worker_with_json_tells_its_story_in_objects(process):
    worker = process("worker", "-w", ORDERS, "--json")
    serving = json.loads(until(worker, "serving"))
    assert (serving["event"], serving["workflow_types"]) == ("serving", ["parcel", "sleeper", "total"])
    worker.terminate()
    *_, last = worker.communicate()[0].splitlines()
    assert json.loads(last) == {"event": "stopped"}


def test_a_worker_gives_activities_their_grace_and_no_more(process):
    worker = process("worker", "-w", f"{HANGING}_already", "--grace", "0.05")
    until(worker, "the activity hangs")
    worker.terminate()
    assert worker.communicate()[0].endswith("stopped\n")
    assert worker.returncode == 0


def test_a_worker_that_is_told_twice_does_not_wait(process):
    worker = process("worker", "-w", f"{HANGING}_already", "--grace", "1h")
    until(worker, "the activity hangs")
    worker.terminate()
    until(worker, "stopping")
    worker.terminate()
    assert "stopped at once" in worker.communicate()[0]
    assert worker.returncode == Exit.INTERRUPTED


def test_ctrl_c_leaves_a_run_to_the_next_engine(process):
    command = process("run", "hangs", "-w", HANGING, "--id", "h")
    until(command, "started h, run ")
    command.send_signal(signal.SIGINT)
    assert command.communicate()[0].endswith(
        "no longer waiting: workflow 'h' goes on where an engine runs it.\n  See:  aion describe h\n"
    )
    assert command.returncode == Exit.INTERRUPTED
