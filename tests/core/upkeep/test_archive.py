"""Archived runs: what a file holds, and that it is given back as it was, or not at all."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.core.upkeep.writing import Pen, completed, marked, started

from aion_core.client.history import History
from aion_core.client.stored import events_between
from aion_core.memory import MemoryEventStore
from aion_core.model.errors import HistoryCorrupt, HistoryError, HistoryTooNew, StoreUnavailable
from aion_core.model.payloads import Payload
from aion_core.spi import Batch
from aion_core.upkeep import archive as archiving
from aion_core.upkeep.archive import Archive, read_archive
from aion_testkit import SteppedPlatform
from aion_testkit.builders import run_id

ID = "order/42 ü"


@pytest.fixture
def store():
    with MemoryEventStore(platform=SteppedPlatform()) as store:
        yield store


@pytest.fixture
def pen(store):
    return Pen(store)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive/of/runs")


def entry(store, number=0, id=ID):
    return store.runs(id, limit=10).items[number]


@pytest.fixture
def path(store, pen, archive):
    """Of a run of three events, the second of two in its workflow; one batch belongs to both."""
    pen.write(ID, started(ID), marked("go"))
    pen.write(ID, completed(), started(ID, 2), marked("on"))
    pen.write(ID, completed(1.5, b'{"receipt":7}'))
    return archive.keep(store, entry(store, 1))


def test_an_archived_run_is_given_back_as_its_history(store, path):
    assert read_archive(path) == History(ID, events_between(store, ID, 4, 6))


def test_a_file_is_found_by_the_day_and_the_workflows_id(path, tmp_path):
    name = f"order%2F42%20%C3%BC.{run_id(ID, 2)}.jsonl"
    assert path.relative_to(tmp_path) == Path("archive/of/runs/2023-11-16", name)


def test_a_file_is_json_line_by_line_with_a_head_and_an_end(path):
    head, *events, end = map(json.loads, path.read_text().splitlines())
    assert (head["format"], head["id"], head["run_id"], head["status"]) == (
        "aion-archive/1",
        ID,
        run_id(ID, 2),
        "completed",
    )
    assert [event["seq"] for event in events] == [4, 5, 6]
    assert events[-1]["result"] == {"json": {"receipt": 7}}
    body = path.read_bytes().splitlines(keepends=True)[:-1]
    assert end == {"events": 3, "sha256": hashlib.sha256(b"".join(body)).hexdigest()}


def test_keeping_a_run_again_writes_the_same_file(store, path, archive):
    before = path.read_bytes()
    assert archive.keep(store, entry(store, 1)) == path
    assert path.read_bytes() == before


def test_nothing_is_left_beside_a_file(path):
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_workflow_id_of_any_length_has_a_file(store, pen, archive):
    long = "ü" * 120
    pen.closed(long, day=0)
    assert read_archive(archive.keep(store, entry(store, id=long))).id == long


def test_fields_that_this_version_does_not_know_are_kept(store, pen, archive):
    pen.closed("order-1", day=0)
    history = store.world.history("order-1")
    batch = history.batches[1]
    body = batch.body.replace(b'"seq":2', b'"seq":2,"colour":"red"')
    history.batches[1] = replace(Batch.of(2, 2, body), op_id=batch.op_id)
    path = archive.keep(store, entry(store, id="order-1"))
    assert json.loads(path.read_text().splitlines()[2])["colour"] == "red"


def test_payloads_that_are_kept_beside_events_are_in_the_file(store, pen, archive):
    big = b'"a big one"'
    payload = Payload(blob=0, size=len(big), digest=hashlib.sha256(big).hexdigest())
    pen.write("order-1", started("order-1"), marked("go", payload=payload), blobs=(big,))
    pen.write("order-1", completed())
    path = archive.keep(store, entry(store, id="order-1"))
    assert json.loads(path.read_text().splitlines()[2])["payload"] == {"json": "a big one"}


# ---- what can not be relied upon


@pytest.mark.parametrize(
    "damage", [lambda c: c.replace(b'"on"', b'"in"'), lambda c: c[:-1], lambda c: c[:-40], lambda c: b""]
)
def test_a_file_of_other_bytes_is_refused(path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(HistoryCorrupt):
        read_archive(path)


def test_a_file_without_one_of_its_lines_is_refused(path):
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        path.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        with pytest.raises(HistoryError):
            read_archive(path)


def test_a_file_of_a_newer_format_is_told_as_such(path):
    path.write_bytes(path.read_bytes().replace(b"aion-archive/1", b"aion-archive/2"))
    with pytest.raises(HistoryTooNew, match="aion-archive/2"):
        read_archive(path)


def test_a_history_that_can_not_be_read_is_not_archived(store, pen, archive, tmp_path):
    pen.closed("order-1", day=0)
    history = store.world.history("order-1")
    history.batches[0] = replace(history.batches[0], crc=0)
    with pytest.raises(HistoryCorrupt):
        archive.keep(store, entry(store, id="order-1"))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_written_is_told(store, pen, tmp_path):
    pen.closed("order-1", day=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="can not be written"):
        Archive(tmp_path / "file").keep(store, entry(store, id="order-1"))


def test_a_file_is_on_the_disk_before_it_gets_its_name(store, pen, archive, monkeypatch):
    pen.closed("order-1", day=0)
    done = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(archiving.os, "fsync", lambda fd: done.append("synced") or sync(fd))
    monkeypatch.setattr(Path, "replace", lambda path, to: done.append(path.suffix) or rename(path, to))
    archive.keep(store, entry(store, id="order-1"))
    assert done[done.index(".partial") - 1 :] == ["synced", ".partial", "synced"]
    assert done.index(".partial") == 2  # the folder's own name, then the file


def test_a_write_that_fails_leaves_nothing(store, pen, archive, tmp_path, monkeypatch):
    pen.closed("order-1", day=0)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archiving.os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        archive.keep(store, entry(store, id="order-1"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
