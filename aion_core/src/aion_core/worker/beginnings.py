"""How a run comes to a worker's memory: its code is looked up, and replayed over what the history holds of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, cast

from aion_core.authoring.context import Surroundings
from aion_core.authoring.workflows import Workflow
from aion_core.codec import decode_batch
from aion_core.codec.failures import failure_of
from aion_core.machine import WorkflowLoop, WorkflowRun, replay
from aion_core.machine.run import Main
from aion_core.model.errors import HistoryCorrupt, HistoryError, NonDeterminism, UnknownWorkflow
from aion_core.model.events import Event, WorkflowStarted
from aion_core.model.failures import Failure
from aion_core.model.ids import Version
from aion_core.spi.records import Batch
from aion_core.spi.runtime import Activation, CodeSource
from aion_core.worker.main import main_of


class Beginnings:
    """Makes the runs of one worker, on its loop."""

    def __init__(self, source: CodeSource, loop: WorkflowLoop, surroundings: Surroundings) -> None:
        """`surroundings` are what all runs share."""
        self._source = source
        self._loop = loop
        self._surroundings = surroundings
        self._mains: dict[Workflow[..., Any], Main] = {}
        """What the machine runs of each workflow: one serves all of its runs."""

    def begin(self, activation: Activation, history: Sequence[Batch]) -> WorkflowRun:
        """The activation's run where `history` ends, before its arrivals; of an empty one the first begins it.

        Raises whatever stands in the way; `refusal_of` says it in words. Then nothing of the run is left behind.
        """
        past = _events(activation, history)
        first = next(past, None)
        start = first if first is not None else next(iter(activation.arrivals), None)
        if not isinstance(start, WorkflowStarted):
            raise HistoryCorrupt("does not begin with a start", workflow_id=activation.workflow_id)
        main = self._main(self._code(start.workflow_type, activation.version))
        if first is None:
            return self._new(activation, main)
        try:
            return self._replayed(activation, main, chain((first,), past))
        except NonDeterminism as error:
            raise self._traced(activation, main, history, error) from None

    def _new(self, activation: Activation, main: Main, *, traced: bool = False) -> WorkflowRun:
        return WorkflowRun(
            self._loop, main, workflow_id=activation.workflow_id, surroundings=self._surroundings, traced=traced
        )

    def _replayed(
        self, activation: Activation, main: Main, past: Iterable[Event], *, traced: bool = False
    ) -> WorkflowRun:
        run = self._new(activation, main, traced=traced)
        try:
            replay(run, past)
        except BaseException:
            run.evict()
            raise
        return run

    def _traced(
        self, activation: Activation, main: Main, history: Sequence[Batch], error: NonDeterminism
    ) -> NonDeterminism:
        """The same mismatch with the place in the code, which is too dear to look up before somebody asks."""
        try:
            self._replayed(activation, main, _events(activation, history), traced=True).evict()
        except NonDeterminism as placed:
            return placed
        return error  # code that does one thing now and another then

    def _main(self, workflow: Workflow[..., Any]) -> Main:
        main = self._mains.get(workflow)
        if main is None:
            main = main_of(workflow, self._surroundings.values, self._surroundings.interceptors)
            self._mains[workflow] = main
        return main

    def _code(self, name: str, version: Version) -> Workflow[..., Any]:
        try:
            return cast("Workflow[..., Any]", self._source.workflow(name, version))
        except LookupError as error:
            raise _NoCode(name, version) from error


class _NoCode(Exception):
    """The worker does not have the workflow: it may be deployed in a minute, or the version is gone."""

    def __init__(self, name: str, version: Version) -> None:
        super().__init__(f"there is no workflow {name!r} in version {version} here.")


def refusal_of(error: BaseException) -> Failure:
    """Why a run is blocked, or a question not answered.

    A traceback is of use where it leads through somebody's code, and not where it leads through ours.
    """
    if isinstance(error, _NoCode):
        return Failure(
            type=UnknownWorkflow.__name__,
            message=str(error),
            code=UnknownWorkflow.code,
            cause=None if error.__cause__ is None else failure_of(error.__cause__),
        )
    return failure_of(error, tracebacks=not isinstance(error, HistoryError | NonDeterminism))


def _events(activation: Activation, history: Sequence[Batch]) -> Iterator[Event]:
    """The run's events. The first batches may hold the end of the run before."""
    return chain.from_iterable(_pieces(activation, history))


_PIECE: Final = 64
"""Batches that are decoded together: code and decoder in turn, event by event, would throw each other out of caches."""


def _pieces(activation: Activation, history: Sequence[Batch]) -> Iterator[Sequence[Event]]:
    begun = False
    for first in range(0, len(history), _PIECE):
        piece = history[first : first + _PIECE]
        events = [event for batch in piece for event in decode_batch(batch, workflow_id=activation.workflow_id)]
        if not begun:
            starts = [place for place, event in enumerate(events) if _starts(event, activation)]
            if not starts:
                continue
            begun, events = True, events[starts[-1] :]
        yield events
    if history and not begun:
        raise HistoryCorrupt(f"holds no start of run {activation.run_id}", workflow_id=activation.workflow_id)


def _starts(event: Event, activation: Activation) -> bool:
    return isinstance(event, WorkflowStarted) and event.run_id == activation.run_id
