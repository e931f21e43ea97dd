"""A history as a text for people, and as a text for files."""

from pathlib import Path

import msgspec
import pytest

from aion_core import HistoryCorrupt, HistoryTooNew, PayloadError
from aion_core.client.events import event_view
from aion_core.client.history import History
from aion_core.client.telling import Past, length
from aion_core.codec import Values, map_payloads
from aion_core.model import events as e
from aion_core.model.failures import Failure
from aion_core.model.times import Instant

VALUES = Values()
T0 = 1_700_000_000_000_000
FAILURE = Failure(type="Timeout", message="no answer")


def history():
    def at(seconds):
        return Instant(T0 + round(seconds * 1_000_000))

    return History(
        "order-42",
        [
            e.WorkflowStarted(
                seq=1,
                at=at(0),
                run_id="018bcfe5-6800-7001-8000-000000000000",
                workflow_type="checkout",
                input=VALUES.encode([{"id": "42", "cents": 1999}]),
                version="env:test",
                python="3.11",
                machine=1,
            ),
            e.ActivityScheduled(
                seq=2, at=at(0.001), ordinal=0, activity_type="charge", input=VALUES.encode(["42", 1999])
            ),
            e.ActivityFailed(seq=3, at=at(0.5), ordinal=0, failure=FAILURE, next_attempt_at=at(1.5)),
            e.ActivityCompleted(seq=4, at=at(1.75), ordinal=0, attempt=2, result=VALUES.encode("receipt-42")),
            e.TimerStarted(seq=5, at=at(1.75), ordinal=0, fire_at=at(1.75 + 172_800), name="sla"),
            e.SignalReceived(seq=6, at=at(62), name="approve", payload=VALUES.encode({"by": "ada"})),
            e.TimerCancelled(seq=7, at=at(62), ordinal=0),
            e.WorkflowCompleted(seq=8, at=at(62.5), result=VALUES.encode("receipt-42")),
        ],
    )


def test_a_history_tells_what_happened_line_by_line():
    assert str(history()).splitlines() == [
        "order-42  checkout  completed after 1 min 2 s  (run 018bcfe5-6800-7001-8000-000000000000)",
        '  1  2023-11-14 22:13:20.000  started checkout({"id":"42","cents":1999})',
        '  2  2023-11-14 22:13:20.001  activity charge #0 scheduled: ("42", 1999)',
        "  3  2023-11-14 22:13:20.500  activity charge #0 failed: Timeout: no answer; again in 1.0 s",
        '  4  2023-11-14 22:13:21.750  activity charge #0 completed after 1.7 s on attempt 2 → "receipt-42"',
        "  5  2023-11-14 22:13:21.750  timer sla #0 set for 2 d 0 h",
        '  6  2023-11-14 22:14:22.000  signal approve received: {"by":"ada"}',
        "  7  2023-11-14 22:14:22.000  timer sla #0 cancelled",
        '  8  2023-11-14 22:14:22.500  completed → "receipt-42"',
    ]


def test_every_event_has_words_and_a_view():
    golden = Path(__file__).parents[1] / "codec" / "golden" / "events-1.json"
    past, seen = Past(), set()
    for text in msgspec.json.decode(golden.read_bytes(), type=list[msgspec.Raw]):
        event = msgspec.json.decode(text, type=e.AnyEvent)
        seen.add(type(event))
        assert past.words(event) not in {"", type(event).__name__}
        assert event_view(map_payloads(event, inline)).type == type(event).__name__
    assert seen == set(e.EVENT_TYPES)


def inline(payload):
    return payload if payload.blob is msgspec.UNSET else VALUES.encode("fetched")


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (400, "0.4 ms"),
        (99_999, "100 ms"),
        (119_000, "119 ms"),
        (1_000_000, "1.0 s"),
        (61_000_000, "1 min 1 s"),
        (3_660_000_000, "1 h 1 min"),
        (90_000_000_000, "1 d 1 h"),
    ],
)
def test_durations_are_as_precise_as_people_want_them(micros, text):
    assert length(micros) == text


def test_a_file_gives_back_the_same_history():
    assert History.from_json(history().to_json()) == history()


def test_a_file_has_one_event_per_line():
    lines = history().to_json().splitlines()
    assert lines[0] == '{"format":"aion-history/1","id":"order-42","events":['
    assert lines[5].startswith('{"type":"timer.started/1","seq":5,')
    assert len(lines) == 10


def test_a_file_of_this_format_is_read_for_ever():
    golden = (
        '{"format":"aion-history/1","id":"t","events":[\n'
        '{"type":"workflow.started/1","seq":4,"at":1700000000000000,"run_id":"018b","workflow_type":"total",'
        '"version":"env:x","python":"3.11","machine":1}\n]}\n'
    )
    read = History.from_json(golden)
    assert (read.id, read.events[0].type, read.events[0].seq) == ("t", "WorkflowStarted", 4)
    assert read.to_json() == golden


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda text: text.replace("history/1", "history/2"), HistoryTooNew, "aion-history/2"),
        (lambda text: text.replace("timer.started/1", "timer.moved/1"), HistoryTooNew, "timer.moved/1"),
        (lambda text: text.replace('"seq":5', '"seq":9'), HistoryCorrupt, "follow each other"),
        (lambda text: text.replace('"ordinal":0', '"ordinal":"x"'), HistoryCorrupt, "can not be read"),
        (lambda text: text.replace('"id":"order-42",', ""), HistoryCorrupt, "not the text of one"),
        (lambda text: text[:-10], PayloadError, "not JSON"),
        (lambda text: text.replace('"seq":5', '"seq":5,"seq":5'), PayloadError, "twice"),
        (lambda _: "[]", HistoryCorrupt, "not the text of one"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        History.from_json(change(history().to_json()))
