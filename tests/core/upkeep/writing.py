"""Histories of real events in any store, written as an engine would."""

from msgspec.structs import replace

from aion_core.codec import encode_batch
from aion_core.model import events as e
from aion_core.model.summaries import fold_runs
from aion_core.spi import Commit, Committed, OpId, RunId, WorkflowId, WorkflowState, json_payload, shard_of
from aion_testkit.builders import SECOND, T0, engine, run_id

DAY = 24 * 3600


class Pen:
    """Writes workflows into a store, with an engine's leases on it."""

    def __init__(self, store):
        self.store = store
        self.me = engine()
        self.fences = {lease.shard: lease.fence for lease in store.lease(self.me, store.shards, 3600).mine}
        self.events = {}
        self.commits = 0

    def write(self, id, *events, blobs=()):
        """One commit of these events; each is made of its number."""
        known = self.events.setdefault(id, [])
        new = [make(len(known) + number) for number, make in enumerate(events, 1)]
        known += new
        fold = fold_runs(id, known)
        self.commits += 1
        state = WorkflowState(
            workflow_id=WorkflowId(id),
            summary=fold[-1].summary,
            head=len(known),
            run_start=fold[-1].first_seq,
            drained_seq=len(known),
        )
        (answer,) = self.store.append(
            [
                Commit(
                    workflow_id=WorkflowId(id),
                    expected_seq=len(known) - len(new),
                    op_id=OpId(f"op-{self.commits}"),
                    fence=self.fences[shard_of(WorkflowId(id), self.store.shards)],
                    batch=encode_batch(new),
                    state=state,
                    runs=tuple(
                        entry for entry in fold if entry.last_seq is None or entry.last_seq > len(known) - len(new)
                    ),
                    blobs=blobs,
                )
            ]
        )
        assert isinstance(answer, Committed), answer

    def closed(self, id, *, day, number=1):
        """A run that began and ended on this day."""
        self.write(id, started(id, number, day))
        self.write(id, completed(day))

    def opened(self, id, *, day, number=1):
        self.write(id, started(id, number, day))


def at(day):
    return T0 + round(day * DAY) * SECOND


def started(id, number=1, day=0):
    previous = None if number == 1 else run_id(id, number - 1)
    return lambda seq: e.WorkflowStarted(
        seq=seq,
        at=at(day),
        run_id=RunId(run_id(id, number)),
        workflow_type="order",
        version="env:1",
        python="3.11",
        machine=1,
        previous_run=previous,
    )


def completed(day=0, result=None):
    return lambda seq: e.WorkflowCompleted(
        seq=seq, at=at(day), **({} if result is None else {"result": json_payload(result)})
    )


def marked(name, day=0, **fields):
    return lambda seq: e.SignalReceived(seq=seq, at=at(day), name=name, **fields)


def changed(struct, **fields):
    return replace(struct, **fields)
