"""The janitor: rounds, pieces, and what stops it."""

import pytest
from msgspec.structs import replace
from tests.core.upkeep.writing import DAY, Pen

from aion_core.engine.janitor import Begin, Done, Janitor, RetentionSettings
from aion_core.memory import MemoryEventStore, MemoryVisibilityStore
from aion_core.model.errors import StoreUnavailable
from aion_core.model.times import SECOND, Micros
from aion_core.spi import shard_of
from aion_core.upkeep.archive import read_archive
from aion_testkit import SteppedPlatform
from aion_testkit.builders import engine, message, outcome

WEEK = Micros(7 * DAY * SECOND)


class Room:
    """A janitor whose writer is the test: a chore is done when the test says so."""

    def __init__(self, store, platform, *, own=None, owned=None, **settings):
        self.store = store
        self.platform = platform
        self.pen = Pen(store)
        self.chores = []
        self.answers = []
        leases = store.lease(engine(), 64, 3600).mine
        self.leases = leases if owned is None else [lease for lease in leases if lease.shard in owned]
        self.janitor = Janitor(
            store,
            own,
            platform,
            RetentionSettings(**settings),
            leases=lambda: self.leases,
            write=self.chores.append,
            done=self.answers.append,
        )

    def look(self):
        return self.janitor.handle([])

    def write(self, error=None):
        """The writer does what it has; the janitor hears of it."""
        chore = self.chores.pop(0)
        if error is not None:
            chore.reply.fail(error)
        else:
            chore.call(self.store)
            chore.reply.set(None)
        (answer,) = self.answers
        self.answers.clear()
        assert isinstance(answer, Done)
        return self.janitor.handle([answer])

    def round(self):
        """From the next round's beginning to its end; how many pieces the writer did."""
        self.janitor.handle([Begin()])
        self.platform.advance(601)
        pieces = 0
        while True:
            due = self.look()
            while self.chores:
                pieces += 1
                due = self.write()
            if due - self.platform.monotonic() > 1:
                return pieces
            self.platform.advance(due - self.platform.monotonic())

    def left(self):
        return sorted(state.workflow_id for state in self.store.states(range(64), limit=1000).items)


@pytest.fixture
def platform():
    return SteppedPlatform()


@pytest.fixture
def store(platform):
    with MemoryEventStore(platform=platform) as store:
        yield store


@pytest.fixture
def room(store, platform):
    room = Room(store, platform, closed=WEEK)
    room.pen.closed("old", day=0)
    room.pen.closed("older", day=0)
    room.pen.closed("new", day=5)
    platform.advance(8 * DAY)
    return room


def test_the_first_round_waits_until_those_who_waited_for_the_engine_are_served(store, platform):
    assert Room(store, platform, closed=WEEK).janitor.handle([Begin()]) == platform.monotonic() + 60


def test_what_is_older_than_the_retention_is_removed_and_nothing_else(room):
    room.round()
    assert room.left() == ["new"]


def test_a_round_is_a_sweep_and_one_piece_for_each_workflow(room):
    assert room.round() == 3


def test_the_next_piece_begins_when_the_writer_has_done_the_last_one(room):
    room.platform.advance(601)
    room.look()
    assert len(room.chores) == 1
    assert room.look() is None
    assert len(room.chores) == 1


def test_between_two_pieces_there_is_time_for_work(room):
    room.platform.advance(601)
    room.look()
    due = room.write()
    assert due > room.platform.monotonic()
    assert room.chores == []


def test_without_retention_only_tombstones_are_swept(store, platform):
    room = Room(store, platform)
    room.pen.closed("old", day=0)
    store.settle([outcome(message("old", "m"), expires_at=platform.now() + SECOND)])
    platform.advance(1000 * DAY)
    assert room.round() == 1
    assert room.left() == ["old"]
    assert store.world.mail._settled == {}


def test_workflows_of_other_engines_are_theirs_to_remove(store, platform):
    room = Room(store, platform, closed=WEEK, owned={shard_of("mine", 64)})
    room.pen.closed("mine", day=0)
    room.pen.closed("theirs", day=0)
    platform.advance(8 * DAY)
    room.round()
    assert room.left() == ["theirs"]


def test_what_is_removed_is_archived_first(store, platform, tmp_path):
    room = Room(store, platform, closed=WEEK, archive=tmp_path)
    room.pen.closed("old", day=0)
    platform.advance(8 * DAY)
    room.platform.advance(601)
    room.look()
    room.write()
    platform.advance(1)
    room.look()
    (path,) = tmp_path.rglob("*.jsonl")
    assert (read_archive(path).id, room.left()) == ("old", ["old"])
    room.write()
    assert room.left() == []


def test_a_crash_between_archive_and_removal_leaves_one_archive(store, platform, tmp_path):
    for _ in range(2):  # two lives; the writer of the first one never comes to it
        room = Room(store, platform, closed=WEEK, archive=tmp_path)
        if not room.left():
            room.pen.closed("old", day=0)
        platform.advance(8 * DAY)
        room.look()
        room.write()
        platform.advance(1)
        room.look()
    room.write()
    assert room.left() == []
    assert len(list(tmp_path.rglob("*.jsonl"))) == 1


def test_a_folder_that_can_not_be_written_is_told_and_nothing_is_removed(store, platform, tmp_path):
    (tmp_path / "file").write_text("")
    room = Room(store, platform, closed=WEEK, archive=tmp_path / "file")
    room.pen.closed("old", day=0)
    platform.advance(8 * DAY)
    room.round()
    assert "can not be written" in room.janitor.trouble
    assert room.left() == ["old"]
    (tmp_path / "file").unlink()
    room.round()
    assert (room.janitor.trouble, room.left()) == (None, [])


def test_a_history_that_can_not_be_read_stays_and_stops_no_other(store, platform, tmp_path, caplog):
    room = Room(store, platform, closed=WEEK, archive=tmp_path)
    room.pen.closed("broken", day=0)
    room.pen.closed("old", day=1)
    history = store.world.history("broken")
    history.batches[0] = replace(history.batches[0], crc=0)
    platform.advance(18 * DAY)
    room.round()
    room.round()
    assert room.left() == ["broken"]
    assert [record.message for record in caplog.records if "broken" in record.message] == [caplog.records[0].message]


def test_a_writer_that_could_not_is_asked_again_in_the_next_round(room):
    room.platform.advance(601)
    room.look()
    room.write(error=StoreUnavailable("gone"))
    assert "gone" in room.janitor.trouble
    room.round()
    room.round()
    assert (room.left(), room.janitor.trouble) == (["new"], None)


def test_a_store_that_is_away_does_not_end_the_lane(room, monkeypatch):
    monkeypatch.setattr(room.store, "list", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("gone")))
    room.round()
    assert "gone" in room.janitor.trouble
    monkeypatch.undo()
    room.round()
    assert room.left() == ["new"]


def test_a_visibility_store_of_its_own_is_asked_and_forgets(store, platform):
    with MemoryVisibilityStore(platform=platform) as own:
        room = Room(store, platform, own=own, closed=WEEK)
        room.pen.closed("seen", day=0)
        room.pen.closed("not seen", day=0)
        own.record([store.state(["seen"])[0].summary])
        platform.advance(8 * DAY)
        room.round()
        assert (room.left(), own.count(None)) == (["not seen"], 0)
