"""Values and events to bytes, and back."""

from aion_core.codec.events import (
    StoredEvent,
    decode_batch,
    encode_batch,
    encode_stored,
    map_payloads,
    stored_events,
)
from aion_core.codec.json_text import read_strict_json, write_json
from aion_core.codec.values import Values

__all__ = [
    "StoredEvent",
    "Values",
    "decode_batch",
    "encode_batch",
    "encode_stored",
    "map_payloads",
    "read_strict_json",
    "stored_events",
    "write_json",
]
