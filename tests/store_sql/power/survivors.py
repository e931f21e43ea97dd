"""Whether the ordinary store, opened on what a power failure has left, has all that its callers were told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.store_sql.power.work import LONG, Told, Written

from aion_core.model import events as e
from aion_core.spi import BlobNotFound, Committed, OutcomeKey, StoreError, shard_of
from aion_store_sql import SqlEventStore, SqlSettings
from aion_testkit import Acknowledged, check_invariants
from aion_testkit.builders import engine


def wrong_with(folder: Path, told: Sequence[Told]) -> list[str]:
    """Everything; empty when the store has kept its word."""
    try:
        with SqlEventStore(SqlSettings(url=f"sqlite:///{folder}/aion.db")) as store:
            return [*_lost(store, told), *map(str, store.check()), *_stuck(store, told)]
    except StoreError as error:
        return [f"it does not open: {error!r}"]


def _lost(store: SqlEventStore, told: Sequence[Told]) -> Iterator[str]:
    known = Acknowledged()
    for each in told:
        if each.store_id and each.store_id != store.store_id:
            yield f"the store was {each.store_id} and is {store.store_id}"
        for commit in each.commits:
            known.committed(commit)
    yield from map(str, check_invariants(store, store, acknowledged=known))
    yield from _lost_messages(store, told)
    yield from _lost_blobs(store, told)
    packages = {each.package.version: each.package for each in told if each.package}
    for version, package in packages.items():
        if store.get_package(version) != package:
            yield f"the package {version} was put and is not there"
    for workflow_id, floor in filter(None, (each.floor for each in told)):
        (state,) = store.state([workflow_id])
        if state is None or state.floor < floor:
            yield f"{workflow_id} was trimmed up to {floor} and is not: {state}"


def _lost_messages(store: SqlEventStore, told: Sequence[Told]) -> Iterator[str]:
    settled = {_key(each): each for one in told for each in one.outcomes}
    posted = {_key(each): each for one in told for each in one.posts}
    found = dict(zip(keys := [*posted], store.outcomes(keys), strict=True))
    there = {_key(each): each for each in store.inbox([*range(store.shards)], limit=100_000).items}
    for key, message in posted.items():
        if key in settled:
            if found[key] != settled[key]:
                yield f"{key} was settled: {found[key]}"
        elif found[key] is None and there.get(key) != message:
            yield f"{key} was posted and is neither in the inbox nor settled: {there.get(key)}"


def _lost_blobs(store: SqlEventStore, told: Sequence[Told]) -> Iterator[str]:
    floors = dict(filter(None, (each.floor for each in told)))
    for commit in (commit for each in told for commit in each.commits if commit.blobs):
        page = store.read(commit.workflow_id, after=commit.expected_seq, limit=1)
        keys = [key for batch in page.items if batch.op_id == commit.op_id for key in batch.blobs]
        if not keys and commit.head <= max(floors.get(commit.workflow_id, 0), _floor(store, commit.workflow_id)):
            continue
        try:
            whole = [store.get_blob(key) for key in keys] == [*commit.blobs]
        except BlobNotFound:
            whole = False
        if not whole:
            yield f"the blobs of the commit {commit.op_id} are not what they were"


def _stuck(store: SqlEventStore, told: Sequence[Told]) -> Iterator[str]:
    """Whether the next engine can go on, and is newer than the one before."""
    fences = {lease.shard: lease.fence for lease in store.lease(engine("next"), store.shards, LONG).mine}
    before = max((each.fence for each in told), default=0)
    if not fences or min(fences.values()) <= before:
        yield f"a lease of epoch {before} was had, and the next one's is {min(fences.values(), default=None)}"
    workflow = Written("afterwards")
    workflow.start()
    workflow.add(e.WorkflowCompleted)
    (answer,) = store.append([workflow.commit(fences[shard_of(workflow.id, store.shards)])])
    if not isinstance(answer, Committed) or len(store.read(workflow.id).items) != 1:
        yield f"nothing can be appended: {answer}"


def _floor(store: SqlEventStore, workflow_id: str) -> int:
    (state,) = store.state([workflow_id])
    return state.floor if state else 0


def _key(each) -> OutcomeKey:
    return each.workflow_id, each.message_id
