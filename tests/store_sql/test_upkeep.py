"""Backups, restores and the store's own check."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.store_sql.databases import KINDS, database

from aion_core.spi import (
    Committed,
    Cursor,
    CursorTooOld,
    EngineId,
    EngineInfo,
    Fenced,
    StoreRefused,
    StoreUnavailable,
    WorkflowId,
)
from aion_store_sql import SqlEventStore, SqlSettings, backing_up
from aion_store_sql.dialects.mysql import Mysql
from aion_store_sql.dialects.postgresql import Postgresql
from aion_testkit import SteppedPlatform
from aion_testkit.builders import closing_commit, message, next_commit, start_commit


@pytest.fixture(params=KINDS)
def db(request, tmp_path):
    return database(request.param, tmp_path)


@pytest.fixture
def file(tmp_path):
    return database("sqlite", tmp_path)


SERVERS = pytest.mark.parametrize("db", ["postgresql", "mariadb"], indirect=True)


class Life:
    """A store with an engine's leases on it."""

    def __init__(self, store, name="e1"):
        self.store = store
        self.table = store.lease(EngineInfo(engine_id=EngineId(name)), store.shards, 60.0)
        self.fences = {lease.shard: lease.fence for lease in self.table.mine}

    @property
    def fence(self):
        (fence,) = set(self.fences.values())
        return fence

    def commit(self, *commits):
        for commit in commits:
            assert isinstance(self.store.append([commit])[0], Committed), commit

    def close(self):
        self.store.release(self.table.mine)
        self.store.close()


def opened(db, platform=None):
    store = db.store(platform)
    store.open()
    return Life(store)


def fill(life):
    """A workflow that has ended, one that runs, and a message for nobody."""
    one = start_commit("order-1", fence=life.fence, blobs=(b"big",))
    life.commit(one, closing_commit(one), start_commit("order-2", fence=life.fence))
    life.store.post([message("order-3", "m1")])


def ids(store):
    return [state.workflow_id for state in store.states(range(store.shards), limit=100).items]


def of(db, path):
    """A store on another file."""
    return SqlEventStore(SqlSettings(url=f"sqlite:///{path}"))


# ---- facts


def test_a_store_tells_what_it_is_and_where_without_the_password(db):
    with db.store() as store:
        facts = store.facts()
        assert re.fullmatch(r"(SQLite|PostgreSQL|MariaDB) [0-9.]+( .*)?", facts.kind)
        assert facts.place == db.settings.url
        assert (facts.store_id, facts.shards, facts.schema, facts.incarnation) == (store.store_id, 64, 1, 0)


def test_a_password_is_not_a_part_of_what_a_store_tells():
    assert "hunter2" not in SqlSettings(url="postgresql://app:hunter2@db/aion").shown()


# ---- check


def damaged(db, statement, *values):
    """What the store finds after this was done to it behind its back."""
    life = opened(db)
    fill(life)
    assert list(life.store.check()) == []
    life.store._write(lambda session: session.run(statement, *values))
    found = [(damage.place, damage.problem) for damage in life.store.check()]
    found = [tuple(text.replace(db.settings.prefix, "aion_") for text in each) for each in found]
    life.close()
    return found


def test_a_sound_store_has_no_damage(db):
    life = opened(db)
    fill(life)
    assert list(life.store.check()) == []
    life.close()


def test_a_batch_without_its_workflow_is_found(db):
    found = damaged(db, "DELETE FROM aion_workflow WHERE workflow_id = ?", "order-2")
    assert ("aion_history ('order-2', 1)", "events of a workflow that has no row in aion_workflow") in found


def test_a_missing_last_batch_is_found(db):
    found = damaged(db, "DELETE FROM aion_history WHERE workflow_id = ? AND last_seq = 1", "order-2")
    assert found[0] == ("aion_workflow ('order-2')", "aion_history has no batch that ends at its head")


def test_a_head_that_went_back_is_found(db):
    found = damaged(db, "UPDATE aion_workflow SET head = 1 WHERE workflow_id = ?", "order-1")
    assert found == [("aion_history ('order-1', 2)", "events behind the head that aion_workflow says")]


def test_a_blob_that_nothing_refers_to_is_found(db):
    found = damaged(db, "UPDATE aion_blob SET op_id = ?", "nobody")
    assert found == [("aion_blob ('order-1', 'nobody', 0)", "no batch refers to it")]


def test_a_state_that_can_not_be_read_is_found(db):
    found = damaged(db, "UPDATE aion_workflow SET summary = ? WHERE workflow_id = ?", '{"id":', "order-2")
    assert [place for place, _ in found] == ["aion_workflow ('order-2')"]
    assert "can not be read" in found[0][1]


def test_a_workflow_in_the_wrong_shard_is_found(db):
    found = damaged(db, "UPDATE aion_workflow SET shard = 63 - shard WHERE workflow_id = ?", "order-2")
    assert "no engine finds it" in found[-1][1]


def test_a_damaged_page_is_found(file):
    life = opened(file)
    fill(life)
    life.close()
    path = Path(file.settings.address().database)
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'aion_history_feed'").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    start = (found[0] - 1) * 4096
    data[start + 8 : start + 60] = b"\xff" * 52
    path.write_bytes(data)
    with file.store() as store:
        assert "the file" in {damage.place for damage in store.check()}


# ---- backups of a file


def test_a_backup_is_the_store_as_of_its_moment(file, tmp_path):
    life = opened(file)
    fill(life)
    backup = life.store.backup(str(tmp_path / "copy.db"))
    life.commit(start_commit("later", fence=life.fence))
    assert backup.files == [str(tmp_path / "copy.db")]
    with of(file, tmp_path / "copy.db") as copy:
        assert (ids(copy), copy.store_id) == (["order-1", "order-2"], life.store.store_id)
    life.close()


def test_a_commit_in_the_middle_of_a_backup_is_not_in_it(file, tmp_path, monkeypatch):
    life = opened(file)
    fill(life)
    count = backing_up.count_rows

    def counted(database):
        rows = count(database)
        if "aion_workflow" in rows and not life.store.state([WorkflowId("meanwhile")])[0]:
            life.commit(start_commit("meanwhile", fence=life.fence))
        return rows

    monkeypatch.setattr(backing_up, "count_rows", counted)
    life.store.backup(str(tmp_path / "copy.db"))
    with of(file, tmp_path / "copy.db") as copy:
        assert ids(copy) == ["order-1", "order-2"]
    life.close()


def test_a_backup_is_one_file_and_leaves_nothing_beside_it(file, tmp_path):
    (tmp_path / "to").mkdir()
    life = opened(file)
    fill(life)
    life.store.backup(str(tmp_path / "to/copy.db"))
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["copy.db"]
    life.close()


def test_the_messages_of_other_processes_are_in_the_backup(file, tmp_path):
    with sqlite3.connect(tmp_path / "aion.db-inbox") as inbox:
        inbox.execute("CREATE TABLE inbox (message TEXT)")
        inbox.execute("INSERT INTO inbox VALUES ('hello')")
    inbox.close()
    with file.store() as store:
        backup = store.backup(str(tmp_path / "copy.db"))
    assert backup.files == [str(tmp_path / "copy.db-inbox"), str(tmp_path / "copy.db")]
    copied = sqlite3.connect(tmp_path / "copy.db-inbox")
    assert copied.execute("SELECT message FROM inbox").fetchall() == [("hello",)]
    copied.close()


def test_messages_of_an_older_backup_do_not_stay_beside_the_new_one(file, tmp_path):
    (tmp_path / "copy.db-inbox").write_text("of the older one")
    with file.store() as store:
        with pytest.raises(StoreRefused, match="there already"):
            store.backup(str(tmp_path / "copy.db"))
        store.backup(str(tmp_path / "copy.db"), force=True)
    assert not (tmp_path / "copy.db-inbox").exists()


def test_a_backup_replaces_nothing_unless_it_is_told_to(file, tmp_path):
    (tmp_path / "copy.db").write_text("precious")
    with file.store() as store:
        with pytest.raises(StoreRefused, match=r"there already.*--force"):
            store.backup(str(tmp_path / "copy.db"))
        assert (tmp_path / "copy.db").read_text() == "precious"
        store.backup(str(tmp_path / "copy.db"), force=True)
    assert of(file, tmp_path / "copy.db").pending() == []


def test_a_backup_into_a_folder_that_is_not_there_says_so(file, tmp_path):
    with file.store() as store, pytest.raises(StoreRefused, match="is no directory"):
        store.backup(str(tmp_path / "nowhere/copy.db"))


def test_a_damaged_store_gives_no_backup(file, tmp_path):
    life = opened(file)
    fill(life)
    life.close()
    path = tmp_path / "aion.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'aion_inbox_place'")
    connection.close()
    with file.store() as store, pytest.raises(StoreRefused, match="aion store check"):
        store.backup(str(tmp_path / "copy.db"))
    assert not (tmp_path / "copy.db").exists()


# ---- restores of a file


@pytest.fixture
def backup(file, tmp_path):
    """A backup of a store that went on afterwards, and the engine that did not notice that it was restored."""
    life = opened(file)
    fill(life)
    path = tmp_path / "backup.db"
    life.store.backup(str(path))
    life.commit(start_commit("later", fence=life.fence))
    life.store.close()
    return path, life


def test_a_restored_store_is_the_backup_with_its_id(file, backup):
    path, _ = backup
    restored = file.store().restore(str(path), force=True)
    with file.store() as store:
        assert ids(store) == ["order-1", "order-2"]
        assert store.facts().incarnation == restored.incarnation == 1
        assert [each.workflow_id for each in store.inbox(range(64), limit=9).items] == ["order-3"]


def test_an_engine_from_before_is_fenced(file, backup):
    path, zombie = backup
    file.store().restore(str(path), force=True)
    with file.store() as store:
        (answer,) = store.append([start_commit("order-9", fence=zombie.fence)])
        assert isinstance(answer, Fenced)


def test_an_engine_from_before_is_fenced_also_when_nobody_has_the_lease(file, backup):
    path, zombie = backup
    file.store().restore(str(path), force=True)
    with file.store() as store:
        new = Life(store, "e2")
        assert new.fence > zombie.fence + 1_000_000
        new.commit(start_commit("order-9", fence=new.fence))


def test_cursors_from_before_are_too_old(file, backup):
    path, life = backup
    life.store.open()
    everything = life.store.feed(Cursor(), limit=100).next
    life.store.close()
    file.store().restore(str(path), force=True)
    with file.store() as store, pytest.raises(CursorTooOld):
        store.feed(everything, limit=100)


def test_a_new_reader_sees_what_is_committed_after_the_restore(file, backup):
    path, _ = backup
    file.store().restore(str(path), force=True)
    with file.store() as store:
        new = Life(store, "e2")
        begun = store.feed(None, limit=10).next
        new.commit(start_commit("order-9", fence=new.fence))
        assert [entry.workflow_id for entry in store.feed(begun, limit=10).items] == ["order-9"]


def test_restoring_the_same_backup_twice_counts_on_and_fences_the_first_time(file, backup):
    path, _ = backup
    file.store().restore(str(path), force=True)
    with file.store() as store:
        zombie = Life(store, "e2")
    assert file.store().restore(str(path), force=True).incarnation == 2
    with file.store() as store:
        assert Life(store, "e3").fence > zombie.fence


def test_a_restored_store_goes_on(file, backup):
    path, _ = backup
    file.store().restore(str(path), force=True)
    with file.store() as store:
        life = Life(store, "e2")
        (state,) = store.state([WorkflowId("order-2")])
        life.commit(next_commit(start_commit("order-2", fence=life.fence)))
        assert store.state([WorkflowId("order-2")])[0].head == state.head + 1
        assert list(store.check()) == []


def test_a_restore_replaces_nothing_unless_it_is_told_to(file, backup):
    path, _ = backup
    with pytest.raises(StoreRefused, match=r"there already.*--force"):
        file.store().restore(str(path))


def test_a_restore_where_nothing_is_needs_no_force(file, backup, tmp_path):
    path, _ = backup
    (tmp_path / "aion.db").unlink()
    assert file.store().restore(str(path)).incarnation == 1


def test_a_restore_over_a_damaged_file_succeeds(file, backup, tmp_path):
    path, _ = backup
    (tmp_path / "aion.db").write_bytes(b"not a database at all" * 1000)
    (tmp_path / "aion.db-wal").write_bytes(b"what is left of a log" * 100)
    file.store().restore(str(path), force=True)
    with file.store() as store:
        assert ids(store) == ["order-1", "order-2"]


def test_the_log_of_the_replaced_file_is_not_taken_for_the_new_ones(file, backup, tmp_path):
    """As a process leaves it that was killed."""
    path, _ = backup
    with file.store() as store:
        store._write(lambda session: session.run("DELETE FROM aion_workflow"))
        log = (tmp_path / "aion.db-wal").read_bytes()
    (tmp_path / "aion.db-wal").write_bytes(log)
    file.store().restore(str(path), force=True)
    with file.store() as store:
        assert ids(store) == ["order-1", "order-2"]
        assert list(store.check()) == []


def test_a_restore_brings_the_messages_of_other_processes_back(file, tmp_path):
    for name, text in (("aion.db-inbox", "then"), ("other.db-inbox", "now")):
        with sqlite3.connect(tmp_path / name) as inbox:
            inbox.execute("CREATE TABLE inbox (message TEXT)")
            inbox.execute("INSERT INTO inbox VALUES (?)", (text,))
        inbox.close()
    with file.store() as store:
        store.backup(str(tmp_path / "backup.db"))
    (tmp_path / "other.db-inbox").replace(tmp_path / "aion.db-inbox")
    file.store().restore(str(tmp_path / "backup.db"), force=True)
    inbox = sqlite3.connect(tmp_path / "aion.db-inbox")
    assert inbox.execute("SELECT message FROM inbox").fetchall() == [("then",)]
    inbox.close()


@pytest.mark.parametrize("content", [b"", b"no database" * 500], ids=["empty", "something else"])
def test_what_is_no_backup_is_refused_and_the_store_is_as_it_was(file, tmp_path, content):
    life = opened(file)
    fill(life)
    life.close()
    (tmp_path / "backup.db").write_bytes(content)
    with pytest.raises(StoreRefused):
        file.store().restore(str(tmp_path / "backup.db"), force=True)
    with file.store() as store:
        assert ids(store) == ["order-1", "order-2"]
        assert store.facts().incarnation == 0


def test_a_refused_restore_leaves_nothing_behind(file, tmp_path):
    with file.store():
        pass
    (tmp_path / "backup.db").write_bytes(b"no database" * 500)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(StoreRefused):
        file.store().restore(str(tmp_path / "backup.db"), force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_store_that_is_open_in_this_process_is_not_restored(file, backup):
    path, _ = backup
    with file.store(), pytest.raises(StoreUnavailable, match="open in this process"):
        file.store().restore(str(path), force=True)


HOLDER = """
import sys
from aion_core.spi import EngineId, EngineInfo
from aion_store_sql import SqlEventStore, SqlSettings

store = SqlEventStore(SqlSettings(url=sys.argv[1]))
store.open()
store.lease(EngineInfo(engine_id=EngineId("other")), store.shards, 60.0)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(file):
    """That holds the file."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, file.settings.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            os.kill(holder.pid, signal.SIGKILL)


def test_a_store_that_another_process_holds_is_not_restored(file, backup):
    path, _ = backup
    with another_process(file) as holder, pytest.raises(StoreUnavailable, match=f"held by process {holder.pid}"):
        file.store().restore(str(path), force=True)


def test_a_store_that_another_process_holds_is_checked_and_backed_up(file, tmp_path):
    life = opened(file)
    fill(life)
    life.close()
    with another_process(file), file.store() as store:
        assert list(store.check()) == []
        store.backup(str(tmp_path / "copy.db"))
    with of(file, tmp_path / "copy.db") as copy:
        assert ids(copy) == ["order-1", "order-2"]


def test_an_interrupted_restore_leaves_the_old_store_in_its_place(file, backup, tmp_path, monkeypatch):
    """Up to the moment in which the new file gets its name."""
    path, _ = backup

    def end(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("aion_store_sql.restoring.put_in_place", end)
    with pytest.raises(KeyboardInterrupt):
        file.store().restore(str(path), force=True)
    with file.store() as store:
        assert ids(store) == ["later", "order-1", "order-2"]


# ---- servers


@SERVERS
def test_a_backup_of_a_server_is_a_command_without_the_password(db, tmp_path):
    with db.store() as store:
        backup = store.backup(str(tmp_path / "backup.dump"))
    assert backup.files == ()
    assert backup.command.split()[0] in {"pg_dump", "mariadb-dump"}
    assert db.table("history") in backup.command
    assert not (tmp_path / "backup.dump").exists()


def test_the_password_goes_to_the_program_and_not_into_the_command(monkeypatch, tmp_path):
    for dialect, variable in ((Postgresql, "PGPASSWORD"), (Mysql, "MYSQL_PWD")):
        dump = dialect(SqlSettings(url="mariadb://app:hunter2@db/aion")).dump(tmp_path / "x")
        assert dump.password == (variable, "hunter2")
        assert "hunter2" not in dump.command


@SERVERS
def test_a_backup_of_a_server_that_was_run_and_loaded_begins_a_new_incarnation(db, tmp_path):
    target = tmp_path / "backup.dump"
    life = opened(db)
    fill(life)
    zombie = life.fence
    store_id = life.store.store_id
    program = life.store.backup(str(target)).command.split()[0]
    if shutil.which(program) is None:
        pytest.skip(f"not run: there is no {program} here")
    backup = life.store.backup(str(target), run=True)
    assert backup.files == [str(target)]
    life.commit(start_commit("later", fence=life.fence))
    life.close()
    with pytest.raises(StoreRefused) as refusal:
        db.store().restore(str(target))
    load = str(refusal.value).split("  ")[1]
    subprocess.run(["/bin/sh", "-c", load], check=True, capture_output=True)
    free_leases(db)
    assert db.store().restore(None).incarnation == 1
    with db.store() as store:
        assert (ids(store), store.store_id) == (["order-1", "order-2"], store_id)
        assert isinstance(store.append([start_commit("order-9", fence=zombie)])[0], Fenced)


def free_leases(db):
    """Their time passes: the backup was made while an engine ran."""
    with db.store() as store:
        store._write(lambda session: session.run("UPDATE aion_shard SET lease_until = 0"))


@SERVERS
def test_no_new_incarnation_begins_under_an_engine_that_runs(db):
    life = opened(db)
    with pytest.raises(StoreUnavailable, match="an engine works on this store"):
        db.store().restore(None)
    life.close()


@SERVERS
def test_a_program_that_is_not_there_is_named_with_the_command(db, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with db.store() as store, pytest.raises(StoreRefused, match="is not on the PATH"):
        store.backup(str(tmp_path / "backup.dump"), run=True)


def test_times_of_a_restore_are_the_platforms(file, backup):
    path, zombie = backup
    platform = SteppedPlatform()
    file.store(platform).restore(str(path), force=True)
    with file.store(platform) as store:
        assert Life(store, "e2").fence >= platform.now() > zombie.fence
