import base64
import json
import random
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from aion_core.codec import decode_batch, encode_batch, encode_stored, map_payloads, stored_events
from aion_core.model.errors import HistoryCorrupt, HistoryTooNew
from aion_core.model.events import EVENT_TYPES, TimerFired, WorkflowCompleted, event_tag
from aion_core.model.payloads import Payload, json_payload
from aion_core.spi import Batch

GOLDEN = Path(__file__).parent / "golden"
TIMER = TimerFired(seq=3, at=5, ordinal=0)


def batch_of(text, *, first=1, last=1, codec="json"):
    return Batch.of(first, last, text if isinstance(text, bytes) else text.encode(), codec=codec)


# ---- formats


def test_the_samples_cover_every_event_type(every_event):
    assert {type(event) for event in every_event} == set(EVENT_TYPES)


def test_the_samples_set_every_field(every_event):
    for event in every_event:
        for field in msgspec.structs.fields(type(event)):
            if type(event).__name__ != "UpdateCompleted":
                assert getattr(event, field.name) != field.default, (type(event), field.name)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_every_event_comes_back_as_it_was(every_event, codec):
    assert decode_batch(encode_batch(every_event, codec=codec)) == every_event


def test_the_first_release_of_the_json_encoding_can_be_read(every_event):
    body = (GOLDEN / "events-1.json").read_bytes()
    assert decode_batch(batch_of(body, last=len(every_event))) == every_event


def test_the_first_release_of_the_msgpack_encoding_can_be_read(every_event):
    body = base64.b64decode((GOLDEN / "events-1.msgpack.b64").read_bytes())
    assert decode_batch(batch_of(body, last=len(every_event), codec="msgpack")) == every_event


def test_the_json_encoding_is_still_written_as_released(every_event):
    assert encode_batch(every_event).body == (GOLDEN / "events-1.json").read_bytes()


def test_tags_are_versioned_and_each_has_one_type():
    tags = [event_tag(kind) for kind in EVENT_TYPES]
    assert len(set(tags)) == len(tags) == 41
    assert all(tag.rpartition("/")[2].isdigit() for tag in tags)


def test_a_users_json_stands_in_the_history_as_json():
    body = encode_batch([WorkflowCompleted(seq=1, at=7, result=json_payload(b'{"receipt":"r-1"}'))]).body
    assert json.loads(body) == [
        {"type": "workflow.completed/1", "seq": 1, "at": 7, "result": {"json": {"receipt": "r-1"}}}
    ]


def test_an_unknown_codec_is_refused():
    with pytest.raises(ValueError, match="there is no event codec 'xml'; there are json and msgpack"):
        encode_batch([TIMER], codec="xml")


# ---- newer versions

NEWER = '[{"type":"timer.fired/1","seq":1,"at":5,"ordinal":0,"mood":{"deep":[1]}}]'


def test_fields_of_a_newer_version_are_ignored():
    assert decode_batch(batch_of(NEWER)) == [TimerFired(seq=1, at=5, ordinal=0)]


def test_fields_of_a_newer_version_survive_an_export():
    assert encode_stored(stored_events(batch_of(NEWER))).body == NEWER.encode()


@pytest.mark.parametrize(
    ("codec", "write"),
    [("json", msgspec.json.encode), ("msgpack", msgspec.msgpack.encode)],
)
def test_an_unknown_event_type_names_itself_its_place_and_its_workflow(codec, write):
    body = write([{"type": "timer.fired/1", "seq": 1, "at": 5, "ordinal": 0}, {"type": "timer.melted/1", "seq": 2}])
    with pytest.raises(HistoryTooNew) as caught:
        decode_batch(batch_of(body, last=2, codec=codec), workflow_id="order-42")
    assert str(caught.value) == (
        "the history of 'order-42' holds 'timer.melted/1' at event 2, which this version of Aion does not know: "
        "it was written by a newer one. Upgrade aion-durable-core; nothing was changed."
    )
    assert (caught.value.code, caught.value.event_type, caught.value.seq) == ("history-too-new", "timer.melted/1", 2)


def test_an_unknown_version_of_a_known_event_is_too_new():
    with pytest.raises(HistoryTooNew, match=r"'timer\.fired/2'"):
        decode_batch(batch_of('[{"type":"timer.fired/2","seq":1,"at":5,"ordinal":0}]'))


def test_an_unknown_codec_of_a_batch_is_too_new():
    with pytest.raises(HistoryTooNew, match="'codec cbor'"):
        decode_batch(batch_of(b"x", codec="cbor"))


# ---- damage


def test_a_batch_of_no_events_is_corrupt():
    with pytest.raises(HistoryCorrupt, match="that holds other events than it says"):
        decode_batch(batch_of("[]", first=1, last=0))


def test_every_truncation_of_a_batch_is_noticed(every_event):
    batch = encode_batch(every_event)
    for length in range(0, len(batch.body), 97):
        with pytest.raises(HistoryCorrupt, match="whose checksum is wrong"):
            decode_batch(replace(batch, body=batch.body[:length]))


def test_every_flipped_bit_of_a_batch_is_noticed():
    batch = encode_batch([TIMER])
    for bit in range(len(batch.body) * 8):
        body = bytearray(batch.body)
        body[bit // 8] ^= 1 << bit % 8
        with pytest.raises(HistoryCorrupt) as caught:
            decode_batch(replace(batch, body=bytes(body)), workflow_id="order-42")
    assert str(caught.value) == (
        "the history of 'order-42' has a batch of events 3 to 3 whose checksum is wrong. "
        "Restore it from a backup; nothing was changed."
    )
    assert caught.value.code == "history-corrupt"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"",
        b"null",
        b"[" * 100_000,
        b'[{"seq":1}]',
        b'[{"type":"timer.fired/1","seq":"1","at":5,"ordinal":0}]',
        b'[{"type":"timer.fired/1","seq":2,"at":5,"ordinal":0}]',
    ],
    ids=lambda body: body[:40].decode(),
)
def test_a_batch_that_was_written_wrongly_is_corrupt_not_a_crash(body):
    with pytest.raises(HistoryCorrupt) as caught:
        decode_batch(batch_of(body))
    assert "has a batch of events 1 to 1 that" in str(caught.value)


def test_random_bytes_are_never_taken_for_events():
    rng = random.Random(7)
    for codec in ("json", "msgpack"):
        for _ in range(500):
            with pytest.raises((HistoryCorrupt, HistoryTooNew)):
                decode_batch(batch_of(rng.randbytes(rng.randrange(60)), codec=codec))


# ---- payloads inside events


def test_every_payload_of_every_event_can_be_replaced(every_event):
    sealed = Payload(data=b"sealed", encodings=("seal",))
    for event in every_event:
        changed = map_payloads(event, lambda _: sealed)
        text = msgspec.json.encode(changed)
        plain = msgspec.json.decode(text)
        assert b'"json"' not in text.replace(b'{"json":null}', b""), type(event)
        assert plain["type"] == event_tag(type(event))


def test_replacing_payloads_by_themselves_changes_nothing(every_event):
    assert [map_payloads(event, lambda payload: payload) for event in every_event] == every_event


def test_an_event_without_payloads_is_not_copied():
    assert map_payloads(TIMER, lambda payload: payload) is TIMER
