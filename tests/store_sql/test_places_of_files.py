"""Where a SQLite store can be, and what is said where it can not."""

import sqlite3
from pathlib import Path

import pytest

import aion_core as aion
from aion_core.spi import StoreRefused
from aion_store_sql import SqlEventStore, SqlSettings
from aion_store_sql.files.disk import file_system_of
from aion_store_sql.files.standing import path_of


def refusal(url):
    with pytest.raises(StoreRefused) as refused:
        SqlEventStore(SqlSettings(url=url)).open()
    return str(refused.value)


def test_a_path_may_go_up(tmp_path):
    (tmp_path / "a").mkdir()
    with SqlEventStore(SqlSettings(url=f"sqlite:///{tmp_path}/a/../aion.db")):
        assert (tmp_path / "aion.db").exists()


def test_two_paths_of_one_file_are_one_store(tmp_path):
    (tmp_path / "link.db").symlink_to(tmp_path / "aion.db")
    with (
        SqlEventStore(SqlSettings(url=f"sqlite:///{tmp_path}/aion.db")) as one,
        SqlEventStore(SqlSettings(url=f"sqlite:///{tmp_path}/link.db")) as other,
    ):
        assert one.store_id == other.store_id
        assert one._place._file is other._place._file


@pytest.mark.parametrize("folder", ["plain", "with blanks, 100% and ü?"])
@pytest.mark.parametrize("section", ["", '[event_store]\nuse = "sql"\nurl = "sqlite:///aion.db"'])
def test_a_relative_file_is_meant_from_the_folder_of_the_configuration(tmp_path, monkeypatch, folder, section):
    place = tmp_path / folder
    (place / "elsewhere").mkdir(parents=True)
    (place / "aion.toml").write_text(f"schema = 1\n{section}\n")
    monkeypatch.chdir(place / "elsewhere")
    aion.Client.open().close()
    assert [*tmp_path.rglob("aion.db")] == [place / "aion.db"]


def test_an_absolute_file_is_where_it_says(tmp_path):
    settings = SqlSettings(url=f"sqlite:///{tmp_path}/aion.db")
    assert settings.relative_to(Path("/elsewhere")) == settings


@pytest.mark.parametrize("url", ["postgresql://app@db/aion", "sqlite://", "sqlite:///:memory:", "no url"])
def test_what_is_no_file_is_relative_to_nothing(url):
    settings = SqlSettings(url=url)
    assert settings.relative_to(Path("/elsewhere")) is settings


def test_a_directory_that_is_not_there_is_named(tmp_path):
    assert f"{tmp_path}/none is no directory" in refusal(f"sqlite:///{tmp_path}/none/aion.db")


def test_a_directory_is_no_file(tmp_path):
    assert f"{tmp_path} is a directory" in refusal(f"sqlite:///{tmp_path}")


def test_no_file_is_named_by_memory():
    assert 'use = "memory"' in refusal("sqlite:///:memory:")


def test_a_name_that_is_too_long_is_said_to_be(tmp_path):
    assert "names no file" in refusal(f"sqlite:///{tmp_path}/{'a' * 300}.db")


def test_a_file_that_is_no_database_is_left_as_it_is(path, url):
    path.write_text("dear diary, " * 1000)
    assert refusal(url).startswith(f"{path} is no SQLite database")
    assert path.read_text() == "dear diary, " * 1000


def test_another_programs_database_is_left_as_it_is(path, url):
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE diary (day TEXT)")
    theirs.commit()
    theirs.close()
    before = path.read_bytes()
    assert f"{path} is a database of another program" in refusal(url)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_store(path, url):
    path.touch()
    with SqlEventStore(SqlSettings(url=url)) as store:
        assert store.shards == 64


def test_a_newer_store_is_refused(path, url, store):
    store.close()
    theirs = sqlite3.connect(path)
    theirs.execute("UPDATE aion_meta SET value = '99' WHERE name = 'schema'")
    theirs.commit()
    theirs.close()
    assert "schema 99" in refusal(url)


def test_an_older_sqlite_is_refused(url, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    assert "3.37.0 is the oldest" in refusal(url)


def test_a_network_file_system_is_refused(tmp_path):
    mounted = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / {tmp_path} rw - nfs4 server:/data rw\n"
    with pytest.raises(StoreRefused, match=r"network file system \(nfs4\)"):
        path_of(SqlSettings(url=f"sqlite:///{tmp_path}/aion.db"), mounted)


def test_the_mount_that_lies_deepest_and_on_top_counts():
    mounted = (
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:5 / /data rw shared:1 - nfs4 server:/data rw\n"
        "3 1 0:6 / /data rw - xfs /dev/sdb rw\n"
        "4 1 0:7 / /my\\040files rw - cifs //server/files rw\n"
    )
    assert [file_system_of(Path(each), mounted) for each in ("/data/a", "/database/a", "/my files/a")] == [
        "xfs",
        "ext4",
        "cifs",
    ]


def test_no_file_system_is_known_where_nothing_is_listed():
    assert file_system_of(Path("/data"), "") is None


# ---- what may not be written


@pytest.fixture
def bystander(other, tmp_path, store, path):
    """A process that may read the file and change nothing."""
    store.close()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    bystander = other()
    assert bystander.does("obey()") == "0"
    yield bystander
    tmp_path.chmod(0o755)


def test_a_store_in_a_folder_that_may_not_be_written_is_read(bystander):
    bystander.does("client := aion.Client.open(config)")
    assert bystander.does("list(client.list())") == "[]"


def test_nothing_is_posted_in_a_folder_that_may_not_be_written(bystander):
    bystander.does("client := aion.Client.open(config)")
    assert "messages can not be left in" in bystander.does("client.start(parcel, 'a', id='p')")


def test_no_engine_opens_in_a_folder_that_may_not_be_written(bystander):
    assert bystander.does("aion.Engine.open(config, workflows=CODE)").startswith("StoreRefused: ")


def test_no_store_is_made_in_a_folder_that_may_not_be_written(bystander, tmp_path):
    tmp_path.chmod(0o755)
    for each in tmp_path.iterdir():
        each.unlink()
    tmp_path.chmod(0o555)
    assert f"no file can be made in {tmp_path}" in bystander.does("aion.Client.open(config)")
