"""Runs workflow code in a worker: keeps runs in memory, and applies activations to them."""

from __future__ import annotations

from collections.abc import Sequence

from aion_core.authoring.context import Surroundings
from aion_core.codec import Values
from aion_core.machine import Guard, WorkflowLoop, WorkflowRun
from aion_core.model.commands import BlockWorkflow, Command
from aion_core.model.failures import Failure
from aion_core.model.ids import RunId
from aion_core.spi.runtime import (
    Activated,
    Activation,
    ActivationResult,
    Answer,
    CodeSource,
    NeedHistory,
    Ticket,
    WorkerSettings,
)
from aion_core.worker.beginnings import Beginnings, refusal_of
from aion_core.worker.questions import answers_of


class Driver:
    """The workflow code of one worker. One thread at a time; only `busy` may be read from others.

    What code does, however bad, is the answer to its own activation: the others of the batch never notice. A run that
    broke a rule, no longer fits its history or let an exception out of the machine is forgotten, and its activation
    becomes one `BlockWorkflow`.
    """

    def __init__(self, source: CodeSource, settings: WorkerSettings, *, values: Values) -> None:
        """Nothing is in memory yet. The source is told of every activity that is called."""
        self.busy: tuple[Ticket, RunId] | None = None
        """What runs now, for whoever watches the turn deadline."""
        surroundings = Surroundings(
            values=values,
            limits=settings.limits,
            attributes=settings.search_attributes,
            interceptors=settings.interceptors,
            noted_activity=source.note,
        )
        self._values = values
        self._loop = WorkflowLoop.for_this_thread(guard=Guard(settings.guard))
        self._beginnings = Beginnings(source, self._loop, surroundings)
        self._held: dict[RunId, WorkflowRun] = {}

    def __len__(self) -> int:
        """Runs in memory."""
        return len(self._held)

    def activate(self, batch: Sequence[Activation]) -> list[ActivationResult]:
        """One answer per activation, in order."""
        results: list[ActivationResult] = []
        with self._loop:
            for activation in batch:
                self.busy = (activation.ticket, activation.run_id)
                try:
                    results.append(self._activated(activation))
                except BaseException as error:  # noqa: BLE001  # users' code may raise anything, SystemExit too
                    results.append(self._void(activation, refusal_of(error)))
            self.busy = None
        return results

    def evict(self, runs: Sequence[RunId]) -> None:
        """Forget these runs; unknown ones are ignored. `finally` blocks of their code run, and can do nothing."""
        # The loop has to run here as well: while it does, the guard holds what leaving code tries.
        with self._loop:
            for run_id in runs:
                self._forget(run_id)

    def close(self) -> None:
        """Forget all runs. Closing twice is fine."""
        self.evict([*self._held])

    # ----

    def _activated(self, activation: Activation) -> Activated | NeedHistory:
        ticket, run_id = activation.ticket, activation.run_id
        if activation.history is not None:
            self._forget(run_id)
            run = self._held[run_id] = self._beginnings.begin(activation, activation.history)
        elif (held := self._held.get(run_id)) is not None and held.seen == activation.after:
            run = held
        else:
            return NeedHistory(ticket=ticket, run_id=run_id)
        commands: list[Sequence[Command] | None] = []
        for event in activation.arrivals:
            if not run.expects(event):
                commands.append(None)
                continue
            issued = run.apply(event)
            if issued and type(issued[0]) is BlockWorkflow:
                return self._void(activation, issued[0].failure)
            commands.append(issued)
        run.seen = ticket
        answers: Sequence[Answer] = ()
        if activation.asks:
            answers = answers_of(run, activation.asks, self._values)
            if run.violation is not None:
                self._forget(run_id)  # a question changed it: the next activation begins it anew
        return Activated(ticket=ticket, run_id=run_id, commands=commands, answers=answers)

    def _void(self, activation: Activation, failure: Failure) -> Activated:
        """Nothing of the activation counts, and the run is of no use any more."""
        self._forget(activation.run_id)
        commands: list[Sequence[Command]] = [() for _ in activation.arrivals]
        if commands:
            commands[0] = (BlockWorkflow(failure=failure),)
        answers = [Answer(ask_id=ask.ask_id, failure=failure) for ask in activation.asks]
        return Activated(ticket=activation.ticket, run_id=activation.run_id, commands=commands, answers=answers)

    def _forget(self, run_id: RunId) -> None:
        run = self._held.pop(run_id, None)
        if run is not None:
            run.evict()
