"""Every history, replayed in a worker that has never seen it: the code must do what is recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count

from aion_core.client.stored import events_between
from aion_core.codec import Values, encode_batch
from aion_core.engine.catalog import Catalog
from aion_core.model.attributes import AttributeSchema
from aion_core.spi import Activation, Ask, AskKind, EventStore, WorkerSettings
from aion_core.worker import Driver


class Replayer:
    """What `check_invariants` asks to replay each run."""

    def __init__(self, store: EventStore, code: Catalog, *, broken: Collection[str] = ()) -> None:
        """`broken` are workflows whose code does not fit their history, as their test wants it."""
        self._store = store
        self._code = code
        self._broken = broken
        self._numbers = count(1)

    def __call__(self, workflow_id: str, run: Sequence) -> None:
        """Replay one run; AssertionError with what the worker says."""
        if workflow_id in self._broken:
            return
        first, last = run[0], run[-1]
        events = events_between(self._store, workflow_id, first.seq, last.seq)
        settings = WorkerSettings(search_attributes=AttributeSchema({"customer": "str", "total": "int"}))
        driver = Driver(self._code, settings, values=Values())
        activation = Activation(
            ticket=next(self._numbers),
            workflow_id=workflow_id,
            run_id=first.run_id,
            version=first.version,
            after=None,
            drained_seq=last.seq,
            history=(encode_batch(events),),
            arrivals=(),
            asks=(Ask(ask_id="replay", kind=AskKind.STACK),),
        )
        try:
            (result,) = driver.activate([activation])
            (answer,) = result.answers
            assert answer.failure is None, f"{answer.failure.type}: {answer.failure.message}"
        finally:
            driver.close()
