"""Golden histories: commits kept as files, which every store must give back byte for byte."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from aion_core.spi import (
    Batch,
    Commit,
    Message,
    MessageKind,
    Outcome,
    OutcomeKind,
)
from aion_testkit.builders import message, next_commit, outcome, start_commit
from aion_testkit.conformance import Layer
from aion_testkit.events.histories import as_read
from aion_testkit.expect import same
from aion_testkit.place import Place

_Json: TypeAlias = Mapping[str, Any]
"""A piece of a golden file, whose shape is checked by reading it."""

_MEGABYTE: Final = 1024 * 1024
_LARGE: Final = 10 * _MEGABYTE
_ROOM: Final = 64 * 1024
"""Of a commit's bytes, for everything but the payload."""


def golden_names() -> list[str]:
    """The files of the corpus, without their ending."""
    files = resources.files("aion_testkit").joinpath("golden").iterdir()
    return sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json"))


def golden_commits(name: str) -> list[Commit]:
    """The commits of one file, each following the one before."""
    text = resources.files("aion_testkit").joinpath("golden", f"{name}.json").read_text(encoding="utf-8")
    read: _Json = json.loads(text)
    commits: list[Commit] = []
    for entry in read["commits"]:
        commits.append(_commit(str(read["workflow_id"]), entry, commits[-1] if commits else None))
    return commits


def bytes_of(described: _Json) -> bytes:
    """Bytes as a golden file writes them: text, base64, or so many generated ones."""
    if "text" in described:
        return str(described["text"]).encode()
    if "base64" in described:
        return base64.b64decode(described["base64"], validate=True)
    return generated(int(described["generated"]), seed=str(described["seed"]))


def generated(size: int, *, seed: str) -> bytes:
    """So many bytes without any pattern, always the same."""
    return hashlib.shake_256(seed.encode()).digest(size)


class GoldenCases(Layer):
    """Bytes in, bytes out."""

    layer = "golden"

    def test_golden_text_is_given_back_byte_for_byte(self, place: Place) -> None:
        _round_trip(place, "text")

    def test_golden_scripts_of_the_world_are_given_back_byte_for_byte(self, place: Place) -> None:
        _round_trip(place, "scripts")

    def test_golden_binary_bodies_are_given_back_byte_for_byte(self, place: Place) -> None:
        _round_trip(place, "binary")

    def test_golden_messages_and_outcomes_are_given_back_byte_for_byte(self, place: Place) -> None:
        _round_trip(place, "messages")

    def test_golden_blobs_are_given_back_byte_for_byte(self, place: Place) -> None:
        _round_trip(place, "blobs")

    def test_all_golden_histories_live_in_one_store(self, place: Place) -> None:
        """Each file has a case of its own; this one keeps the list of files complete, and lets them meet."""
        same(golden_names(), ["binary", "blobs", "messages", "scripts", "text"], "every file has a case")
        for name in golden_names():
            _round_trip(place, name)
        for name in golden_names():
            _compare(place, golden_commits(name), op_ids=False)

    def test_ten_megabytes_in_a_batch_are_given_back_byte_for_byte(self, place: Place) -> None:
        body = generated(_size(place), seed="batch")
        first = start_commit("large", body=body)
        place.commit(first, next_commit(first))
        found = place.batches("large")[0]
        same(hashlib.sha256(found.body).hexdigest(), hashlib.sha256(body).hexdigest(), "the batch's bytes")
        same(found.crc, zlib.crc32(body), "and its checksum")

    def test_ten_megabytes_in_a_blob_are_given_back_byte_for_byte(self, place: Place) -> None:
        blob = generated(_size(place), seed="blob")
        key = place.commit(start_commit("large", blobs=[blob])).blobs[0]
        found = place.store.get_blob(key)
        same(hashlib.sha256(found).hexdigest(), hashlib.sha256(blob).hexdigest(), "the blob's bytes")

    def test_a_megabyte_in_a_message_is_given_back_byte_for_byte(self, place: Place) -> None:
        posted = message("large", "m-1", body=generated(_MEGABYTE, seed="message"))
        place.store.post([posted])
        (found,) = place.inbox("large")
        same(hashlib.sha256(found.body).hexdigest(), hashlib.sha256(posted.body).hexdigest(), "the message's bytes")


def _size(place: Place) -> int:
    return min(_LARGE, place.store.limits.commit_bytes - _ROOM)


def _round_trip(place: Place, name: str) -> None:
    commits = golden_commits(name)
    for commit in commits:
        place.commit(commit)
    place.deliver()
    _compare(place, commits)
    place.reopen()
    _compare(place, commits)


def _compare(place: Place, commits: Sequence[Commit], *, op_ids: bool = True) -> None:
    id = commits[0].workflow_id
    batches = place.batches(id)
    expected = [as_read(commit) for commit in commits if commit.batch]
    same([_bare(b, op_ids=op_ids) for b in batches], [_bare(b, op_ids=op_ids) for b in expected], f"{id}: the history")
    blobs = [[place.store.get_blob(key) for key in batch.blobs] for batch in batches]
    same(blobs, [list(commit.blobs) for commit in commits if commit.batch], f"{id}: the blobs")
    state = place.state(id)
    same(state and state.open, commits[-1].state.open, f"{id}: the open record")
    for commit in commits:
        keys = [(o.workflow_id, o.message_id) for o in commit.outcomes]
        same(list(place.store.outcomes(keys)), list(commit.outcomes), f"{id}: the outcomes")
        for post in commit.posts:
            same(
                [m for m in place.inbox(post.workflow_id) if m == post],
                [post],
                f"{id}: the post to {post.workflow_id!r}",
            )


def _bare(batch: Batch, *, op_ids: bool) -> Batch:
    return replace(batch, blobs=(), op_id=batch.op_id if op_ids else type(batch.op_id)(""))


def _commit(workflow_id: str, entry: _Json, before: Commit | None) -> Commit:
    body, events = bytes_of(entry["body"]), int(entry["events"])
    blobs = [bytes_of(blob) for blob in entry.get("blobs", ())]
    outcomes = [_outcome(workflow_id, o) for o in entry.get("outcomes", ())]
    posts = [_message(p) for p in entry.get("posts", ())]
    if before is None:
        commit = start_commit(workflow_id, events=events, body=body, blobs=blobs, outcomes=outcomes, posts=posts)
    else:
        commit = next_commit(before, events=events, body=body, blobs=blobs, outcomes=outcomes, posts=posts)
    if commit.batch is None:
        return commit
    crc = int(entry["crc"], 16)
    same(zlib.crc32(body), crc, "the golden file itself was damaged")
    batch = replace(commit.batch, codec=str(entry["codec"]), crc=crc)
    return replace(commit, batch=batch, state=replace(commit.state, open=bytes_of(entry.get("open", {"text": ""}))))


def _outcome(workflow_id: str, entry: _Json) -> Outcome:
    of = message(workflow_id, str(entry["message_id"]))
    return outcome(of, OutcomeKind(entry["kind"]), body=bytes_of(entry["body"]))


def _message(entry: _Json) -> Message:
    return message(
        str(entry["workflow_id"]),
        str(entry["message_id"]),
        n=int(entry["n"]),
        poster=str(entry["poster"]),
        body=bytes_of(entry["body"]),
        kind=MessageKind(entry["kind"]),
    )
