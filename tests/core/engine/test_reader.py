import pytest
from msgspec.structs import replace

from aion_core.codec import decode_batch, encode_batch
from aion_core.engine.commits import commit_of
from aion_core.engine.reader import Reader, load
from aion_core.engine.recorder import Recorder, Rules
from aion_core.ledger import RunLedger
from aion_core.memory import MemoryEventStore
from aion_core.model import commands as c
from aion_core.model import events as e
from aion_core.model.errors import HistoryCorrupt, StoreUnavailable
from aion_core.model.policies import ActivityOptions
from aion_core.spi import EngineId, EngineInfo, OpId, Page
from aion_testkit import FaultInjectingStore, FaultPlan, PlannedFault, SimulatedPlatform
from aion_testkit.clock import SteppedPlatform

RULES = Rules(settle=lambda *_: ("default", ActivityOptions()), reserve=lambda _: True, new_run=lambda: "r9")


class Place:
    """A store with workflows that were recorded by the recorder itself."""

    def __init__(self):
        self.store = MemoryEventStore()
        self.store.open()
        table = self.store.lease(EngineInfo(engine_id=EngineId("e1")), self.store.shards, 1e6)
        self.fence = table.mine[0].fence
        self.ops = 0

    def workflow(self, name, *turns):
        ledger = RunLedger(name, start_hash="5a")
        start = e.WorkflowStarted(
            seq=0, at=0, run_id=f"{name}-1", workflow_type="t", version="env:1", python="3.11", machine=1
        )
        for arrival, commands in ((start, [c.StartTimer(ordinal=0, fire_at=99)]), *turns):
            recorder = Recorder(ledger, RULES, now=ledger.head + 1)
            recorder.arrival(arrival, commands)
            self.ops += 1
            commit = commit_of(ledger, recorder.made, op_id=OpId(f"op-{self.ops}"), fence=self.fence)
            self.store.append([commit])
        return ledger


@pytest.fixture
def place():
    return Place()


def signal(name="go"):
    return e.SignalReceived(seq=0, at=0, name=name)


def assert_same(ledger, other):
    for name in (
        "head",
        "run_start",
        "drained_seq",
        "last_at",
        "summary",
        "timers",
        "start_hash",
        "open",
        "activities",
    ):
        assert getattr(ledger, name) == getattr(other, name), name


def test_what_is_read_is_what_was_recorded(place):
    local = c.ScheduleActivity(ordinal=1, activity_type="tax", local=True)
    recorded = place.workflow(
        "a", (signal(), [c.ScheduleActivity(ordinal=0, activity_type="charge")]), (signal(), [local])
    )
    (loaded,) = load(place.store, ["a"])
    assert_same(loaded.ledger, recorded)
    assert [batch.last_seq for batch in loaded.history] == [2, 4, 5]


def test_a_batch_that_was_damaged_on_its_way_is_read_again(place):
    place.workflow("a")
    plan = FaultPlan(PlannedFault.parse("read:1:flipped"))
    (loaded,) = load(FaultInjectingStore(place.store, plan, SimulatedPlatform()), ["a"])
    assert (loaded.error, loaded.ledger.head) == (None, 2)


def test_a_workflow_that_nobody_started_is_known_to_be_none(place):
    (loaded,) = load(place.store, ["a"])
    assert (loaded.ledger, loaded.error) == (None, None)


def test_long_histories_are_read_page_by_page(place, monkeypatch):
    recorded = place.workflow("a", *[(signal(), [])] * 20)
    read = place.store.read
    monkeypatch.setattr(place.store, "read", lambda workflow_id, after: read(workflow_id, after=after, limit=3))
    assert_same(load(place.store, ["a"])[0].ledger, recorded)


def test_what_another_engine_appends_meanwhile_is_left_to_the_next_time(place, monkeypatch):
    place.workflow("a", (signal(), []))
    row = place.store.state(["a"])
    monkeypatch.setattr(place.store, "state", lambda _: [replace(row[0], head=2, drained_seq=2)])
    assert load(place.store, ["a"])[0].ledger.head == 2


def test_a_history_that_can_not_be_read_disturbs_no_other(place, monkeypatch):
    place.workflow("a")
    place.workflow("b")
    read = place.store.read

    def flipped(workflow_id, *, after):
        page = read(workflow_id, after=after)
        return Page(tuple(replace(batch, crc=0) for batch in page.items)) if workflow_id == "a" else page

    monkeypatch.setattr(place.store, "read", flipped)
    broken, fine = load(place.store, ["a", "b"])
    assert isinstance(broken.error, HistoryCorrupt)
    assert fine.ledger.head == 2


def test_a_row_that_its_history_contradicts_is_refused(place, monkeypatch):
    place.workflow("a")
    monkeypatch.setattr(place.store, "read", lambda *_, **__: Page(()))
    assert "its row says 2" in str(load(place.store, ["a"])[0].error)


def test_a_store_that_is_away_is_asked_again(place, monkeypatch):
    place.workflow("a")
    heard = []
    reader = Reader(place.store, SteppedPlatform(), loaded=heard.extend)
    with monkeypatch.context() as away:
        away.setattr(place.store, "state", lambda _: (_ for _ in ()).throw(StoreUnavailable("away")))
        first, second = reader.handle(["a"]), reader.handle(["b"])
    assert 0 < first < second
    assert reader.handle([]) is None
    assert [(loaded.workflow_id, loaded.ledger is not None) for loaded in heard] == [("a", True), ("b", False)]


def test_batches_that_were_merged_read_the_same(place, monkeypatch):
    recorded = place.workflow("a", (signal(), []))
    events = [event for batch in place.store.read("a").items for event in decode_batch(batch)]
    monkeypatch.setattr(place.store, "read", lambda *_, **__: Page((encode_batch(events),)))
    assert_same(load(place.store, ["a"])[0].ledger, recorded)
