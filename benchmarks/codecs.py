"""Events and values to bytes and back, beside plain msgspec and plain cattrs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cattrs
import msgspec

from aion_core.codec import Values, decode_batch, encode_batch
from aion_core.model import events as e
from aion_core.model.payloads import json_payload
from aion_core.model.policies import ActivityOptions
from aion_core.model.times import Instant, Micros
from benchmarks.measure import report, timed

EVENTS = 100_000
PER_BATCH = 10
VALUES = 50_000
TARGET = 2
"""Times plain msgspec, at most."""

NESTED = json_payload(
    b'{"id":"order-42","customer":{"name":"acme","tags":["a","b","c"]},"lines":[{"sku":"x","cents":1999,"n":2},'
    b'{"sku":"y","cents":5,"n":1}],"total":4003,"paid":true,"note":null}'
)


def events() -> None:
    """Encode and decode 100,000 events of six types with nested payloads, in batches, beside msgspec itself."""
    batches = [_six_types(first) for first in range(1, EVENTS, PER_BATCH)]
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(list[e.AnyEvent]).decode

    def ours() -> None:
        for batch in batches:
            decode_batch(encode_batch(batch))

    def plain() -> None:
        for batch in batches:
            decode(encode(batch))

    mine, raw = timed(ours, plain)
    report(
        "events encode + decode",
        events=EVENTS,
        events_per_s=EVENTS / mine.wall,
        cpu_us_per_event=mine.cpu / EVENTS * 1e6,
        raw="msgspec, the same structs, no checksum and no check of the numbers",
        raw_events_per_s=EVENTS / raw.wall,
        ratio_to_raw=mine.cpu / raw.cpu,
        target=f"<= {TARGET}",
        met=mine.cpu / raw.cpu <= TARGET,
    )


def _six_types(first: int) -> Sequence[e.Event]:
    options = ActivityOptions(start_to_close=Micros(30_000_000))
    kinds: list[Callable[[int], e.Event]] = [
        lambda seq: e.ActivityScheduled(
            seq=seq, at=Instant(seq), ordinal=seq, activity_type="charge", input=NESTED, options=options
        ),
        lambda seq: e.ActivityCompleted(seq=seq, at=Instant(seq), ordinal=seq, result=NESTED),
        lambda seq: e.TimerStarted(seq=seq, at=Instant(seq), ordinal=seq, fire_at=Instant(seq + 60)),
        lambda seq: e.TimerFired(seq=seq, at=Instant(seq), ordinal=seq),
        lambda seq: e.SignalReceived(seq=seq, at=Instant(seq), name="approve", payload=NESTED),
        lambda seq: e.MarkerRecorded(
            seq=seq, at=Instant(seq), kind=e.MarkerKind.SIDE_EFFECT, ordinal=seq, value=NESTED
        ),
    ]
    return [kinds[seq % len(kinds)](seq) for seq in range(first, first + PER_BATCH)]


@dataclass
class Line:
    sku: str
    cents: int
    n: int = 1


@dataclass
class Order:
    id: str
    lines: list[Line]
    total: float
    paid: bool = False
    notes: dict[str, str] = field(default_factory=dict)


def values() -> None:
    """Structure payloads of dataclasses, beside a cattrs converter that was given no rules."""
    codec = Values()
    raw_converter = cattrs.Converter(detailed_validation=False)
    order = Order("order-42", [Line("x", 1999, 2), Line("y", 5)], 40.03, notes={"gift": "yes"})
    payload = codec.encode(order)
    text = payload.content

    def decode_ours() -> None:
        for _ in range(VALUES):
            codec.decode(payload, Order)

    def decode_plain() -> None:
        for _ in range(VALUES):
            raw_converter.structure(msgspec.json.decode(text), Order)

    def encode_ours() -> None:
        for _ in range(VALUES):
            codec.encode(order)

    def encode_plain() -> None:
        for _ in range(VALUES):
            msgspec.json.encode(raw_converter.unstructure(order))

    strict, lenient, written, plainly = timed(decode_ours, decode_plain, encode_ours, encode_plain)
    for figure, mine, raw in (("values decode", strict, lenient), ("values encode", written, plainly)):
        report(
            figure,
            values_per_s=VALUES / mine.wall,
            cpu_us_per_value=mine.cpu / VALUES * 1e6,
            raw="cattrs with msgspec, no checks",
            raw_values_per_s=VALUES / raw.wall,
            ratio_to_raw=mine.cpu / raw.cpu,
        )
