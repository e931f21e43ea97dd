"""A user's value as it stands in a history: bytes, what they are, and where they are kept if not in the event."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

JSON: Final = "application/json"


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One value. JSON stands in the history as JSON text, so that people and databases can read it.

    Exactly one of `json`, `data` and `blob` is set. `encodings` names the payload codecs that were applied, in order;
    while there is one, the bytes are in `data`, and `type` says what they are once decoded.
    """

    json: Raw | UnsetType = UNSET
    data: bytes | UnsetType = UNSET
    blob: int | UnsetType = UNSET
    """The number of the blob in the batch that holds the event; `Batch.blobs` has its key."""
    size: int | UnsetType = UNSET
    """With `blob`: its length in bytes."""
    digest: str | UnsetType = UNSET
    """With `blob`: SHA-256 of its bytes, in hexadecimal. Not an address: blobs are never shared."""
    type: str = JSON
    encodings: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Bytes that the value takes, wherever they are kept."""
        if self.json is not UNSET:
            return len(self.json)
        if self.data is not UNSET:
            return len(self.data)
        return self.size or 0

    @property
    def content(self) -> bytes:
        """The bytes themselves. A payload whose bytes are in a blob has none here."""
        if self.json is not UNSET:
            return bytes(self.json)
        if self.data is not UNSET:
            return self.data
        raise LookupError("this payload's bytes are in a blob")


def json_payload(text: bytes) -> Payload:
    """A payload of JSON text that the codec has written, or that a strict reader has checked."""
    return Payload(json=Raw(text))


EMPTY: Final = json_payload(b"null")
"""The payload of `None`."""
