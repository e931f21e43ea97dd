from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from attrs import frozen
from click.testing import CliRunner

from aion_core.cli import checking
from aion_core.cli.exits import EXITS, Exit, exit_of
from aion_core.cli.root import COMMANDS, command, imported
from aion_core.model import errors
from aion_core.model.ids import Version
from aion_core.model.packages import Route

# ---- help


def test_help_lists_every_command_with_the_first_line_of_its_own_help(aion):
    result = aion("--help")
    assert result.exit_code == 0
    assert aion("-h").stdout == result.stdout
    for name, deferred in COMMANDS.items():
        assert f"  {name} " in result.stdout
        assert (imported(name).help or "").split("\n")[0] == deferred.help


def test_no_command_prints_the_help_on_stderr_and_is_a_usage_error(aion):
    result = aion()
    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert result.stderr.startswith("Usage: aion [OPTIONS] COMMAND")
    assert "error:" not in result.stderr


@pytest.mark.parametrize("args", [("--help",), ("-c", "import aion_core")])
def test_help_and_import_load_nothing_heavy(args, tmp_path):
    heavy = ["sqlalchemy", "boto3", "rich", "stevedore", "hypothesis", "pytest"]
    run = "import aion_core" if args[0] == "-c" else "from aion_core.cli import main; sys.argv[1:] = ['--help']; main()"
    report = f"atexit.register(lambda: print([name for name in {heavy} if name in sys.modules], file=sys.stderr))"
    program = f"import atexit, sys; {report}; {run}"
    done = subprocess.run(  # our own program
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stderr.strip() == "[]"


def test_python_m_aion_core_is_the_same_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "aion_core", "version", "--json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(done.stdout)["python"] == ".".join(map(str, sys.version_info[:3]))


def test_output_that_nobody_reads_to_the_end_is_no_error(tmp_path):
    aion = subprocess.Popen(
        [sys.executable, "-m", "aion_core", "explain", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with aion:
        assert aion.stdout is not None
        assert aion.stderr is not None
        first = aion.stdout.readline()
        aion.stdout.close()
        complaint = aion.stderr.read()
    assert json.loads(first)["code"] == "aion-error"
    assert (aion.returncode, complaint) == (0, "")


# ---- errors


def test_a_misspelt_command_is_a_usage_error_with_a_suggestion(aion):
    result = aion("verison")
    assert result.exit_code == Exit.USAGE
    assert "error: there is no command 'verison'. Did you mean 'version'?" in result.stderr
    assert result.stdout == ""


def test_a_misspelt_option_is_a_usage_error(aion):
    result = aion("version", "--jsn")
    assert result.exit_code == Exit.USAGE
    assert "error: no such option" in result.stderr.lower()


def test_a_usage_error_with_json_is_an_object_on_stderr(aion):
    result = aion("plugins", "info", "--json")
    assert result.exit_code == Exit.USAGE
    assert json.loads(result.stderr)["error"]["code"] == "usage"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "exit_"),
    [
        (errors.InvalidTime("x"), Exit.INVALID_INPUT),
        (errors.UnknownAttribute("a", []), Exit.INVALID_INPUT),
        (errors.ConfigError(["x"]), Exit.CONFIGURATION),
        (errors.PluginNotFound("event_store", "x", []), Exit.CONFIGURATION),
        (errors.StoreUnavailable("x"), Exit.UNAVAILABLE),
        (errors.HistoryError.__new__(errors.HistoryTooNew), Exit.STORE_INTEGRITY),
        (errors.AionError("x"), Exit.INTERNAL),
        (click.UsageError("x"), Exit.USAGE),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (RuntimeError("x"), Exit.INTERNAL),
    ],
)
def test_an_error_ends_with_the_exit_code_of_its_nearest_class(error, exit_):
    assert exit_of(error) is exit_


def test_every_error_has_an_exit_code_of_its_own_or_of_a_class_above():
    for error in errors.all_errors():
        assert next(EXITS[cls] for cls in error.__mro__ if cls in EXITS)
    assert [int(code) for code in Exit] == [*range(14), 124, 130]


def failing(error: BaseException):
    root = command()

    @root.command()
    @click.option("--json", is_flag=True)
    def fail(**_: object) -> None:
        raise error

    return root


def test_an_internal_error_is_one_line_and_says_how_to_see_more():
    result = CliRunner().invoke(failing(RuntimeError("boom")), ["fail"], env={"AION_DEBUG": ""})
    assert result.exit_code == Exit.INTERNAL
    assert result.stderr == (
        "error: RuntimeError: boom\n  This is a fault in Aion. Set AION_DEBUG=1 for the traceback.\n"
    )


def test_aion_debug_shows_the_traceback():
    result = CliRunner().invoke(failing(RuntimeError("boom")), ["fail"], env={"AION_DEBUG": "1"})
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert result.exit_code == Exit.INTERNAL


def test_an_internal_error_with_json_is_an_object():
    result = CliRunner().invoke(failing(RuntimeError("boom")), ["fail", "--json"])
    assert json.loads(result.stderr) == {"error": {"code": "internal", "message": "RuntimeError: boom"}}


def test_an_interrupt_exits_with_130():
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.stderr.strip()) == (Exit.INTERRUPTED, "interrupted")


# ---- config


def test_config_show_prints_values_with_their_origins_and_hides_secrets(aion):
    Path("aion.toml").write_text(
        'schema = 1\n[event_store]\nuse = "memory"\nname = "x"\n'
        '[search_attributes]\npassword = "str"\n[engine]\nresident = 7\n'
    )
    result = aion("config", "show", AION__EVENT_STORE__NAME="from-env")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["SETTING", "VALUE", "FROM"]
    assert ["event_store.name", '"from-env"', "AION__EVENT_STORE__NAME"] in lines
    assert ["engine.resident", "7", "aion.toml"] in lines
    assert ["limits.payload", '"2MB"', "default"] in lines
    assert result.stderr.startswith("aion.toml\n")


def test_config_show_prints_what_it_can_although_a_driver_is_missing(aion):
    result = aion("config", "show", "--json", AION__EVENT_STORE__USE="nosuch", AION__EVENT_STORE__KEY="hunter2")
    assert result.exit_code == Exit.CONFIGURATION
    records = {record["path"]: record for record in map(json.loads, result.stdout.splitlines())}
    assert records["event_store.use"] == {
        "path": "event_store.use",
        "value": "nosuch",
        "origin": "AION__EVENT_STORE__USE",
    }
    assert records["event_store.key"]["value"] == "****"
    assert "hunter2" not in result.output
    assert json.loads(result.stderr)["error"]["code"] == "plugin-not-found"


def test_config_check_lists_every_problem_and_exits_with_8(aion):
    Path("aion.toml").write_text('schema = 1\n[engine]\nresidnet = 1\n[event_store]\nuse = "memory"\nshards = "x"\n')
    result = aion("config", "check")
    assert result.exit_code == Exit.CONFIGURATION
    assert result.stdout == ""
    assert "  engine.residnet: unknown key (did you mean 'resident'?)\n" in result.stderr
    assert "  event_store.shards: expected an integer, got a string\n" in result.stderr
    assert "Try:  aion explain config" in result.stderr


def test_config_check_with_json_has_the_problems_as_a_list(aion):
    Path("aion.toml").write_text("schema = 1\n[engine]\nresidnet = 1\n")
    problems = json.loads(aion("config", "check", "--json").stderr)["error"]["problems"]
    assert problems[0] == "engine.residnet: unknown key (did you mean 'resident'?)"


def test_config_reads_the_file_and_the_profile_that_are_named(aion):
    Path("other.toml").write_text("schema = 1\n[profiles.big.engine]\nresident = 99\n")
    result = aion("config", "show", "--config", "other.toml", "--profile", "big")
    assert ["engine.resident", "99", "profile", "big"] in [line.split() for line in result.stdout.splitlines()]
    assert result.stderr.startswith("other.toml, profile big\n")


def test_a_missing_file_exits_with_8(aion):
    result = aion("config", "check", "--config", "nowhere.toml")
    assert result.exit_code == Exit.CONFIGURATION
    assert "there is no such file" in result.stderr


# ---- explain, version, completion


def test_explain_prints_the_documentation_of_a_code(aion):
    result = aion("explain", "store-refused")
    assert result.exit_code == 0
    assert result.stdout.startswith("store-refused (StoreRefused)\n\nThe store will never accept this")
    assert "exits with 7" in result.stdout
    assert aion("explain", "StoreRefused").stdout == result.stdout


def test_explain_suggests_a_code_for_one_that_is_unknown(aion):
    result = aion("explain", "store-refussed")
    assert result.exit_code == Exit.NOT_FOUND
    assert result.stderr.strip() == "error: there is no error code 'store-refussed': did you mean 'store-refused'?"


def test_explain_without_a_code_lists_all_of_them(aion):
    codes = [json.loads(line)["code"] for line in aion("explain", "--json").stdout.splitlines()]
    assert codes == [error.code for error in errors.all_errors()]
    assert len(aion("explain").stdout.splitlines()) == len(codes) + 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(aion, shell):
    result = aion("completion", shell)
    assert result.exit_code == 0
    assert "_AION_COMPLETE" in result.stdout


def test_completion_knows_the_commands(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from aion_core.cli.root import command; command().main(prog_name='aion')"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"_AION_COMPLETE": "bash_complete", "COMP_WORDS": "aion co", "COMP_CWORD": "1", "HOME": str(tmp_path)},
        check=False,
    )
    assert done.stdout.split() == ["plain,count", "plain,config", "plain,completion"]


# ---- plugins


def test_plugins_list_shows_what_is_installed(aion):
    records = [json.loads(line) for line in aion("plugins", "list", "--json").stdout.splitlines()]
    assert {"event_store", "visibility_store"} <= {record["kind"] for record in records if record["name"] == "memory"}
    assert "core (built in)" in aion("plugins", "list").stdout


def test_plugins_info_describes_the_settings(aion):
    result = aion("plugins", "info", "memory")
    assert '  choose with   [event_store] use = "memory"' in result.stdout
    assert "All openings of this name in the process share one store." in result.stdout


def test_plugins_info_of_an_unknown_one_lists_what_is_installed(aion):
    result = aion("plugins", "info", "nosuch")
    assert result.exit_code == Exit.NOT_FOUND
    assert "no plugin 'nosuch' is installed. Installed:" in result.stderr


@frozen
class Case:
    layer: str
    case: str
    verdict: str
    error: str = ""


class Report:
    """As `aion_testkit` gives it."""

    def __init__(self, *cases: Case) -> None:
        self.cases = cases
        self.passed = [case for case in cases if case.verdict == "passed"]
        self.failed = [case for case in cases if case.verdict == "failed"]
        self.conforms = bool(self.passed) and not self.failed


def kit(monkeypatch, report, seen):
    def run_conformance(kind, make_place, *, only=None):
        seen.update(kind=kind, only=only, places=[make_place(), make_place()])
        return report

    monkeypatch.setattr(checking, "_kit", lambda: run_conformance)


PASSED = Case("contract", "a", "passed")


def test_plugins_check_prints_a_table_per_layer(aion, monkeypatch):
    seen: dict = {}
    kit(monkeypatch, Report(PASSED, Case("model", "b", "not applicable")), seen)
    result = aion("plugins", "check", "memory", "--only", "contract", "--only", "model")
    assert result.exit_code == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()[:3]] == [
        ["LAYER", "PASSED", "FAILED", "NOT", "APPLICABLE"],
        ["contract", "1", "0", "0"],
        ["model", "0", "0", "1"],
    ]
    assert result.stdout.endswith("1 passed, 0 failed\n")
    assert (seen["kind"], seen["only"]) == ("event_store", ("contract", "model"))


def test_plugins_check_gives_every_case_a_place_of_its_own(aion, monkeypatch):
    seen: dict = {}
    kit(monkeypatch, Report(PASSED), seen)
    aion("plugins", "check", "memory", "--set", "name={place}", "--set", "shards=4")
    one, other = ([place() for _ in range(2)] for place in seen["places"])
    for store in (*one, *other):
        store.open()
        assert store.shards == 4
    one[0].put_routes([Route("checkout", Version("a" * 64))])
    assert one[1].list_routes()
    assert not other[0].list_routes()


def test_plugins_check_fails_when_a_case_fails_and_shows_it(aion, monkeypatch):
    kit(monkeypatch, Report(PASSED, Case("contract", "b", "failed", "expected 1\ngot 2")), {})
    result = aion("plugins", "check", "memory")
    assert result.exit_code == Exit.CONFIGURATION
    assert "contract: b\n  expected 1\n  got 2\n" in result.stdout
    assert "'memory' does not keep the contract of event_store: 1 of 2 cases failed." in result.stderr


def test_plugins_check_with_json_prints_one_case_per_line(aion, monkeypatch):
    kit(monkeypatch, Report(PASSED), {})
    result = aion("plugins", "check", "memory", "--json")
    assert json.loads(result.stdout) == {"layer": "contract", "case": "a", "verdict": "passed", "error": ""}


def test_plugins_check_says_what_to_install_when_the_kit_is_missing(aion, monkeypatch):
    monkeypatch.setitem(sys.modules, "aion_testkit", None)
    result = aion("plugins", "check", "memory")
    assert result.exit_code == Exit.CONFIGURATION
    assert "pip install aion-testkit" in result.stderr


def test_plugins_check_refuses_settings_that_the_plugin_does_not_have(aion, monkeypatch):
    kit(monkeypatch, Report(), {})
    result = aion("plugins", "check", "memory", "--set", "shard=4")
    assert result.exit_code == Exit.CONFIGURATION
    assert "memory.shard: unknown key (did you mean 'shards'?)" in result.stderr
    assert aion("plugins", "check", "memory", "--set", "shards").exit_code == Exit.USAGE


# ---- extensions


def test_help_is_printed_although_the_configuration_is_broken(aion):
    Path("aion.toml").write_text("schema = = 1")
    result = aion("--help")
    assert result.exit_code == 0
    assert "Commands of extensions are not listed: the configuration in" in result.stdout


def test_a_broken_configuration_does_not_stop_commands_that_need_none(aion):
    Path("aion.toml").write_text("schema = = 1")
    assert aion("version").exit_code == 0
    result = aion("verison")
    assert result.exit_code == Exit.USAGE
    assert "Did you mean 'version'?" in result.stderr
    assert "Commands of extensions are not available" in result.stderr


class Registrar:
    """What `compose` gives, with an extension that adds commands."""

    def __init__(self, name):
        self.name = name

    def register_commands(self, cli):
        cli.add_command(click.Command(self.name, help="Greet.", callback=lambda: click.echo("hello")))


def test_commands_of_enabled_extensions_are_listed_and_run(aion, monkeypatch):
    monkeypatch.setattr("aion_core.plugins.compose", lambda names: Registrar(*names))
    Path("aion.toml").write_text('schema = 1\n[plugins]\nenabled = ["greet"]\n')
    help_text = aion("--help").stdout
    assert "Commands of extensions:\n  greet  Greet." in help_text
    assert aion("greet").stdout == "hello\n"


def test_extensions_add_their_commands_once(aion, monkeypatch):
    composed: list[object] = []
    monkeypatch.setattr("aion_core.plugins.compose", lambda names: composed.append(names) or Registrar(*names))
    Path("aion.toml").write_text('schema = 1\n[plugins]\nenabled = ["greet"]\n')
    root = command()
    context = click.Context(root)
    assert root.get_command(context, "greet") is root.get_command(context, "greet")
    assert composed == [("greet",)]


def test_without_an_enabled_extension_no_plugin_is_composed(aion, monkeypatch):
    monkeypatch.setattr("aion_core.plugins.compose", lambda _: pytest.fail("composed"))
    assert aion("--help").exit_code == 0
