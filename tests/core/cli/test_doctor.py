"""`aion doctor`: one line per check, and the exit code of the first problem."""

import json
from types import SimpleNamespace

import pytest

from aion_core.cli import checks
from aion_core.cli.exits import Exit
from aion_core.config import examine
from aion_core.memory import MemoryEventStore
from aion_core.model import events as e
from aion_core.model.errors import StoreRefused, StoreUnavailable
from aion_core.model.failures import Failure
from aion_core.model.times import SECOND
from aion_core.spi import StoreHealth


@pytest.fixture
def doctor(aion, store):
    """`doctor()` is what it says of each check; runtimes are not looked for."""

    def doctor(*args, **environ):
        result = aion("doctor", "--json", *args, AION__RUNTIME__USE="nosuch", **environ)
        found = {}
        for line in result.stdout.splitlines():
            record = json.loads(line)
            found.setdefault(record.pop("check"), []).append(record)
        return result, found

    return doctor


def test_a_configuration_that_is_broken_is_a_problem_of_8_and_the_store_is_looked_at_all_the_same(doctor):
    result, found = doctor()
    assert result.exit_code == Exit.CONFIGURATION
    [configuration] = found["configuration"]
    assert (configuration["verdict"], configuration["advice"]) == ("problem", "See:  aion explain plugin-not-found")
    assert "'nosuch'" in configuration["text"]
    assert found["store"][0]["verdict"] == "ok"
    assert "runtime" not in found
    assert json.loads(result.stderr)["error"] == {"code": "configuration", "message": "1 problem found."}


@pytest.fixture
def no_runtime(monkeypatch):
    """Runtimes are somebody else's: the configuration is complete without one."""
    monkeypatch.setattr(checks, "examine", lambda path, **more: examine(path, **{**more, "stores_only": True}))
    monkeypatch.setattr(checks, "_runtime", lambda _: checks.Finding(check="runtime", text="opens"))


@pytest.mark.parametrize(
    ("error", "exit_"),
    [(StoreUnavailable("db.internal"), Exit.UNAVAILABLE), (StoreRefused("another format"), Exit.STORE_INTEGRITY)],
)
def test_a_store_that_does_not_open_is_a_problem(aion, store, no_runtime, monkeypatch, error, exit_):
    def refuse(_):
        raise error

    monkeypatch.setattr(MemoryEventStore, "open", refuse)
    result = aion("doctor")
    assert f"problem store         {error}\n" in result.stdout
    assert f"See:  aion explain {error.code}\n" in result.stdout
    assert (result.exit_code, result.stderr) == (exit_, "error: 1 problem found.\n")


def test_warnings_are_no_failure(aion, store, no_runtime):
    result = aion("doctor")
    assert "\nwarning engines       none is there" in result.stdout
    assert (result.exit_code, result.stderr) == (0, "")


def test_no_engine_is_a_warning(doctor):
    [engines] = doctor()[1]["engines"]
    assert engines["verdict"] == "warning"
    assert "aion worker" in engines["advice"]


def test_engines_are_named_with_what_they_serve(doctor, engine):
    [engines] = doctor()[1]["engines"]
    assert engines["verdict"] == "ok"
    assert engines["text"].endswith("serves checkout")


def test_what_the_store_remarks_is_a_warning(doctor, monkeypatch):
    health = StoreHealth(place="here", remarks=["fsync is off."])
    monkeypatch.setattr(MemoryEventStore, "health", lambda _: health)
    opens, remark = doctor()[1]["store"]
    assert opens["text"].startswith("here opens")
    assert (remark["verdict"], remark["text"]) == ("warning", "fsync is off.")


def test_a_clock_that_differs_from_the_stores_is_a_warning(doctor, monkeypatch):
    here = checks.SYSTEM.now()
    monkeypatch.setattr(checks, "leases_of", lambda _: SimpleNamespace(now=here + 60 * SECOND, owners={}, engines=()))
    clock = doctor()[1]["clock"][0]
    assert clock["verdict"] == "warning"
    assert "60 s ahead of this machine's" in clock["text"] or "59 s ahead" in clock["text"]


def test_a_clock_of_the_seventies_is_a_problem(doctor, monkeypatch):
    monkeypatch.setattr(checks, "SYSTEM", SimpleNamespace(now=lambda: 0))
    monkeypatch.setattr(checks, "_store", lambda _: iter(()))
    [clock] = doctor()[1]["clock"]
    assert (clock["verdict"], clock["text"]) == ("problem", "this machine believes that it is 1970-01-01 00:00")


def test_modules_of_workflows_are_imported_from_the_current_folder(doctor, tmp_path):
    (tmp_path / "doctors_shop.py").write_text(
        "import aion_core as aion\n@aion.workflow\nasync def checkout() -> None: ...\n"
    )
    [workflows] = doctor("-w", "doctors_shop")[1]["workflows"]
    assert workflows == {"verdict": "ok", "text": "doctors_shop has checkout", "advice": None}


@pytest.mark.parametrize(
    ("module", "source", "problem"),
    [
        ("doctors_nosuch", None, "there is no module 'doctors_nosuch', neither here"),
        ("doctors_raises", "raise OSError('disk')", "could not be imported: OSError: disk ("),
        ("doctors_lacks", "import nosuchdependency", "ModuleNotFoundError: No module named 'nosuchdependency'"),
        ("doctors_plain:x", "x = 1", "is neither a workflow nor an activity"),
        ("doctors_plain2:y", "x = 1", "module 'doctors_plain2' has no 'y'."),
    ],
)
def test_code_that_can_not_be_used_is_a_problem(doctor, tmp_path, module, source, problem):
    if source is not None:
        (tmp_path / f"{module.partition(':')[0]}.py").write_text(source)
    result, found = doctor("-w", module)
    [workflows] = found["workflows"]
    assert workflows["verdict"] == "problem"
    assert problem in workflows["text"]
    assert result.exit_code == Exit.CONFIGURATION


def test_a_module_without_workflows_is_a_warning(doctor, tmp_path):
    (tmp_path / "doctors_empty.py").write_text("x = 1")
    [workflows] = doctor("-w", "doctors_empty")[1]["workflows"]
    assert workflows["verdict"] == "warning"


def test_blocked_runs_are_a_warning_with_the_way_to_see_them(doctor, engine):
    engine.verbs.start("checkout", id="a")
    engine.record("a", dict(kind=e.WorkflowBlocked, failure=Failure(type="UnknownWorkflow", message="gone")))
    [runs] = doctor()[1]["runs"]
    assert (runs["verdict"], runs["advice"]) == ("warning", "See:  aion list \"status = 'blocked'\"")
