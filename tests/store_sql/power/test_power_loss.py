"""What was acknowledged is there after a power failure at any moment, whatever of the rest has reached the disk."""

import os
import random
import shutil
from pathlib import Path

import pytest
from attrs import frozen
from tests.store_sql.power.images import Disk
from tests.store_sql.power.logs import log_of
from tests.store_sql.power.recording import Name, Write, recording
from tests.store_sql.power.survivors import wrong_with
from tests.store_sql.power.work import Work

from aion_store_sql.files import place as places

NIGHTLY = os.environ.get("AION_TEST_PROFILE") == "nightly"
RECORDINGS = 40 if NIGHTLY else 5
IMAGES = 500 if NIGHTLY else 100
"""Of each recording."""
CALLS = 250
SMALL = 200
"""Pages of the log in most recordings: so it is full, and begun again, as often as in a long life."""


@frozen
class Trial:
    """A recording, and what was wrong with its images."""

    operations: int
    restarts: int
    logs: int
    """How often a log was begun again from its start."""
    broken: list[str]
    """Each line says how it is made again: `tried(folder, seed, cuts=[cut])`."""


def tried(folder, seed, *, durability="fsync", images=IMAGES, cuts=()):
    """Record a life of a store, let the power fail at these moments of it (else at random ones), and look."""
    place = folder / f"recorded-{seed}"
    place.mkdir()
    with log_of(None if seed % 5 == 0 else SMALL), recording(place) as recorded:
        work = Work(place, recorded, seed=seed, durability=durability)
        work.run(CALLS)
    shutil.rmtree(place)
    disk, broken = Disk(), []
    for cut in sorted(cuts or some_cuts(work, seed, images)):
        disk.go_on(recorded.operations, cut)
        left = folder / f"left-{seed}-{cut}"
        left.mkdir()
        disk.fail(random.Random(f"{seed} {cut}"), left)
        problems = wrong_with(left, [each for each in work.told if each.after <= cut])
        if problems:
            broken.append(f"seed={seed} cut={cut} durability={durability}: {'; '.join(problems[:3])}")
        shutil.rmtree(left)
    return Trial(
        operations=len(recorded), restarts=work.restarts, logs=_logs_begun_again(recorded.operations), broken=broken
    )


def some_cuts(work, seed, images):
    """Every call is as likely as another, also where it makes few operations; all cuts differ."""
    chance = random.Random(seed)
    ends = [0, *(each.after for each in work.told)]
    cuts = set()
    while len(cuts) < images:
        call = chance.randrange(1, len(ends))
        cuts.add(chance.randint(ends[call - 1], ends[call]))
    return cuts


def _logs_begun_again(operations):
    logs = {each.file for each in operations if isinstance(each, Name) and each.name.endswith("-wal")} - {None}
    begun = [each for each in operations if isinstance(each, Write) and each.file in logs and each.offset == 0]
    return len(begun) - len(logs)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where syncing costs nothing, if there is such a place: what is on this disk is made up anyway."""
    monkeypatch.setattr(places, "sync_seconds", lambda *_: 1 / 2_000)  # hundreds of remarks would say that it is
    memory = Path("/dev/shm")
    folder = memory / f"aion-power-{os.getpid()}" if os.access(memory, os.W_OK) else tmp_path / "power"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_nothing_acknowledged_is_lost_with_the_power(folder, evidence):
    trials = [tried(folder, seed) for seed in range(1, RECORDINGS + 1)]
    broken = [line for trial in trials for line in trial.broken]
    assert not broken, "\n".join(broken)
    logs = sum(trial.logs for trial in trials)
    assert logs > RECORDINGS, "hardly any log was full: this has tried too little"
    evidence(
        "power loss",
        on="SQLite",
        times=RECORDINGS * IMAGES,
        seed=1,
        operations=sum(trial.operations for trial in trials),
        restarts=sum(trial.restarts for trial in trials),
        logs_begun_again=logs,
    )


def test_a_file_that_was_half_made_is_made_again(folder):
    trial = tried(folder, 6, cuts=range(1, 60))
    assert not trial.broken, "\n".join(trial.broken)


def test_where_commits_are_not_synced_the_same_check_finds_them_lost(folder):
    trial = tried(folder, 1, durability="process", images=30)
    assert any("was acknowledged and is not there" in line for line in trial.broken), trial.broken
