"""`aion store` on a store in a file."""

import json
import sqlite3

import pytest
from click.testing import CliRunner
from tests.core.upkeep.writing import Pen, completed, started

from aion_core.cli.exits import Exit
from aion_core.cli.root import command
from aion_core.upkeep.archive import read_archive
from aion_store_sql import SqlEventStore, SqlSettings

FILE = "sqlite:///aion.db"


@pytest.fixture
def aion(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "aion.toml").write_text(f'schema = 1\n[event_store]\nuse = "sql"\nurl = "{FILE}"\n')

    def run(*args):
        return CliRunner().invoke(command(), ["store", *args])

    return run


@pytest.fixture
def store():
    return SqlEventStore(SqlSettings(url=FILE))


@pytest.fixture
def filled(aion, store):
    """One workflow that is closed, another one that is open."""
    with store:
        pen = Pen(store)
        pen.closed("old", day=0)
        pen.opened("open", day=0)


def objects(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def ids(store):
    with store:
        return sorted(state.workflow_id for state in store.states(range(store.shards), limit=100).items)


# ---- migrate


def test_a_dry_run_of_migrate_prints_statements_and_makes_nothing(aion, tmp_path):
    result = aion("migrate", "--dry-run")
    assert result.exit_code == Exit.OK
    assert result.stdout.startswith("-- schema 1: the tables\nCREATE TABLE aion_meta (")
    assert not (tmp_path / "aion.db").exists()


def test_migrate_tells_what_it_did_and_then_that_nothing_is_left(aion):
    assert aion("migrate").stdout == "migrated to schema 1: the tables\n"
    assert aion("migrate").stdout == "the store has the newest schema\n"


def test_migrate_with_json_has_the_statements(aion):
    (told,) = objects(aion("migrate", "--json"))
    assert (told["migration"], told["title"], told["done"]) == (1, "the tables", True)
    assert any("aion_history" in statement for statement in told["statements"])


# ---- check


def test_a_sound_store_is_told_as_one(aion, filled, tmp_path):
    result = aion("check")
    assert (result.exit_code, result.stdout) == (Exit.OK, "no problems\n")
    assert result.stderr.startswith(f"checking sqlite:///{tmp_path}/aion.db (SQLite ")
    assert objects(aion("check", "--json")) == [{"ok": True}]


def test_findings_are_told_by_row_and_exit_with_7(aion, filled):
    with sqlite3.connect("aion.db") as database:
        database.execute("UPDATE aion_history SET crc = crc + 1 WHERE workflow_id = 'old' AND last_seq = 2")
        database.execute("DELETE FROM aion_history WHERE workflow_id = 'open'")
    database.close()
    result = aion("check")
    assert result.exit_code == Exit.STORE_INTEGRITY
    assert "aion_workflow ('open'): aion_history has no batch that ends at its head\n" in result.stdout
    assert "old: the history of 'old' has a batch of events 2 to 2 whose checksum is wrong" in result.stdout
    assert "the store is not what it should be: 3 findings" in result.stderr


def test_findings_with_json_say_which_invariant_does_not_hold(aion, filled):
    with sqlite3.connect("aion.db") as database:
        database.execute("UPDATE aion_history SET crc = crc + 1 WHERE workflow_id = 'old' AND last_seq = 2")
    database.close()
    (told,) = objects(aion("check", "--json"))
    assert (told["id"], told["invariant"]) == ("old", "I1")


# ---- backup and restore


def test_a_store_is_backed_up_and_restored(aion, filled, store):
    result = aion("backup", "copy.db", "--json")
    (told,) = objects(result)
    assert told["files"] == ["copy.db"]
    assert told["rows"] > 0
    assert aion("trim", "--older-than", "1s").exit_code == Exit.OK
    assert ids(store) == ["open"]
    assert aion("restore", "copy.db").exit_code == Exit.STORE_INTEGRITY
    result = aion("restore", "copy.db", "--force")
    assert result.stdout.startswith("restored: incarnation 1, ")
    assert ids(store) == ["old", "open"]


def test_a_backup_says_what_it_wrote(aion, filled):
    assert aion("backup", "copy.db").stdout.startswith("written and verified: copy.db (")


def test_a_restore_of_nothing_is_refused(aion):
    result = aion("restore", "nowhere.db")
    assert result.exit_code == Exit.STORE_INTEGRITY
    assert "there is no backup nowhere.db" in result.stderr


# ---- trim


def test_trim_needs_to_know_how_old_is_old_enough(aion):
    result = aion("trim")
    assert result.exit_code == Exit.USAGE
    assert "--older-than 90d" in result.stderr


def test_an_age_that_is_none_is_a_usage_error(aion):
    assert aion("trim", "--older-than", "soon").exit_code == Exit.USAGE


def test_trim_removes_what_is_old_and_says_so(aion, filled, store):
    result = aion("trim", "--older-than", "90d")
    assert result.stdout.split() == ["ID", "RUNS", "LAST", "CLOSED", "LEFT", "old", "1", "2023-11-14", "nothing"]
    assert result.stderr == "removed: 1 run of 1 workflow\n"
    assert ids(store) == ["open"]


def test_trim_takes_age_and_folder_from_the_configuration(aion, filled, tmp_path):
    with (tmp_path / "aion.toml").open("a") as file:
        file.write('[retention]\nclosed = "90d"\narchive = "kept"\n')
    assert aion("trim").exit_code == Exit.OK
    (path,) = (tmp_path / "kept").rglob("*.jsonl")
    assert len(read_archive(path)) == 2


def test_a_dry_run_of_trim_removes_nothing(aion, filled, store):
    (told,) = objects(aion("trim", "--older-than", "1s", "--archive", "kept", "--dry-run", "--json"))
    assert (told["id"], told["whole"], told["removed"]) == ("old", True, False)
    assert ids(store) == ["old", "open"]


def test_trim_removes_only_what_a_query_matches(aion, filled, store):
    assert objects(aion("trim", "id = 'another'", "--older-than", "1s", "--json")) == []
    assert len(objects(aion("trim", "status = 'completed'", "--older-than", "1s", "--json"))) == 1


def test_old_runs_of_a_workflow_that_goes_on_are_told_as_such(aion, store):
    with store:
        pen = Pen(store)
        pen.closed("order", day=0)
        pen.write("order", started("order", 2), completed())
        pen.opened("order", day=0, number=3)
    assert aion("trim", "--older-than", "1s").stdout.split()[-5:] == ["order", "2", "2023-11-14", "later", "runs"]
