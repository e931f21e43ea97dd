"""Raw limits of the engine's figures: what its parts can not go below, measured alone in the same run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from queue import SimpleQueue

from aion_core.codec import encode_batch
from aion_core.memory import MemoryEventStore
from aion_core.model import events as e
from aion_core.model.ids import Shard, Version, WorkflowId, shard_of
from aion_core.model.payloads import json_payload
from aion_core.model.policies import ActivityOptions
from aion_core.model.summaries import RunEntry, fold_runs
from aion_core.model.times import Micros
from aion_core.platform import SYSTEM
from aion_core.spi import Commit, EngineId, EngineInfo, Fence, WorkflowState
from benchmarks.programs import STEPS

OPTIONS = ActivityOptions(start_to_close=Micros(600_000_000))


# ---- threads and futures


def hops(count: int) -> list[float]:
    """Seconds of each of so many ways to another thread and back, through queues."""
    there: SimpleQueue[bool] = SimpleQueue()
    back: SimpleQueue[bool] = SimpleQueue()

    def serve() -> None:
        while there.get():
            back.put(True)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    taken: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        there.put(True)
        back.get()
        taken.append(time.perf_counter() - began)
    there.put(False)
    thread.join()
    return taken


def futures(count: int) -> None:
    """A future of asyncio's own loop resolved and awaited, so many times."""

    async def one_after_the_other() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            future: asyncio.Future[int] = loop.create_future()
            loop.call_soon(future.set_result, 1)
            await future

    asyncio.run(one_after_the_other())


def calls(count: int) -> None:
    """A body of the same shape called without anything around it, so many times."""

    def body(number: int) -> int:
        return number

    for number in range(count):
        body(number)


# ---- the bare store


class Bare:
    """An in-memory store without an engine, with a lease on all its shards."""

    def __init__(self) -> None:
        """Open."""
        self.store = MemoryEventStore()
        self.store.open()
        table = self.store.lease(EngineInfo(engine_id=EngineId("bare")), self.store.shards, 3600.0)
        self._fences: dict[Shard, Fence] = {lease.shard: lease.fence for lease in table.mine}

    def commit(
        self, workflow_id: WorkflowId, head: int, events: Sequence[e.Event], run: RunEntry, *, runs: bool
    ) -> Commit:
        """A commit as an engine writes it: the events of a turn and the row after it; `runs` at begin and end."""
        batch = encode_batch(events)
        return Commit(
            workflow_id=workflow_id,
            expected_seq=head,
            op_id=SYSTEM.op_id(),
            fence=self._fences[shard_of(workflow_id, self.store.shards)],
            batch=batch,
            state=WorkflowState(
                workflow_id=workflow_id,
                summary=run.summary,
                head=batch.last_seq,
                run_start=1,
                start_hash=sha256(workflow_id.encode()).hexdigest(),
                drained_seq=batch.last_seq,
            ),
            runs=(run,) if runs else (),
            visible=runs,
        )

    def append(self, commits: Iterable[Commit]) -> None:
        """Append them, as many in a call as the store takes."""
        for group in _groups(commits, self.store.limits.call_commits):
            self.store.append(group)

    def close(self) -> None:
        """Forget it."""
        self.store.close()


@contextmanager
def bare() -> Iterator[Bare]:
    """A bare store, for a while."""
    store = Bare()
    try:
        yield store
    finally:
        store.close()


def commits_of_ten(store: Bare, workflows: int) -> list[Commit]:
    """What workflows of ten steps write, each turn of all of them before the next turn."""
    turns: list[list[Commit]] = [[] for _ in range(STEPS + 1)]
    for _ in range(workflows):
        workflow_id = WorkflowId(str(SYSTEM.run_id()))
        past: list[e.Event] = []
        run: RunEntry | None = None
        for n in range(STEPS + 1):
            events = _turn(n, len(past))
            head, past = len(past), past + events
            if run is None or n == STEPS:
                (run,) = fold_runs(workflow_id, past)
            turns[n].append(store.commit(workflow_id, head, events, run, runs=n in {0, STEPS}))
    return [commit for turn in turns for commit in turn]


def started_only(store: Bare, workflows: int) -> Iterator[Commit]:
    """What workflows write that wait from the beginning on."""
    for _ in range(workflows):
        workflow_id = WorkflowId(str(SYSTEM.run_id()))
        events = [_started()]
        (run,) = fold_runs(workflow_id, events)
        yield store.commit(workflow_id, 0, events, run, runs=True)


def _turn(n: int, head: int) -> list[e.Event]:
    events: list[e.Event] = []
    if n == 0:
        events.append(_started())
    else:
        events.append(
            e.ActivityCompleted(seq=head + 1, at=SYSTEM.now(), ordinal=n - 1, result=json_payload(b"%d" % (n - 1)))
        )
    seq = head + len(events) + 1
    if n == STEPS:
        events.append(e.WorkflowCompleted(seq=seq, at=SYSTEM.now(), result=json_payload(b"45")))
    else:
        events.append(
            e.ActivityScheduled(
                seq=seq,
                at=SYSTEM.now(),
                ordinal=n,
                activity_type="step",
                input=json_payload(b"[%d]" % n),
                options=OPTIONS,
            )
        )
    return events


def _started() -> e.WorkflowStarted:
    return e.WorkflowStarted(
        seq=1,
        at=SYSTEM.now(),
        run_id=SYSTEM.run_id(),
        workflow_type="ten",
        version=Version("env:1"),
        python="3.11",
        machine=1,
        input=json_payload(b"[]"),
    )


def _groups(commits: Iterable[Commit], size: int) -> Iterator[list[Commit]]:
    group: list[Commit] = []
    for commit in commits:
        group.append(commit)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
